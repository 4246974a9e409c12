"""A farm or its weather model changes: the mean error of the last weeks moves the forecast, in units of its own width.

    q'_τ = q_τ + θ s(q) 2^(−lead/h),    θ = Σ w (y − m) / (Σ w s + s̄ n₀),    w = 2^(−age/h),    s = q_hi − q_lo

over the last thirty days as known at the issue, m being stage one's mean and s the width of its band. Hours that stage
one has learnt from are judged by the trees that have not. n₀ hours without error are thrown in, so a few bad days move
little. A shift in units of the width leaves alone what is certain, a calm or full power.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAYS = 30.0
EVERY_H = 3.0
HALF_LIFE_DAYS = 14.0
BORROWED_H = 144.0
BAND = (0.1, 0.9)


def width(quantiles: Floats, levels: Floats) -> Floats:
    """Width (N,) of the band between the levels nearest to 10 % and 90 %."""
    low, high = (int(np.argmin(np.abs(levels - level))) for level in BAND)
    return np.asarray(quantiles[:, high] - quantiles[:, low])


def measured(power: Floats, mean: Floats, widths: Floats, age_days: Floats) -> float:
    """θ from powers (N,), stage one's means and widths of them, and their age; 0 where nothing is known."""
    known = np.isfinite(power) & np.isfinite(mean) & np.isfinite(widths)
    if not known.any():
        return 0.0
    weight = np.exp2(-age_days[known] / HALF_LIFE_DAYS)
    usual = BORROWED_H / EVERY_H * float(widths[known].mean())
    total = float(weight @ widths[known]) + usual
    return float(weight @ (power - mean)[known]) / total if total > 0 else 0.0


def shift(quantiles: Floats, levels: Floats, theta: float, lead_days: Floats) -> Floats:
    """By how much (N,) θ, which fades with the lead (N,), moves quantiles (N, Q)."""
    return np.asarray(width(quantiles, levels) * theta * np.exp2(-np.maximum(lead_days, 0.0) / HALF_LIFE_DAYS))
