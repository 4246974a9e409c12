"""Members averaged by what they were worth lately, and the band that the average's own errors fill.

With e_m the mean absolute error of member m over the last 28 days whose prices were known,

    c = Σ_m w_m f_m,    w_m ∝ e_m^(−16).

The power makes the weights follow a change of regime within weeks; equal members share equally whatever it is. The
quantiles of hour h are c_h + s_h · Q_τ(r): r are the past errors of the average, each over its own scale s, in hours
around h; s is the mean absolute error of hour h in the last weeks plus the spread of the members about their average,
which tells a day on which they disagree from one on which they do not. Q_τ counts days, not hours, for the finite
sample (Romano et al. 2019, arXiv:1905.03222, one-sided per level). Q_τ is taken about the median of r, so that the
median of the forecast is the average itself: half a year of errors says too little of its bias (on the markets' years
before the test years a median moved by it errs by .2 % more). Every figure of a day is from before its auction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WEIGHT_DAYS, WEIGHT_POWER = 28, 16.0
LEAST_WEIGHED_DAYS = 7
SCALE_HALF_LIFE_DAYS, SCALE_DAYS = 14.0, 56
LEAST_SCALE = 1e-9  # money/MWh; of prices that never move
SPREAD_SHARE = 1.0  # of the members' spread, beside the errors' mean
LEAST_ERROR_DAYS = 20
HOURS_AROUND = 1


def reach(lead: int) -> int:
    """Days of members' forecasts before the first error that counts: for its scale, and for the weights behind it."""
    return SCALE_DAYS + WEIGHT_DAYS + 3 * lead


@dataclass(frozen=True, eq=False)
class Average:
    """central (D, 24), weights (D, M) and spread (D, 24) of the members about their average."""

    central: Floats
    weights: Floats
    spread: Floats


def average(members: Floats, price: Floats, lead: int) -> Average:
    """Of members (M, D, 24), with prices (D, 24) known up to `lead` days before each day; NaN where no member spoke."""
    count, days = members.shape[:2]
    error = np.abs(members - price).mean(axis=2)
    there = np.isfinite(members.sum(axis=2))
    common = np.isfinite(error[there.any(axis=1)]).all(axis=0)
    total = np.concatenate([np.zeros((count, 1)), np.cumsum(np.where(common, error, 0.0), axis=1)], axis=1)
    seen = np.concatenate([[0], np.cumsum(common)])
    end = np.maximum(np.arange(days) - lead + 1, 0)
    begin = np.maximum(end - WEIGHT_DAYS, 0)
    known = (seen[end] - seen[begin])[None, :]
    late = np.maximum((total[:, end] - total[:, begin]) / np.maximum(known, 1), LEAST_SCALE)
    best = late.min(axis=0, where=there, initial=np.inf)
    worth = np.where(known >= LEAST_WEIGHED_DAYS, (best / late) ** WEIGHT_POWER, 1.0)
    worth = np.where(there, np.nan_to_num(worth, nan=1.0), 0.0)
    weights = worth / np.where(worth.sum(axis=0) > 0, worth.sum(axis=0), np.nan)
    spoken = np.nan_to_num(members)
    central = np.einsum("md,mdh->dh", weights, spoken)
    spread = np.einsum("md,mdh->dh", weights, np.abs(spoken - central))
    return Average(central, weights.T, spread)


def scales(made: Average, price: Floats, lead: int) -> Floats:
    """The errors' scale (D, 24) of each day, from errors known by then and the members' spread."""
    error = np.abs(price - made.central)
    near = np.mean([np.roll(error, k, axis=1) for k in (-1, 0, 1)], axis=0)
    known = np.isfinite(near).all(axis=1)
    total, weight = np.zeros(near.shape), np.zeros(len(near))
    for age in range(SCALE_DAYS):
        past = lead + age
        worth = 0.5 ** (age / SCALE_HALF_LIFE_DAYS)
        total[past:] += worth * np.where(known[:, None], near, 0.0)[: max(len(near) - past, 0)]
        weight[past:] += worth * known[: max(len(near) - past, 0)]
    mean = np.where(weight > 0, 1.0, np.nan)[:, None] * total / np.maximum(weight, 1e-9)[:, None]
    return np.asarray(np.maximum(mean + SPREAD_SHARE * made.spread, LEAST_SCALE))


def quantiles(
    made: Average, price: Floats, lead: int, levels: Floats, rows: NDArray[np.intp], error_days: int
) -> Floats:
    """Quantiles (R, 24, Q) of the given rows from the errors of the last `error_days` days.

    NaN where fewer than LEAST_ERROR_DAYS of them tell.
    """
    scale = scales(made, price, lead)
    ratio = (price - made.central) / scale
    hours = price.shape[1]
    found = np.full((len(rows), hours, len(levels)), np.nan)
    around = (np.arange(hours)[:, None] + np.arange(-HOURS_AROUND, HOURS_AROUND + 1)) % hours
    for k, row in enumerate(rows):
        past = ratio[max(row - lead + 1 - error_days, 0) : max(row - lead + 1, 0)]
        past = past[np.isfinite(past).all(axis=1)]
        if len(past) < LEAST_ERROR_DAYS:
            continue
        outward = np.clip(0.5 + (levels - 0.5) * (1 + 1 / len(past)), 0.0, 1.0)
        pooled = past[:, around].transpose(1, 0, 2).reshape(hours, -1)
        pooled = pooled - np.median(pooled, axis=1, keepdims=True)
        found[k] = made.central[row][:, None] + scale[row][:, None] * np.quantile(pooled, outward, axis=1).T
    return np.sort(found, axis=2)
