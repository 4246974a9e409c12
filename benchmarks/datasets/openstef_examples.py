"""Four feeders of a Dutch grid operator, 15 minutes, with stored weather, price and profiles.

The files hold the weather as it was last forecast, without issue times. Here the stored series stands for what was
known at each issue, for all who forecast alike: a run each day at the issue time that reaches to the end of the next
local day. Loads in MW become kW; below zero the feeder feeds in. Radiation in J/m² per hour becomes W/m².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import holidays, registry
from forecasting.archive import Archive
from forecasting.archive.rows import Rows
from forecasting.targets import Kind, Place, Target
from forecasting.weather.base import AT_THE_STAMP

Floats = NDArray[np.float64]
ZONE = "Europe/Amsterdam"
ISSUE_HOUR = 14  # local: the day-ahead price is out, the day ahead begins in ten hours
TRAIN_SHARE = 2 / 3
LEVELS = np.array([0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
WEATHER = {
    "radiation": ("shortwave_radiation", 1 / 3600),
    "temp": ("temperature_2m", 1.0),
    "windspeed": ("wind_speed_10m", 1.0),
    "windspeed_100m": ("wind_speed_100m", 1.0),
    "winddeg": ("wind_direction_10m", 1.0),
    "clouds": ("cloud_cover", 1.0),
    "pressure": ("surface_pressure", 0.01),
}
STEP = pd.Timedelta("15min")


@dataclass(frozen=True, eq=False)
class Feeder:
    """One feeder: the file's table (index UTC, interval start), archive, target, place, and issue times to test."""

    name: str
    table: pd.DataFrame
    archive: Archive
    target: Target
    place: Place
    issues: tuple[pd.Timestamp, ...]

    def edges(self, issue: pd.Timestamp) -> pd.DatetimeIndex:
        """Edges of the local day after an issue."""
        return day_after(issue)

    def actual_kw(self, edges: pd.DatetimeIndex) -> Floats:
        """What came (T,), NaN where it was not measured."""
        return np.asarray(self.table["load"].reindex(edges[:-1]), dtype=np.float64) * 1000


def day_after(issue: pd.Timestamp) -> pd.DatetimeIndex:
    """Edges (UTC) of the local day after an issue; 92 or 100 steps where the clock changes."""
    first = (issue.tz_convert(ZONE).normalize() + pd.DateOffset(days=1)).tz_convert("UTC")
    last = (issue.tz_convert(ZONE).normalize() + pd.DateOffset(days=2)).tz_convert("UTC")
    return pd.date_range(first, last, freq=STEP)


def feeders() -> list[Feeder]:
    """All feeders whose files are there."""
    files = sorted(registry.folder("openstef_examples").glob("pid_*.parquet"))
    return [_feeder(file.stem, pd.read_parquet(file)) for file in files]


def _feeder(name: str, raw: pd.DataFrame) -> Feeder:
    table = raw.set_index("time_utc").sort_index()
    table = table[~table.index.duplicated()].asfreq(STEP)
    index = pd.DatetimeIndex(table.index)
    load_kw = table["load"].to_numpy(dtype=np.float64) * 1000
    archive = Archive.empty().with_measurements(name, "load", index + STEP, load_kw)
    local = index.tz_convert(ZONE)
    days = pd.date_range(local[0].normalize() + pd.DateOffset(days=2), local[-1].normalize(), freq="D")
    issues = [day + pd.DateOffset(hours=ISSUE_HOUR) for day in days]
    issues = [pd.Timestamp(issue).tz_convert("UTC") for issue in issues if day_after(issue)[-1] <= index[-1] + STEP]
    archive = archive.merge(_runs(name, table, issues))
    place = Place(52.1, 5.3, ZONE, holidays=holidays.netherlands(range(index[0].year, index[-1].year + 2)))
    kind: Kind = "net_load" if np.nanmin(load_kw) < 0 else "load"
    target = Target("load", kind, 10 * float(np.nanmax(np.abs(load_kw))), name, weather=(f"{name}/ahead",))
    first_test = index[0] + TRAIN_SHARE * (index[-1] - index[0])
    return Feeder(name, table, archive, target, place, tuple(i for i in issues if i >= first_test))


def _runs(name: str, table: pd.DataFrame, issues: list[pd.Timestamp]) -> Archive:
    """One run a day of every stored column."""
    index = pd.DatetimeIndex(table.index)
    inside = [np.flatnonzero((index >= issue) & (index < day_after(issue)[-1])) for issue in issues]
    place = np.concatenate([np.empty(0, np.int64), *inside])
    issue_ns = np.repeat(pd.DatetimeIndex(issues).as_unit("ns").asi8, [len(part) for part in inside])
    rows = {}
    for column in table.columns.drop("load"):
        variable, factor = WEATHER.get(column, (column, 1.0))
        values = table[column].to_numpy(dtype=np.float64)[place] * factor
        stamps = (index if variable in AT_THE_STAMP else index + STEP).as_unit("ns").asi8[place]
        member = np.zeros(len(place), dtype=np.int32)
        rows[f"{name}/ahead", variable] = Rows(issue_ns, stamps, issue_ns, member, values).sorted()
    return Archive.of_rows(rows)
