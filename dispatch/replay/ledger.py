"""What each day of a replay came to, and whether its windows join without a jump.

Money, carbon and penalties of a day are the kinds' own accounts of what was executed in it, from the state that the
whole path before it leaves: a demand charge falls on the day that raises the month's peak. The days of a month add up
to the month, which is audited as one schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from dispatch.accounts import carbon_carry
from dispatch.accounts.carbon_sums import Sums, brought, gaps, unmatched_kwh
from dispatch.asset import Asset, Inputs
from dispatch.audit import audit
from dispatch.carbon_wanted.wishes import Window
from dispatch.part import Account
from dispatch.planning.comparison import curtailed_kw, start_kwh
from dispatch.replay.case import RUNGS, Case
from dispatch.replay.pieces import Buses, Piece, State, came, schedule, split
from dispatch.replay.plant import carried
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.site import CARBON_WISHES, CleanShareWish, DirectShareWish, FillWish, Wish
from dispatch.stores.stock import Storage

_SAME = 1e-6
_SUM = 1e-2

_WITHIN_A_DAY: tuple[Window, ...] = ("hour", "day")


@dataclass(frozen=True)
class Day:
    """A day's figures.

    Attributes:
        bill: money paid: energy, demand, fuel, starts, wear.
        stored_money: value of what the stores hold more at the end of the day than at its start.
        penalty: price of broken wishes and of demand not served; of what is owed over longer, by how much it grew.
        objective: what plans minimise: weighted money, carbon at its price, penalties, less ``stored_money``.
        cycles: equivalent full cycles of the electric stores, their mean.
        plans, changes, kept: plans made, those that changed what had been published, those that kept it on purpose.
        gap: the largest proved gap of those plans, relative; NaN where none is proved.
        violations: what the audit finds in the day's steps, and states that jump at its windows.
    """

    day: date
    bill: float
    stored_money: float
    co2_kg: float
    penalty: float
    objective: float
    clean_share: float
    import_kwh: float
    peak_import_kw: float
    curtailed_kwh: float
    shed_kwh: float
    cycles: float
    plans: int
    changes: int
    kept: int
    gap: float = float("nan")
    violations: int = 0

    @property
    def cost(self) -> float:
        """Money paid less the value of what is held more."""
        return self.bill - self.stored_money


@dataclass(frozen=True)
class Ledger:
    """A method's days and what the audit of its whole path found.

    Attributes:
        jumps: states handed to a window that are not those the path before it leaves.
        violations: of the audit of each month as one schedule; the worst few as text.
        seams: windows whose state was looked at.
        rungs: plans by rung of the ladder.
    """

    days: tuple[Day, ...]
    seams: int
    jumps: tuple[str, ...]
    violations: tuple[str, ...]
    rungs: Mapping[str, int]


def ledger(case: Case, piece: Piece, at: Buses, worth: Mapping[str, float], *, whole: bool = False) -> Ledger:
    """The days of a method's executed path, and its audit: month by month, or of the ``whole`` at once.

    Args:
        at: buses by kind and port.
        worth: money per kWh held, by store.
    """
    days: list[Day] = []
    jumps: list[str] = []
    violations: list[str] = []
    months: list[Sums] = []
    state: State = {}
    for first, last in ((0, case.span.steps),) if whole else case.months:
        month = schedule(case, split(piece, first, last - first), state, at)
        found = audit(month)
        violations += [str(v) for v in found.violations]
        handed = _handed(case, piece, month, first, state)
        leaps = list(_jumps(case, piece, month, first, state, handed))
        jumps += [text for _, text in leaps]
        faults = [*(first + v.step for v in found.violations), *(start for start, _ in leaps)]
        months.append(_brought(month))
        mine = [
            _day(case, piece, month, months[-1], bounds, worth) for bounds in case.days if first <= bounds[1] < last
        ]
        total, summed = float(month.money[0]), sum(d.bill for d in mine)
        if abs(total - summed) > _SUM + 1e-6 * abs(total):
            violations.append(f"the days' bills add up to {summed:.2f}, the month's is {total:.2f}")
            faults.append(last - 1)
        days += _faulty(case, mine, faults)
        state = {**carried(month, last - first), **handed.get(last, {})}
    seams = int(np.isfinite(np.array(list(piece.seams.values()))).any(axis=0).sum()) if piece.seams else 0
    return Ledger(
        _with_horizon_wishes(case, piece, days, months), seams, tuple(jumps), tuple(violations), _rungs(piece)
    )


def _rungs(piece: Piece) -> dict[str, int]:
    index = piece.notes.get("rung", np.zeros(0))
    index = index[np.isfinite(index)].astype(int)
    return {RUNGS[i]: int((index == i).sum()) for i in sorted(set(index.tolist()))}


def _faulty(case: Case, days: list[Day], faults: list[int]) -> list[Day]:
    """The days with how many of the faults, given by their steps, are theirs; what is of no day is of the last."""
    ends = [end for day, _, end in case.days if day in {d.day for d in days}]
    at = np.minimum(np.searchsorted(ends, np.array(faults, dtype=int), side="right"), len(ends) - 1)
    return [replace(day, violations=int((at == number).sum())) for number, day in enumerate(days)]


def _handed(case: Case, piece: Piece, month: Schedule, first: int, before: State) -> dict[int, State]:
    """By start of a window and at the month's end, what the windows before leave of kinds whose state only they tell.

    Each window goes on from what the one before left, so that it is a path from the month's first state on.
    """
    last = first + month.inputs.horizon.steps
    starts = [int(start) for start in piece.starts if first <= start < last]
    out: dict[int, dict[str, Mapping[str, float]]] = {start: {} for start in (*starts, last)}
    for solved in month.kinds.values():
        cls: type[Asset] = type(solved.rows.members[0])
        left: State = {m.name: before.get(m.name, {}) for m in solved.rows.members}
        for start, end in pairwise((*starts, last)) if cls.transient else ():
            part = slice(start - first, end - first)
            series = {n: v[:, part] for n, v in solved.series.items() if v.shape[-1] == last - first}
            inputs = Inputs(case.window(start, end - start), 1, {}, left)
            left = cls.carry(solved.rows, inputs, series, end - start)
            out[end] |= left
    return dict(out)


def _jumps(
    case: Case, piece: Piece, month: Schedule, first: int, before: State, walked: Mapping[int, State]
) -> Iterator[tuple[int, str]]:
    """States handed in at the month's seams that differ from what the path up to there leaves, with their steps."""
    steps = month.inputs.horizon.steps
    for window, start in enumerate(piece.starts.astype(int)):
        if not first <= start < first + steps:
            continue
        left = before if start == first else {**carried(month, start - first), **walked.get(start, {})}
        for key, values in piece.seams.items():
            asset, _, name = key.rpartition("/")
            handed, own = float(values[window]), left.get(asset, {}).get(name, float("nan"))
            if np.isfinite(handed) and not abs(handed - own) <= _SAME * max(1.0, abs(own)):
                when = case.window(start, 1).local_start[0]
                yield start, f"{asset}: {name} {own:.6g} before {when:%Y-%m-%d %H:%M}, {handed:.6g} after"


