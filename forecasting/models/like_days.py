"""Which of the like days before a day its usual is a mean of: all but those that stood far off and are over.

A strike, an outage, a week of stock-taking pull the mean of four weeks down for as long. A day counts as far off where
its mean differs from the median of the like days by a quarter of it, and by four robust spreads where days are unlike
anyway. As long as the newest two known stand far off too, nothing is left out: that may be the new level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns
from forecasting.models.calendar import Calendar
from forecasting.steps import History

Floats = NDArray[np.float64]
Days = NDArray[np.int64]
DAYS_BACK = 28
FAR_SHARE, FAR_SPREADS = 0.25, 4.0
LEFT = 0.05  # of the weight of a day that is far off
NEWEST, FEWEST = 2, 5


@dataclass(frozen=True, eq=False)
class LikeDays:
    """Consecutive local days (D,) from `first`: mean, NaN where nothing is known; class; when all of it was known."""

    first: int
    mean: Floats
    day_class: Days
    available_ns: Ns

    @classmethod
    def of(cls, history: History, days: Calendar) -> LikeDays:
        """From all steps of a history."""
        first, at = int(days.day.min()), days.day - days.day.min()
        count = int(at.max()) + 1
        known = np.isfinite(history.value)
        total = np.bincount(at, weights=np.where(known, history.value, 0.0), minlength=count)
        number = np.bincount(at, weights=known, minlength=count)
        available = np.full(count, np.iinfo(np.int64).min)
        np.maximum.at(available, at[known], history.available_ns[known])
        day_class = np.full(count, -1)
        day_class[at] = days.day_class
        mean = np.where(number > 0, total / np.maximum(number, 1), np.nan)
        return cls(first, mean, day_class, available)

    def weights(self, day: Days, day_class: Days, issue_ns: Ns | None = None) -> Floats:
        """Weights (…, 28), 1 or less, of 1, 2, … days before days (…) of these classes as known at issues (…)."""
        at = day[..., None] - self.first - np.arange(1, DAYS_BACK + 1)
        inside = (at >= 0) & (at < len(self.mean))
        at = np.clip(at, 0, len(self.mean) - 1)
        use = inside & (self.day_class[at] == day_class[..., None]) & np.isfinite(self.mean[at])
        if issue_ns is not None:
            use &= self.available_ns[at] <= issue_ns[..., None]
        return np.where(far_off(self.mean[at], use), LEFT, 1.0)


def far_off(mean: Floats, use: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the days (…, K), newest first, of those in use stand far off the others, whose newest do not."""
    middle = _median(mean, use)[..., None]
    away = np.abs(mean - middle)
    reach = np.maximum(FAR_SHARE * np.abs(middle), FAR_SPREADS * 1.4826 * _median(away, use)[..., None])
    far = use & (away > reach)
    newest = use & (np.cumsum(use, axis=-1) <= NEWEST)
    over = ~(far & newest).any(axis=-1) & (use.sum(axis=-1) >= FEWEST)
    return np.asarray(far & over[..., None])


def _median(values: Floats, use: NDArray[np.bool_]) -> Floats:
    """The lower median (…) of those in use along the last axis; 0 where there is none."""
    ordered = np.sort(np.where(use, values, np.inf), axis=-1)
    middle = np.maximum(use.sum(axis=-1) - 1, 0) // 2
    found = np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]
    return np.where(np.isfinite(found), found, 0.0)
