"""The least change of one number of the park's file that resolves a contradiction, tried before it is suggested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.asset import Asset, Inputs
from dispatch.errors import SolveError
from dispatch.explain.diagnosis import Diagnosis
from dispatch.explain.fields import Change, FieldChange, WishChange, candidates, changed
from dispatch.explain.shifts import in_time
from dispatch.explain.unmet import unmet
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import CleanShareWish, Site, Wish, wish_names
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices, run

_MOST_TRIED = 6
_MOST_NEWTON = 16
_EXACT = 2e-3  # a value this much nearer to the present one, as a share of the change, must not do
_MOST_TOGETHER = 3
_NOTHING = 1e-4
_SLIGHT = 1e-9
_LIMITS = Limits(gap=1e-4, nodes=2_000)
_MISSED_KWH = 0.05


@dataclass(frozen=True)
class Fix:
    """Numbers of the park's file that, changed so, resolve the contradiction.

    Attributes:
        changes: applied together; mostly one.
        cost: expected money and carbon at its price of the day as it then is, less what the plan costs now; without
            a plan, of the day alone.
        taken: the plan then meets the wish by itself; False where it could and still finds missing it cheaper.
        short_kwh: where there was no plan, what the plan that there then is still leaves undone.
    """

    changes: tuple[Change, ...]
    cost: float
    taken: bool = True
    short_kwh: float = 0.0

    def apply(self, site: Site) -> Site:
        """The site with the changes."""
        for change in self.changes:
            site = change.apply(site)
        return site

    def told(self, inputs: Inputs) -> Inputs:
        """The data with the changes: only a switching that was given stands there."""
        for change in self.changes:
            inputs = change.told(inputs)
        return inputs

    def __str__(self) -> str:
        return " and ".join(map(str, self.changes))


def fixes(diagnosis: Diagnosis) -> list[Fix]:
    """Every fix found: the least undone first, then the cheapest day; single changes, else the fewest together."""
    site = diagnosis.problem.site
    if not diagnosis.contradictory:
        return []
    found = [fix for change in _single(diagnosis, site) if (fix := _tried(diagnosis, (change,))) is not None]
    if not found and (together := _together(diagnosis, site)):
        fix = _tried(diagnosis, together)
        found = [] if fix is None else [fix]
    found += [fix for change in in_time(diagnosis) if (fix := _tried(diagnosis, (change,))) is not None]
    lowered = _lowered(diagnosis)
    found += [] if lowered is None else [lowered]
    diagnosis.twin.fill(site)
    return sorted(found, key=lambda fix: (round(fix.short_kwh, 1), round(fix.cost, 6), str(fix)))


def _single(diagnosis: Diagnosis, site: Site) -> Iterator[FieldChange]:
    """The least change of each number that resolves it alone."""
    if diagnosis.of_whole_numbers:
        changes = (_searched(diagnosis, site, *candidate) for candidate in candidates(site, diagnosis.owners()))
        yield from (change for change in changes if change is not None)
        return
    ranked = _ranked(diagnosis, site)[:_MOST_TRIED]
    yield from (change for one in ranked if (change := _least(diagnosis, site, *one)) is not None)
    yield from _by_rows(diagnosis, site, {(change.asset, change.field) for change, _ in ranked})


def _by_rows(diagnosis: Diagnosis, site: Site, done: set[tuple[str, str]]) -> Iterator[FieldChange]:
    """Numbers without a slope that bound a row of the set: a limit of zero, or one behind a switch that stands off.

    They are moved by what that limit lacks alone.
    """
    for member in diagnosis.set:
        if not member.short:
            continue
        for asset, field, value in candidates(site, [member.named.asset]):
            change = FieldChange(asset.name, field, value, value)
            if (asset.name, field) in done or not diagnosis.twin.moves(diagnosis.base, change, member.rows):
                continue
            for aim in (value + member.short, value - member.short):
                far = _at_least(diagnosis, site, change, aim)
                if far is not None:
                    yield FieldChange(asset.name, field, value, _written(value, far))
                    break


def _at_least(diagnosis: Diagnosis, site: Site, change: FieldChange, aim: float) -> float | None:
    """``aim`` if it is enough, else what is between it and as far again; None where even that is not."""
    for factor in (1 + _SLIGHT, 2.0):
        value = change.before + factor * (aim - change.before)
        found = _missing_at(diagnosis, site, change, value)
        if found is not None and found[0] <= _NOTHING:
            return value if factor < 2 else _halved(diagnosis, site, change, value)
    return None


def _searched(diagnosis: Diagnosis, site: Site, asset: Asset, field: str, value: float) -> FieldChange | None:
    """The same where on/off decisions leave no slope to follow: halving towards its half, to none, or to double."""
    change = FieldChange(asset.name, field, value, value)
    for enough in (value / 2, 0.0, value * 2):
        found = _missing_at(diagnosis, site, change, enough)
        if found is not None and found[0] <= _NOTHING:
            far = _halved(diagnosis, site, change, enough)
            return FieldChange(asset.name, field, value, _written(value, far))
    return None


def _halved(diagnosis: Diagnosis, site: Site, change: FieldChange, enough: float) -> float:
    """The value nearest to the present one that is still enough."""
    near, far = change.before, enough
    while abs(far - near) > _EXACT * max(abs(change.before), 1.0):
        middle = (near + far) / 2
        there = _missing_at(diagnosis, site, change, middle)
        near, far = (middle, far) if there is None or there[0] > _NOTHING else (near, middle)
    return far


def _ranked(diagnosis: Diagnosis, site: Site) -> list[tuple[FieldChange, float]]:
    """Numbers that move what is missing, those first that need the smallest change of themselves."""
    matrices = diagnosis.twin.fill(site)
    assert matrices is not None
    missing, point = diagnosis.missing(matrices)
    if point is None or missing <= _NOTHING:
        return []
    found = []
    for asset, field, value in candidates(site, diagnosis.owners()):
        change = FieldChange(asset.name, field, value, value)
        steepness = diagnosis.twin.slope(matrices, point, change)
        if abs(steepness) > _SLIGHT:
            found.append((change, steepness))
    return sorted(found, key=lambda f: missing / abs(f[1]) / max(abs(f[0].before), 1.0))


def _least(diagnosis: Diagnosis, site: Site, change: FieldChange, steepness: float) -> FieldChange | None:
    """The value nearest to the present one at which nothing is missed.

    Newton on what is missing, which is convex and falling in a bound, so that few steps reach it from the near side;
    halving where a coefficient makes it something else, or where the park's file takes only values on the way.
    """
    near, far, limit = change.before, None, None
    missing = diagnosis.missing_now(site)
    for _ in range(_MOST_NEWTON):
        # Without a slope, where whole numbers have the last word: as far again as it has gone.
        aim = near - missing / steepness if abs(steepness) > _SLIGHT else 2 * near - change.before
        if far is not None and not min(near, far) < aim < max(near, far):
            aim = (near + far) / 2
        if limit is not None and far is None and abs(aim - near) >= abs(limit - near):
            aim = (near + limit) / 2
        if aim == change.before:
            return None
        found = _missing_at(diagnosis, site, change, aim)
        if found is None:
            limit = aim
        elif found[0] <= _NOTHING:
            far = aim
            nearer = _missing_at(diagnosis, site, change, aim - _EXACT * (aim - change.before))
            if nearer is None or nearer[0] > _NOTHING:
                break
        elif found[0] > missing + _NOTHING and far is None:
            return None
        else:
            near, (missing, steepness) = aim, found
    return None if far is None else FieldChange(change.asset, change.field, change.before, _written(change.before, far))


def _missing_at(diagnosis: Diagnosis, site: Site, change: FieldChange, value: float) -> tuple[float, float] | None:
    """What is missing with a number at ``value``, and how that falls with it; None where the file would not take it."""
    moved = _moved(diagnosis, site, change, value)
    if moved is None:
        return None
    matrices, there = moved
    missing, point = diagnosis.missing(matrices)
    steepness = 0.0
    if point is not None and missing > _NOTHING:
        steepness = diagnosis.twin.slope(matrices, point, FieldChange(change.asset, change.field, value, value))
    diagnosis.twin.fill(there)
    return missing, steepness


def _moved(diagnosis: Diagnosis, site: Site, change: FieldChange, value: float) -> tuple[Matrices, Site] | None:
    """The matrices with the number at ``value``; None where the park's file would not take it."""
    try:
        there = changed(site, change.asset, change.field, value)
    except ValueError:
        return None
    matrices = diagnosis.twin.fill(there)
    return None if matrices is None else (matrices, there)


