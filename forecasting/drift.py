"""Is a model still what it was? Calibration and loss of recent days against those of the days it was accepted on.

Three figures a day, since the hours of a day err together: the mean normal score (does it lie too high or too low?),
the logarithm of the mean square of normal scores (are bands too narrow or too wide?), and the logarithm of the loss.
Each is ranked among its reference days and made normal so, freed of its correlation from day to day, and summed up
(CUSUM, Page 1954):

    S⁺ = max(0, S⁺ + x − k),   S⁻ = max(0, S⁻ − x − k),   alarm at S > h

k = ½ is best for shifts of one standard deviation. h follows from the false alarms allowed, by the approximation of
Siegmund 1985 for the mean run length without a change, (exp(2k b) − 2k b − 1)/2k² with b = h + 1.166; all sums that are
watched share the allowance. Reference days are few: the mean of N of them is off by 1/√N, which unseen would count as
drift every day, so k grows by twice that. Measured with 90 reference days and one false alarm allowed in 730 days: 19 %
of histories of 180 days without a change gave one (22 % are allowed), 33 % where days hang together by .5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from forecasting import scores
from forecasting.errors import ForecastError
from forecasting.scenarios import normal_scores

Floats = NDArray[np.float64]
Days = NDArray[np.int64]
Figure = Literal["location", "spread", "loss"]
FIGURES: tuple[Figure, ...] = ("location", "spread", "loss")
ALLOWANCE, OVERSHOOT = 0.5, 1.166
FALSE_ALARM_DAYS = 730.0
FEWEST_DAYS = 20
CAUTION = 2.0
WORDS = {
    ("location", 1): "what comes lies above the forecast more often than it did",
    ("location", -1): "what comes lies below the forecast more often than it did",
    ("spread", 1): "what comes leaves the bands more often than it did: they are too narrow",
    ("spread", -1): "what comes keeps nearer to the middle than it did: bands are too wide",
    ("loss", 1): "the loss is larger than it was",
    ("loss", -1): "the loss is smaller than it was",
}


@dataclass(frozen=True, eq=False)
class Daily:
    """Figures (N,) of days (N,), rising; NaN where a day says nothing."""

    day: Days
    location: Floats
    spread: Floats
    loss: Floats

    def part(self, chosen: NDArray[np.bool_]) -> Daily:
        """The chosen days."""
        return Daily(*(getattr(self, name)[chosen] for name in ("day", *FIGURES)))


@dataclass(frozen=True)
class Drift:
    """A change that was found: which figure, in which direction, from about which day on, and when it was sure."""

    figure: Figure
    direction: int
    since_day: int
    found_day: int

    @property
    def text(self) -> str:
        """For a person."""
        return WORDS[self.figure, self.direction]


def daily(actual: Floats, quantiles: Floats, levels: Floats, day: Days) -> Daily:
    """Figures by day of forecasts (N, Q) and what came (N,); `day` (N,) numbers the days, rising."""
    z = normal_scores(np.asarray(actual, np.float64), quantiles, levels)
    loss = scores.pinball(actual, quantiles, levels).mean(axis=-1)
    days, location = scores.by_group(z, day)
    square, lost = scores.by_group(z**2, day)[1], scores.by_group(loss, day)[1]
    least = np.nanmin(np.where(lost > 0, lost, np.nan)) if (lost > 0).any() else 1.0
    return Daily(days, location, np.log(np.maximum(square, 1e-3)), np.log(np.maximum(lost, least)))


def by_day(actual: Floats, quantiles: Floats, levels: Floats, day: Days) -> Daily:
    """As `daily`, of any shape (…) and (…, Q), in any order; what is unknown is left out."""
    y, q, days = np.ravel(actual), np.reshape(quantiles, (-1, len(levels))), np.ravel(day)
    there = np.isfinite(y) & np.isfinite(q).all(axis=1)
    order = np.argsort(days[there], kind="stable")
    return daily(y[there][order], q[there][order], levels, days[there][order])


def threshold(false_alarm_days: float, sums: int, allowance: float = ALLOWANCE) -> float:
    """The h at which all of so many one-sided sums together give a false alarm once in so many days on average."""
    if not false_alarm_days > 10:
        raise ForecastError(f"false_alarm_days {false_alarm_days:g}: give more than 10")

    def run_length(h: float) -> float:
        b = 2 * allowance * (h + OVERSHOOT)
        return float((np.exp(b) - b - 1) / (2 * allowance**2)) - false_alarm_days * sums

    return float(brentq(run_length, 0.0, 100.0))


def watch(
    reference: Daily,
    recent: Daily,
    false_alarm_days: float = FALSE_ALARM_DAYS,
    figures: Sequence[Figure] = FIGURES,
) -> tuple[Drift, ...]:
    """What has changed since the reference days, the first alarm of each figure that is looked at.

    Raises:
        ForecastError: there are fewer than 20 reference days.
    """
    found = []
    for figure in figures:
        x, allowance = _standard(getattr(reference, figure), getattr(recent, figure), figure)
        h = threshold(false_alarm_days, 2 * len(figures), allowance)
        for direction in (1, -1):
            if (alarm := _first(direction * x, allowance, h)) is not None:
                since, at = alarm
                found.append(Drift(figure, direction, int(recent.day[since]), int(recent.day[at])))
                break
    return tuple(found)


def _standard(before: Floats, now: Floats, figure: str) -> tuple[Floats, float]:
    """Recent days (N,) in standard deviations of the reference, freed of AR(1), and the allowance for its estimate."""
    there = before[np.isfinite(before)]
    if len(there) < FEWEST_DAYS:
        raise ForecastError(f"drift: {len(there)} reference days with a {figure}; needed are {FEWEST_DAYS}")
    z, x = _as_normal(there, there), _as_normal(there, now)
    memory = float(np.clip(float(z[1:] @ z[:-1]) / max(float(z @ z), 1e-12), 0.0, 0.9))
    earlier = np.concatenate([[z[-1]], np.where(np.isfinite(x), x, 0.0)[:-1]])
    free = (x - memory * earlier) / np.sqrt(1 - memory**2)
    unsure = np.sqrt((1 + memory) / (1 - memory) / len(there)) * (1 - memory) / np.sqrt(1 - memory**2)
    return free, ALLOWANCE + CAUTION * unsure


def _as_normal(before: Floats, values: Floats) -> Floats:
    """Normal scores (N,) of values by their mid-ranks among the days before (M,): no shape is taken for granted.

    One wild day counts no more than the wildest of the days before.
    """
    ordered = np.sort(before)
    rank = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    share = (rank + 0.5) / (len(ordered) + 1)
    return np.where(np.isfinite(values), ndtri(share), np.nan)


def _first(x: Floats, allowance: float, h: float) -> tuple[int, int] | None:
    """Where the sum first passes h: the day after it was last zero, and the day of the alarm."""
    steps = np.where(np.isfinite(x), x - allowance, 0.0)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    lowest = np.minimum.accumulate(walk)
    above = np.flatnonzero(walk - lowest > h)
    if not len(above):
        return None
    at = int(above[0])
    return int(np.flatnonzero(walk[:at] == lowest[at])[-1]), at - 1
