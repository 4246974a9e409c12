"""Plants in Hesse that are made up but behave: hourly power from skies that one forecast a day gets nearly right."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.physics import PvPlant, clear_sky_w_m2, pv_power_at_kw, sun_at
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
FIRST = pd.Timestamp("2023-03-01", tz="UTC")
PLACE = Place(50.0, 9.0, "Europe/Berlin")
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
DAY = np.arange(25) * HOUR_NS


def target(number: int) -> Target:
    """A plant of 100 kW, some kilometres from the next."""
    plant = PvPlant(100.0, 30.0, 180.0, 50.0 + 0.2 * number, 9.0, losses=0.0)
    name = f"roof{number}"
    where = Place(plant.latitude_deg, 9.0, PLACE.time_zone)
    return Target(name, "pv", 100.0, name, plant=plant, weather=(name,), place=where)


def issue(day: int) -> pd.Timestamp:
    return FIRST + pd.Timedelta(days=day)


def made(days: int, count: int = 2, seed: int = 0) -> tuple[tuple[Target, ...], Archive]:
    """Targets, and their power to the end of `days` with the weather of one day more."""
    targets = tuple(target(number) for number in range(count))
    archive = Archive.empty()
    for number, one in enumerate(targets):
        archive = archive.merge(_plant(one, number, days, seed))
    return targets, archive


def _plant(one: Target, number: int, days: int, seed: int) -> Archive:
    assert one.plant is not None
    rng = np.random.default_rng([seed, number])
    end = FIRST + pd.to_timedelta(np.arange(1, 24 * (days + 1) + 1), unit="h")
    middle = end - pd.Timedelta("30min")
    sun = sun_at(one.plant, middle)
    clear = clear_sky_w_m2(one.plant, middle, sun)["ghi"]
    day = np.arange(len(end)) // 24
    said = np.clip(np.random.default_rng(seed).uniform(0.2, 1.0, days + 1)[day] + rng.normal(0, 0.05, len(end)), 0, 1.1)
    came = np.clip(said + rng.normal(0, 0.1, days + 1)[day] + rng.normal(0, 0.05, len(end)), 0.02, 1.1)
    power = 0.9 * pv_power_at_kw(one.plant, middle, {"ghi_w_m2": clear * came}, sun)
    archive = Archive.empty().with_measurements(one.site, one.name, end[:-24], power[:-24], pd.Timedelta(0))
    for start in range(0, len(end), 24):
        run, at = slice(start, start + 24), FIRST + pd.Timedelta(hours=start)
        columns = {"shortwave_radiation": clear * said, "temperature_2m": np.full(len(end), 12.0)}
        for name, values in columns.items():
            archive = archive.with_forecast(one.site, name, at, at, end[run], values[run])
    return archive


@lru_cache(maxsize=2)
def month() -> tuple[tuple[Target, ...], Archive]:
    """Two plants over five weeks."""
    return made(35)


def edges(day: int) -> Ns:
    """Hourly edges of a day."""
    return issue(day).as_unit("ns").value + DAY


__all__ = ["DAY", "DAY_NS", "LEVELS", "PLACE", "edges", "issue", "made", "month", "target"]