def _day(
    case: Case, piece: Piece, month: Schedule, of: Sums, bounds: tuple[date, int, int], worth: Mapping[str, float]
) -> Day:
    day, start, end = bounds
    first = _first(case, month)
    state = carried(month, start - first) if start > first else month.inputs.state
    inputs = came(case, start, end - start, state)
    part, hours = slice(start - first, end - first), inputs.horizon.hours
    sums = _accounts(month, inputs, part)
    sums["money"] += _carbon_money(month, inputs, part)
    held = sum(v * (_level(month, s, part.stop) - _level(month, s, part.start)) for s, v in worth.items())
    imported = _total(month, "import_kw", part)
    energies = (sums["unclean_kw"] * hours, imported * hours, sums["supply_kw"] * hours)
    unclean, bought, supplied = (float(energy.sum()) for energy in energies)
    penalty = sums["penalty"] + _counted_on(case, month, part) + _carbon_penalty(case, of.part(part), inputs.horizon)
    for over in _WITHIN_A_DAY:
        within = case.site.windows(inputs.horizon, over)
        lacking, drawn, all_of_it = (within @ energy for energy in energies)
        penalty += share_penalty(case, lacking, drawn, all_of_it, over)
    wanted = case.site.objective
    windows = (piece.starts >= start) & (piece.starts < end)
    notes = {name: values[windows] for name, values in piece.notes.items()}
    return Day(
        day=day,
        bill=sums["money"],
        stored_money=held,
        co2_kg=sums["co2_kg"],
        penalty=penalty,
        objective=wanted.money * sums["money"] + wanted.carbon_price_per_t / 1000 * sums["co2_kg"] + penalty - held,
        clean_share=1 - unclean / supplied if supplied > 0 else float("nan"),
        import_kwh=bought,
        peak_import_kw=float(imported.max(initial=0.0)),
        curtailed_kwh=float(curtailed_kw(month)[part] @ hours),
        shed_kwh=float(_total(month, "shed_kw", part) @ hours),
        cycles=_cycles(case, month, part, hours),
        plans=int(np.isfinite(notes.get("rung", np.zeros(0))).sum()),
        changes=int(np.nansum(notes.get("changed", np.zeros(0)))),
        kept=int(np.nansum(notes.get("kept", np.zeros(0)))),
        gap=float(np.fmax.reduce(notes.get("gap", np.zeros(0)), initial=np.nan)),
    )


