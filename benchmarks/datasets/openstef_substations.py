"""Substations in the Netherlands with what is metered of their photovoltaic and wind parks (OpenSTEF's examples).

Power in MW, generation negative; radiation as J/m² of the hour, wind at 100 m. A part that gives more than a twentieth
of its peak while the sun is far below the horizon is not photovoltaic, and a substation whose meter stands still has no
net load: both are left out, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets.registry import folder
from forecasting.physics import solar_elevation_deg
from forecasting.targets import Place

Floats = NDArray[np.float64]
NIGHT_DEG, NIGHT_SHARE = -12.0, 0.05
STILL_MW = 0.1


@dataclass(frozen=True, eq=False)
class Substation:
    """Net load, true parts as magnitudes [kW], weather; NaN is unknown. `has` names the metered parts."""

    name: str
    end: pd.DatetimeIndex
    place: Place
    net_kw: Floats
    solar_kw: Floats
    wind_kw: Floats
    ghi_w_m2: Floats
    wind_m_s: Floats
    has: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Substations:
    """Those that can be scored, and why others cannot."""

    usable: tuple[Substation, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def load(path: Path | None = None) -> Substations:
    """All substations of the file."""
    table = pd.read_parquet((path or folder("openstef_examples")) / "substations_split.parquet")
    usable, left_out = [], {}
    for name, part in table.groupby("substation", sort=True):
        found = _substation(str(name), part.sort_values("datetime"))
        if reason := _unusable(found):
            left_out[found.name] = reason
        else:
            usable.append(found)
    return Substations(tuple(usable), left_out)


def _substation(name: str, part: pd.DataFrame) -> Substation:
    latitude, longitude = (
        float(part[[a, b]].to_numpy()[np.isfinite(part[[a, b]].to_numpy())][0])
        for a, b in (("lat", "Lat"), ("lon", "Lon"))
    )
    kw = {column: 1000 * part[column].to_numpy(np.float64) for column in part if str(column).startswith("total_")}
    has = tuple(kind for kind in ("solar", "wind") if part[f"{kind}_on"].max() > 0)
    return Substation(
        name,
        pd.DatetimeIndex(part["datetime"]),
        Place(latitude, longitude, "Europe/Amsterdam"),
        kw["total_substation"],
        np.maximum(-kw["total_solar_part"], 0.0),
        np.maximum(-kw["total_wind_part"], 0.0),
        part["radiation"].to_numpy(np.float64) / 3600,
        part["windspeed_100m"].to_numpy(np.float64),
        has,
    )


def _unusable(station: Substation) -> str:
    if np.nanstd(station.net_kw) < 1000 * STILL_MW:
        return "its meter stands still"
    if "solar" in station.has:
        night = solar_elevation_deg(station.end, station.place.latitude_deg, station.place.longitude_deg) < NIGHT_DEG
        # Clocks of meters are wrong by hours here; the deep of the night stays night for four hours around its middle.
        hour = np.asarray(station.end.hour)
        deep = night & (hour >= 0) & (hour <= 3)
        share = float(np.nanmean(station.solar_kw[deep]) / np.nanmax(station.solar_kw))
        if share > NIGHT_SHARE:
            return f"its solar part gives {share:.0%} of its peak at night"
    return ""
