"""A first plan by rounding up: solve the relaxation, put the torn numbers nearest to one there, and again."""

from __future__ import annotations

import time

import numpy as np

from dispatch.signals import Array
from dispatch.solver.highs import Answer, Matrices, load

_MOST_DIVES = 25
_WHOLE = 1e-6
_AT_ONCE = 0.3


def dive(matrices: Matrices, seconds: float = np.inf) -> Answer | None:
    """A point whose integers are whole, or None where rounding up leads nowhere; its bound is that of the relaxation.

    Rounding up gives more than is needed rather than less, so that demand and reserve stay served. Only columns that
    lie between 0 and 1 are put to 1; what they make unnecessary the next relaxation puts to 0. After so many seconds it
    gives up. Its duals are NaN, as they would be those of the last relaxation.
    """
    import highspy

    solver = load(matrices, np.zeros(matrices.cost.size, bool))
    known = np.abs(matrices.cost[matrices.cost != 0])
    if known.size:
        solver.setOptionValue("user_objective_scale", int(np.clip(-np.round(np.log2(np.median(known))), -20, 20)))
    whole = np.flatnonzero(matrices.integer)
    bound = -np.inf
    until = time.perf_counter() + seconds
    for dives in range(_MOST_DIVES):
        if (left := until - time.perf_counter()) <= 0:
            return None
        solver.setOptionValue("time_limit", float(solver.getRunTime() + left))
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        objective, x = float(solver.getInfo().objective_function_value), np.array(solver.getSolution().col_value)
        bound = objective if dives == 0 else bound
        torn = whole[np.abs(x[whole] - np.round(x[whole])) > _WHOLE]
        if not torn.size:
            return Answer("incumbent", x, np.full(matrices.row_upper.size, np.nan), objective, bound, 0, False)
        _round_up(solver, x, torn)
    return None


def _round_up(solver: object, x: Array, torn: np.ndarray) -> None:
    """The largest fractions among the torn, a share of them at a time, to the next whole number."""
    up = np.ceil(x[torn])
    order = np.argsort(up - x[torn], kind="stable")[: max(int(np.ceil(_AT_ONCE * torn.size)), 1)]
    columns = torn[order].astype(np.int32)
    solver.changeColsBounds(columns.size, columns, up[order], up[order])  # type: ignore[attr-defined]  # a Highs
