"""Bands of few blocks: what a handful of days has not shown can still come.

Quantiles of n days are drawn from those days; what comes next is told by them only as a mean and a spread are by n
values. For normal errors the next one lies below m + s t_{n−1}(τ) √(1 + 1/n) with probability τ (the prediction
interval, Hahn & Meeker 1991, Statistical Intervals, ch. 4), so distances from the median are stretched by

    k_τ = t_{n−1}(τ) √(1 + 1/n) / e_τ

e_τ is what the quantile itself is expected to be of n normal values: z_τ where it comes from many, and between the
normal scores z((i − 3/8)/(n + 1/4)) of the ordered values (Blom 1958) where it was read between n of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from forecasting.learners.base import Fitted, Frame
from forecasting.learners.held import Held

Floats = NDArray[np.float64]
FEWEST = 3  # a spread of two has no second moment of its own


def stretch(levels: Floats, blocks: int, *, read_between: bool = False) -> Floats:
    """Factors (Q,) for distances from the median; 1 at the median."""
    n = max(blocks, FEWEST)
    normal = ndtri(levels)
    expected = normal
    if read_between:
        order = np.arange(1, n + 1)
        expected = np.interp(1 + (n - 1) * levels, order, ndtri((order - 0.375) / (n + 0.25)))
    apart = np.abs(normal) > 1e-9
    wanted = stdtrit(n - 1, levels) * np.sqrt(1 + 1 / n)
    return np.where(apart, wanted / np.where(apart, expected, 1.0), 1.0)


def stretched(quantiles: Floats, levels: Floats, factor: Floats) -> Floats:
    """Quantiles (…, Q) with their distances from the median times factor (Q,)."""
    middle = quantiles[..., np.abs(levels - 0.5).argmin(), None]
    return np.asarray(middle + (quantiles - middle) * factor)


@dataclass(frozen=True, eq=False)
class Stretched:
    """What has learnt, with factors (Q,) at levels (Q,)."""

    fitted: Fitted
    levels: Floats
    factor: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        return stretched(self.fitted.predict(rows), self.levels, self.factor)


def of_few(fitted: Fitted, held: Held, levels: Floats, block: NDArray[np.int64]) -> tuple[Stretched, Held]:
    """What was calibrated on held-out rows of blocks (N,), with what it said of them, stretched for their number."""
    factor = stretch(levels, len(np.unique(block[held.position])))
    return Stretched(fitted, levels, factor), replace(held, quantiles=stretched(held.quantiles, levels, factor))
