"""A rhythm of several weeks, such as shifts that rotate: what the same days of the cycle stood above their like days.

    cycle_P(t) = median over m of departure(t − m P days),   P ∈ {7, 14, 21, 28} days, m P ≤ 63 days

of days of the same class that are neither holidays nor beside them, two at least; of an even number the middle one
nearer to nought, 0 where they do not agree, so that one week of outage makes no cycle. The period is the one whose
cycle explains the most of the departures in training, share · cycle with the share of least squares; none where that
is less than a twentieth of their squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns
from forecasting.features import seen
from forecasting.models import recent
from forecasting.models.rare_days import kinds

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
PERIODS_DAYS = (7, 14, 21, 28)
REACH_DAYS = 63
LEAST_EXPLAINED = 0.05
FEWEST = 2


@dataclass(frozen=True)
class Cycle:
    """Its period [days], 0 where there is none, and the share of its departure that is to be expected."""

    period_days: int = 0
    share: float = 0.0

    @classmethod
    def of(cls, past: recent.Past, issue_ns: Ns, step: Steps, departure: Floats) -> Cycle:
        """The cycle that explains departures (I, H) of steps from their base best; NaN is unknown."""
        best, most = cls(), LEAST_EXPLAINED
        for period in PERIODS_DAYS:
            known = np.isfinite(departure)
            x, y = departures(past, period, issue_ns, step)[known], departure[known]
            product, square, total = float(x @ y), float(x @ x), float(y @ y)
            explained = product**2 / square / total if product > 0 else 0.0
            if explained > most:
                best, most = cls(period, min(product / square, 1.0)), explained
        return best

    def above(self, past: recent.Past, issue_ns: Ns, step: Steps) -> Floats:
        """What it lets expect (I, H) above the base."""
        if not self.period_days:
            return np.zeros(step.shape)
        return self.share * departures(past, self.period_days, issue_ns, step)


def departures(past: recent.Past, period_days: int, issue_ns: Ns, step: Steps) -> Floats:
    """cycle_P (I, H) as known at issues (I,); 0 where too few days of it are known."""
    back = np.arange(period_days, REACH_DAYS + 1, period_days)
    issue = issue_ns[:, None, None]
    values = past.clock.read(step[..., None], back, lambda at: seen(past.history, at, issue, past.departure))
    before = np.clip(past.clock.before(step[..., None], back)[0], 0, None)
    kind = kinds(past.days)
    alike = (past.like_class[before] == past.like_class[step][..., None]) & (kind[before] == 0)
    use = np.isfinite(values) & alike & (kind[step] == 0)[..., None]
    ordered = np.sort(np.where(use, values, np.inf), axis=-1)
    count = use.sum(axis=-1)
    places = np.stack([np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(back) - 1)], axis=-1)
    middle = np.take_along_axis(ordered, places, axis=-1)
    agree = (middle > 0).all(axis=-1) | (middle < 0).all(axis=-1)
    return np.where((count >= FEWEST) & agree, np.sign(middle[..., 0]) * np.abs(middle).min(axis=-1), 0.0)
