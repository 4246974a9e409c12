r"""Marginal emissions: what one more kWh would have emitted, at every place and hour, by the envelope theorem.

With V(d, τ) the least of cost + τ · emissions that serves demand d, the local price is LMP = ∂V/∂d, and

.. math:: LME = \frac{∂E}{∂d} = \frac{∂^2 V}{∂d \, ∂τ} = \frac{∂ LMP}{∂τ}.

A linear program stays on one basis B for a while as τ changes; there LMP = c_B B⁻¹, so that its slope is e_B B⁻¹: the
prices that the same basis would have if its costs were the emissions. Two more solves, at a price of carbon slightly
below and slightly above, find the bases on either side; each then tells its slope exactly, without a difference of two
nearly equal numbers. Where left and right differ, one more kWh and one kWh less do not do the same, and both are given.
Whole numbers are fixed first.

It prices decisions and does not add up to what was emitted. Sources: Ruiz & Rudkevich 2010; arXiv 2302.14282;
arXiv 2411.12104.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import AlignmentError, SolveError
from dispatch.highs import Matrices, load
from dispatch.signals import Array

if TYPE_CHECKING:
    import highspy

# As a share of the size of the costs over that of the emissions: far above the solver's tolerance, far below where
# another plan becomes the best.
_ASIDE = 1e-5


@dataclass(frozen=True, eq=False)
class Dispatch:
    """A linear (or mixed-integer, with its integers settled) program with emissions.

    Attributes:
        matrices: costs, rows, bounds; ``integer`` marks columns that are fixed at ``point``.
        emissions: (column,) carbon per unit of each column.
        demand: positions of the rows whose right-hand side is demand: what must be served.
        point: (column,) a solution whose whole numbers are kept; needed only where there are any.
        carbon_price: τ, at which cost and carbon are weighed; in money per unit of carbon.
    """

    matrices: Matrices
    emissions: Array
    demand: np.ndarray
    point: Array | None = None
    carbon_price: float = 0.0


@dataclass(frozen=True, eq=False)
class Marginal:
    """By row of demand.

    Attributes:
        price: local price, money per unit of demand, with carbon at its price.
        emissions: carbon per unit of demand: the mean of left and right.
        left, right: the same for an infinitesimally lower and higher price of carbon.
        emitted: carbon of the whole plan.
    """

    price: Array
    emissions: Array
    left: Array
    right: Array
    emitted: float

    @property
    def degenerate(self) -> np.ndarray:
        """Rows at which left and right differ."""
        return np.asarray(np.abs(self.left - self.right) > 1e-7 * np.maximum(1.0, np.abs(self.left)))

    def unexplained(self, demand: ArrayLike) -> float:
        """What the plan emitted less Σ demand · marginal: marginal rates do not add up to the total."""
        return self.emitted - float(np.asarray(demand, dtype=np.float64) @ self.emissions)


def marginal(problem: Dispatch) -> Marginal:
    """Local prices and marginal emissions.

    Raises:
        AlignmentError: emissions and columns differ in number, or there are integers and no point.
        SolveError: the linear program has no optimum.
    """
    matrices, carbon = problem.matrices, np.asarray(problem.emissions, dtype=np.float64)
    if carbon.shape != matrices.cost.shape:
        raise AlignmentError(f"{carbon.size} emissions for {matrices.cost.size} columns; give one each")
    fixed = _settled(matrices, problem.point)
    solver = load(fixed, np.zeros(fixed.cost.size, bool))
    at = fixed.cost + problem.carbon_price * carbon
    price, value, _ = _solved(solver, at, carbon)
    aside = _ASIDE * _size(at) / _size(carbon)
    sides = [_solved(solver, at + sign * aside * carbon, carbon)[2] for sign in (-1, 1)]
    left, right = (side[problem.demand] for side in sides)
    return Marginal(price[problem.demand], (left + right) / 2, left, right, float(carbon @ value))


def _size(values: Array) -> float:
    known = np.abs(values[values != 0])
    return float(np.median(known)) if known.size else 1.0


def _settled(matrices: Matrices, point: Array | None) -> Matrices:
    """The linear program around the point's whole numbers."""
    if not matrices.integer.any():
        return matrices
    if point is None:
        raise AlignmentError("there are whole numbers: give the point at which they are settled")
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[matrices.integer] = upper[matrices.integer] = np.round(np.asarray(point)[matrices.integer])
    return replace(matrices, col_lower=lower, col_upper=upper)


def _solved(solver: highspy.Highs, cost: Array, carbon: Array) -> tuple[Array, Array, Array]:
    """Row duals and values at the optimum of ``cost``, and the row duals of ``carbon`` on the optimal basis."""
    columns = np.arange(cost.size, dtype=np.int32)
    solver.changeColsCost(cost.size, columns, cost)
    solver.setOptionValue("simplex_iteration_limit", 2**31 - 1)
    solver.setOptionValue("simplex_strategy", 4)  # primal: the basis of another price stays feasible
    solver.run()
    if not _optimal(solver):
        raise SolveError("marginal emissions: the linear program around the plan's whole numbers has no optimum")
    solution: Any = solver.getSolution()
    dual, value = np.array(solution.row_dual), np.array(solution.col_value)
    basis = solver.getBasis()
    # The same basis with the emissions for costs: no step of the simplex method, only its prices.
    solver.changeColsCost(cost.size, columns, carbon)
    solver.setOptionValue("simplex_iteration_limit", 0)
    solver.run()
    slope = np.array(solver.getSolution().row_dual)
    solver.setBasis(basis)
    return dual, value, slope


def _optimal(solver: highspy.Highs) -> bool:
    import highspy

    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)