def _written(before: float, after: float) -> float:
    """``after`` with three digits of the change, rounded away from ``before`` so that it is enough."""
    if after == before:
        return after
    grain = 10.0 ** (np.floor(np.log10(abs(after - before))) - 2)
    steps = np.ceil(abs(after - before) / grain - 1e-6)
    return float(np.round(before + np.sign(after - before) * steps * grain, 9))


def _together(diagnosis: Diagnosis, site: Site) -> tuple[FieldChange, ...]:
    """One number after the other, each as far as it helps alone, until nothing is missed; at most three."""
    changes: tuple[FieldChange, ...] = ()
    for _ in range(_MOST_TOGETHER):
        best: tuple[float, FieldChange] | None = None
        for change, steepness in _ranked(diagnosis, site)[:_MOST_TRIED]:
            helped = _as_far(diagnosis, site, change, steepness)
            if helped is not None and (best is None or helped[0] < best[0] - _NOTHING):
                best = helped
        if best is None:
            return ()
        changes, site = (*changes, best[1]), best[1].apply(site)
        if best[0] <= _NOTHING:
            return changes
    return ()


def _as_far(
    diagnosis: Diagnosis, site: Site, change: FieldChange, steepness: float
) -> tuple[float, FieldChange] | None:
    """What is still missing once a number has been moved until it does not help any more."""
    near, best, reached = change.before, diagnosis.missing_now(site), None
    aim, limit = near, None
    for _ in range(_MOST_NEWTON):
        if abs(steepness) <= _SLIGHT or best <= _NOTHING:
            break
        aim = near - best / steepness
        if limit is not None and abs(aim - near) >= abs(limit - near):
            aim = (near + limit) / 2
        found = _missing_at(diagnosis, site, change, aim)
        if found is None:
            limit = aim if limit is not None or aim * change.before > 0 else 0.0
            if limit == 0.0 and (found := _missing_at(diagnosis, site, change, 0.0)) is not None:
                aim = 0.0
        if found is None:
            continue
        if found[0] >= best - _NOTHING:
            break
        near, (best, steepness) = aim, found
        reached = best, FieldChange(change.asset, change.field, change.before, _written(change.before, near))
    return reached


