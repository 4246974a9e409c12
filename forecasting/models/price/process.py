"""A Gaussian process over days whose forecasts of all past days fall out of one factorisation.

The prices of the 24 hours of day i are y_i = f(x_i) + e_i with the covariance k between days, the same for all hours.
With K + N = L Lᵀ (days in the order of time) and L z = y, what days up to m say of day j > m is

    E[y_j | y_1 … y_m] = Σ_{i ≤ m} L_ji z_i,

since row j of L up to column m depends on days up to m and on x_j only. So one Cholesky factor, a third of a billion
multiplications for four years of days, gives forecasts of every day of a month, each recalibrated on all days before it
(Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, ch. 2; the factor's rows are the innovations form).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NOTHING_KNOWN = 1e6  # variance of a day that says nothing, against 1 of the prices


def ahead(covariance: Floats, noise: Floats, y: Floats, first: int, lead: int) -> Floats:
    """Means (N − first, H) of the days from `first` on, each given the days up to `lead` days before it.

    covariance (N, N), which is used up, noise (N,) variances, y (N, H) with mean zero; days with a NaN tell nothing.
    """
    from scipy.linalg import cholesky, solve_triangular

    known = ~np.isnan(y.sum(axis=1))
    covariance[np.diag_indices_from(covariance)] += np.where(known, noise, NOTHING_KNOWN)
    factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    innovation = solve_triangular(factor, np.where(known[:, None], y, 0.0), lower=True, check_finite=False)
    days = len(y)
    seen = np.arange(days)[None, :] <= np.arange(first, days)[:, None] - lead
    return np.asarray((factor[first:] * seen) @ innovation)


def matern(squared: Floats) -> Floats:
    """Once-differentiable covariance (1 + r) e^(−r) of squared distances, with r² = 3 d²; their array is used up."""
    r = np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared)
    r *= np.sqrt(3.0)
    found = np.exp(-r)
    r += 1
    found *= r
    return np.asarray(found)
