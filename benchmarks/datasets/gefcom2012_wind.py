"""GEFCom2012 wind: hourly power of farms, runs of 48 h at 00 and 12 UTC, and windows of 48 h to be forecast.

A window is issued as its first hour begins. The runs of that moment are there, and all powers before it except those of
earlier windows, which were never revealed; of the runs issued within a window the file holds back what lies in it.
Power is a share of the nominal capacity and stands as kW of a capacity of 1 kW. Source: T. Hong et al. 2014,
doi:10.1016/j.ijforecast.2013.07.001.
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

PLACE = Place(0.0, 0.0, "UTC")  # the farms' places were never published; the model asks only for the time zone
HEIGHT_M = 10
KNOWN = "Training"  # the file's word for hours whose power was revealed


@dataclass(frozen=True, eq=False)
class Data(Farms):
    """Farms with their windows of hours."""

    windows: tuple[Hours, ...]


@cache
def load() -> Data:
    """Read the files; CannotMeasure where they are not there."""
    folder = registry.folder("gefcom2012_wind")
    table = pd.read_parquet(folder / "power.parquet").set_index("timestamp").sort_index()
    table.index = pd.DatetimeIndex(table.index).as_unit("ns").tz_localize("UTC")
    runs = pd.read_parquet(folder / "nwp.parquet")
    power = table[[name for name in table.columns if name.startswith("wp")]]
    known = power.where(table["usage"] == KNOWN)
    stamp = np.asarray(power.index.asi8)
    rows: dict[tuple[str, str], Rows] = {}
    targets = []
    for farm in sorted(runs["farm"].unique()):
        part = runs[runs["farm"] == farm]
        east, north = (part[c].to_numpy(dtype=np.float64) for c in "uv")
        columns = {
            f"wind_speed_{HEIGHT_M}m": components.speed_m_s(east, north),
            f"wind_direction_{HEIGHT_M}m": components.from_deg(east, north),
        }
        issue = components.ns(part["issue_time"])
        site, name = f"farm_{farm}", f"wp{farm}"
        rows |= components.run_rows(issue, components.ns(part["valid_time"]), issue, columns, site)
        rows[site, name] = components.measured_rows(stamp, stamp, known[name].to_numpy(dtype=np.float64))
        targets.append(Target(name, "wind", 1.0, site))
    names = [target.name for target in targets]
    return Data(Archive.of_rows(rows), tuple(targets), power[names], _windows(table["usage"] != KNOWN))


def _windows(held: pd.Series) -> tuple[Hours, ...]:
    """Stretches of hours that were held back."""
    ends = pd.DatetimeIndex(held.index)
    flags = held.to_numpy(dtype=bool)
    begins = np.flatnonzero(flags & ~np.concatenate([[False], flags[:-1]]))
    stops = np.flatnonzero(flags & ~np.concatenate([flags[1:], [False]])) + 1
    hour = pd.Timedelta(hours=1)
    return tuple(Hours(ends[a] - hour, ends[a:b]) for a, b in zip(begins, stops, strict=True))
