"""Metered against baseline against award, interval by interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import AlignmentError, DataError
from dispatch.markets.product import Delivery, Side
from dispatch.signals import Array, Horizon

_RELATIVE = 1e-9
Times = NDArray[np.datetime64]
Index = NDArray[np.intp]


def delivered(baseline_kw: Array, metered_kw: Array, side: Side) -> Array:
    """Power given against a baseline of net import [kW]: less import is up, more is down; below 0 the other way.

    Raises:
        AlignmentError: the arrays differ in shape.
        DataError: a reading or a baseline is missing. Missing is not zero: estimate it first, and say so.
    """
    baseline, metered = np.asarray(baseline_kw, float), np.asarray(metered_kw, float)
    if baseline.shape != metered.shape:
        raise AlignmentError(f"the baseline has shape {baseline.shape}, the meters {metered.shape}; accepted: the same")
    missing = ~np.isfinite(baseline + metered)
    if missing.any():
        place = tuple(int(k) for k in np.argwhere(missing)[0])
        raise DataError(f"{int(missing.sum())} readings or baselines are missing, the first at {place}; accepted: all")
    return np.asarray(baseline - metered if side == "up" else metered - baseline)


def by_period(values_kw: Array, steps: Horizon, start: Times, end: Times) -> Array:
    """(…, P) means of series (…, T) over periods that begin and end with steps; NaN where a step is not known.

    Raises:
        AlignmentError: a period is no whole number of steps, or is not covered.
    """
    series = np.asarray(steps.require("metered power", np.asarray(values_kw, float)))
    own = steps.edges.astype("datetime64[s]")
    at = [np.searchsorted(own, edge.astype("datetime64[s]")) for edge in (start, end)]
    for place, edge in zip(at, (start, end), strict=True):
        off = (place >= own.size) | (own[np.minimum(place, own.size - 1)] != edge)
        if off.any():
            raise AlignmentError(f"no step of the meters begins or ends at {edge[np.argmax(off)]} UTC, a period does")
    known = np.isfinite(series)
    energy = _between(np.where(known, series, 0.0) * steps.hours, at[0], at[1])
    hours = (end - start) / np.timedelta64(3600, "s")
    return np.asarray(np.where(_between((~known).astype(float), at[0], at[1]) > 0, np.nan, energy / hours))


def _between(values: Array, first: Index, last: Index) -> Array:
    """(…, P) sums of steps."""
    whole = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    return np.asarray(whole[..., last] - whole[..., first])


@dataclass(frozen=True)
class Checked:
    """How an award was served, (…, P).

    Attributes:
        counted_kw: what is paid where delivery is paid.
        short_kw: what is missing, where the delivery does not count as whole.
        beyond_kw: delivered and not paid, as it is more than the rules pay.
        whole: does the delivery count as whole?
    """

    award_kw: Array
    delivered_kw: Array
    counted_kw: Array
    short_kw: Array
    beyond_kw: Array
    whole: Array

    @property
    def share(self) -> Array:
        """Delivered over award; NaN where nothing was awarded."""
        asked = self.award_kw > 0
        return np.asarray(np.where(asked, self.delivered_kw / np.where(asked, self.award_kw, 1.0), np.nan))


def check(rules: Delivery, award_kw: Array, delivered_kw: Array) -> Checked:
    """Hold a delivery against its award.

    Raises:
        DataError: a negative award.
    """
    award, given = np.broadcast_arrays(np.asarray(award_kw, float), np.asarray(delivered_kw, float))
    if (award < 0).any():
        raise DataError(f"an award of {award.min():g} kW; accepted: 0 or more, direction is the side's")
    useful = np.maximum(given, 0.0)
    enough = useful >= rules.nothing_below * award * (1 - _RELATIVE)
    most = rules.paid_up_to * award
    whole = useful >= rules.full_from * award * (1 - _RELATIVE)
    return Checked(
        award_kw=award,
        delivered_kw=given,
        counted_kw=np.where(enough, np.minimum(useful, most), 0.0),
        short_kw=np.where(whole, 0.0, np.maximum(award - useful, 0.0)),
        beyond_kw=np.maximum(useful - most, 0.0),
        whole=whole,
    )
