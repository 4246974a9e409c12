"""Quantiles of what was measured at the same time of day.

The plain sister of every trained model, and the rung below it.

Loads: by day class (workday, Saturday, Sunday or holiday). Photovoltaics: of the share of the clear sky, so
that the season comes from the sun. Wind: by time of day over the whole history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.features import Sky, Steps
from forecasting.quantiles import LEVELS
from forecasting.steps import History
from forecasting.targets import Target

Floats = NDArray[np.float64]
POOLED_H = {"wind": 3.0, "pv": 0.5, "load": 0.5}  # half-width of the window of time of day
LAST_DAYS = {"wind": 366, "pv": 30, "load": 84}  # pv on SimBench PV3: 30 days .0075, 60 days .0080
LEAST_DAYS_OF_A_CLASS = 4
LEAST_CLEAR_SHARE = 0.03  # of the highest clear-sky power; below it the share of the clear sky is noise


@dataclass(frozen=True, eq=False)
class Climatology:
    """table (class, time of day, Q): kW, or the share of the clear sky, or the departure from a base [kW]."""

    table: Floats
    of: Literal["power", "clear_sky", "departure"]

    def predict(self, sky: Sky, step: Steps, base_kw: Floats | None = None) -> Floats:
        """Quantiles [kW], shape of step + (Q,); `base_kw` like step, for departures."""
        bins = np.floor(sky.hour[step] / 24 * self.table.shape[1]).astype(np.int64)
        found = self.table[sky.day_class[step], bins]
        if self.of == "clear_sky":
            return np.asarray(found * sky.clear_kw[step][..., None])
        return np.asarray(found if base_kw is None else found + base_kw[..., None])


def fit(target: Target, history: History, sky: Sky, issue_ns: int, until_step: int) -> Climatology:
    """Quantiles from all values available at `issue_ns` and before grid step `until_step`."""
    steps = np.arange(max(0, until_step - LAST_DAYS[target.kind] * history.grid.per_day), until_step)
    value = np.where(history.available_ns[steps] <= issue_ns, history.value[steps], np.nan)
    if target.kind != "pv":
        return Climatology(_table(target, history, sky, steps, value), "power")
    clear = sky.clear_kw[steps]
    bright = clear > LEAST_CLEAR_SHARE * sky.clear_kw.max()
    share = np.where(bright, value / np.where(bright, clear, 1.0), np.nan)
    return Climatology(_table(target, history, sky, steps, share), "clear_sky")


def fit_departure(target: Target, history: History, sky: Sky, steps: Steps, departure_kw: Floats) -> Climatology:
    """Quantiles of departures from a base at the given steps (same shape, NaN = unknown), of the last days only."""
    recent = steps >= steps.max(initial=0) - 2 * LAST_DAYS[target.kind] * history.grid.per_day
    table = _table(target, history, sky, steps[recent], departure_kw[recent])
    return Climatology(table, "departure")


def _table(target: Target, history: History, sky: Sky, steps: Steps, value: Floats) -> Floats:
    per_day, kind = history.grid.per_day, target.kind
    known = np.isfinite(value)
    steps, value = steps[known], value[known]
    bins = np.floor(sky.hour[steps] / 24 * per_day).astype(np.int64)
    width = int(POOLED_H[kind] / 24 * per_day)
    if kind != "load":
        one = _by_time_of_day(value, bins, np.ones(len(value), dtype=bool), width, per_day)
        return np.stack([one] * 3)
    classes = sky.day_class[steps]
    return np.stack([_by_time_of_day(value, bins, classes == c, width, per_day) for c in range(3)])


def _by_time_of_day(value: Floats, bins: Steps, chosen: NDArray[np.bool_], width: int, per_day: int) -> Floats:
    """Quantiles (per_day, Q) of the chosen values in a circular window of time of day.

    Of all values where too few are there.
    """
    if chosen.sum() < LEAST_DAYS_OF_A_CLASS * per_day / 2:
        chosen = np.ones(len(value), dtype=bool)
    order = np.argsort(bins[chosen], kind="stable")
    of_bin = np.split(value[chosen][order], np.searchsorted(bins[chosen][order], np.arange(1, per_day)))
    everything = np.quantile(value, LEVELS) if len(value) else np.zeros(len(LEVELS))
    table = np.empty((per_day, len(LEVELS)))
    for time_of_day in range(per_day):
        near = np.concatenate([of_bin[(time_of_day + d) % per_day] for d in range(-width, width + 1)])
        table[time_of_day] = np.quantile(near, LEVELS) if len(near) >= LEAST_DAYS_OF_A_CLASS else everything
    return table
