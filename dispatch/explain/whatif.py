"""What it costs to do something else than the plan says at an hour: pin it, solve again, count the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError, SolveError
from dispatch.explain import naming
from dispatch.explain.figures import figure
from dispatch.explain.linear import bounded, optimum, with_rows
from dispatch.explain.moments import spans, steps_at
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, unit_of
from dispatch.site import Objective
from dispatch.solve import recall, solve
from dispatch.solver import highs
from dispatch.solver.highs import Answer, Limits, Matrices

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_LEAST_GAP, _MOST_GAP = 1e-6, 1e-3
_NODES = 200  # of a park with engine, chiller and ice over 6 scenarios: half a minute, to 1e-6 more than ten
_TOLD_SHARE = 0.05
_CHANGED_KWH = 0.05
_SAME_KW = 1e-3
_INSIDE = 1e-5


@dataclass(frozen=True)
class Change:
    """One series of another asset that moves with the pinned one: energy over the horizon, and where it moves most."""

    asset: str
    series: str
    more_kwh: float
    moved_kwh: float
    step: int


@dataclass(frozen=True)
class Deviation:
    """A decision pinned, and what follows.

    Attributes:
        wanted, planned: by series, pinned value and the plan's mean in those steps.
        money, co2_kg, penalty: expected more than planned; ``cost`` is the objective's difference in money,
            all three at their prices (and in the risk measure asked for).
        uncertain: what the solver leaves open of ``cost``.
        reach: by series, the least and the most that can be had at all; only where the wanted value cannot.
        schedule: the plan with the pin, None where it cannot be.
    """

    asset: str
    steps: tuple[int, ...]
    wanted: Mapping[str, float]
    planned: Mapping[str, float]
    cost: float
    money: float
    co2_kg: float
    penalty: float
    uncertain: float
    changes: tuple[Change, ...]
    reach: Mapping[str, tuple[float, float]]
    schedule: Schedule | None

    @property
    def possible(self) -> bool:
        """Does any schedule do it."""
        return self.schedule is not None


def what_if(
    problem: Problem, schedule: Schedule, asset: str, at: str, *, lasting_h: float = 1.0, **wanted: float
) -> Deviation:
    """Pin ``asset``'s series (``charge_kw=200``) from ``at`` on and solve again; nothing is compiled anew.

    Args:
        problem: with the data that the schedule was made on.
        schedule: what the difference is counted against.
        at: HH:MM on the local clock, or a date and time.
        lasting_h: how long the pin holds.

    Raises:
        DataError: no such asset, series or hour; the message lists those there are.
    """
    steps = steps_at(problem.horizon, at, lasting_h)
    return deviate(problem, schedule, asset, steps, wanted)


def deviate(
    problem: Problem,
    schedule: Schedule,
    asset: str,
    steps: np.ndarray,
    wanted: Mapping[str, float],
    *,
    others_stay: bool = False,
) -> Deviation:
    """As :func:`what_if`, for steps by their number.

    Args:
        others_stay: other units keep their on/off decisions, as long as that is possible: a bound on the cost from
            above that takes one small program.
    """
    kind, series = _series(problem, asset, wanted)
    before = problem.point()
    try:
        _require_values(problem, schedule)
        pins = {name: _pin(problem, kind, asset, name, steps) for name in series}
        planned = {name: float(np.mean(schedule.asset(asset, name)[steps])) for name in series}
        kept = _decided(problem, asset) if others_stay else {}
        limits = _as_exact_as(schedule)
        found, reach = _solved(problem, pins, wanted, kept, _switches(problem, kind, steps), limits)
    finally:
        problem.take(np.nan_to_num(before))
    blank = Deviation(
        asset, tuple(map(int, steps)), dict(wanted), planned, np.nan, np.nan, np.nan, np.nan, np.nan, (), reach, None
    )
    return blank if found is None else _counted(blank, problem.site.objective, schedule, found)


def _as_exact_as(schedule: Schedule) -> Limits:
    """The plan's own gap: to a narrower one the difference of the two would be no better known."""
    return Limits(gap=float(np.clip(schedule.proof.gap, _LEAST_GAP, _MOST_GAP)), nodes=_NODES)


def _counted(blank: Deviation, objective: Objective, schedule: Schedule, found: Schedule) -> Deviation:
    weights = schedule.weights
    open_cost = sum(max(s.proof.objective - s.proof.bound, 0.0) for s in (schedule, found))
    return replace(
        blank,
        cost=objective.in_money(found.proof.objective - schedule.proof.objective),
        money=float(weights @ (found.money - schedule.money)),
        co2_kg=float(weights @ (found.co2_kg - schedule.co2_kg)),
        penalty=float(weights @ (found.penalty - schedule.penalty)),
        uncertain=objective.in_money(open_cost),
        changes=tuple(_changes(blank.asset, schedule, found)),
        schedule=found,
    )


