"""Linear programs of one structure, each begun from the same optimal basis: that of the structure's reference site.

A site's program has the pattern of the reference's and other numbers, so a few of the reference's pivots are wrong and
the rest stand. Every site begins from the reference and never from the site before it: its plan does not depend on who
is planned with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.highs import Answer, Matrices, load
from dispatch.signals import Array

if TYPE_CHECKING:
    import highspy

_DEVEX = 1  # edge weights that need no start-up: 10 % of a solve that takes 30 to 80 pivots


class Hot:
    """Solves matrices of one pattern.

    Args:
        reference: those of the reference site.
    """

    def __init__(self, reference: Matrices) -> None:
        self._none = np.zeros(reference.cost.size, bool)
        solver = self._loaded(reference)
        solver.run()
        self.basis: Any = solver.getBasis()
        self.solvable = _optimal(solver)

    def _loaded(self, matrices: Matrices) -> highspy.Highs:
        solver = load(matrices, self._none)
        solver.setOptionValue("presolve", "off")
        solver.setOptionValue("simplex_dual_edge_weight_strategy", _DEVEX)
        return solver

    def continuous(self, matrices: Matrices) -> tuple[Answer, Array]:
        """The linear program, whole numbers relaxed, and (column,) reduced costs.

        Raises:
            SolveError: it has no optimum.
        """
        solver = self._loaded(matrices)
        if self.solvable:
            solver.setBasis(self.basis)
        solver.run()
        if not _optimal(solver):
            raise SolveError(f"HiGHS stopped without a plan: {solver.modelStatusToString(solver.getModelStatus())}")
        solution, value = solver.getSolution(), float(solver.getInfo().objective_function_value)
        x, duals = np.array(solution.col_value), np.array(solution.row_dual)
        return Answer("optimal", x, duals, value, value, 0, clock_fired=False), np.array(solution.col_dual)


def _optimal(solver: highspy.Highs) -> bool:
    import highspy

    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)
