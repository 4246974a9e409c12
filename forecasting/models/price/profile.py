"""How prices of quarter-hours depart from the mean of their hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.models.price.days import HOURS, Series, local_hours
from forecasting.targets import Place

Floats = NDArray[np.float64]
PROFILE_DAYS = 28


@dataclass(frozen=True, eq=False)
class Profile:
    """mean and spread (24, parts of the hour) of departures from the hour's mean [money/MWh]."""

    mean: Floats
    spread: Floats
    step_ns: int

    def finer(self, hourly: Floats, hour: NDArray[np.int64], start_ns: Ns, levels: Floats) -> Floats:
        """Quantiles (N, Q) of steps from those of their hours: moved by the mean, wider as independent errors add.

        (q − median) grows by sqrt(1 + v/w²), v the variance of the departures and w half the width of the middle 68 %.
        """
        part = start_ns % HOUR_NS // self.step_ns
        middle = np.array([np.interp(0.5, levels, row) for row in hourly])
        high, low = (np.array([np.interp(p, levels, row) for row in hourly]) for p in (0.84, 0.16))
        width = np.maximum((high - low) / 2, 1e-9)
        wider = np.sqrt(1 + (self.spread[hour, part] / width) ** 2)
        return np.asarray((middle + self.mean[hour, part])[:, None] + wider[:, None] * (hourly - middle[:, None]))


def of(series: Series, place: Place) -> Profile:
    """Departures in the last weeks."""
    parts = HOUR_NS // series.step_ns
    recent = series.start_ns >= series.start_ns[-1] - PROFILE_DAYS * DAY_NS
    start, value = series.start_ns[recent], series.value[recent]
    at = np.unique(start // HOUR_NS, return_inverse=True)[1]
    mean = np.bincount(at, weights=value) / np.bincount(at)
    full = np.bincount(at)[at] == parts
    away = (value - mean[at])[full]
    cell = (local_hours(start, place)[1] * parts + start % HOUR_NS // series.step_ns)[full]
    size = HOURS * parts
    count = np.maximum(np.bincount(cell, minlength=size), 1)
    usual = np.bincount(cell, weights=away, minlength=size) / count
    square = np.bincount(cell, weights=(away - usual[cell]) ** 2, minlength=size) / count
    return Profile(usual.reshape(HOURS, parts), np.sqrt(square).reshape(HOURS, parts), series.step_ns)