def _solved(
    problem: Problem,
    pins: Mapping[str, tuple[csr_array, Array]],
    wanted: Mapping[str, float],
    kept: Mapping[int, tuple[float, float]],
    switches: np.ndarray,
    within: Limits,
) -> tuple[Schedule | None, dict[str, tuple[float, float]]]:
    """The schedule with the pins, or how far each of them can go while the others hold."""

    def pinned(matrices: Matrices, left_out: str = "") -> Matrices:
        for name, (rows, offset) in pins.items():
            if name != left_out:
                matrices = with_rows(matrices, rows, wanted[name] - offset)
        return matrices

    def run(
        matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: Array | None = None
    ) -> Answer:
        return highs.run(bounded(pinned(matrices), kept), limits, also_integer=also_integer, start=start)

    try:
        return solve(problem, within, run=run), {}
    except SolveError:
        if kept:
            return _solved(problem, pins, wanted, {}, switches, within)
        matrices = problem.compiled.matrices()
        whole = matrices.integer.copy()
        whole[switches] = True
        matrices = replace(matrices, integer=whole)
        return None, {name: _reach(pinned(matrices, name), *pin) for name, pin in pins.items()}


def _switches(problem: Problem, kind: str, steps: np.ndarray) -> np.ndarray:
    """Columns of a kind's relaxed switches at these steps: how far one flow goes is asked without the other."""
    pairs = problem.parts[kind].exclusive
    found = [problem.compiled.columns(pair.switch)[:, steps].ravel() for pair in pairs]
    return np.concatenate(found) if found else np.zeros(0, int)


def _decided(problem: Problem, asset: str) -> dict[int, tuple[float, float]]:
    """On/off decisions of the other assets, at their present values."""
    cols, x = naming.columns(problem), problem.point()
    whole = np.flatnonzero(problem.compiled.matrices().integer)
    mine = [i for i, named in enumerate(cols.names) if named.asset == asset]
    return {int(c): (round(x[c]),) * 2 for c in whole[~np.isin(cols.name[whole], mine)] if np.isfinite(x[c])}


def _reach(matrices: Matrices, rows: csr_array, offset: Array) -> tuple[float, float]:
    """Least and most that a pinned quantity can steadily be in any schedule."""
    import scipy.sparse as sp

    steady = with_rows(matrices, rows, -offset)
    size, count = matrices.cost.size, rows.shape[0]
    level = np.zeros((steady.row_upper.size, 1))
    level[-count:] = -1.0
    steady = replace(
        steady,
        rows=sp.hstack([steady.rows, sp.csc_array(level)]).tocsc(),
        col_lower=np.append(steady.col_lower, -np.inf),
        col_upper=np.append(steady.col_upper, np.inf),
        integer=np.append(steady.integer, False),
        offset=0.0,
    )
    ends = [optimum(replace(steady, cost=np.append(np.zeros(size), sign))) for sign in (1.0, -1.0)]
    low, high = (np.nan if end is None else round(float(end.x[-1]), 6) + 0.0 for end in ends)
    return low, high


def _series(problem: Problem, asset: str, wanted: Mapping[str, float]) -> tuple[str, list[str]]:
    """The asset's kind, and the names of what is pinned.

    Raises:
        DataError: there is no such asset or series.
    """
    kinds = {member.name: kind for kind, rows in problem.rows.items() for member in rows.members}
    if asset not in kinds:
        raise DataError(f"there is no asset '{asset}'; there are {', '.join(sorted(kinds))}")
    steps, part = problem.horizon.steps, problem.parts[kinds[asset]]
    there = [name for name, term in part.series.items() if term.shape[-1] == steps and name != "switch"]
    for name in wanted:
        if name not in there:
            raise DataError(f"'{asset}' has no '{name}' that could be set; it has {', '.join(there)}")
    if not wanted:
        raise DataError(f"nothing is set for '{asset}'; give one of {', '.join(there)}")
    return kinds[asset], list(wanted)


def _require_values(problem: Problem, schedule: Schedule) -> None:
    """Values in all variables: what cvxpy needs to say how an expression depends on them."""
    recall(problem, schedule)
    problem.take(np.nan_to_num(problem.point()))


def _pin(problem: Problem, kind: str, asset: str, name: str, steps: np.ndarray) -> tuple[csr_array, Array]:
    """Rows and offset of a member's series at ``steps`` in every scenario: series = rows · x + offset."""
    import scipy.sparse as sp

    term, members = problem.parts[kind].series[name], problem.rows[kind].members
    place = [member.name for member in members].index(asset)
    mine = np.arange(term.shape[0])[place :: len(members)]
    at = (mine[:, None] + steps[None, :] * term.shape[0]).ravel()  # cvxpy counts down the columns
    x = np.nan_to_num(problem.point())
    out = sp.csr_array((at.size, x.size))
    for variable, gradient in term.grad.items():
        columns = problem.compiled.columns(variable).ravel(order="F")
        spread = sp.csr_array((np.ones(columns.size), (np.arange(columns.size), columns)), shape=(columns.size, x.size))
        out = out + sp.csr_array(sp.csc_array(gradient)[:, at].T @ spread)
    return out, np.asarray(term.value).ravel(order="F")[at] - out @ x


