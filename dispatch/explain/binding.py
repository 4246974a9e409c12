"""What holds a plan where it is: the limits that bind, and what one kW or kWh more of each would save.

Prices are those of the linear program that is left once on/off decisions stand as planned, expected over the scenarios.
A price holds for a small change; where a limit is worth much, ask :func:`dispatch.explain.what_if` for the whole of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.explain import naming
from dispatch.explain.figures import figure
from dispatch.explain.linear import Point, Widened, at_integers, bounded, optimum
from dispatch.explain.moments import spans
from dispatch.explain.naming import Entries, Named
from dispatch.explain.vehicles_worth import vehicle_worth
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.solve import recall
from dispatch.solver.highs import Matrices

_MOST_ROUNDS = 5
_BOTH_KW = 1e-3
_SMALL = 1e-4
_WIDER = 1e-3  # of a limit's unit: beyond what the solver takes for equal, short of the next change of the basis


@dataclass(frozen=True)
class Binding:
    """One limit in the steps in which it binds.

    Attributes:
        worth: by step, money saved per unit more of the limit in that step alone.
        each: so many have a limit of their own under this name, such as vehicles; a unit more is one in each of them.
    """

    named: Named
    worth: dict[int, float]
    each: int = 1

    @property
    def total(self) -> float:
        """Money saved per unit more in all those steps."""
        return sum(self.worth.values())

    @property
    def unit(self) -> str:
        """What one more is one of."""
        return self.named.unit if self.each == 1 else f"{self.named.unit} in each of {self.each}"

    def text(self, horizon: Horizon, currency: str) -> str:
        """In a sentence's words."""
        when = spans(horizon, self.worth)
        return f"{self.named} ({when}): 1 {self.unit} more is worth {figure(self.total)} {currency}"


