r"""What a linear program's optimum does when one right-hand side grows, or shrinks, by ever so little.

Around an optimum with basis B, more of row i moves the basic columns by B⁻¹e_i. As long as none that stands at a bound
is pushed over it, the basis stays, and emissions change by e_B B⁻¹e_i. Otherwise the direction of the optimum solves
the program's tangent: the same rows and costs, with every bound that is reached a bound on the direction, and all
others gone,

.. math:: \min c·δ \; \text{with} \; A δ = ± e_i, \; δ_j ≥ 0 \text{ at a lower bound}, \; δ_j ≤ 0 \text{ at an upper}.

B is dual feasible there, so that a few steps of the dual simplex method lead from one direction to the next.

Source: Gal, Postoptimal Analyses, Parametric Programming, and Related Topics, 1995, ch. 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.signals import Array
from dispatch.solver.highs import Matrices

if TYPE_CHECKING:
    import highspy
    from scipy.sparse import csr_array

_AT = 1e-7  # the solver's tolerance: so near to a bound is at it
_MOVES = 1e-9
_FEW = 6  # moves that are sooner solved one by one


def one_sided(solver: highspy.Highs, matrices: Matrices, carbon: Array, moves: csr_array, sign: int) -> Array:
    """(move,) ∂E of moving right-hand sides, in each move's own direction (+1) or against it (−1), per unit.

    Args:
        solver: with an optimal basis for the costs it holds; its bounds are changed and restored.
        matrices: the program that it holds.
        carbon: (column,) emissions.
        moves: (move, row) what each move adds to the right-hand sides of equalities.

    Returns:
        NaN where right-hand sides cannot move that way.
    """
    slope = np.asarray(moves @ _prices(solver, carbon))
    reached = _Reached(solver, matrices)
    held, impossible = reached.held_back(solver, moves, sign)
    slope[impossible] = np.nan
    asked = np.flatnonzero(held & ~impossible)
    if asked.size:
        slope[asked] = _directions(solver, matrices, reached, carbon, moves[asked], sign)
    return slope


def _prices(solver: highspy.Highs, carbon: Array) -> Array:
    """(row,) e_B B⁻¹ of the basis that the solver holds."""
    _, basic = solver.getBasicVariables()
    own = np.where(basic >= 0, carbon[np.maximum(basic, 0)], 0.0)
    _, found = solver.getBasisTransposeSolve(own)
    return np.array(found)


class _Reached:
    """Which columns and rows stand at a bound in the solver's optimum.

    A row counts like a column whose value is the row's with the sign turned: the solver's basis has it so.
    """

    def __init__(self, solver: highspy.Highs, matrices: Matrices) -> None:
        solution: Any = solver.getSolution()
        value, activity = np.array(solution.col_value), np.array(solution.row_value)
        self.low, self.high = _at(value, matrices.col_lower, matrices.col_upper)
        self.row_low, self.row_high = _at(activity, matrices.row_lower, matrices.row_upper)
        self._across = matrices.rows.T
        self._all_low = np.concatenate([self.low, self.row_high])
        self._all_high = np.concatenate([self.high, self.row_low])

    def held_back(self, solver: highspy.Highs, moves: csr_array, sign: int) -> tuple[np.ndarray, np.ndarray]:
        """(move,) whether something basic at a bound would have to pass it; and whether nothing can keep it from that.

        The latter is certain where no column outside the basis may move to where it would help.
        """
        _, basic = solver.getBasicVariables()
        basic = np.where(basic >= 0, basic, self.low.size - (basic + 1))
        low, high = self._all_low[basic], self._all_high[basic]
        rises, falls = ~self._all_high, ~self._all_low
        rises[basic] = falls[basic] = False
        held, impossible = np.zeros((2, moves.shape[0]), dtype=bool)
        for place in np.flatnonzero((low | high) & _moved(solver, moves)):
            inverse = np.array(solver.getBasisInverseRow(int(place))[1])
            by = sign * (moves @ inverse)
            under, over = low[place] & (by < -_MOVES), high[place] & (by > _MOVES)
            held |= under | over
            if (under | over).any():
                row = np.concatenate([self._across @ inverse, inverse])
                helps = rises & (row < -_MOVES) | falls & (row > _MOVES)
                hurts = rises & (row > _MOVES) | falls & (row < -_MOVES)
                impossible |= (under & ~helps.any()) | (over & ~hurts.any())
        return held, impossible


def _moved(solver: highspy.Highs, moves: csr_array) -> np.ndarray:
    """(basic,) what any of the moves can move at all.

    Most that stand at a bound are not moved by any (plant that is off); one solve for all moves together, in random
    parts, tells them from the others and saves a solve for each: a thousand of a day of 20 buses.
    """
    parts = np.random.default_rng(0).uniform(0.5, 1.5, moves.shape[0])
    _, found = solver.getBasisSolve(moves.T @ parts)
    return np.asarray(np.abs(np.array(found)) > _MOVES)


def _at(value: Array, lower: Array, upper: Array) -> tuple[np.ndarray, np.ndarray]:
    size = np.maximum(1.0, np.abs(value))
    return value - lower <= _AT * size, upper - value <= _AT * size


def _to_zero(low: np.ndarray, high: np.ndarray) -> tuple[Array, Array]:
    """Bounds of a direction: it leaves a bound that is reached to the inside only."""
    return np.where(low, 0.0, -np.inf), np.where(high, 0.0, np.inf)


def _directions(
    solver: highspy.Highs, matrices: Matrices, reached: _Reached, carbon: Array, moves: csr_array, sign: int
) -> Array:
    """(move,) emissions of the optimum's direction for each move.

    Where many moves are held back (every bus of every hour in which the connection is just full), most share a basis:
    that of all of them together, in random parts. It serves those that do not pass a bound on it; the others follow one
    by one.
    """
    tangent, out = _Tangent(solver, matrices, reached), np.full(moves.shape[0], np.nan)
    left, random = np.arange(out.size), np.random.default_rng(1)
    while left.size > _FEW:
        parts = random.uniform(0.5, 1.5, left.size)
        if not tangent.moved(sign * (moves[left].T @ parts)):
            break
        served = ~reached.held_back(solver, moves[left], sign)[0]
        if not served.any():
            break
        out[left[served]] = moves[left[served]] @ _prices(solver, carbon)
        left = left[~served]
    for place in left:
        if tangent.moved(sign * moves[[place]].toarray()[0]):
            out[place] = (moves[[place]] @ _prices(solver, carbon))[0]
    tangent.end()
    return out


class _Tangent:
    """The solver on the program's tangent, from the optimum's basis; and back again."""

    def __init__(self, solver: highspy.Highs, matrices: Matrices, reached: _Reached) -> None:
        self._solver, self._matrices = solver, matrices
        self._columns = np.arange(matrices.cost.size, dtype=np.int32)
        self._rows = np.arange(matrices.row_lower.size, dtype=np.int32)
        self._basis = solver.getBasis()
        self._low, self._high = _to_zero(reached.row_low, reached.row_high)
        self._moving = np.zeros(0, dtype=np.int32)
        solver.changeColsBounds(self._columns.size, self._columns, *_to_zero(reached.low, reached.high))
        solver.changeRowsBounds(self._rows.size, self._rows, self._low, self._high)
        solver.setBasis(self._basis)
        solver.setOptionValue("simplex_strategy", 1)  # dual: another right-hand side leaves it feasible

    def moved(self, by: Array) -> bool:
        """Solve for right-hand sides that move so; false where they cannot."""
        import highspy

        self._solver.changeRowsBounds(
            self._moving.size, self._moving, *(b[self._moving] for b in (self._low, self._high))
        )
        self._moving = np.flatnonzero(by).astype(np.int32)
        self._solver.changeRowsBounds(self._moving.size, self._moving, by[self._moving], by[self._moving])
        self._solver.run()
        return bool(self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def end(self) -> None:
        """The program and its basis again."""
        columns, rows, own = self._columns, self._rows, self._matrices
        self._solver.changeColsBounds(columns.size, columns, own.col_lower, own.col_upper)
        self._solver.changeRowsBounds(rows.size, rows, own.row_lower, own.row_upper)
        self._solver.setBasis(self._basis)