def _first(case: Case, month: Schedule) -> int:
    """The month's first step, counted in the span."""
    since = (month.inputs.horizon.edges[0] - case.span.edges[0]) / np.timedelta64(1, "s")
    return round(float(since) / case.step_s)


def _brought(month: Schedule) -> Sums:
    """What the kinds brought and emitted, from their own accounts."""
    accounts = {
        kind: (solved, type(solved.rows.members[0]).account(solved.rows, month.inputs, solved.series))
        for kind, solved in month.kinds.items()
    }
    return brought(month, accounts)


def _carbon_money(month: Schedule, inputs: Inputs, part: slice) -> float:
    """What quota and price by steps ask for some steps, with what was emitted in their period before."""
    kinds = {k: replace(s, co2_step_kg=s.co2_step_kg[:, part]) for k, s in month.kinds.items()}
    money = carbon_carry.executed(month.carbon.settings, replace(month, inputs=inputs, kinds=kinds)).money
    return float(np.sum(money))


def _carbon_penalty(case: Case, of: Sums, horizon: Horizon) -> float:
    """Price of carbon wishes missed within a day, and of use that is not carbon-free in its own hour."""
    price, hours = case.site.objective.unmatched_price_per_kwh, horizon.hours
    money = price * float(unmatched_kwh(of, hours).sum()) if price else 0.0
    for wish in case.site.wishes:
        if isinstance(wish, CARBON_WISHES) and wish.over in _WITHIN_A_DAY:
            money += _missed(wish, of, hours, case.site.windows(horizon, wish.over).T)
    return money


def _missed(wish: Wish, of: Sums, hours: Array, windows: Array) -> float:
    return sum(gap.penalty * _over_zero(gap.missed) for gap in gaps(wish, wish.texts, of, hours, windows))


def _accounts(month: Schedule, inputs: Inputs, part: slice) -> dict[str, Any]:
    """Sums over all kinds of their own accounts of some steps, but for penalties of sums that run on beyond them."""
    steps, total = inputs.horizon.steps, month.inputs.horizon.steps
    out: dict[str, Any] = {"money": 0.0, "co2_kg": 0.0, "penalty": 0.0}
    out |= {"supply_kw": np.zeros(steps), "unclean_kw": np.zeros(steps)}
    for solved in month.kinds.values():
        cls: type[Asset] = type(solved.rows.members[0])
        account = _account(solved, inputs, part, total)
        for name in ("money", "co2_kg") if cls.counts_on else ("money", "co2_kg", "penalty"):
            out[name] += float(np.sum(getattr(account, name)))
        for name in ("supply_kw", "unclean_kw"):
            out[name] = out[name] + np.broadcast_to(getattr(account, name), (solved.rows.count, steps)).sum(axis=0)
    return out


