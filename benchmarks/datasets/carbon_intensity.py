"""Measured carbon intensity of electricity: Great Britain 2020–2025 hourly, and 2020 of three countries with their mix.

Stamps are UTC; in the files of intensity and generation they start the interval. Intensities in g/kWh, generation
and imports in MW. Great Britain's table also holds measured temperature: it is known once it was measured and is never
read ahead. The actual intensity is published about half an hour after its hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets import holidays, registry
from forecasting.archive import Archive
from forecasting.targets import Place, Target

NAME = "carbon_intensity"
DELAY = pd.Timedelta("30min")
HORIZON_H = 48
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
Holidays = Callable[[Iterable[int]], tuple[str, ...]]
PLACES: dict[str, tuple[float, float, str, Holidays]] = {
    "gb": (53.0, -1.5, "Europe/London", holidays.britain),
    "fr": (47.0, 2.5, "Europe/Paris", holidays.france),
    "ger": (51.0, 10.0, "Europe/Berlin", holidays.germany),
}


@dataclass(frozen=True, eq=False)
class Zone:
    """One country: archive, target, place, and what came, hourly (index UTC, interval start) [g/kWh]."""

    name: str
    archive: Archive
    target: Target
    place: Place
    actual: pd.Series

    def issues(self, first: pd.Timestamp, every_h: int = 24) -> list[pd.Timestamp]:
        """Issue times from one on, as long as the whole horizon has come."""
        last = self.actual.index[-1] - pd.Timedelta(hours=HORIZON_H - 1)
        return list(pd.date_range(first, last, freq=f"{every_h}h"))

    def edges(self, issue: pd.Timestamp) -> pd.DatetimeIndex:
        """Hourly edges of the two days after an issue."""
        return pd.date_range(issue, issue + pd.Timedelta(hours=HORIZON_H), freq="h")


def long_series() -> list[Zone]:
    """Zones with several years of hours (files `<zone>_hourly_*.parquet`)."""
    return [_zone(file, "time_utc") for file in sorted(_files("*_hourly_*.parquet"))]


def short_series() -> list[Zone]:
    """Zones with one year (files `<zone>_ci_<year>.parquet`), with their generation where it is there."""
    return [_zone(file, "time") for file in sorted(_files("*_ci_*.parquet"))]


def _files(pattern: str) -> Iterable[Path]:
    return registry.folder("gb_carbon_intensity").glob(pattern)


def _zone(file: Path, time: str) -> Zone:
    zone = file.name.split("_")[0]
    latitude, longitude, time_zone, days = PLACES[zone]
    actual = _hourly(pd.read_parquet(file), time)["ci_gco2_kwh"]
    ends = pd.DatetimeIndex(actual.index) + pd.Timedelta("1h")
    archive = Archive.empty().with_measurements(zone, NAME, ends, actual.to_numpy(dtype=np.float64), DELAY)
    mix = file.with_name(file.name.replace("_ci_", "_generation_mix_"))
    if mix != file and mix.is_file():
        for name, column in _hourly(pd.read_parquet(mix), "time").items():
            at = pd.DatetimeIndex(column.index) + pd.Timedelta("1h")
            archive = archive.with_measurements(zone, mix_name(str(name)), at, column.to_numpy(np.float64), DELAY)
    place = Place(latitude, longitude, time_zone, holidays=days(range(ends[0].year, ends[-1].year + 2)))
    return Zone(zone, archive, Target(NAME, "intensity", np.inf, zone), place, actual)


def mix_name(column: str) -> str:
    """Name in the archive of a kind of generation, or of imports from a neighbour (two capitals)."""
    if len(column) == 2:
        return f"import_{column.lower()}_mw"
    return "generation_" + column.lower().replace(" ", "_").replace("-", "_") + "_mw"


def _hourly(table: pd.DataFrame, time: str) -> pd.DataFrame:
    """Means of the hours of which every value is there (some stretches have finer steps than the rest)."""
    index = pd.DatetimeIndex(table[time])
    table = table.drop(columns=time).set_axis(index if index.tz else index.tz_localize("UTC"))
    table = table[~table.index.duplicated()].sort_index()
    step = pd.Series(table.index).diff().mode()[0]
    hours = table.resample("1h")
    return hours.mean().where(hours.count() >= pd.Timedelta("1h") // step)
