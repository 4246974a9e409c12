"""From a few trained levels to as many as are asked for.

A booster's time grows with its levels, and .01….99 carry little more than a dozen do. Between two trained levels
quantiles are linear in the normal score z = Φ⁻¹(τ), exact for a normal distribution; the outermost trained levels
are the outermost asked for, so nothing is drawn out beyond what was learnt and the tails stay bounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
KNOTS = 11


def checked(levels: Floats) -> Floats:
    """Levels (Q,) as an array, refused unless they rise within 0…1."""
    found = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    if not len(found) or (np.diff(found) <= 0).any() or found[0] <= 0 or found[-1] >= 1:
        raise ForecastError(f"levels {found.tolist()}: give rising levels between 0 and 1, both excluded")
    return found


def knots(levels: Floats, most: int = KNOTS) -> Floats:
    """At most so many of the levels, the outermost and those nearest to equal steps in z, never fewer than two."""
    if len(levels) <= most:
        return levels
    z = ndtri(levels)
    near = np.linspace(z[0], z[-1], max(most, 2))
    return np.asarray(levels[np.unique(np.abs(z[:, None] - near).argmin(axis=0))])


def spread(trained: Floats, wanted: Floats, beyond: bool = False) -> Floats:
    """Weights (K, Q) that turn quantiles at trained levels (K,) into those at wanted ones (Q,).

    Levels outside the trained range take its edge, or with `beyond` are drawn out with the slope of the last two.
    """
    if len(trained) == 1:
        return np.ones((1, len(wanted)))
    from_z, to_z = ndtri(trained), ndtri(wanted)
    right = np.clip(np.searchsorted(from_z, to_z), 1, len(from_z) - 1)
    share = (to_z - from_z[right - 1]) / (from_z[right] - from_z[right - 1])
    share = share if beyond else np.clip(share, 0.0, 1.0)
    weights = np.zeros((len(trained), len(wanted)))
    column = np.arange(len(wanted))
    weights[right - 1, column] = 1 - share
    weights[right, column] += share
    return weights
