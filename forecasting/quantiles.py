"""What a set of quantiles says: their levels, their loss, and the mean of the distribution they stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


def pinball(actual: Floats, quantiles: Floats, levels: Floats = LEVELS) -> Floats:
    """Pinball loss averaged over levels, in the unit of `actual` (…); quantiles (…, Q). NaN actual gives NaN."""
    miss = actual[..., None] - quantiles
    return np.asarray(np.maximum(levels * miss, (levels - 1) * miss).mean(axis=-1), dtype=np.float64)


def mean_weights(levels: Floats = LEVELS) -> Floats:
    """Weights (Q,) whose product with quantiles is the mean of the distribution.

    Each quantile stands for the probability up to half-way to its neighbours.
    """
    return np.diff(np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]]))
