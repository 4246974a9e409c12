"""Split-conformal correction of quantiles on days the model has not seen.

For each level τ apart, and each block of lead time, with the band's own width s = max(q_.95 − q_.05, floor)
as the scale:

    q'_τ = q_τ + s · Quantile_{τ*}((y − q_τ)/s),   τ* = τ moved outward by (1 + 1/n), n = days of calibration

(conformalized quantile regression, Romano et al. 2019, arXiv:1905.03222, one-sided per level). The days and
not the intervals count in n: errors of one day move together. No correction from fewer than `LEAST_DAYS`
days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.quantiles import LEVELS

Floats = NDArray[np.float64]
LEAD_BLOCKS_H = np.array([3.0, 12.0, 36.0, 84.0])
LEAST_DAYS = 7
WIDTH_FLOOR_SHARE = 0.01  # of the highest value ever seen


@dataclass(frozen=True, eq=False)
class Correction:
    """offset (blocks, Q) in units of the local band width."""

    offset: Floats
    floor_kw: float

    def apply(self, quantiles: Floats, lead_h: Floats) -> Floats:
        """Corrected and sorted quantiles (…, Q) for leads (…)."""
        block = np.searchsorted(LEAD_BLOCKS_H, lead_h)
        moved = quantiles + width_kw(quantiles, self.floor_kw)[..., None] * self.offset[block]
        return np.sort(moved, axis=-1)


def width_kw(quantiles: Floats, floor_kw: float) -> Floats:
    """Width of the outer band [kW], not below the floor."""
    return np.asarray(np.maximum(quantiles[..., -1] - quantiles[..., 0], floor_kw))


def fit(actual: Floats, quantiles: Floats, lead_h: Floats, floor_kw: float) -> Correction:
    """Correction from calibration days.

    From actual (I, H) with NaN where unknown or not to count, quantiles (I, H, Q), leads (I, H).
    """
    block = np.searchsorted(LEAD_BLOCKS_H, lead_h)
    score = (actual[..., None] - quantiles) / width_kw(quantiles, floor_kw)[..., None]
    offset = np.zeros((len(LEAD_BLOCKS_H) + 1, len(LEVELS)))
    for b in np.unique(block):
        inside = (block == b) & np.isfinite(actual)
        days = int(inside.any(axis=1).sum())
        if days < LEAST_DAYS:
            continue
        outward = np.clip(0.5 + (LEVELS - 0.5) * (1 + 1 / days), 0.0, 1.0)
        offset[b] = [np.quantile(score[inside][:, k], level) for k, level in enumerate(outward)]
    return Correction(offset, floor_kw)


def blend_weight(actual: Floats, model: Floats, sister: Floats) -> float:
    """Share of the model in w·model + (1 − w)·sister with the least pinball loss on these days.

    One of 0, ¼, ½, ¾, 1.
    """
    from forecasting.quantiles import pinball

    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    loss = [float(np.nanmean(pinball(actual, w * model + (1 - w) * sister))) for w in shares]
    return shares[int(np.argmin(loss))]
