r"""How far baselines are off where nothing happened: events that were never called, on days of the data.

.. math:: bias = \frac{Σ (b - P)}{Σ |P|}, \qquad MAE = \frac{Σ |b - P|}{Σ |P|}

over all placebo events, meters and times. A positive bias pays for energy that nobody saved. All methods are judged on
the events that each of them has a baseline for, so that they can be compared.

Source: California ISO Baseline Accuracy Assessment, 2017 (placebo event days; bias and precision).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.markets.baselines.days import Days, Event
from dispatch.markets.baselines.estimate import NOTHING, Beside, estimate
from dispatch.markets.baselines.methods import Method
from dispatch.signals import Array

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Placebo:
    """Errors of M methods over E events of n times of day.

    Attributes:
        methods: (M,).
        events: (E,) days that were taken.
        start_h: (n,) time of day of each slot [h].
        actual_kw: (E, S, n).
        baseline_kw: (M, E, S, n).
        used: (E, S) pairs that every method has a baseline for.
    """

    methods: tuple[Method, ...]
    events: tuple[date, ...]
    start_h: Array
    actual_kw: Array
    baseline_kw: Array
    used: Array

    def bias(self) -> Array:
        """(M,) share of the mean absolute power."""
        return np.asarray(self._error().sum(axis=(1, 2, 3)) / self._level())

    def mae(self) -> Array:
        """(M,) share of the mean absolute power."""
        return np.asarray(np.abs(self._error()).sum(axis=(1, 2, 3)) / self._level())

    def bias_by_hour_kw(self) -> Array:
        """(M, n) mean error of a meter by time of day."""
        return np.asarray(self._error().sum(axis=(1, 2)) / max(self.pairs, 1))

    def mae_by_hour_kw(self) -> Array:
        """(M, n)."""
        return np.asarray(np.abs(self._error()).sum(axis=(1, 2)) / max(self.pairs, 1))

    @property
    def pairs(self) -> int:
        """Events times meters that count."""
        return int(self.used.sum())

    def _error(self) -> Array:
        return np.where(self.used[None, :, :, None], self.baseline_kw - self.actual_kw[None], 0.0)

    def _level(self) -> float:
        return float(np.abs(np.where(self.used[:, :, None], self.actual_kw, 0.0)).sum())

    def table(self) -> pa.Table:
        """A row per method and time of day, and one over all with no time."""
        import pyarrow as pa

        bias, mae = self.bias(), self.mae()
        by_bias, by_mae = self.bias_by_hour_kw(), self.mae_by_hour_kw()
        rows = []
        for m, one in enumerate(self.methods):
            whole = {"bias_kw": float(by_bias[m].mean()), "mae_kw": float(by_mae[m].mean())}
            shares = {"bias_share": float(bias[m]), "mae_share": float(mae[m])}
            rows.append({"method": one.name, "start_h": None, **whole, **shares, "events": self.pairs})
            for k, hour in enumerate(self.start_h):
                own = {"bias_kw": float(by_bias[m, k]), "mae_kw": float(by_mae[m, k])}
                mean = float(np.abs(self.actual_kw[:, :, k])[self.used].mean())
                part = {f"{n}_share": own[f"{n}_kw"] / mean if mean else None for n in ("bias", "mae")}
                rows.append({"method": one.name, "start_h": float(hour), **own, **part, "events": self.pairs})
        return pa.Table.from_pylist(rows)


def placebo(
    days: Days, methods: Sequence[Method], hours: tuple[float, float], beside: Beside = NOTHING, *, rest: bool = False
) -> Placebo:
    """Every day without an event as a placebo event between two times of day.

    Args:
        hours: from and to, of the local day [h].
        rest: weekends and holidays instead of working days.

    Raises:
        DataError: no method, hours that are no stretch of a day, or no day that all methods have a baseline for.
    """
    first, last = (round(hour * days.slots / 24) for hour in hours)
    if not methods or not 0 <= first < last <= days.slots:
        raise DataError(
            f"hours {hours[0]:g} to {hours[1]:g}; accepted: a stretch of the day, 0 to 24, and one method or more"
        )
    chosen = [k for k in range(len(days.dates)) if days.rest[k] == rest and not days.events[k]]
    events = [Event(days.dates[k], first, last) for k in chosen]
    actual = days.at(np.array(chosen, dtype=np.intp), np.arange(first, last)).transpose(1, 0, 2)
    made = np.array([[estimate(one, days, event, beside) for event in events] for one in methods])
    used = ~np.isnan(actual).any(axis=2) & ~np.isnan(made).any(axis=(0, 3))
    if not used.any():
        raise DataError("no day has a baseline by every method; accepted: more metered days before the first of them")
    kept = used.any(axis=1)
    taken = tuple(event.day for event, keep in zip(events, kept, strict=True) if keep)
    start: Array = np.arange(first, last, dtype=np.float64) * days.slot_h
    return Placebo(tuple(methods), taken, start, actual[kept], made[:, kept], used[kept])
