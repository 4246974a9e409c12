"""GEFCom2014 wind: hourly power of farms with a forecast of 24 h each day, released and scored month by month.

A month's runs come out together as the month begins, and its powers as the next one does: that is when both become
available here, for the months of training too, so each row of training sees what a scored one sees. Power is a share of
the nominal capacity and stands as kW of a capacity of 1 kW. The official tasks 4 to 14 are the months after the first
year; task 1 is the third month before them. Source: T. Hong et al. 2016, doi:10.1016/j.ijforecast.2016.02.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.datasets import components, registry
from benchmarks.datasets.farms import Farms, Hours
from forecasting.archive import Archive
from forecasting.archive.rows import Rows
from forecasting.targets import Place, Target

LEVELS = np.arange(1, 100) / 100
FIRST_SCORED = 4  # the official number of the first month after the first year
LEAST_MEASURED = 0.5  # of a month's powers, or it cannot be scored
# Farms in Australia whose places were never published; the model asks only for the time zone, and uses UTC.
PLACE = Place(-35.0, 145.0, "UTC")


@dataclass(frozen=True, eq=False)
class Task(Hours):
    """One month, with its official number."""

    number: int


@dataclass(frozen=True, eq=False)
class Data(Farms):
    """Farms with the months that can be forecast."""

    tasks: tuple[Task, ...]

    @property
    def scored(self) -> tuple[Task, ...]:
        """The official tasks with known powers."""
        return tuple(task for task in self.tasks if task.number >= FIRST_SCORED)

    @property
    def earlier(self) -> tuple[Task, ...]:
        """Tasks 1 to 3, on which choices may be made."""
        return tuple(task for task in self.tasks if 1 <= task.number < FIRST_SCORED)


@cache
def load() -> Data:
    """Read the file; CannotMeasure where it is not there."""
    table = pd.read_parquet(registry.folder("gefcom2014_wind") / "wind.parquet")
    end = pd.DatetimeIndex(table["timestamp"]).as_unit("ns")
    hour = pd.Timedelta(hours=1)
    month = (end - hour).to_period("M")
    released = components.ns(month.to_timestamp())
    revealed = components.ns((month + 1).to_timestamp())
    issued = components.ns((end - hour).normalize())
    rows: dict[tuple[str, str], Rows] = {}
    targets = []
    for zone in sorted(table["zone"].unique()):
        chosen = np.asarray(table["zone"] == zone)
        part = table[chosen]
        site = f"zone_{zone}"
        columns = {}
        for height in (10, 100):
            east, north = (part[f"{c}{height}"].to_numpy(dtype=np.float64) for c in "uv")
            columns[f"wind_speed_{height}m"] = components.speed_m_s(east, north)
            columns[f"wind_direction_{height}m"] = components.from_deg(east, north)
        stamp = components.ns(end[chosen])
        rows |= components.run_rows(issued[chosen], stamp, released[chosen], columns, site)
        name = f"power_{zone}"
        rows[site, name] = components.measured_rows(stamp, revealed[chosen], part["power"].to_numpy(np.float64))
        targets.append(Target(name, "wind", 1.0, site))
    power = table.assign(end=end).pivot(index="end", columns="zone", values="power").tz_localize("UTC")
    return Data(Archive.of_rows(rows), tuple(targets), power, _tasks(power))


def _tasks(power: pd.DataFrame) -> tuple[Task, ...]:
    """All months from the tenth on of which enough is measured."""
    hour = pd.Timedelta(hours=1)
    ends = pd.DatetimeIndex(power.index)
    month = (ends - hour).tz_localize(None).to_period("M")
    found = []
    for number, period in enumerate(month.unique().sort_values(), start=FIRST_SCORED - 12):
        inside = month == period
        if number >= 1 and power[inside].notna().to_numpy().mean() >= LEAST_MEASURED:
            found.append(Task(ends[inside][0] - hour, ends[inside], number))
    return tuple(found)
