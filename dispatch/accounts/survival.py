"""How long a finished plan's site would hold out without the grid, whenever that is lost, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solve import solve
from dispatch.units.island import Pairs, offer, unserved_kwh

_LACKING_KWH = 1e-2


@dataclass(frozen=True)
class Held:
    """One outage that a site asks to survive, in one scenario; arrays by the step with which it begins.

    Attributes:
        asset: its name.
        asked_h: (step,) survival time, as far as the horizon reaches.
        kept_h: (step,) how long all of the critical load is served.
        unserved_kwh: (step,) what of it must lack within that time.
        stated_kwh: (step,) what the plan says of that.
    """

    asset: str
    scenario: int
    asked_h: Array
    kept_h: Array
    unserved_kwh: Array
    stated_kwh: Array

    @property
    def shortest(self) -> int:
        """The step with which the outage begins in which most would lack."""
        return int(np.argmax(self.unserved_kwh))


def outages(schedule: Schedule) -> Iterator[Held]:
    """Every outage in every scenario, by what the kinds' accounts in NumPy say is there; nothing of the optimiser's."""
    asking = [solved.rows for solved in schedule.kinds.values() if solved.rows.outage_h]
    if not asking:
        return
    rows = {kind: solved.rows for kind, solved in schedule.kinds.items()}
    found = {
        kind: type(s.rows.members[0]).account(s.rows, schedule.inputs, s.series) for kind, s in schedule.kinds.items()
    }
    backups = {kind: account.backup for kind, account in found.items() if account.backup is not None}
    for kind, account in found.items():
        asked = account.survival
        if asked is None:
            continue
        pairs = Pairs(schedule.inputs.horizon, rows[kind].outage_h)
        for at, name in enumerate(rows[kind].names):
            there = offer(backups, rows, asked, at, pairs)
            lacking, kept = unserved_kwh(asked.need_kw[at], there, pairs, _LACKING_KWH)
            member = rows[kind].members[at % len(rows[kind].members)]
            whole = np.minimum(member.asks_outage_h, pairs.horizon.edge_h[-1] - pairs.horizon.edge_h[:-1])
            kept = np.minimum(kept, whole)
            yield Held(name, int(rows[kind].scenario[at]), whole, kept, lacking, asked.unserved_kwh[at])


@dataclass(frozen=True)
class Price:
    """What the ability to survive outages costs: expected money, and carbon at its price, of the same day.

    Attributes:
        with_it, without: cost of the plan that keeps it, and of the one that need not.
    """

    with_it: float
    without: float

    @property
    def extra(self) -> float:
        """What it costs more."""
        return self.with_it - self.without


def without_outages(problem: Problem, schedule: Schedule) -> Problem | None:
    """The same problem for a site that need not survive any; None where it need not anyway."""
    site = problem.site
    free = tuple(asset for asset in site.assets if not asset.asks_outage_h)
    if len(free) == len(site.assets):
        return None
    other = Problem(site.model_copy(update={"assets": free}), schedule.inputs, problem.mode)
    other.update(weights=schedule.weights)
    return other


def price(problem: Problem, schedule: Schedule) -> Price | None:
    """The schedule's cost beside that of the best plan for the same site and inputs without its outages.

    None where the site asks to survive none.

    Raises:
        SolveError: there is no plan without them either.
    """
    other = without_outages(problem, schedule)
    if other is None:
        return None
    objective = problem.site.objective
    return Price(schedule.running_cost(objective), solve(other).running_cost(objective))


def wishes(schedule: Schedule) -> Iterator[tuple[str, str, bool]]:
    """For each outage: what is asked, what of it is kept in the worst scenario, and whether that is all."""
    worst: dict[str, Held] = {}
    for held in outages(schedule):
        if held.asset not in worst or _missing(held) > _missing(worst[held.asset]):
            worst[held.asset] = held
    for name, held in worst.items():
        step = held.shortest
        when = f"{schedule.inputs.horizon.local_start[step]:%d %B %H:%M}"
        kept = _missing(held) < _LACKING_KWH
        state = f"{held.kept_h[step]:g} h if the grid is lost at {when}, {_missing(held):,.1f} kWh would lack"
        yield f"{name}: {held.asked_h.max():g} h without the grid, at any time", "kept" if kept else state, kept


def _missing(held: Held) -> float:
    return float(held.unserved_kwh.max())
