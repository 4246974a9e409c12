"""GEFCom2014 load: one utility, hourly, with its temperature stations; a task is a month.

The protocol of the competition (Hong et al. 2016, doi:10.1016/j.ijforecast.2016.02.001): everything measured before
the month is known, nothing within it, temperature neither. Stamps are local and end the hour; each day has 24 of
them, so they are read in a zone without daylight saving. Loads in MW become kW, degrees Fahrenheit Celsius.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import holidays, registry
from forecasting.archive import Archive
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
SITE = "utility"
NAME = "load"
ZONE = "Etc/GMT+5"  # local time of the eastern United States, without daylight saving
FIRST_TASK = pd.Timestamp("2010-10-01")  # the competition's first month
LEVELS = np.arange(1, 100) / 100
KW_PER_MW = 1000.0


@dataclass(frozen=True, eq=False)
class Task:
    """One month: its number in the competition, issue time, edges, and what came [kW] (T,)."""

    number: int
    issue: pd.Timestamp
    edges: pd.DatetimeIndex
    actual_kw: Floats


@dataclass(frozen=True, eq=False)
class LoadSet:
    """The archive, the target with its stations, and where it stands."""

    archive: Archive
    target: Target
    place: Place
    load_kw: pd.Series

    def month(self, first: pd.Timestamp) -> Task:
        """The task of the month that begins on a local date."""
        number = (first.year - FIRST_TASK.year) * 12 + first.month - FIRST_TASK.month + 1
        edges = pd.date_range(first, first + pd.offsets.MonthBegin(1), freq="h", tz=ZONE).tz_convert("UTC")
        actual = self.load_kw.reindex(edges[1:]).to_numpy(dtype=np.float64)
        return Task(number, edges[0], edges, actual)

    def tasks(self) -> list[Task]:
        """All months from the competition's first one to the end of the file."""
        last = self.load_kw.dropna().index[-1].tz_convert(ZONE).tz_localize(None) - pd.Timedelta("1h")
        return [self.month(first) for first in pd.date_range(FIRST_TASK, last, freq="MS")]


@cache
def load() -> LoadSet:
    """Read the file."""
    table = pd.read_parquet(registry.folder("gefcom2014_load") / "load.parquet")
    ends = pd.DatetimeIndex(table["timestamp"]).tz_localize(ZONE).tz_convert("UTC")
    stations = tuple(name for name in table.columns if name not in ("timestamp", "load"))
    at_once = pd.Timedelta(0)
    archive = Archive.empty()
    for name in stations:
        celsius = (table[name].to_numpy(dtype=np.float64) - 32) / 1.8
        archive = archive.with_measurements(name, "temperature_2m", ends, celsius, at_once)
    load_kw = table["load"].to_numpy(dtype=np.float64) * KW_PER_MW
    there = np.isfinite(load_kw)
    archive = archive.with_measurements(SITE, NAME, ends[there], load_kw[there], at_once)
    years = range(ends[0].year, ends[-1].year + 2)
    place = Place(36.0, -78.0, ZONE, holidays=holidays.united_states(years))  # the utility is not named
    target = Target(NAME, "load", np.inf, SITE, weather=stations)
    return LoadSet(archive, target, place, pd.Series(load_kw, index=ends))


def entrants() -> pd.DataFrame:
    """Mean pinball [MW] by entrant (rows) and task number (columns), as published; NaN where none was handed in."""
    table = pd.read_csv(registry.folder("gefcom2014_leaderboards") / "load_pinball_by_task.csv", index_col=0)
    table.columns = [int(name.removeprefix("Task")) for name in table.columns]
    return table