class Priced:
    """A problem's linear program at a schedule's on/off decisions, with its duals.

    Args:
        problem: with the data that the schedule was made on.
        schedule: its on/off decisions and the directions of its exclusive flows are kept.

    Raises:
        SolveError: the schedule is no point of the problem (made by rules, or on other data), or money does not count.
    """

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        if not problem.site.objective.money:
            raise SolveError("objective.money is 0: nothing has a price in money; accepted: above 0")
        self.problem, self.schedule = problem, schedule
        self._wider: Widened | None = None
        self.matrices = problem.compiled.matrices()
        before = problem.point()
        try:
            self.point, self._program = _at(problem, schedule, self.matrices)
        finally:
            problem.take(np.nan_to_num(before))
        self.columns: Entries = naming.columns(problem)

    @cached_property
    def _by_row(self) -> Any:
        return self.matrices.rows.tocsr()

    @cached_property
    def _price(self) -> Array:
        """(row,) money saved per unit more."""
        return self.problem.site.objective.in_money(self.point.row_dual)

    @cached_property
    def rows(self) -> Entries:
        """Whose each row is."""
        return naming.rows(self.problem, self.matrices, self.columns)

    def limits(self, steps: np.ndarray | None = None, most: int | None = None) -> list[Binding]:
        """Binding limits on a power, energy or wish, the one worth most first.

        What one more saves is the derivative towards a wider limit, which no dual at the limit itself need be.

        Args:
            steps: limits in these steps alone; by default in all steps, and those that hold over all of them.
            most: only so many.
        """
        possible = sorted(self._held(steps), key=lambda b: (-b.total, str(b.named)))
        found: list[Binding] = []
        for at_limit in possible:
            found.sort(key=_worth_most)
            # A dual at the limit is no less than the derivative: nothing that follows comes before these.
            if most is not None and len(found) >= most and found[most - 1].total >= at_limit.total:
                break
            if (beyond := self._beyond(at_limit.named, steps)) is not None:
                found.append(beyond)
        return sorted(found, key=_worth_most)[:most]

    def _held(self, steps: np.ndarray | None) -> Iterator[Binding]:
        """Limits with a price by the solver's own duals."""
        saved: dict[Named, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        dual, rows = self._price, self.rows
        for row in np.flatnonzero((np.abs(dual) > _SMALL) & (rows.name >= 0)):
            named = rows.names[int(rows.name[row])]
            if named.sense != "equal" and named.unit and self._in_use(int(row), named):
                saved[named][int(rows.step[row])] += abs(float(dual[row]))
        for named, by_step in _net(saved).items():
            if worth := {step: by_step[step] for step in sorted(by_step) if steps is None or step in steps}:
                yield Binding(named, worth)

    def _beyond(self, named: Named, steps: np.ndarray | None) -> Binding | None:
        """What a limit is worth where it is a little wider; None where that saves nothing."""
        if self._wider is None:
            self._wider = Widened(self._program)
        mine = np.flatnonzero(self.rows.name == self.rows.names.index(named))
        if steps is not None:
            mine = mine[np.isin(self.rows.step[mine], steps)]
        mine = np.array([row for row in mine if self._in_use(int(row), named)], int)
        duals = self._wider.duals(mine, _WIDER)
        saved = np.abs(self._price if duals is None else self.problem.site.objective.in_money(duals))[mine]
        worth: dict[int, float] = defaultdict(float)
        held = mine[saved > _SMALL]
        for row, money in zip(held, saved[saved > _SMALL], strict=True):
            worth[int(self.rows.step[row])] += float(money)
        if not worth:
            return None
        return Binding(named, dict(sorted(worth.items())), self._at_once(held, named))

    def content_worth(self, asset: str) -> Array | None:
        """(step,) what a kWh more in a store is worth at the end of each step; None for what stores nothing.

        Of a fleet it is that of one vehicle, and NaN while none is there.
        """
        fleet = vehicle_worth(self.problem, self.point.row_dual, asset)
        if fleet is not None:
            return fleet
        wanted = [
            i for i, n in enumerate(self.rows.names) if n.asset == asset and n.sense == "equal" and n.unit == "kWh"
        ]
        if not wanted:
            return None
        out = np.zeros(self.problem.horizon.steps)
        for row in np.flatnonzero(np.isin(self.rows.name, wanted)):
            # Written as content − inflow = 0: one more on the right is one more in the store.
            out[self.rows.step[row]] -= self._price[row]
        return out

    def _in_use(self, row: int, named: Named) -> bool:
        """The limited quantity is not zero: a limit on what does not flow anyway tells nobody anything."""
        if named.sense != "most" or not named.series or named.what.endswith(naming.PLANNED_OUTAGE):
            return True
        mine = self._limited(row, named)
        return not mine or bool(np.abs(self.point.x[mine]).max() > _BOTH_KW)

    def _limited(self, row: int, named: Named) -> list[int]:
        """The columns of the limited series that stand in a row."""
        inside = self._by_row.indices[self._by_row.indptr[row] : self._by_row.indptr[row + 1]]
        return [int(c) for c in inside if (of := self.columns.of(int(c))) is not None and of.what == named.series]

    def _at_once(self, rows: np.ndarray, named: Named) -> int:
        """How many quantities of one step and scenario rows limit, at most; two limits on one of them count once."""
        last = {max(self._limited(int(row), named), default=None) for row in rows} - {None}
        of_step = Counter((int(self.columns.scenario[c]), int(self.columns.step[c])) for c in last if c is not None)
        return max(of_step.values(), default=1)


def _worth_most(binding: Binding) -> tuple[float, str]:
    return -binding.total, str(binding.named)


def _net(saved: dict[Named, dict[int, float]]) -> dict[Named, dict[int, float]]:
    """Without what cancels: held from above and from below at one price, a quantity is defined and not limited."""
    against: dict[tuple[str, str, str, int], float] = defaultdict(float)
    for named, by_step in saved.items():
        for step, worth in by_step.items():
            against[named.asset, named.series, "least" if named.sense == "most" else "most", step] += worth
    return {
        named: {
            step: worth
            for step, worth in by_step.items()
            if worth - against[named.asset, named.series, named.sense, step] > _SMALL
        }
        for named, by_step in saved.items()
    }


def _at(problem: Problem, schedule: Schedule, matrices: Matrices) -> tuple[Point, Matrices]:
    """The linear program and its optimum; a switch whose flows both run is fixed to the schedule's direction."""
    recall(problem, schedule)
    x = problem.point()
    if np.isnan(x[matrices.integer]).any():
        raise SolveError("the schedule does not hold every on/off decision of the problem")
    fixed, planned = at_integers(matrices, x), _switches(problem)
    for rest in range(_MOST_ROUNDS, -1, -1):
        point = optimum(fixed)
        if point is None:
            raise SolveError("the schedule is no solution of this problem, so its limits have no prices")
        problem.take(point.x)
        both = _both(problem, planned)
        if not both:
            return point, fixed
        # Each direction that is held may move an overlap to another hour or store: in the end all of them are held.
        fixed = bounded(fixed, both if rest > 1 else _both(problem, planned, whole=True))
    raise SolveError("exclusive flows still overlap with their switches fixed")


def _switches(problem: Problem) -> dict[int, Array]:
    """By its variable, which of a switch's two flows runs now: 1 the first, 0 the second, NaN neither.

    A switch's own value need not say it: 100 kW of a connection for 500 kW take a fifth of it. It does where both run,
    which some pairs may.
    """
    out: dict[int, Array] = {}
    for part in problem.parts.values():
        for pair in part.exclusive:
            first, second = pair.first.value, pair.second.value
            one = np.where(np.minimum(first, second) > _BOTH_KW, np.round(pair.switch.value), first > second)
            out[pair.switch.id] = np.where(np.maximum(first, second) > _BOTH_KW, one, np.nan)
    return out


def _both(problem: Problem, planned: dict[int, Array], *, whole: bool = False) -> dict[int, tuple[float, float]]:
    """Switches of flows that run both ways (or all), fixed as the schedule has them, or else to the greater flow."""
    out: dict[int, tuple[float, float]] = {}
    for part in problem.parts.values():
        for pair in part.exclusive:
            run = whole | (pair.both_kw() > _BOTH_KW)
            if run.any():
                columns, ran = problem.compiled.columns(pair.switch), planned[pair.switch.id]
                held = np.where(np.isnan(ran), pair.first.value > pair.second.value, ran)[run]
                out |= {int(c): (float(v),) * 2 for c, v in zip(columns[run], held, strict=True)}
    return out
