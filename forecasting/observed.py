"""Means over any intervals of a series that was measured on its own: what came, to hold forecasts against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Measured
from forecasting.clock import Ns

Floats = NDArray[np.float64]
FULL_SHARE = 1 - 1e-9


def means_over(measured: Measured, edges_ns: Ns) -> Floats:
    """Mean (T,) over the intervals between edges (T+1), exact for the series' own steps; NaN where not all is known.

    The step is the most common distance of two interval ends; a value stands for the one step before its end.
    """
    if len(measured.end_ns) < 2:
        return np.full(len(edges_ns) - 1, np.nan)
    order = np.argsort(measured.end_ns, kind="stable")
    end, value = measured.end_ns[order], measured.value[order]
    distances, counts = np.unique(np.diff(end), return_counts=True)
    step = int(distances[np.argmax(counts)])
    start = np.maximum(end - step, np.concatenate([[end[0] - step], end[:-1]]))
    origin = int(edges_ns[0])
    knots = np.column_stack([start, end]).ravel() - origin
    known = np.isfinite(value)
    at = edges_ns - origin
    rises = [np.where(known, value, 0.0) * (end - start), known * (end - start).astype(np.float64)]
    totals = [np.interp(at, knots, np.cumsum(np.column_stack([np.zeros(len(r)), r]).ravel())) for r in rises]
    wide = np.diff(at)
    covered = np.diff(totals[1]) >= FULL_SHARE * wide
    return np.where(covered, np.diff(totals[0]) / np.where(covered, wide, 1), np.nan)
