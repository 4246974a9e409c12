"""A load that answers to temperature and calendar, hour by hour over some years, in an archive with its stations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
ZONE = "Etc/GMT+5"
PLACE = Place(40.0, -75.0, ZONE, holidays=("2020-12-25", "2021-01-01", "2021-07-05", "2021-12-24"))
LEVELS = np.arange(1, 10) / 10


def temperature(index: pd.DatetimeIndex, seed: int = 0) -> Floats:
    """Season, day and weather that lasts for days [°C]."""
    rng = np.random.default_rng(seed)
    year = np.cos(2 * np.pi * (index.dayofyear.to_numpy() - 200) / 365.25)
    day = np.cos(2 * np.pi * (index.hour.to_numpy() - 20) / 24)
    noise = rng.normal(0, 0.5, len(index))
    weather = np.empty(len(index))
    state = 0.0
    for k, shock in enumerate(noise):
        state = 0.985 * state + shock
        weather[k] = state
    return 12 + 10 * year + 4 * day + weather


def load_kw(index: pd.DatetimeIndex, air: Floats, seed: int = 1) -> Floats:
    """A V in temperature, a profile of the day, less on days off, some noise [kW]."""
    local = index.tz_convert(ZONE)
    hour = local.hour.to_numpy()
    off = (local.dayofweek.to_numpy() >= 5) * 1.0
    shape = 100 + 25 * np.sin(np.pi * (hour - 6) / 12) - 15 * off
    answer = 2.0 * np.maximum(15 - air, 0) + 4.0 * np.maximum(air - 19, 0)
    return np.asarray((shape + answer) * (1 + np.random.default_rng(seed).normal(0, 0.02, len(index))))


def archive(first: str, last: str, stations: int = 2) -> tuple[Archive, Target, pd.Series]:
    """Stations s0 … of which the first is the one that matters, the others ever farther from it."""
    ends = pd.date_range(first, last, freq="h", tz=ZONE).tz_convert("UTC")[1:]
    middle = ends - pd.Timedelta("30min")
    air = temperature(middle)
    load = load_kw(ends - pd.Timedelta("1h"), air)
    found = Archive.empty().with_measurements("park", "load", ends, load, pd.Timedelta(0))
    for k in range(stations):
        own = air + k * 3.0 * np.random.default_rng(10 + k).normal(0, 1, len(air))
        found = found.with_measurements(f"s{k}", "temperature_2m", ends, own, pd.Timedelta(0))
    target = Target("load", "load", np.inf, "park", weather=tuple(f"s{k}" for k in reversed(range(stations))))
    return found, target, pd.Series(load, index=ends)


def month(first: str) -> pd.DatetimeIndex:
    """Hourly edges of a month."""
    start = pd.Timestamp(first)
    return pd.date_range(start, start + pd.offsets.MonthBegin(1), freq="h", tz=ZONE).tz_convert("UTC")
