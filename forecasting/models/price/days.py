"""A market as local days of 24 hours: prices, and what was forecast around them before each day's auction.

A day is a row whatever the clock does: on the day that loses an hour the missing one lies between its neighbours, on
the day that gains one the two that share a name are averaged. Prices on a finer step are averaged to hours here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.models.base import CannotForecast
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HOURS = 24
LEAST_PRICES = 22  # hours of a day; the change of clocks takes one
LEAST_FORECASTS = 8  # three-hourly weather is enough
SUNDAY = 6


@dataclass(frozen=True, eq=False)
class Series:
    """Prices as they stand: interval starts (N,), their step, values (N,)."""

    start_ns: Ns
    step_ns: int
    value: Floats


@dataclass(frozen=True, eq=False)
class Days:
    """Consecutive local days, one a row.

    number (D,): days since 1970. price (D, 24) [money/MWh]; exogenous by name (D, 24): the newest forecast that was
    there when the day was forecast, or a level last measured by then. NaN where unknown. weekday (D,): 0 is Monday,
    holidays count as Sundays. angle (D,) of the season [rad].
    """

    number: Ints
    price: Floats
    exogenous: Mapping[str, Floats]
    weekday: Ints
    angle: Floats

    @property
    def last_known(self) -> int:
        """Number of the last day with prices."""
        return int(self.number[np.flatnonzero(np.isfinite(self.price).all(axis=1))[-1]])


def prices(known: Known, target: Target) -> Series:
    """Prices under the target's name: measured, or published ahead as runs, of which the newest counts."""
    measured = known.measurements(target.site, target.name)
    runs = known.runs(target.site, target.name)
    end = np.concatenate([*(run.valid_ns for run in runs), measured.end_ns])
    value = np.concatenate([*(run.value for run in runs), measured.value])
    end, value = end[np.isfinite(value)], value[np.isfinite(value)]
    if len(end) < 2:
        raise CannotForecast(f"{target.name}: no prices under {target.site}/{target.name}")
    order = np.argsort(end, kind="stable")
    last = np.append(np.diff(end[order]) > 0, True)
    end, value = end[order][last], value[order][last]
    step_ns = _step(end)
    if step_ns > HOUR_NS or HOUR_NS % step_ns:
        raise CannotForecast(f"{target.name}: prices on steps of {step_ns / HOUR_NS:g} h; hourly or finer are needed")
    return Series(end - step_ns, step_ns, value)


def _step(end_ns: Ns) -> int:
    gaps, counts = np.unique(np.diff(np.unique(end_ns)), return_counts=True)
    return int(gaps[np.argmax(counts)]) if len(gaps) else HOUR_NS


def local_hours(start_ns: Ns, place: Place) -> tuple[Ints, Ints]:
    """Local day (days since 1970) and hour of the day of instants (N,)."""
    clock = utc_index(start_ns).tz_convert(place.time_zone).tz_localize(None).as_unit("ns").asi8
    return np.asarray(clock // DAY_NS), np.asarray(clock % DAY_NS // HOUR_NS)


def midnight_ns(number: Ints, place: Place) -> Ns:
    """When local days begin [ns, UTC]."""
    clock = pd.DatetimeIndex(np.asarray(number, dtype="datetime64[D]")).as_unit("ns")
    zoned = clock.tz_localize(place.time_zone, ambiguous=np.ones(len(clock), dtype=bool), nonexistent="shift_forward")
    return np.asarray(zoned.tz_convert("UTC").asi8)


def known_days(known: Known, target: Target, place: Place, series: Series, day: int) -> Days:
    """All days up to `day`, with what was forecast around each as early before it as now is before `day`."""
    at, hour = local_hours(series.start_ns, place)
    at, hour, price = at[at <= day], hour[at <= day], series.value[at <= day]
    number = np.arange(at.min(), day + 1)
    lead_ns = known.time_ns - int(midnight_ns(np.array([day]), place)[0])
    cut_ns = midnight_ns(number, place) + lead_ns
    exogenous = {}
    for site in target.weather or (target.site,):
        for name in known.variables(site):
            if name in exogenous or (site, name) == (target.site, target.name):
                continue
            found = _exogenous(known, site, name, place, number, cut_ns)
            if np.isfinite(found).any():
                exogenous[name] = found
    dates = pd.DatetimeIndex(number.astype("datetime64[D]"))
    off = np.isin(number, np.array(place.holidays, dtype="datetime64[D]").astype(np.int64))
    return Days(
        number,
        _by_hour(at - number[0], hour, price, len(number), LEAST_PRICES),
        exogenous,
        np.where(off, SUNDAY, dates.dayofweek.to_numpy()).astype(np.int64),
        np.asarray(2 * np.pi * dates.dayofyear.to_numpy() / 365.25),
    )


def _exogenous(known: Known, site: str, name: str, place: Place, number: Ints, cut_ns: Ns) -> Floats:
    """What was forecast of the days (D, 24) when they were; of a series without forecasts the last level."""
    runs = known.runs(site, name)
    if not runs:
        measured = known.measurements(site, name)
        there = np.isfinite(measured.value)
        since = np.maximum.accumulate(measured.available_ns[there])
        last = np.searchsorted(since, cut_ns, side="right") - 1
        level = np.append(measured.value[there], np.nan)[last]
        return np.repeat(level[:, None], HOURS, axis=1)
    valid, value = np.concatenate([run.valid_ns for run in runs]), np.concatenate([run.value for run in runs])
    available = np.repeat([run.available_ns for run in runs], [len(run.valid_ns) for run in runs])
    start = valid - _step(valid)
    day, hour = local_hours(start, place)
    row = day - number[0]
    use = (row >= 0) & (row < len(number)) & np.isfinite(value)
    use[use] &= available[use] <= cut_ns[row[use]]
    # Runs come oldest first, so of the values of one interval the last is the newest.
    _, newest = np.unique(start[use][::-1], return_index=True)
    chosen = np.flatnonzero(use)[::-1][newest]
    return _by_hour(row[chosen], hour[chosen], value[chosen], len(number), LEAST_FORECASTS)


def _by_hour(row: Ints, hour: Ints, value: Floats, days: int, least: int) -> Floats:
    """Means (days, 24); gaps of days with at least so many hours lie between their neighbours, other days are NaN."""
    cell = row * HOURS + hour
    count = np.bincount(cell, minlength=days * HOURS)
    total = np.bincount(cell, weights=value, minlength=days * HOURS)
    found = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(days, HOURS)
    there = np.isfinite(found)
    hours = np.arange(HOURS)
    for gappy in np.flatnonzero((there.sum(axis=1) >= least) & ~there.all(axis=1)):
        found[gappy] = np.interp(hours, hours[there[gappy]], found[gappy][there[gappy]])
    found[there.sum(axis=1) < least] = np.nan
    return found
