"""A figure over days with its interval: sums over days put together, and what other days might have given.

Days are resampled whole (bootstrap, bias corrected and accelerated), since what happens within one belongs together.
They are thirteen days apart, so that one says little of the next. Money by day is a mean of paired differences and
uses the studies' own test.

Source: Efron, "Better bootstrap confidence intervals", 1987, doi:10.1080/01621459.1987.10478410.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.study.statistics import paired
from dispatch.signals import Array

CONFIDENCE = 0.95
DAYS_A_YEAR = 365.0
Sums = Mapping[str, Array]


@dataclass(frozen=True)
class Estimate:
    """A figure; its interval is None where one day, or days that are all alike, give none.

    Attributes:
        days: how many the figure is of.
        p: of Wilcoxon's signed-rank test that a difference by day is zero, where it is one.
    """

    value: float
    interval: tuple[float, float] | None
    days: int
    p: float | None = None


def ratio(statistic: Callable[[Sums], Array], by_day: Sums, resamples: int, seed: int) -> Estimate:
    """A statistic of sums over days. ``by_day`` holds (day,) arrays; it is given their sums, (resample,) or scalar."""
    from scipy import stats

    names = list(by_day)
    values = [np.asarray(by_day[name], float) for name in names]
    days = values[0].size if values else 0

    def of(*arrays: Array, axis: int = -1) -> Array:
        return np.asarray(statistic({n: a.sum(axis=axis) for n, a in zip(names, arrays, strict=True)}), float)

    value = float(of(*values)) if days else math.nan
    apart = [float(of(*(np.delete(v, k) for v in values))) for k in range(days)] if days > 2 else []
    if not apart or not np.isfinite([value, *apart]).all():
        return Estimate(value, None, days)
    if np.ptp(apart) < 1e-12:
        return Estimate(value, (value, value), days)
    found = stats.bootstrap(
        values, of, paired=True, vectorized=True, confidence_level=CONFIDENCE, n_resamples=resamples, method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    ends = float(found.low), float(found.high)
    return Estimate(value, ends if np.isfinite(ends).all() else None, days)


def yearly(saved: Sequence[float], resamples: int) -> Estimate:
    """Money saved by day, as a year of such days."""
    values = np.asarray(saved, float)
    if not values.size:
        return Estimate(math.nan, None, 0)
    found = paired(values, CONFIDENCE, resamples)
    ends = found.bootstrap if values.size > 2 else None
    interval = None if ends is None else (ends[0] * DAYS_A_YEAR, ends[1] * DAYS_A_YEAR)
    return Estimate(found.mean * DAYS_A_YEAR, interval, values.size, found.p)
