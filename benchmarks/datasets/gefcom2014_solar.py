"""GEFCom2014 solar: photovoltaic plants in Australia, hourly power and the weather of one run each day (task 1).

The weather of the whole month was given to entrants at once: it is known when the task is released, at the month's
first hour, and the month counts as one run. The first year is for training; each month after it that the weather
covers is a task, trained on everything before it. Stamps are the ends of hours. Radiation (var169, 175, 178) and
precipitation (var228) accumulate from 00 UTC and are differenced; J/m² become W/m², m become mm. Powers are shares of
the nominal capacity: the plants have 1 kW.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import series
from benchmarks.datasets.registry import folder
from forecasting.archive import Archive
from forecasting.clock import HOUR_NS, Ns
from forecasting.physics import PvPlant
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
ACCUMULATED = ("var169", "var175", "var178", "var228")
LATITUDE_DEG, LONGITUDE_DEG = -37.5, 145.0
# Hong et al. 2016, doi:10.1016/j.ijforecast.2016.02.001: altitude [m], facing [deg], tilt [deg] by zone; others are
# taken as facing the equator at a usual tilt.
PLANTS = {1: (595.0, 38.0, 36.0), 2: (602.0, 327.0, 35.0), 3: (951.0, 31.0, 21.0)}
UNKNOWN_PLANT = (600.0, 0.0, 30.0)


@dataclass(frozen=True, eq=False)
class Solar2014:
    """Archive, one target per zone, and the tasks as (release, end of the month) [ns]."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    tasks: tuple[tuple[int, int], ...]


def differenced(table: pd.DataFrame) -> pd.DataFrame:
    """Values of each hour from what accumulates since 00 UTC; the first hour of a day starts from zero."""
    table = table.sort_values(["zone", "timestamp"], ignore_index=True)
    day = (table["timestamp"] - pd.Timedelta(hours=1)).dt.normalize()
    found = table.copy()
    for name in (name for name in ACCUMULATED if name in table):
        before = table.groupby([table["zone"], day])[name].shift(1)
        hours = table["timestamp"].groupby([table["zone"], day]).diff()
        whole = (hours == pd.Timedelta(hours=1)) | (table["timestamp"].dt.hour == 1)
        found[name] = (table[name] - before.fillna(0.0)).where(whole).clip(lower=0.0)
    return found


def weather_columns(table: pd.DataFrame) -> dict[str, tuple[Ns, Floats]]:
    """Canonical variables at the stamps, from the competition's ECMWF numbers (differenced)."""
    valid = pd.DatetimeIndex(table["timestamp"]).as_unit("ns").asi8
    east, north = table["var165"].to_numpy(float), table["var166"].to_numpy(float)
    columns = {
        "shortwave_radiation": table["var169"].to_numpy(float) / 3600,
        "cloud_cover": 100 * table["var164"].to_numpy(float).clip(0, 1),
        "relative_humidity_2m": table["var157"].to_numpy(float).clip(0, 101),
        "surface_pressure": table["var134"].to_numpy(float) / 100,
        "temperature_2m": table["var167"].to_numpy(float) - 273.15,
        "wind_speed_10m": np.hypot(east, north),
        "wind_direction_10m": np.rad2deg(np.arctan2(-east, -north)) % 360,
        "precipitation": 1000 * table["var228"].to_numpy(float),
        "cloud_liquid_water": table["var78"].to_numpy(float),
        "cloud_ice_water": table["var79"].to_numpy(float),
        "thermal_radiation_down": table["var175"].to_numpy(float) / 3600,
        "top_net_shortwave_radiation": table["var178"].to_numpy(float) / 3600,
    }
    return {name: (valid, values) for name, values in columns.items()}


def released_ns(valid_ns: Ns) -> Ns:
    """First instant of the month that each hour, named by its end, belongs to."""
    start = pd.DatetimeIndex(pd.to_datetime(valid_ns - 1)).to_period("M").start_time
    return np.asarray(start.as_unit("ns").asi8, dtype=np.int64)


def load(path: Path | None = None) -> Solar2014:
    """All zones of the files, and every month after the first twelve that the weather covers."""
    base = path or folder("gefcom2014_solar")
    power = pd.read_parquet(base / "power.parquet")
    weather = differenced(pd.read_parquet(base / "nwp_task1.parquet"))
    archive, targets, months = Archive.empty(), [], np.empty(0, np.int64)
    for number, part in weather.groupby("zone", sort=True):
        name = f"zone{int(number)}"
        own = power[power["zone"] == number].sort_values("timestamp")
        end_ns = pd.DatetimeIndex(own["timestamp"]).as_unit("ns").asi8
        archive = archive.merge(series.measured(name, name, end_ns, own["power"].to_numpy(np.float64)))
        columns = weather_columns(part)
        release = released_ns(columns["shortwave_radiation"][0])
        archive = archive.merge(series.issued(name, columns, release, release))
        targets.append(_target(int(number), name))
        months = np.union1d(months, release)
    place = targets[0].place
    assert place is not None
    after = pd.DatetimeIndex(pd.to_datetime(months)) + pd.offsets.MonthBegin(1)
    ends = np.asarray(after.as_unit("ns").asi8, dtype=np.int64)
    tasks = tuple((int(a), int(b)) for a, b in zip(months[12:], ends[12:], strict=True))
    return Solar2014(archive, tuple(targets), place, tasks)


def _target(number: int, name: str) -> Target:
    altitude_m, azimuth_deg, tilt_deg = PLANTS.get(number, UNKNOWN_PLANT)
    plant = PvPlant(1.0, tilt_deg, azimuth_deg, LATITUDE_DEG, LONGITUDE_DEG, altitude_m, losses=0.0)
    place = Place(LATITUDE_DEG, LONGITUDE_DEG, "UTC", altitude_m)
    return Target(name, "pv", 1.0, name, plant=plant, weather=(name,), place=place)


def edges_ns(task: tuple[int, int]) -> Ns:
    """Hourly edges of a task."""
    return np.arange(task[0], task[1] + 1, HOUR_NS)
