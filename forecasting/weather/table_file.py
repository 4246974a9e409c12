"""Weather forecasts from the user's own CSV or Parquet table, whose columns carry the names of `weather.base`.

    time,temperature_2m,wind_speed_100m,shortwave_radiation
    2024-03-29T13:00Z,8.1,6.4,312

Times are the ends of intervals and say their offset. A column issue_time makes it a table of many runs, available_at
says since when each was known (by default since its issue). Other layouts, units and names come in by a mapping
(`parkwatt archive import`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting.archive import Archive, Known, Run
from forecasting.clock import utc_index, utc_text
from forecasting.errors import ForecastError
from forecasting.importing.files import read_table
from forecasting.importing.mapping import checked
from forecasting.importing.run import read_files
from forecasting.weather.base import VARIABLES, WeatherRun

ISSUE, AVAILABLE, TIME = "issue_time", "available_at", "time"
_SITE = "weather"


@dataclass(frozen=True)
class WeatherTable:
    """The provider."""

    path: Path

    @property
    def name(self) -> str:
        """What notes and messages call it."""
        return f"weather of {self.path.name}"

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The latest run of the table that was known at `now`; a table of one forecast counts as issued now.

        The table does not say for which place it is.
        """
        names = self._names()
        archive = read_files(checked(self._mapping(names), str(self.path)), self.path.parent).archive
        at = f"{latitude:g}, {longitude:g}"
        notes = (f"{self.name}: taken as it stands for {at}, {utc_text(start.value)} … {utc_text(end.value)}",)
        if ISSUE not in names:
            return _as_one(self.name, archive, now, notes)
        return _latest(self.name, archive.as_of(now), notes)

    def _names(self) -> list[str]:
        names = [str(name) for name in read_table(self.path).columns]
        if not set(names) & set(VARIABLES):
            raise ForecastError(
                f"{self.path}: no column is one of weather; it has {names}, accepted are {', '.join(VARIABLES)}"
            )
        return names

    def _mapping(self, names: list[str]) -> dict[str, Any]:
        series = [{"column": name, "variable": name} for name in names if name in VARIABLES]
        times = [name for name in names if name not in VARIABLES and name not in (ISSUE, AVAILABLE)]
        if not times:
            raise ForecastError(f"{self.path}: no column of times; it has {names}, needed is {TIME}")
        rule: dict[str, Any] = {"files": str(self.path.absolute()), "site": _SITE, "series": series, "stamp": "end"}
        rule["time_column"] = TIME if TIME in times else times[0]
        if ISSUE in names:
            rule["issue_column"] = ISSUE
        known = {"available_column": AVAILABLE} if AVAILABLE in names else {"available_after": "0min"}
        return {"files": [rule | known]}


def _as_one(name: str, archive: Archive, now: pd.Timestamp, notes: tuple[str, ...]) -> WeatherRun:
    rows = {variable: found for (_, variable), found in archive.rows().items()}
    valid = np.unique(np.concatenate([found.valid_ns for found in rows.values()]))
    columns = {}
    for variable, found in rows.items():
        columns[variable] = np.full(len(valid), np.nan)
        columns[variable][np.searchsorted(valid, found.valid_ns)] = found.value
    return WeatherRun(name, now, now, utc_index(valid), columns, notes)


def _latest(name: str, known: Known, notes: tuple[str, ...]) -> WeatherRun:
    runs: dict[str, Run] = {}
    for variable in known.variables(_SITE):
        runs[variable] = known.runs(_SITE, variable)[-1]
    if not runs:
        raise ForecastError(f"{name}: no run was known at {utc_text(known.time_ns)}")
    issue = max(run.issue_ns for run in runs.values())
    runs = {variable: run for variable, run in runs.items() if run.issue_ns == issue}
    valid = np.unique(np.concatenate([run.valid_ns for run in runs.values()]))
    columns = {}
    for variable, run in runs.items():
        columns[variable] = np.full(len(valid), np.nan)
        columns[variable][np.searchsorted(valid, run.valid_ns)] = run.value
    moments = utc_index(np.array([issue, max(run.available_ns for run in runs.values())]))
    return WeatherRun(name, moments[0], moments[1], utc_index(valid), columns, notes)
