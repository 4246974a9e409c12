"""One compiled problem at many caps of its emissions, each solved from where the last one ended.

The problem's linear program stands in a solver with two rows more: expected emissions at most the cap, and expected
penalties at most those of the cheapest plan. From cap to cap only a bound changes, so the dual simplex method goes on
from its last basis. A second copy keeps the whole numbers of the plan before: where the relaxation is torn, it says
what these numbers cost under the new cap, and the relaxation how much better others could be at the most. Only where
that is more than the gap asked for, others are searched, beginning with these.

Source: Laumanns, Thiele & Zitzler 2006, doi 10.1016/j.ejor.2004.08.029 (caps one after the other); Mavrotas 2009,
doi 10.1016/j.amc.2009.03.037 (a little of the second aim in the first keeps points efficient).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, vstack

from dispatch.errors import SolveError
from dispatch.front_points import How
from dispatch.highs import Answer, Layout, Limits, Matrices, load
from dispatch.highs import run as search
from dispatch.search.hunt import hunt
from dispatch.search.recovery import by_plants, planned
from dispatch.signals import Array

if TYPE_CHECKING:
    import highspy

_WHOLE = 1e-6
# Of the cost, what the emissions weigh beside it: far above the solver's tolerance, far below the gap.
BESIDE = 1e-5
_REMEMBERED = 3
_DUAL, _PRIMAL = 1, 4


class Program:
    """A linear program that stays in its solver; what changes between two solves is all that is passed on."""

    def __init__(self, matrices: Matrices) -> None:
        self._solver: highspy.Highs = load(matrices, np.zeros(matrices.cost.size, bool))
        self._now = matrices
        known = np.abs(matrices.cost[matrices.cost != 0])
        if known.size:  # as highs.continuous does, and for its reason
            scale = int(np.clip(-np.round(np.log2(np.median(known))), -20, 20))
            self._solver.setOptionValue("user_objective_scale", scale)

    def solve(self, matrices: Matrices) -> Answer | None:
        """The optimum of the same rows with other costs or bounds; None where there is none."""
        import highspy

        self._change(matrices)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self._solver.getSolution()
        objective = float(self._solver.getInfo().objective_function_value)
        return Answer(
            "optimal", np.array(solution.col_value), np.array(solution.row_dual), objective, objective, 0, False
        )

    def _change(self, new: Matrices) -> None:
        old, solver = self._now, self._solver
        columns = np.flatnonzero((old.col_lower != new.col_lower) | (old.col_upper != new.col_upper)).astype(np.int32)
        rows = np.flatnonzero((old.row_lower != new.row_lower) | (old.row_upper != new.row_upper)).astype(np.int32)
        costs = np.flatnonzero(old.cost != new.cost).astype(np.int32)
        if columns.size:
            solver.changeColsBounds(columns.size, columns, new.col_lower[columns], new.col_upper[columns])
        for row in rows:
            solver.changeRowBounds(int(row), float(new.row_lower[row]), float(new.row_upper[row]))
        if costs.size:
            solver.changeColsCost(costs.size, costs, new.cost[costs])
        # A point stays feasible under other costs, a basis stays dual feasible under other bounds.
        only_costs = costs.size and not columns.size and not rows.size
        solver.setOptionValue("simplex_strategy", _PRIMAL if only_costs else _DUAL)
        self._now = new


@dataclass(frozen=True)
class Aim:
    """What one solve minimises, and under which caps.

    Attributes:
        cost: (column,) money, with a little of the emissions.
        cap_kg: of expected emissions that the columns decide about.
        penalty_most: of expected penalties likewise.
    """

    cost: Array
    cap_kg: float = np.inf
    penalty_most: float = np.inf


class Walk:
    """What solves a problem's matrices at one cap after another; takes the place of a search in :mod:`dispatch.solve`.

    Attributes:
        aim: what the next solve is for.
        how: where the last point's whole numbers come from.
        price_per_kg: the last point's dual of the cap [money/kg], ≥ 0.
        at_whole: is that price of a program with its whole numbers settled, instead of one without any to settle?
        x: (column,) the last point.
    """

    def __init__(self, matrices: Matrices, layout: Layout, carbon_kg: Array, penalty: Array, *, exact: bool) -> None:
        self._extra = csr_array(np.vstack([carbon_kg, penalty]))
        self._size = matrices.row_upper.size
        self._exact = exact
        self._layout = Layout(np.concatenate([layout.coupling, self._size + np.arange(2)]), layout.step)
        self._rows = vstack([matrices.rows, self._extra], format="csc")
        self._known: list[Array] = []
        self._whole = matrices.integer.copy()
        self._relaxed: Program | None = None
        self._settled: Program | None = None
        self.aim = Aim(matrices.cost)
        self.how: How = "relaxation"
        self.price_per_kg, self.at_whole = 0.0, False
        self.x = np.zeros(0)
        self.searches = 0

    def __call__(
        self, matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: Array | None = None
    ) -> Answer:
        """The problem's matrices at the aim; the duals that come back are those of the problem's own rows.

        Raises:
            SolveError: nothing keeps the cap.
        """
        del start
        if also_integer is not None:
            self._whole[also_integer] = True
        asked = self._asked(matrices)
        self._relaxed = self._relaxed or Program(asked)
        relaxed = self._relaxed.solve(asked)
        if relaxed is None:
            raise SolveError("no plan emits so little")
        found = self._found(asked, relaxed, limits)
        self.price_per_kg = max(-float(found.row_dual[self._size]), 0.0)
        self.x = found.x
        return replace(found, row_dual=found.row_dual[: self._size])

    def _asked(self, matrices: Matrices) -> Matrices:
        """The matrices with the aim's cost and the two rows more."""
        return replace(
            matrices,
            cost=self.aim.cost,
            rows=self._rows,
            row_lower=np.concatenate([matrices.row_lower, [-np.inf, -np.inf]]),
            row_upper=np.concatenate([matrices.row_upper, [self.aim.cap_kg, self.aim.penalty_most]]),
            integer=self._whole.copy(),
        )

    def _found(self, asked: Matrices, relaxed: Answer, limits: Limits) -> Answer:
        whole = np.flatnonzero(asked.integer)
        if not whole.size or np.abs(relaxed.x[whole] - np.round(relaxed.x[whole])).max() <= _WHOLE:
            self.how, self.at_whole = "relaxation", False
            self._remember(relaxed.x)
            return relaxed
        self.at_whole = True
        best = self._reused(asked, relaxed, limits)
        self.how = "reused"
        if best is None or best.gap > limits.gap:
            self.how = "searched"
            self.searches += 1
            best = self._searched(asked, relaxed, limits, best)
        self._remember(best.x)
        return best

    def _reused(self, asked: Matrices, relaxed: Answer, limits: Limits) -> Answer | None:
        """The best of the plans before with their whole numbers kept; the first that is good enough."""
        best: Answer | None = None
        for known in (*reversed(self._known), relaxed.x):
            found = self._with(asked, known)
            if found is not None and (best is None or found.objective < best.objective):
                best = replace(found, quality="convex_recovery", bound=min(relaxed.objective, found.objective))
                if best.gap <= limits.gap:
                    break
        return best

    def _with(self, asked: Matrices, known: Array) -> Answer | None:
        """The linear program that remains once every whole number is that of ``known``, rounded."""
        lower, upper, whole = asked.col_lower.copy(), asked.col_upper.copy(), asked.integer
        kept = np.round(known[whole])
        if (kept < lower[whole]).any() or (kept > upper[whole]).any():
            return None  # held elsewhere since
        lower[whole] = upper[whole] = kept
        fixed = replace(asked, col_lower=lower, col_upper=upper)
        self._settled = self._settled or Program(fixed)
        return self._settled.solve(fixed)

    def _searched(self, asked: Matrices, relaxed: Answer, limits: Limits, best: Answer | None) -> Answer:
        """Other whole numbers, from the best there are."""
        if self._exact:
            if best is None:
                return hunt(asked, limits)
            found = search(asked, limits, start=best.x, searching=False)
            return replace(found, bound=max(found.bound, min(relaxed.objective, found.objective)))
        plants = by_plants(asked, self._layout, limits, time.perf_counter())
        if best is not None:
            plants.take(best.objective, best.x)
        plants.first()
        plants.around()
        return planned(asked, plants)

    def _remember(self, x: Array) -> None:
        """The latest whole numbers last, each once."""
        whole = self._whole
        others = [one for one in self._known if not np.array_equal(np.round(one[whole]), np.round(x[whole]))]
        self._known = [*others, x][-_REMEMBERED:]


