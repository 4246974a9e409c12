"""A linear program that stays in its solver while costs and bounds change, each optimum found from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dispatch.solver.highs import Answer, Matrices, relaxation

if TYPE_CHECKING:
    import highspy

_DUAL, _PRIMAL = 1, 4


class Program:
    """A linear program that stays in its solver; what changes between two solves is all that is passed on."""

    def __init__(self, matrices: Matrices, been: Sequence[tuple[float, highspy.HighsBasis]] = ()) -> None:
        self._solver: highspy.Highs = relaxation(matrices)
        self._now = matrices
        self._been = list(been)

    def solve(self, matrices: Matrices, near: float | None = None) -> Answer | None:
        """The optimum of the same rows with other costs or bounds; None where there is none.

        Args:
            near: begin at the optimum whose number was the nearest, and remember this one by it; None: at the last.
        """
        import highspy

        self._change(matrices)
        if near is not None and self._been:
            self._solver.setBasis(min(self._been, key=lambda one: abs(one[0] - near))[1])
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        if near is not None:
            self._been.append((near, self._solver.getBasis()))
        solution = self._solver.getSolution()
        objective = float(self._solver.getInfo().objective_function_value)
        return Answer(
            "optimal", np.array(solution.col_value), np.array(solution.row_dual), objective, objective, 0, False
        )

    def copy(self, matrices: Matrices) -> Program:
        """Another one of the same rows that knows where this one has been."""
        return Program(matrices, self._been)

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
