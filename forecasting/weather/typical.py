"""A typical year, or many past ones, as the weather of the days that are asked for: climate, and no forecast.

It is what remains when no forecast can be had. Every hour gets the values of its month, day and hour, by the file's
own clock: in another zone the end of a leap year's February would be missing. A file of many years gives their mean,
and each year as a member of its own: their spread is how far the climate alone leaves the weather open. Of one year
the days around say it: what they have at the same hours comes with each run as its season.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError
from forecasting.weather.base import WeatherRun
from forecasting.weather.year_files import YearFile, read_year_file

Floats = NDArray[np.float64]
HOURS = 8760
SEASON_DAYS = 15
SEASON_DRAWS = 60
FAR_KM = 50.0
EARTH_KM = 6371.0
_DIRECTION = "wind_direction"


@lru_cache(maxsize=8)
def _kept(path: Path, _changed_ns: int) -> YearFile:
    return read_year_file(path)


@dataclass(frozen=True)
class TypicalYear:
    """The provider. `path` is an EPW, TMY3 or PVGIS file; see `forecasting.weather.year_files`."""

    path: Path

    @property
    def name(self) -> str:
        """What notes and messages call it."""
        return f"typical year {self.path.name}"

    @cached_property
    def _file(self) -> YearFile:
        if not self.path.is_file():
            return read_year_file(self.path)
        return _kept(self.path, self.path.stat().st_mtime_ns)

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The usual weather of the hours that touch [start, end]: the mean over the file's years.

        The run counts as issued and known now: that the file was there before, nobody said.
        """
        ends = _hours(start, end)
        years = self._by_year()
        at = _hour_of_year(ends.tz_convert(self._file.end.tz))
        columns = {name: _mean(name, table[:, at]) for name, table in years.items()}
        notes = self._notes(latitude, longitude, years)
        return WeatherRun(self.name, now, now, ends, columns, notes, season=_season(years, at))

    def members(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> tuple[WeatherRun, ...]:
        """Each year of the file as a run, members 1, 2, …; of a single year there is one."""
        ends = _hours(start, end)
        years = self._by_year()
        at, notes = _hour_of_year(ends.tz_convert(self._file.end.tz)), self._notes(latitude, longitude, years)
        count = len(next(iter(years.values())))
        return tuple(
            WeatherRun(self.name, now, now, ends, {n: t[k, at] for n, t in years.items()}, notes, member=k + 1)
            for k in range(count)
        )

    def _by_year(self) -> dict[str, Floats]:
        """Tables (year, hour of the year) by variable."""
        file = self._file
        # An hour belongs to the year in which it begins, so that the last of December stays with its year.
        begin = file.end - pd.Timedelta("1h")
        year = np.zeros(len(begin), dtype=np.int64) if file.typical else np.asarray(begin.year - begin.year.min())
        at = _hour_of_year(file.end)
        tables = {}
        for name, values in file.columns.items():
            tables[name] = np.full((int(year.max()) + 1, HOURS), np.nan)
            tables[name][year, at] = values
        # A year that was cut off is none; and a variable without a value for some hour in all years is left out.
        whole = np.any([np.isfinite(table).mean(axis=1) > 0.5 for table in tables.values()], axis=0)
        found = {name: table[whole] for name, table in tables.items()}
        found = {name: table for name, table in found.items() if np.isfinite(table).any(axis=0).all()}
        if not found:
            raise ForecastError(f"{self.path}: no variable has a value for every hour of a year; give a whole year")
        return found

    def _notes(self, latitude: float, longitude: float, years: dict[str, Floats]) -> tuple[str, ...]:
        count = len(next(iter(years.values())))
        many = f"the mean of {count} years" if count > 1 else "of one year"
        what = "of a typical year" if self._file.typical else many
        notes = [f"weather is {what} ({self.path.name}), no forecast: expect the errors of climate"]
        away = _distance_km(latitude, longitude, self._file.latitude_deg, self._file.longitude_deg)
        if away > FAR_KM:
            notes.append(f"{self.path.name} is of a place {away:.0f} km away")
        return tuple(notes)


def _season(years: dict[str, Floats], at: NDArray[np.int64]) -> dict[str, Floats]:
    """Columns (D, N): the same hours of the days around in every year, of many years fewer days."""
    count = len(next(iter(years.values())))
    days = np.arange(-SEASON_DAYS, SEASON_DAYS + 1)
    days = days[np.unique(np.linspace(0, len(days) - 1, max(SEASON_DRAWS // count, 1)).round().astype(np.intp))]
    around = (at[None, :] + 24 * days[:, None]) % HOURS
    return {name: table[:, around].reshape(-1, len(at)) for name, table in years.items()}


def _hours(start: pd.Timestamp, end: pd.Timestamp) -> pd.DatetimeIndex:
    """Ends of the hours that touch [start, end], and one before for what is interpolated at the edge."""
    first, last = start.tz_convert("UTC").floor("h"), end.tz_convert("UTC").ceil("h")
    return pd.date_range(first, last + pd.Timedelta("1h"), freq="h")


def _hour_of_year(ends: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Position in a year of 365 days of the hours that end then; those of 29 February are those of the 28th."""
    begin = ends - pd.Timedelta("1h")
    first_of_month = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    leap_day = np.asarray((begin.month == 2) & (begin.day == 29))
    day = first_of_month[np.asarray(begin.month) - 1] + np.where(leap_day, 28, np.asarray(begin.day)) - 1
    return np.asarray(day * 24 + np.asarray(begin.hour), dtype=np.int64)


def _mean(name: str, table: Floats) -> Floats:
    """Mean over years (Y, N) of what is known; directions as the mean of their unit vectors."""
    known = np.isfinite(table)
    count = np.maximum(known.sum(axis=0), 1)
    nothing = ~known.any(axis=0)
    if name.startswith(_DIRECTION):
        angle = np.deg2rad(np.where(known, table, 0.0))
        east, north = np.where(known, np.sin(angle), 0.0).sum(axis=0), np.where(known, np.cos(angle), 0.0).sum(axis=0)
        found = np.rad2deg(np.arctan2(east, north)) % 360
    else:
        found = np.where(known, table, 0.0).sum(axis=0) / count
    return np.asarray(np.where(nothing, np.nan, found))


def _distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance (haversine formula)."""
    one, two = np.deg2rad([latitude, longitude]), np.deg2rad([other_latitude, other_longitude])
    half = np.sin((two - one) / 2) ** 2
    return float(2 * EARTH_KM * np.arcsin(np.sqrt(half[0] + np.cos(one[0]) * np.cos(two[0]) * half[1])))
