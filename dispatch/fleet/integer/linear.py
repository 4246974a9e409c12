"""Linear programs of the sites of one structure, one after the other in one solver that stays warm.

A site's branches differ in the bounds of its whole numbers alone, so any basis that was optimal for one of them is
dual feasible for all: the dual simplex goes on from where it stands, some 35 iterations where a cold start takes 700.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.fleet.hot import warm
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, fill

if TYPE_CHECKING:
    import highspy

_DUAL, _PRIMAL = 1, 4
_ROUNDING = 1e-12
_WHOLE = 1e-6


@dataclass(frozen=True, eq=False)
class Relaxed:
    """An optimum of a branch with its whole numbers relaxed.

    Attributes:
        bound: no point of the branch costs less; infinite where there is none.
        cost: of the point, infinite where none that is cheap enough was found.
        whole: (W,) its values of the columns that must be whole.
    """

    bound: float
    cost: float = np.inf
    whole: Array = field(default_factory=lambda: np.zeros(0))


class Linear:
    """Holds one site's program at a time.

    Args:
        whole: (W,) columns that must be whole.
    """

    def __init__(self, whole: np.ndarray) -> None:
        self.whole = whole.astype(np.int32)
        self.solved = 0
        self._solver: highspy.Highs | None = None
        self._reach = 1.0

    def take(self, matrices: Matrices, basis: Any = None) -> None:
        """Another site's numbers, and where its last optimum stood."""
        if self._solver is None:
            self._solver = warm(matrices)
        else:
            fill(self._solver, matrices, np.zeros(matrices.cost.size, np.int32))
        self._reach = 1.0
        # The prices have changed since, so the basis is feasible and not yet optimal.
        self._solver.setOptionValue("simplex_strategy", _DUAL if basis is None else _PRIMAL)
        if basis is not None:
            self._solver.setBasis(basis)

    def root(self, matrices: Matrices) -> tuple[Array, Array]:
        """(W,) bounds of the whole numbers, rounded inwards: where a tree begins."""
        return np.ceil(matrices.col_lower[self.whole] - _WHOLE), np.floor(matrices.col_upper[self.whole] + _WHOLE)

    def solve(self, lower: Array, upper: Array, most: float = np.inf) -> Relaxed:
        """The branch's optimum, if it costs less than ``most``.

        A branch that the solver cannot finish comes back with a bound of −∞.
        """
        import highspy

        kinds, solver = highspy.HighsModelStatus, self.solver
        solver.changeColsBounds(self.whole.size, self.whole, lower, upper)
        solver.setOptionValue("objective_bound", most)
        self._run()
        status = solver.getModelStatus()
        if status == kinds.kInfeasible:
            return Relaxed(np.inf)
        if status == kinds.kObjectiveBound:
            return Relaxed(most)
        if status != kinds.kOptimal:
            return Relaxed(-np.inf)
        info, x = solver.getInfo(), self.point()
        self._reach = max(self._reach, float(np.abs(x).max(initial=0.0)))
        cost = float(info.objective_function_value)
        # Duals that miss their sign by a tolerance lose what a column may move.
        lost = info.sum_dual_infeasibilities * self._reach + _ROUNDING * abs(cost)
        return Relaxed(cost - lost) if cost >= most else Relaxed(cost - lost, cost, x[self.whole])

    def point(self) -> Array:
        """(C,) where the solver stands."""
        return np.array(self.solver.getSolution().col_value)

    def row_dual(self) -> Array:
        """(R,) of the branch last solved."""
        return np.array(self.solver.getSolution().row_dual)

    def basis(self) -> Any:
        """That of the last optimum."""
        return self.solver.getBasis()

    @property
    def solver(self) -> highspy.Highs:
        """The one that holds the site."""
        assert self._solver is not None
        return self._solver

    def _run(self) -> None:
        import highspy

        kinds = highspy.HighsModelStatus
        self.solved += 1
        self.solver.run()
        if self.solver.getModelStatus() not in (kinds.kOptimal, kinds.kInfeasible, kinds.kObjectiveBound):
            self.solver.clearSolver()
            self.solver.setOptionValue("simplex_strategy", _DUAL)
            self.solver.run()
        self.solver.setOptionValue("simplex_strategy", _DUAL)
