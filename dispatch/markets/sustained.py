"""What can be kept up all along a delivery period, and not in each of its steps alone.

A step's blocks hold for that step by itself. What a site gives for hours on end also takes from its energy: with the
band of energy that the site may have drawn by the end of each step, e_min and e_max, and its plan e between them, a
constant power q from a to b beside the plan is within the band where for all ends t of steps in [a, b]

    q (t − a) ≤ e(t) − e_min(t)  upwards (less drawn),    q (t − a) ≤ e_max(t) − e(t)  downwards.

Each period is looked at by itself, as if nothing were called in the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dispatch.errors import DataError
from dispatch.flexibility.offers import Flexibility
from dispatch.markets.curves import cells
from dispatch.signals import Array, Horizon

_ROUNDED_KWH = 1e-6


@dataclass(frozen=True)
class EnergyBand:
    """A site's energy drawn since the horizon's start.

    Attributes:
        plan_kwh, least_kwh, most_kwh: (T,) by the end of each step: planned, least and most that is possible.

    Raises:
        DataError: shapes that differ, or a plan outside its band.
    """

    plan_kwh: Array
    least_kwh: Array
    most_kwh: Array

    def __post_init__(self) -> None:
        if not self.plan_kwh.shape == self.least_kwh.shape == self.most_kwh.shape:
            shapes = f"{self.plan_kwh.shape}, {self.least_kwh.shape}, {self.most_kwh.shape}"
            raise DataError(f"a band of energy has shapes {shapes}; accepted: three alike")
        if not all(np.isfinite(values).all() for values in (self.plan_kwh, self.least_kwh, self.most_kwh)):
            raise DataError("a band of energy has missing values; accepted: numbers")


def sustained(offer: Flexibility, band: EnergyBand, steps: Horizon, periods: Horizon) -> Flexibility:
    """The blocks narrowed, dearest first, to what can be kept up over each period.

    Args:
        band: of the same site on the same steps.
        periods: (P) for which bids are made.

    Raises:
        DataError: offer, band and steps are not of the same length.
    """
    if offer.hours.size != steps.steps or band.plan_kwh.size != steps.steps:
        raise DataError(
            f"blocks of {offer.hours.size} steps and a band of {band.plan_kwh.size}; accepted: {steps.steps} of each"
        )
    up = _narrowed(offer.up_kw, _caps_kw(band.plan_kwh - band.least_kwh, steps, periods))
    down = _narrowed(offer.down_kw, _caps_kw(band.most_kwh - band.plan_kwh, steps, periods))
    return replace(offer, up_kw=up, down_kw=down)


def _caps_kw(spare_kwh: Array, steps: Horizon, periods: Horizon) -> Array:
    """(T,) the most that can be kept up over the periods that a step belongs to; inf where it belongs to none."""
    pieces = cells(steps, periods)
    own, asked = (h.edges.astype("datetime64[s]").astype(np.int64) for h in (steps, periods))
    begins = asked[pieces.period]
    first = np.searchsorted(pieces.period, pieces.period)  # of the pieces of its period
    passed_h = np.cumsum(pieces.hours)
    elapsed_h = passed_h - (passed_h - pieces.hours)[first]
    ends = begins + np.round(3600 * elapsed_h).astype(np.int64)
    # Within a step what is drawn goes evenly, so that the band does, too.
    spare = np.interp(ends, own, np.concatenate([[0.0], np.maximum(spare_kwh, 0.0)]))
    by_period, by_step = np.full(periods.steps, np.inf), np.full(steps.steps, np.inf)
    np.minimum.at(by_period, pieces.period, np.where(spare > _ROUNDED_KWH, spare, 0.0) / elapsed_h)
    np.minimum.at(by_step, pieces.step, by_period[pieces.period])
    return by_step


def _narrowed(width_kw: Array, cap_kw: Array) -> Array:
    before = np.cumsum(width_kw, axis=0) - width_kw
    return np.asarray(np.clip(cap_kw - before, 0.0, width_kw))
