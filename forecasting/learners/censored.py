"""Rows of which only a lower bound is known: curtailed hours, in which the plant could have given more.

Deleting them loses the windiest and sunniest hours, taking them as they are teaches the curtailment; both bias the
quantiles of *available* power low. Here the mass of a censored row moves to the right (Efron 1967; Portnoy 2003,
doi:10.1198/016214503000000954, for regression quantiles), by imputation that is consistent with itself: from the
current fit's quantile function Q and the bound c

    y ← Q(F(c) + (1 − F(c)) v),   v spread evenly over (0, 1) among the censored rows,

then fit again, a few times (Yang, Narisetty & He 2018, doi:10.1080/01621459.2017.1356317, of which this is the
deterministic kin). Which rows are censored comes from logs, never from the error of a forecast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame, Learner

Floats = NDArray[np.float64]
INNER = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98])
GOLDEN = 0.6180339887498949  # multiples of it modulo 1 fill (0, 1) evenly in any order of rows


@dataclass(frozen=True)
class Censored:
    """A learner that takes rows with `flag` > 0 as lower bounds; the flag itself is hidden from the learner.

    `ceiling` is the most that can come (a plant's capacity): nothing is imputed above it.
    """

    learner: Learner
    flag: str = "curtailed"
    rounds: int = 4
    ceiling: float = np.inf

    @property
    def name(self) -> str:
        """That of the learner: what it learns is the same."""
        return self.learner.name

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> Unflagged:
        """Learn from actual (N,), a lower bound where flagged."""
        levels = dense.checked(levels)
        flagged = rows.column(self.flag) > 0 if self.flag in rows.names else np.zeros(len(rows), dtype=bool)
        plain = without(rows, self.flag)
        if not flagged.any() or flagged.all():
            return Unflagged(self.learner.fit(plain, actual, levels), self.flag)
        filled = self._imputed(plain, actual, flagged)
        return Unflagged(self.learner.fit(plain, filled, levels), self.flag)

    def _imputed(self, rows: Frame, actual: Floats, flagged: NDArray[np.bool_]) -> Floats:
        cut, bound = rows.take(flagged), actual[flagged]
        fitted = self.learner.fit(rows.take(~flagged), actual[~flagged], INNER)
        filled = actual.copy()
        for number in range(self.rounds):
            even = (np.arange(1, len(bound) + 1) * GOLDEN + number * GOLDEN**2) % 1.0
            imputed = beyond(fitted.predict(cut), bound, np.asarray(even, dtype=np.float64))
            filled[flagged] = np.minimum(imputed, max(self.ceiling, float(bound.max())))
            if number + 1 < self.rounds:
                fitted = self.learner.fit(rows, filled, INNER)
        return filled


def beyond(quantiles: Floats, bound: Floats, share: Floats) -> Floats:
    """Values (N,) at the share (N,) of what the quantile functions (N, Q) at INNER leave above the bound (N,)."""
    below = (quantiles < bound[:, None]).sum(axis=1)
    right = np.clip(below, 1, len(INNER) - 1)
    row = np.arange(len(bound))
    low, high = quantiles[row, right - 1], quantiles[row, right]
    part = np.clip((bound - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    at_bound = np.where(below == 0, 0.0, INNER[right - 1] + part * (INNER[right] - INNER[right - 1]))
    at_bound = np.where(below == len(INNER), 1.0, at_bound)
    wanted = at_bound + (1 - at_bound) * share
    to = np.clip(np.searchsorted(INNER, wanted), 1, len(INNER) - 1)
    gap = (wanted - INNER[to - 1]) / (INNER[to] - INNER[to - 1])
    value = quantiles[row, to - 1] + np.clip(gap, 0.0, 1.5) * (quantiles[row, to] - quantiles[row, to - 1])
    return np.asarray(np.maximum(value, bound))


def without(rows: Frame, name: str) -> Frame:
    """The rows without a column."""
    if name not in rows.names:
        return rows
    at = rows.names.index(name)
    return Frame(np.delete(rows.x, at, axis=1), rows.names[:at] + rows.names[at + 1 :], rows.block)


@dataclass(frozen=True, eq=False)
class Unflagged:
    """What has learnt without the flag."""

    fitted: Fitted
    flag: str

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q) of what would come uncurtailed."""
        return self.fitted.predict(without(rows, self.flag))
