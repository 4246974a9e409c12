"""PVOD: photovoltaic plants in Hebei, quarter-hours, with a numerical weather product of each day.

Protocol: the last 91 days of the file are the test (from 15 March 2019 in the published one), all before trains; a
day is issued at its local midnight from what was measured before and from the weather product of that day, which
counts as day-ahead. Values are readings at the stamp, so each stands for the quarter-hour around it: the power of
clear days is symmetric about noon at the stamp itself (to 2.5 min). What was measured beside the power (`lmd_…`)
goes into the archive as measurements, so no model can take it for a forecast. A plant that gave more than its
nameplate before the test, within what a meter may err, is left out: its scale cannot be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets import series
from benchmarks.datasets.registry import folder
from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns
from forecasting.physics import PvPlant
from forecasting.targets import Place, Target

TIME_ZONE = "Asia/Shanghai"
LOCAL_NS = 8 * HOUR_NS
HALF_STEP_NS = 15 * MINUTE_NS // 2
TEST_DAYS = 91  # the last ones of the file: 15 March to 13 June 2019 of the published one
METER_ERROR = 1.02  # a reading so far above the nameplate is still believed
FORECASTS = {
    "nwp_globalirrad": "shortwave_radiation",
    "nwp_directirrad": "direct_radiation",
    "nwp_temperature": "temperature_2m",
    "nwp_humidity": "relative_humidity_2m",
    "nwp_windspeed": "wind_speed_10m",
    "nwp_winddirection": "wind_direction_10m",
    "nwp_pressure": "surface_pressure",
}
MEANS = ("shortwave_radiation", "direct_radiation")
BESIDE = ("lmd_totalirrad", "lmd_diffuseirrad", "lmd_temperature", "lmd_pressure", "lmd_winddirection", "lmd_windspeed")
FACING_DEG = {"north": 0.0, "east": 90.0, "south": 180.0, "west": 270.0}


@dataclass(frozen=True, eq=False)
class Pvod:
    """The archive of all stations, the targets in the protocol, those left out with the reason, test issues [ns]."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    train_until_ns: int
    issues_ns: Ns
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def horizon_ns(self) -> Ns:
        """Edges of the day ahead, relative to the issue."""
        return np.arange(97) * 15 * MINUTE_NS


def plant_of(row: pd.Series) -> PvPlant:
    """The plant as its line of the metadata describes it, e.g. tilt "South 33°"."""
    found = re.match(r"\s*(north|east|south|west)\D*([\d.]+)", str(row["Array_Tilt"]), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{row['Station_ID']}: tilt {row['Array_Tilt']!r}; expected such as 'South 33°'")
    facing, tilt = FACING_DEG[found[1].lower()], float(found[2])
    return PvPlant(float(row["Capacity"]), tilt, facing, float(row["Latitude"]), float(row["Longitude"]), losses=0.0)


def midnight_ns(day: str) -> int:
    """The issue of a local day: its first quarter-hour, around 00:00, has not begun."""
    return int(pd.Timestamp(day).as_unit("ns").value) - LOCAL_NS - HALF_STEP_NS


def station_archive(site: str, table: pd.DataFrame) -> Archive:
    """Power [kW] and what was measured beside it, and each day's weather product, issued at that day's midnight."""
    stamp_ns = pd.DatetimeIndex(table["time_utc"]).as_unit("ns").asi8
    stamp_ns, unclear = series.mended(stamp_ns)
    table, stamp_ns = table[~unclear], stamp_ns[~unclear]
    issue_ns = (stamp_ns + LOCAL_NS) // DAY_NS * DAY_NS - LOCAL_NS - HALF_STEP_NS
    columns = {
        name: (stamp_ns + (HALF_STEP_NS if name in MEANS else 0), table[column].to_numpy(np.float64))
        for column, name in FORECASTS.items()
        if column in table
    }
    archive = series.issued(site, columns, issue_ns, issue_ns)
    end_ns = stamp_ns + HALF_STEP_NS
    archive = archive.merge(series.measured(site, site, end_ns, 1000 * table["power"].to_numpy(np.float64)))
    for column in (name for name in BESIDE if name in table):
        archive = archive.merge(series.measured(site, column, end_ns, table[column].to_numpy(np.float64)))
    return archive


def load(path: Path | None = None) -> Pvod:
    """All stations that the files hold."""
    base = path or folder("pvod_hebei_pv")
    table = pd.read_parquet(base / "pvod.parquet")
    described = pd.read_csv(base / "metadata.csv", encoding="utf-8-sig").set_index("Station_ID", drop=False)
    last = pd.Timestamp(table["time_utc"].max(), tz="UTC").tz_convert(TIME_ZONE).normalize()
    train_until_ns = midnight_ns(str((last - pd.Timedelta(days=TEST_DAYS - 1)).date()))
    archive, targets, left_out, last_ns = Archive.empty(), [], {}, train_until_ns
    for number, part in table.groupby("station", sort=True):
        name = f"station{int(number):02d}"
        plant = plant_of(described.loc[name])
        archive = archive.merge(station_archive(name, part))
        before = part["time_utc"] < pd.Timestamp(train_until_ns)
        highest = float(1000 * part.loc[before, "power"].max())
        if highest > METER_ERROR * plant.peak_kw:
            left_out[name] = f"{highest:.0f} kW measured, nameplate {plant.peak_kw:.0f} kW"
            continue
        where = Place(plant.latitude_deg, plant.longitude_deg, TIME_ZONE)
        targets.append(target_of(name, plant, where))
        last_ns = max(last_ns, int(part["time_utc"].max().as_unit("ns").value))
    issues = np.arange(train_until_ns, last_ns, DAY_NS)
    place = targets[0].place
    assert place is not None
    targets = [_with_neighbours(target, targets) for target in targets]
    return Pvod(archive, tuple(targets), place, train_until_ns, issues, left_out)


def target_of(name: str, plant: PvPlant, where: Place) -> Target:
    """The power of one station, with its own weather."""
    return Target(name, "pv", plant.peak_kw, name, plant=plant, weather=(name,), place=where)


def _with_neighbours(target: Target, targets: list[Target]) -> Target:
    """The target with the weather products of the others behind its own, the nearest first: some days lack one."""
    assert target.plant is not None
    here = target.plant
    away = {
        other.name: np.hypot(
            other.plant.latitude_deg - here.latitude_deg,
            (other.plant.longitude_deg - here.longitude_deg) * np.cos(np.deg2rad(here.latitude_deg)),
        )
        for other in targets
        if other.plant is not None
    }
    return replace(target, weather=tuple(sorted(away, key=lambda name: (away[name], name))))