def _account(solved: Solved, inputs: Inputs, part: slice, total: int) -> Account:
    """A kind's own account of some of ``total`` steps, from the series that are of steps."""
    series = {n: v[:, part] for n, v in solved.series.items() if v.shape[-1] == total}
    cls: type[Asset] = type(solved.rows.members[0])
    return cls.account(solved.rows, inputs, series)


def _counted_on(case: Case, month: Schedule, part: slice) -> float:
    """Penalties of sums that run on beyond a day: what they are by its end less what they were by its start.

    An amount that is owed over the horizon is short at first and made up later, which is then below zero.
    """
    kinds = [solved for solved in month.kinds.values() if type(solved.rows.members[0]).counts_on]
    first, total = _first(case, month), month.inputs.horizon.steps

    def until(steps: int) -> float:
        if not kinds or not steps:
            return 0.0
        inputs = came(case, first, steps, month.inputs.state)
        return sum(float(np.sum(_account(solved, inputs, slice(steps), total).penalty)) for solved in kinds)

    return until(part.stop) - until(part.start)


def share_penalty(case: Case, unclean_kwh: Array, bought_kwh: Array, supply_kwh: Array, over: Window) -> float:
    """Price of the clean and of the direct energy that is short of what is wished for, (window,) each."""
    money = 0.0
    for wish in case.site.wishes:
        if isinstance(wish, CleanShareWish) and wish.over == over:
            money += wish.penalty_per_kwh * _over_zero(unclean_kwh - (1 - wish.clean_share_min) * supply_kwh)
        if isinstance(wish, DirectShareWish) and wish.over == over:
            money += wish.penalty_per_kwh * _over_zero(bought_kwh - (1 - wish.direct_share_min) * supply_kwh)
    return money


def _over_zero(values: Array) -> float:
    return float(np.maximum(values, 0.0).sum())


def _with_horizon_wishes(case: Case, piece: Piece, days: list[Day], months: list[Sums]) -> tuple[Day, ...]:
    """A share wished for over the horizon is held over the whole span; what is short is charged to the last day."""
    wishes = [w for w in case.site.wishes if not isinstance(w, FillWish) and w.over == "horizon"]
    if not wishes:
        return tuple(days)
    hours = case.span.hours
    unclean, supply = (
        sum(float(v.sum(axis=0) @ hours) for k, v in piece.arrays.items() if k.endswith(f"/{name}/"))
        for name in ("unclean_kw", "supply_kw")
    )
    bought = sum(day.import_kwh for day in days)
    short = share_penalty(case, np.array([unclean]), np.array([bought]), np.array([supply]), "horizon")
    whole = Sums(*(np.concatenate([getattr(of, f.name) for of in months], axis=1) for f in fields(Sums)))
    everywhere = np.ones((hours.size, 1))
    short += sum(_missed(w, whole, hours, everywhere) for w in wishes if isinstance(w, CARBON_WISHES))
    last = replace(days[-1], penalty=days[-1].penalty + short, objective=days[-1].objective + short)
    return (*days[:-1], last)


def _level(month: Schedule, store: str, step: int) -> float:
    """What a store holds at the start of a step of the month."""
    return start_kwh(month, store) if step == 0 else float(month.asset(store, "stored_kwh")[step - 1])


def _total(month: Schedule, series: str, part: slice) -> Array:
    out = np.zeros(part.stop - part.start)
    for solved in month.kinds.values():
        if series in solved.series:
            out += solved.series[series][:, part].sum(axis=0)
    return out


def _cycles(case: Case, month: Schedule, part: slice, hours: Array) -> float:
    """Mean over electric stores of what they gave, at the store's side, in units of their content."""
    carriers = dict(zip(case.site.bus_names, case.site.bus_carriers, strict=True))
    stores = [a for a in case.site.assets if isinstance(a, Storage) and carriers[a.bus] == "electricity"]
    if not stores:
        return 0.0
    given = [
        float(month.asset(s.name, "discharge_kw")[part] @ hours) / s.discharge_efficiency / s.energy_kwh for s in stores
    ]
    return float(np.mean(given))
