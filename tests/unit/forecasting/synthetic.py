"""A small park with a year that is made up but behaves: sun, wind with memory, offices with weekends."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.forecast import Place, Target
from forecasting.physics import PvPlant, pv_power_kw

BERLIN = Place(52.5, 13.4, "Europe/Berlin", holidays=("2023-10-03",))
PLANT = PvPlant(100.0, 25.0, 180.0, BERLIN.latitude_deg, BERLIN.longitude_deg)
PV = Target("roof", "pv", 100.0, "park", plant=PLANT)
WIND = Target("wind", "wind", 500.0, "park")
LOAD = Target("offices", "load", float("inf"), "park")
TARGETS = (WIND, PV, LOAD)


def ends(first: str, days: float, step_min: int = 60) -> pd.DatetimeIndex:
    """Interval ends of `days` days from local midnight of `first` in Berlin."""
    start = pd.Timestamp(first, tz=BERLIN.time_zone).tz_convert("UTC")
    step = pd.Timedelta(minutes=step_min)
    return pd.date_range(start + step, periods=round(days * 1440 / step_min), freq=step)


def series(target: Target, end: pd.DatetimeIndex, seed: int = 0) -> NDArray[np.float64]:
    """kW means over the intervals that end at `end`."""
    rng = np.random.default_rng([seed, sum(map(ord, target.name))])
    step = end[1] - end[0]
    if target.kind == "pv":
        edges = end.insert(0, end[0] - step)
        day = (np.arange(len(end)) * step / pd.Timedelta("1D")).astype(int)
        return pv_power_kw(PLANT, edges) * rng.uniform(0.2, 1.0, day[-1] + 1)[day]
    if target.kind == "load":
        local = (end - step).tz_convert(BERLIN.time_zone)
        shape = np.where((local.hour >= 7) & (local.hour < 19) & (local.weekday < 5), 80.0, 30.0)
        return shape * rng.uniform(0.9, 1.1, len(end))
    keep = np.exp(-(step / pd.Timedelta("20h")))
    noise = rng.standard_normal(len(end)) * np.sqrt(1 - keep**2)
    state = np.empty(len(end))
    state[0] = noise[0]
    for k in range(1, len(end)):
        state[k] = keep * state[k - 1] + noise[k]
    return target.capacity_kw / (1 + np.exp(-1.5 * state))


def archive(end: pd.DatetimeIndex, targets: tuple[Target, ...] = TARGETS) -> Archive:
    """All targets measured over the same intervals."""
    found = Archive.empty()
    for target in targets:
        found = found.with_measurements("park", target.name, end, series(target, end))
    return found


def day_edges(day: str, step: str = "1h") -> pd.DatetimeIndex:
    """Edges of one local day, 23 to 25 hours long."""
    first = pd.Timestamp(day, tz=BERLIN.time_zone)
    last = (first + pd.DateOffset(days=1)).tz_convert("UTC")
    return pd.date_range(first.tz_convert("UTC"), last, freq=step)