def _changes(asset: str, before: Schedule, after: Schedule) -> Iterator[Change]:
    """What else moves on the published path, the most first."""
    hours, found = before.inputs.horizon.hours, []
    for kind, solved in before.kinds.items():
        for name, values in solved.series.items():
            if values.shape[-1] != hours.size or unit_of(name) != "kw" or name == "above_min_kw":
                continue
            for row, member in enumerate(solved.rows.members):
                moved = (after.kinds[kind].series[name][row] - values[row]) * hours
                if member.name != asset and np.abs(moved).sum() > _CHANGED_KWH:
                    step = int(np.abs(moved).argmax())
                    found.append(Change(member.name, name, float(moved.sum()), float(np.abs(moved).sum()), step))
    yield from sorted(found, key=lambda c: -c.moved_kwh)


def options(problem: Problem, schedule: Schedule, asset: str) -> Iterator[dict[str, float]]:
    """What an asset could be told to do instead: stand still, or run each of its powers at its rating.

    Powers are the decisions whose names end in ``_kw``; a unit with on/off decisions is asked for its output.
    """
    solved = schedule.find(asset)
    kind = solved.rows.members[0].kind
    if type(solved.rows.members[0]).is_network:
        return
    member = next(m for m in solved.rows.members if m.name == asset)
    names = [name for name in problem.decisions(kind) if unit_of(name) == "kw" and hasattr(member, name)]
    if "committed" in problem.decisions(kind):
        if (asked := member.asked) is not None:
            yield {asked[0]: 0.0}
            yield {asked[0]: asked[1]}
        return
    if names:
        yield dict.fromkeys(names, 0.0)
    for name in names:
        yield dict.fromkeys(names, 0.0) | {name: float(getattr(member, name))}


def deviations(problem: Problem, schedule: Schedule, steps: np.ndarray, asset: str | None = None) -> list[Deviation]:
    """The cost of ignoring the plan in ``steps``: every option of every store and unit, the cheapest first.

    What the plan does anyway is left out. Other units keep their on/off decisions, so the costs are bounds from above.
    """
    named = [m.name for solved in schedule.kinds.values() for m in solved.rows.members if asset in (None, m.name)]
    found = []
    for name in named:
        for option in options(problem, schedule, name):
            planned = {series: schedule.asset(name, series)[steps] for series in option}
            if any(np.abs(planned[series] - value).max() > _SAME_KW for series, value in option.items()):
                asked = deviate(problem, schedule, name, steps, option, others_stay=True)
                found.append(_within_reach(problem, schedule, asked))
    found = list({(d.asset, tuple((n, round(v, 3)) for n, v in d.wanted.items())): d for d in found}.values())
    return sorted(found, key=lambda d: (not d.possible, d.cost))


def _within_reach(problem: Problem, schedule: Schedule, asked: Deviation) -> Deviation:
    """The same as far as it can go, where it cannot go as far as its rating."""
    far = [name for name, value in asked.wanted.items() if value] or list(asked.wanted)
    if asked.possible or not np.isfinite([asked.reach[name] for name in far]).all():
        return asked
    ends = {name: np.clip(asked.wanted[name], *asked.reach[name]) for name in far}
    nearest = dict(asked.wanted) | {name: float(end - np.sign(end) * _INSIDE) for name, end in ends.items()}
    return deviate(problem, schedule, asked.asset, np.array(asked.steps), nearest, others_stay=True)


def deed(wanted: Mapping[str, float]) -> str:
    """``charge 200 kW``, ``idle``, ``power 0 kW``."""
    at_work = {name: value for name, value in wanted.items() if value} or dict(list(wanted.items())[:1])
    if len(wanted) > 1 and not any(wanted.values()):
        return "idle"
    return ", ".join(f"{_plain(name)} {figure(value)} {_unit(name)}".strip() for name, value in at_work.items())


def _plain(series: str) -> str:
    unit = unit_of(series)
    return (series.removesuffix(f"_{unit}") if unit else series).replace("_", " ")


def _unit(series: str) -> str:
    return {"kw": "kW", "kwh": "kWh"}.get(unit_of(series) or "", "")


def told(deviation: Deviation, problem: Problem) -> str:
    """One sentence for a person."""
    when = spans(problem.horizon, deviation.steps)
    what = f"{deviation.asset}: {deed(deviation.wanted)} at {when}"
    if not deviation.possible:
        there = {n: ends for n, ends in deviation.reach.items() if np.isfinite(ends).all()}
        ends = "; ".join(f"{_plain(n)} {figure(low)} to {figure(high)} {_unit(n)}" for n, (low, high) in there.items())
        return f"{what} cannot be{': within reach is ' if ends else ''}{ends}"
    currency = problem.site.currency
    if abs(deviation.cost) <= max(deviation.uncertain, 0.005):
        return f"{what} costs nothing more"
    parts = f"{deviation.money:+,.2f} {currency}, {deviation.co2_kg:+,.1f} kg CO2"
    parts += f", penalties {deviation.penalty:+,.2f}" if abs(deviation.penalty) > 0.005 else ""
    rough = deviation.uncertain > _TOLD_SHARE * deviation.cost
    known = f", give or take {deviation.uncertain:,.2f}" if rough else ""
    return f"{what} costs {deviation.cost:,.2f} {currency} more{known} ({parts})"
