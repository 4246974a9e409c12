"""What a site's flexibility costs: its problem solved again with the net draw of one step moved.

With v(δ) the least cost when one step's net draw is δ away from the plan's, all other steps being free to answer, v is
convex and piecewise linear, and the dual of the step's net draw is its slope. Where two of its tangents meet below
v, there is a bend between them; where they meet on v, both are its pieces (M. J. Eisner, D. G. Severance, J. ACM 23,
1976). A curve of B pieces takes about 2 B linear programs, each hot-started from the last.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dispatch.errors import DataError, SolveError
from dispatch.flexibility.offers import Flexibility, Way
from dispatch.flexibility.programs import Apart, Extremes, net_columns
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solver.highs import Limits, Matrices, load, run

_SMALL_KW = 1e-6
_ROUNDS, _HALVINGS = 12, 8
_SAME = 1e-7


@dataclass(frozen=True)
class Answer:
    """What the site does when one step is moved.

    Attributes:
        cost: money more than the plan, penalties of wishes counted as the objective counts them.
        slope_per_kw: by how much the cost rises per kW that the step draws more.
        net_kw: (T,) net draw.
    """

    cost: float
    slope_per_kw: float
    net_kw: Array


class Priced:
    """A site's problem, held by a solver, with the plan's whole numbers.

    Args:
        matrices: the problem.
        net: (T,) its columns of net draw.
        hours: (T,).
        point: the plan's values, whose whole numbers are kept; None: a plan is made.
        apart: flows that must not run together; where an answer would run both, the smaller is ruled out, which may
            cost more than need be.

    Attributes:
        plan_kw: (T,) net draw of the plan.
        cost: of the plan: the objective, with its whole numbers.
        exact: are there no whole numbers? Else costs are those of a commitment kept, and true ones may be lower.
    """

    def __init__(
        self,
        matrices: Matrices,
        net: np.ndarray,
        hours: Array,
        point: Array | None = None,
        apart: Apart | None = None,
    ) -> None:
        self.net, self.hours = np.asarray(net, np.int32), np.asarray(hours, float)
        self.exact, self.apart = not bool(matrices.integer.any()), apart
        self._ruled_out = False
        self._known: dict[tuple[int, float], Answer] = {}
        if not self.exact:
            values = run(matrices, Limits()).x if point is None else point
            low, high = matrices.col_lower.copy(), matrices.col_upper.copy()
            low[matrices.integer] = high[matrices.integer] = np.round(values[matrices.integer])
            matrices = replace(matrices, col_lower=low, col_upper=high)
        self.matrices = matrices
        self.low, self.high = matrices.col_lower[self.net], matrices.col_upper[self.net]
        self.solver = load(matrices, np.zeros(matrices.cost.size, bool))
        self.cost, self.plan_kw, _ = self._solved(0)

    @classmethod
    def of(cls, problem: Problem, schedule: Schedule | None = None) -> Priced:
        """From a problem that was compiled with the measure ``net_import_kw``.

        Args:
            problem: with its data up to date.
            schedule: its plan, whose commitment is kept; None: a plan is made.

        Raises:
            DataError: the problem has no such measure, or several scenarios.
        """
        from dispatch.solve import recall

        net, point = net_columns(problem), None
        if schedule is not None:
            recall(problem, schedule)
            point = np.nan_to_num(problem.point())
        return cls(problem.compiled.matrices(), net, problem.horizon.hours, point, Apart.of(problem))

    def answer(self, step: int, change_kw: float) -> Answer:
        """What the site does when it draws so much more (or, below zero, less) in one step, and what that costs.

        Raises:
            SolveError: it cannot.
        """
        if (step, change_kw) in self._known:
            return self._known[step, change_kw]
        self._hold(step, self.plan_kw[step] + change_kw)
        try:
            cost, net, slope = self._solved(step)
        finally:
            self._free(step)
        found = Answer(cost - self.cost, slope, net)
        self._known[step, change_kw] = found
        return found

    def curve(
        self,
        *,
        blocks: int = 8,
        steps: Sequence[int] | None = None,
        most_kw: float | None = None,
        dearest_per_kwh: float | None = None,
    ) -> Flexibility:
        """Blocks of power up and down with their costs, in each step.

        Args:
            blocks: at most so many per step and direction; what is finer is averaged, so that no cost is understated
                at the blocks' ends.
            steps: for which; the others have none. Default: all.
            most_kw: how far to look. Default: as far as the site can go.
            dearest_per_kwh: leave out what costs more, such as shedding load.
        """
        if blocks < 1:
            raise DataError(f"{blocks} blocks; accepted: 1 or more")
        ends, count = Extremes(self.matrices), self.net.size
        shape = (blocks, count)
        made = {f"{way}_{what}": np.zeros(shape) for way in ("up", "down") for what in ("kw", "cost_per_kwh")}
        exact = self.exact
        for step in range(count) if steps is None else steps:
            least, greatest = ends.ends(self.net[[step]], np.ones(1))
            rooms: dict[Way, float] = {"up": self.plan_kw[step] - least, "down": greatest - self.plan_kw[step]}
            for way, room in rooms.items():
                far = self._within(step, way, room if most_kw is None else min(room, most_kw))
                found, whole = self._pieces(step, way, far, blocks)
                exact &= whole
                for block, (width, price) in enumerate(found):
                    if dearest_per_kwh is None or price <= dearest_per_kwh:
                        made[f"{way}_kw"][block, step], made[f"{way}_cost_per_kwh"][block, step] = width, price
            self._known.clear()
        exact &= not self._ruled_out
        return Flexibility(self.hours, exact=exact, about=self._about(exact), **made)

    def _within(self, step: int, way: Way, room: float) -> float:
        """How far it goes with flows apart; as far as the program says, where nothing has to be ruled out."""
        sign, least, most = -1.0 if way == "up" else 1.0, 0.0, room * (1 - _SAME)
        for width in (most, *[np.nan] * _HALVINGS):
            wanted = (least + most) / 2 if np.isnan(width) else width
            if wanted <= _SMALL_KW:
                return 0.0
            try:
                self.answer(step, sign * wanted)
            except SolveError:
                most = wanted
                continue
            if wanted == room * (1 - _SAME):
                return room
            least = wanted
        return least

    def _about(self, exact: bool) -> str:
        if exact:
            return "exact: every bend of the cost is a block's end"
        kept = "" if self.exact else "units stay on or off as planned; "
        kept += "what runs to and fro is held to the direction that an answer gives it; " if self._ruled_out else ""
        return f"an upper bound: {kept}costs are exact at blocks' ends where no finer ones are averaged"

    def _pieces(self, step: int, way: Way, room: float, blocks: int) -> tuple[list[tuple[float, float]], bool]:
        """Blocks (width [kW], money per kWh), and whether they are all there is."""
        if room <= _SMALL_KW:
            return [], True
        sign = -1.0 if way == "up" else 1.0

        def at(width: float) -> _Spot:
            found = self.answer(step, sign * width)
            return _Spot(width, found.cost, sign * found.slope_per_kw)

        spots, whole = _bends(at, room * (1 - _SAME), blocks, _SAME * max(1.0, abs(self.cost)))
        hours, out = float(self.hours[step]), []
        for one, other in pairwise(spots):
            out.append((other.at - one.at, (other.cost - one.cost) / ((other.at - one.at) * hours)))
        return _merged(out), whole

    def _hold(self, step: int, value: float) -> None:
        self.solver.changeColBounds(int(self.net[step]), value, value)

    def _free(self, step: int) -> None:
        self.solver.changeColBounds(int(self.net[step]), float(self.low[step]), float(self.high[step]))

    def _solved(self, step: int) -> tuple[float, Array, float]:
        """Cost, net draw and slope, with flows apart."""
        held: list[np.ndarray] = []
        free = np.inf
        try:
            for _ in range(_ROUNDS):
                found = self._run(step)
                free = min(free, found[0])
                clash, wanted = self._clashes()
                if not clash.size:
                    # Flows that run together for nothing, as in a store without losses, cost nothing to keep apart.
                    self._ruled_out |= found[0] > free + _SAME * max(1.0, abs(free))
                    return found
                self.solver.changeColsBounds(clash.size, clash, wanted, wanted)
                held.append(clash)
        finally:
            for columns in held:
                low, high = self.matrices.col_lower[columns], self.matrices.col_upper[columns]
                self.solver.changeColsBounds(columns.size, columns, low, high)
        raise SolveError(f"step {step}: flows that exclude each other run together in every answer")

    def _clashes(self) -> tuple[np.ndarray, Array]:
        if self.apart is None:
            return np.zeros(0, np.int32), np.zeros(0)
        switch, wanted = self.apart.clashes(np.array(self.solver.getSolution().col_value))
        return switch.astype(np.int32), wanted

    def _run(self, step: int) -> tuple[float, Array, float]:
        import highspy

        self.solver.run()
        status = self.solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolveError(f"step {step} cannot be moved so far: {self.solver.modelStatusToString(status)}")
        solution = self.solver.getSolution()
        net = np.array(solution.col_value)[self.net]
        slope = float(solution.col_dual[int(self.net[step])])
        return float(self.solver.getInfo().objective_function_value), net, slope


@dataclass(frozen=True)
class _Spot:
    """A point of a convex curve with a slope there."""

    at: float
    cost: float
    slope: float

    def line(self, at: float) -> float:
        return self.cost + self.slope * (at - self.at)


def _bends(at: Callable[[float], _Spot], room: float, blocks: int, same: float) -> tuple[list[_Spot], bool]:
    """Points of a convex curve at its bends, at most ``blocks`` pieces; are these all its bends?"""
    first, last = at(0.0), at(room)
    known, waiting = {0.0: first, room: last}, list[tuple[float, float, _Spot, _Spot]]()

    def look(one: _Spot, other: _Spot) -> None:
        """Where could the curve bend most between two points?"""
        if one.slope >= other.slope or other.at - one.at <= _SMALL_KW:
            return
        meet = (other.cost - other.slope * other.at - one.cost + one.slope * one.at) / (one.slope - other.slope)
        share = (meet - one.at) / (other.at - one.at)
        chord = one.cost + share * (other.cost - one.cost)
        if 0 < share < 1 and chord - one.line(meet) > same:
            heapq.heappush(waiting, (one.line(meet) - chord, meet, one, other))

    look(first, last)
    while waiting and len(known) <= blocks:
        _, meet, one, other = heapq.heappop(waiting)
        found = at(meet)
        known[meet] = found
        if found.cost - one.line(meet) > same:
            look(one, found)
            look(found, other)
    return [known[place] for place in sorted(known)], not waiting


def _merged(blocks: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Neighbours of one price as one block; prices never fall, rounding apart."""
    out: list[tuple[float, float]] = []
    for block in blocks:
        width, price = block
        if out and price <= out[-1][1] + _SAME * max(1.0, abs(price)):
            before, cost = out.pop()
            out.append((before + width, (before * cost + width * price) / (before + width)))
        else:
            out.append(block)
    return out


def marginal_per_kwh(schedule: Schedule, bus: str) -> Array:
    """(T,) what one more kWh at a bus would cost in a plan, over its scenarios: the dual of the bus's balance.

    Raises:
        DataError: the plan has no duals, or there is no such bus.
    """
    if schedule.price_per_kwh is None:
        raise DataError(
            f"the plan has no prices ({schedule.proof.quality}); accepted: a solver's, in which money counts"
        )
    buses = next(iter(schedule.kinds.values())).rows.buses
    if bus not in buses:
        raise DataError(f"'{bus}' is no bus; accepted: {', '.join(buses)}")
    return np.asarray(schedule.weights @ schedule.price_per_kwh[:, buses.index(bus)])