def _tried(diagnosis: Diagnosis, changes: tuple[Change, ...]) -> Fix | None:
    """The fix if the changed park, planned anew, misses nothing of the wish; None if it does not hold."""
    twin, site, fix = diagnosis.twin, diagnosis.problem.site, Fix(changes, 0.0)
    try:
        inputs = fix.told(twin.given)
        asked = diagnosis.at(fix.apply(site), inputs)
        if asked is None:
            return None
        if asked is diagnosis:
            # As a user would, ratings as constants: the twin's parameters may be looser.
            solve(Problem(twin.problem.site, twin.problem.inputs, twin.problem.mode), _LIMITS)
        return _planned(asked, asked.twin.problem, changes)
    except (SolveError, ValueError):
        return None
    finally:
        twin.fill(site)


def _planned(diagnosis: Diagnosis, problem: Problem, changes: tuple[Change, ...]) -> Fix | None:
    """Solve the changed park; the fix with its cost if the wish is met, or can be when it is insisted on."""
    objective = diagnosis.problem.site.objective

    def insisting(
        matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: Array | None = None
    ) -> Answer:
        return run(diagnosis.demanded(matrices), limits, also_integer=also_integer, start=start)

    try:
        schedule = solve(problem, _LIMITS)
        taken = not _missed(diagnosis, problem, schedule)
        if not taken:
            schedule = solve(problem, _LIMITS, run=insisting)
    except SolveError:
        return None
    if diagnosis.wish is None:
        missed = [left for left in unmet(problem, schedule) if left.elastic.unit == "kWh"]
        short = sum(float(schedule.weights @ left.missing_kwh) for left in missed)
        return Fix(changes, schedule.running_cost(objective), taken, short)
    now = 0.0 if diagnosis.schedule is None else diagnosis.schedule.running_cost(objective)
    return Fix(changes, schedule.running_cost(objective) - now, taken)


def _missed(diagnosis: Diagnosis, problem: Problem, schedule: Schedule) -> bool:
    """Is the diagnosis' wish missed by a schedule of the changed park: any of its wishes where a share was lowered."""
    if diagnosis.wish is None:
        return False
    kind, assets, series, _ = diagnosis.wish.elastic.key
    left = [u for u in unmet(problem, schedule) if u.elastic.key[:3] == (kind, assets, series)]
    return any(u.missing_kwh.max() > _MISSED_KWH for u in left)


def _lowered(diagnosis: Diagnosis) -> Fix | None:
    """The highest clean share that can be kept, where the wish is one.

    Newton again: what is missing is convex in the share asked for, so the steps come down to the root from above. The
    share is a constant of the compiled problem; a second one, compiled with another share, shows how the rows move.
    """
    wishes = diagnosis.problem.site.wishes
    named = enumerate(zip(wishes, wish_names(wishes), strict=True))
    place = next((i for i, (wish, names) in named if _is_wish(diagnosis, wish, names)), None)
    if place is None or diagnosis.least is None:
        return None
    asked = wishes[place]
    assert isinstance(asked, CleanShareWish)
    share = asked.clean_share_min
    other = WishChange(place, share, share / 2).apply(diagnosis.problem.site)
    base = diagnosis.base.rows
    per_share = (diagnosis.problem.twin(site=other).compiled.matrices().rows - base) / (-share / 2)
    missing, point = diagnosis.least.objective, diagnosis.least
    for _ in range(_MOST_NEWTON):
        steepness = -float(point.row_dual @ (per_share @ point.x))
        if missing <= _NOTHING or steepness <= _SLIGHT:
            break
        share = max(share - missing / steepness, 0.0)
        moved = replace(diagnosis.base, rows=(base + per_share * (share - asked.clean_share_min)).tocsc())
        missing, there = diagnosis.missing(moved)
        if there is None:
            return None
        point = there
    change = WishChange(place, asked.clean_share_min, float(np.floor(share * 1e4) / 1e4))
    return _planned(diagnosis, diagnosis.problem.twin(site=change.apply(diagnosis.problem.site)), (change,))


def _is_wish(diagnosis: Diagnosis, wish: Wish, names: Sequence[str]) -> bool:
    """Is this the park's wish that the diagnosis is of: told by its name in results, which no other one has."""
    if diagnosis.wish is None or diagnosis.wish.elastic.kind or not isinstance(wish, CleanShareWish):
        return False
    return diagnosis.wish.elastic.words in names
