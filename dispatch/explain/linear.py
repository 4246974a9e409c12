"""Linear and mixed-integer programs of the explanations: the plan's own matrices with other costs, bounds and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dispatch.signals import Array
from dispatch.solver.highs import Matrices, is_optimal, load

if TYPE_CHECKING:
    import highspy

Feasible = Literal["yes", "no", "unknown"]

_GAP = 1e-6
_NODES = 5_000


@dataclass(frozen=True)
class Point:
    """A solved program: values, and what one more unit of a row's or column's bound changes in the objective."""

    x: Array
    row_dual: Array
    col_dual: Array
    objective: float


def optimum(matrices: Matrices) -> Point | None:
    """The best point; integers are fixed at their values for the duals. None where there is no point.

    A search that ends on its node limit with a point counts as solved.
    """
    solver = load(matrices)
    solver.setOptionValue("mip_rel_gap", _GAP)
    solver.setOptionValue("mip_max_nodes", _NODES)
    solver.run()
    if not matrices.integer.any():
        return _read(solver) if is_optimal(solver) else None
    if not (is_optimal(solver) or _has_point(solver)):
        return None
    x = np.array(solver.getSolution().col_value)
    fixed = optimum(at_integers(matrices, x))
    return fixed or _read(solver)


class Widened:
    """A linear program that is asked again and again what it would save if some of its rows gave way a little.

    At an optimum where more limits meet than are needed to hold it, duals are not unique, and one of them may be far
    above what a wider limit saves. A little beyond the limit they are: the saving is concave there.
    """

    def __init__(self, matrices: Matrices) -> None:
        self._upper = matrices.row_upper
        self._solver = load(matrices)
        self._solver.run()

    def duals(self, rows: np.ndarray, by: float) -> Array | None:
        """(row,) duals with ``rows`` held by an upper bound so much higher; None where the solver finds no optimum."""
        solver, below = self._solver, np.full(rows.size, -np.inf)
        places = rows.astype(np.int32)
        solver.changeRowsBounds(rows.size, places, below, self._upper[rows] + by)
        solver.run()
        found = np.array(solver.getSolution().row_dual) if is_optimal(solver) else None
        solver.changeRowsBounds(rows.size, places, below, self._upper[rows])
        return found


def feasible(matrices: Matrices, nodes: int = _NODES) -> Feasible:
    """Is there a point at all; unknown where a search ended before it found one or proved that there is none."""
    import highspy

    solver = load(replace(matrices, cost=np.zeros_like(matrices.cost)))
    solver.setOptionValue("mip_max_nodes", nodes)
    solver.run()
    if is_optimal(solver) or _has_point(solver):
        return "yes"
    # Without costs nothing runs off to infinity.
    none = {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible}
    return "no" if solver.getModelStatus() in none else "unknown"


def at_integers(matrices: Matrices, x: Array) -> Matrices:
    """The linear program that is left once every integer stands at its rounded value in ``x``."""
    return bounded(
        replace(matrices, integer=np.zeros_like(matrices.integer)),
        {int(c): (float(np.round(x[c])),) * 2 for c in np.flatnonzero(matrices.integer)},
    )


def bounded(matrices: Matrices, bounds: Mapping[int, tuple[float, float]]) -> Matrices:
    """The same program with other bounds of some columns."""
    low, high = matrices.col_lower.copy(), matrices.col_upper.copy()
    columns = np.fromiter(bounds, int, len(bounds))
    if columns.size:
        low[columns], high[columns] = np.array(list(bounds.values()), float).T
    return replace(matrices, col_lower=low, col_upper=high)


def with_rows(matrices: Matrices, coefficients: Any, value: Array) -> Matrices:
    """More equality rows: coefficients · x = value."""
    import scipy.sparse as sp

    return replace(
        matrices,
        rows=sp.vstack([matrices.rows, coefficients]).tocsc(),
        row_lower=np.append(matrices.row_lower, value),
        row_upper=np.append(matrices.row_upper, value),
    )


def with_slack(matrices: Matrices, rows: np.ndarray, weight: Array) -> Matrices:
    """The program that finds how far ``rows`` must give way: min Σ weight · slack, and nothing else costs."""
    import scipy.sparse as sp

    count, size = rows.size, matrices.row_upper.size
    both = np.isfinite(matrices.row_lower[rows])
    take = sp.csc_array((-np.ones(count), (rows, np.arange(count))), shape=(size, count))
    give = sp.csc_array((np.ones(int(both.sum())), (rows[both], np.arange(int(both.sum())))), shape=(size, both.sum()))
    extra = count + int(both.sum())
    return replace(
        matrices,
        cost=np.concatenate([np.zeros_like(matrices.cost), weight, weight[both]]),
        offset=0.0,
        rows=sp.hstack([matrices.rows, take, give]).tocsc(),
        col_lower=np.append(matrices.col_lower, np.zeros(extra)),
        col_upper=np.append(matrices.col_upper, np.full(extra, np.inf)),
        integer=np.append(matrices.integer, np.zeros(extra, bool)),
    )


def with_common_slack(matrices: Matrices, rows: np.ndarray) -> Matrices:
    """The program that finds by how much all of ``rows`` must give way at most: min s, each gives way by up to s."""
    import scipy.sparse as sp

    size = matrices.row_upper.size
    lower, upper = matrices.row_lower.copy(), matrices.row_upper.copy()
    equal = rows[np.isfinite(lower[rows])]
    # An equality becomes a pair: its own row from above, a copy of it from below.
    lower[rows] = -np.inf
    take = sp.csc_array((-np.ones(rows.size), (rows, np.zeros(rows.size, int))), shape=(size, 1))
    below = sp.hstack([matrices.rows.tocsr()[equal], sp.csc_array(np.ones((equal.size, 1)))])
    return replace(
        matrices,
        cost=np.append(np.zeros_like(matrices.cost), 1.0),
        offset=0.0,
        rows=sp.vstack([sp.hstack([matrices.rows, take]), below]).tocsc(),
        row_lower=np.append(lower, matrices.row_lower[equal]),
        row_upper=np.append(upper, np.full(equal.size, np.inf)),
        col_lower=np.append(matrices.col_lower, 0.0),
        col_upper=np.append(matrices.col_upper, np.inf),
        integer=np.append(matrices.integer, False),
    )


def without_rows(matrices: Matrices, gone: np.ndarray) -> Matrices:
    """The same program where some rows hold nothing any more."""
    low, high = matrices.row_lower.copy(), matrices.row_upper.copy()
    low[gone], high[gone] = -np.inf, np.inf
    return replace(matrices, row_lower=low, row_upper=high)


def _has_point(solver: highspy.Highs) -> bool:
    import highspy

    feasible_point = highspy.SolutionStatus.kSolutionStatusFeasible
    unlimited = {highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible}
    return solver.getInfo().primal_solution_status == feasible_point and solver.getModelStatus() not in unlimited


def _read(solver: highspy.Highs) -> Point:
    solution = solver.getSolution()
    x, row_dual, col_dual = (np.array(v) for v in (solution.col_value, solution.row_dual, solution.col_dual))
    return Point(x, row_dual, col_dual, float(solver.getInfo().objective_function_value))
