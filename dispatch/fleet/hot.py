"""Linear programs of one structure, each begun from the same optimal basis: that of the structure's reference site.

A site's program has the pattern of the reference's and other numbers, so a few of the reference's pivots are wrong and
the rest stand. Every site begins from the reference and never from the site before it: its plan does not depend on who
is planned with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Matrices, fill, is_optimal, load

if TYPE_CHECKING:
    import highspy

# Edge weights that need no start-up, and numbers as they are: a third of a solve that takes 30 to 80 pivots.
_OPTIONS = {"presolve": "off", "simplex_dual_edge_weight_strategy": 1, "simplex_scale_strategy": 0}


def warm(matrices: Matrices) -> highspy.Highs:
    """A solver that holds the program, whole numbers relaxed, and goes on from a basis at once."""
    solver = load(matrices, np.zeros(matrices.cost.size, bool))
    for option, value in _OPTIONS.items():
        solver.setOptionValue(option, value)
    return solver


class Hot:
    """Solves matrices of one pattern.

    Args:
        reference: those of the reference site.
    """

    def __init__(self, reference: Matrices) -> None:
        self._none = np.zeros(reference.cost.size, np.int32)
        self._solver = warm(reference)
        self._solver.run()
        self._basis: Any = self._solver.getBasis()
        self._has_basis = is_optimal(self._solver)

    def continuous(self, matrices: Matrices) -> tuple[Answer, Array]:
        """The linear program, whole numbers relaxed, and (column,) reduced costs.

        Raises:
            SolveError: it has no optimum.
        """
        solver = self._solver
        fill(solver, matrices, self._none)  # forgets the program before it, with all that was found of it
        if self._has_basis:
            solver.setBasis(self._basis)
        solver.run()
        if not is_optimal(solver):
            raise SolveError(f"HiGHS stopped without a plan: {solver.modelStatusToString(solver.getModelStatus())}")
        solution, value = solver.getSolution(), float(solver.getInfo().objective_function_value)
        x, duals = np.array(solution.col_value), np.array(solution.row_dual)
        return Answer("optimal", x, duals, value, value, 0, clock_fired=False), np.array(solution.col_dual)
