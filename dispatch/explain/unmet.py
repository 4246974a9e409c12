"""What a plan leaves undone: demand not served, wishes missed, reserve short, network limits passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.explain.moments import clock, spans
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon, unit_of

_SMALL_KWH = 0.05
_WORDS = {
    "shed_kw": "demand that is not served",
    "short_kwh": "content missing at the end",
    "reserve_short_kw": "reserve that is not held",
    "limit_excess_kw": "power over a network limit",
}


@dataclass(frozen=True)
class Elastic:
    """A quantity that a problem may leave short at a price, in every row and step.

    Attributes:
        columns: (row, …) where it stands in the matrices.
        energy: (row, …) kWh per unit of it: the step's length of a power, 1 of an energy.
        price_per_kwh: what leaving a kWh of it costs in the objective.
    """

    kind: str
    asset: str
    series: str
    words: str
    columns: np.ndarray
    energy: Array
    price_per_kwh: float


@dataclass(frozen=True)
class Unmet:
    """One of them where a schedule uses it.

    Attributes:
        missing: (scenario, …) how much, in kW by step or in kWh by window.
    """

    elastic: Elastic
    missing: Array

    @property
    def missing_kwh(self) -> Array:
        """(scenario,) energy in each scenario."""
        return np.asarray((self.missing * self.elastic.energy).sum(axis=1))

    @property
    def shown(self) -> int:
        """The scenario to speak of: the published path, or the worst where that one misses nothing."""
        return 0 if self.missing_kwh[0] > _SMALL_KWH else int(self.missing_kwh.argmax())

    @property
    def steps(self) -> np.ndarray:
        """Steps in which it is missing in any scenario; none where it does not belong to steps."""
        if not self.elastic.series.endswith("_kw"):
            return np.zeros(0, int)
        return np.flatnonzero((self.missing > _SMALL_KWH).any(axis=0))

    def text(self, horizon: Horizon) -> str:
        """In a person's words, with hours and amounts."""
        who = f"{self.elastic.asset}: " if self.elastic.kind else ""
        energy = f"{who}{self.elastic.words}: {self.missing_kwh[self.shown]:,.4g} kWh"
        scenarios = self.missing.shape[0]
        others = int((self.missing_kwh > _SMALL_KWH).sum())
        path = "" if scenarios == 1 else f" (in {others} of {scenarios} scenarios)"
        if not self.steps.size:
            return energy + path
        mine = self.missing[self.shown]
        most = int(mine.argmax())
        at = np.flatnonzero(mine > _SMALL_KWH)
        return f"{energy} at {spans(horizon, at)}, most at {clock(horizon, most)} ({mine[most]:,.4g} kW){path}"


def elastics(problem: Problem) -> Iterator[Elastic]:
    """Every quantity that has a price for being left short, told apart by member."""
    hours = problem.horizon.hours
    for kind, part in problem.parts.items():
        priced = set() if part.penalty_step is None else {v.id for v in part.penalty_step.variables()}
        for name in problem.decisions(kind):
            variable = problem.variable(kind, name)
            if variable.id not in priced:
                continue
            columns = problem.compiled.columns(variable)
            members = problem.rows[kind].members
            for place, member in enumerate(members):
                mine = columns[place :: len(members)]
                energy = np.broadcast_to(hours if unit_of(name) == "kw" else 1.0, mine.shape)
                words = _WORDS.get(name, name.replace("_", " "))
                priced_at = _price(part.penalty_step, variable)[place :: len(members)]
                price = float((priced_at / energy).max())
                yield Elastic(kind, member.name, name, words, mine, np.array(energy, float), price)
    for breach in problem.total.breaches:
        columns = problem.compiled.columns(breach.short_kwh)
        yield Elastic("", "site", "short_kwh", breach.text, columns, np.ones(columns.shape), breach.penalty_per_kwh)
    for variable in problem.network_excess:
        columns = problem.compiled.columns(variable)
        energy = np.array(np.broadcast_to(hours, columns.shape))
        price = problem.site.objective.limit_penalty_per_kwh
        yield Elastic("", "network", "limit_excess_kw", _WORDS["limit_excess_kw"], columns, energy, price)


def _price(penalty: Any, variable: Any) -> Array:
    """(row, …) money per unit of a variable in a penalty; penalties are linear wherever they are more than nothing."""
    import cvxpy as cp

    if variable.value is None:
        variable.save_value(np.zeros(variable.shape))
    total = cp.sum(penalty)
    for other in total.variables():
        if other.value is None:
            other.save_value(np.zeros(other.shape))
    gradient = total.grad[variable]
    dense = gradient.toarray() if hasattr(gradient, "toarray") else np.asarray(gradient)
    return dense.reshape(variable.shape, order="F")


def unmet(problem: Problem, schedule: Schedule) -> list[Unmet]:
    """What the schedule leaves short, the most energy first."""
    found = [Unmet(e, left) for e in elastics(problem) if (left := _left(e, schedule)) is not None]
    return sorted((u for u in found if u.missing_kwh.max() > _SMALL_KWH), key=lambda u: -u.missing_kwh.max())


def _left(elastic: Elastic, schedule: Schedule) -> Array | None:
    """(scenario, …) how much of it a schedule uses."""
    if elastic.kind:
        solved = schedule.kinds[elastic.kind]
        place = [member.name for member in solved.rows.members].index(elastic.asset)
        return np.asarray(solved.series[elastic.series][place :: len(solved.rows.members)])
    if elastic.asset == "site":
        return np.asarray(schedule.wish_short_kwh[elastic.words])
    return None  # the schedule holds the sum over all limits; the network's own proof names each of them
