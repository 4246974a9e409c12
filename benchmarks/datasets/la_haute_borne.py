"""La Haute Borne: four turbines in 10-minute steps over two years, with the energy lost to outages and to curtailment.

The files stamp an interval at its beginning; here it stands at its end. ERA5 is a reanalysis: it is measured weather as
far as the archive is concerned, never a forecast. Source: ENGIE, Etalab Open Licence 2.0, as kept by OpenOA (NREL).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import components, registry
from forecasting.archive import Archive
from forecasting.archive.rows import Rows
from forecasting.physics import air_density_kg_per_m3
from forecasting.targets import Place, Target
from forecasting.weather.base import CATALOGUE

Floats = NDArray[np.float64]
STEP = pd.Timedelta(minutes=10)
REANALYSIS_DELAY_NS = pd.Timedelta(days=5).value
EARTH_M_PER_DEG = 111_195.0
STANDARD_PRESSURE_HPA = 1013.25
SITE, REANALYSIS = "la_haute_borne", "era5"


@dataclass(frozen=True, eq=False)
class Data:
    """Measurements by interval end: powers (N, turbines) [kW], the farm's mean wind (N,), and what logs say was lost.

    Attributes:
        archive: all of it with its availability; the reanalysis under its own site.
        targets: one per turbine.
        power_kw, speed_m_s: by turbine, NaN where not measured.
        from_deg: mean direction of the nacelles' vanes, as logged.
        density_kg_per_m3: from the measured temperature and the standard pressure at the hubs' altitude.
        lost_kwh: energy that outages and curtailment cost in each interval, of the whole farm.
        net_kwh: energy of the whole farm.
        bearing_deg: (turbine, other): direction from which the wind blows from the other onto the turbine.
        apart_diameters: distance of the two in rotor diameters.
    """

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    end: pd.DatetimeIndex
    power_kw: Floats
    speed_m_s: Floats
    from_deg: Floats
    density_kg_per_m3: Floats
    net_kwh: Floats
    lost_kwh: Floats
    bearing_deg: Floats
    apart_diameters: Floats


@cache
def load() -> Data:
    """Read the files; CannotMeasure where they are not there."""
    folder = registry.folder("la_haute_borne")
    turbines = pd.read_csv(next(folder.glob("*asset_table.csv"))).sort_values("Wind_turbine_name")
    names = turbines["Wind_turbine_name"].tolist()
    scada = pd.read_parquet(folder / "scada_10min.parquet")
    plant = pd.read_parquet(folder / "plant_10min.parquet").set_index("time_utc")
    tables = {
        name: scada.pivot_table(index="time_utc", columns="turbine", values=name, observed=True)
        .reindex(index=plant.index, columns=names)
        .to_numpy(dtype=np.float64)
        for name in ("P_avg", "Ws_avg", "Wa_avg", "Ot_avg")
    }
    end = pd.DatetimeIndex(plant.index).as_unit("ns") + STEP
    rated = turbines["Rated_power"].to_numpy(dtype=np.float64)
    targets = tuple(Target(name, "wind", float(kw), SITE) for name, kw in zip(names, rated, strict=True))
    bearing, apart = _layout(turbines)
    altitude_m = float((turbines["elevation_m"] + turbines["Hub_height_m"]).mean())
    place = Place(float(turbines["Latitude"].mean()), float(turbines["Longitude"].mean()), "Europe/Paris", altitude_m)
    return Data(
        _archive(folder, targets, end, tables["P_avg"]),
        targets,
        place,
        end,
        tables["P_avg"],
        tables["Ws_avg"],
        _mean_direction_deg(tables["Wa_avg"]),
        _density(tables["Ot_avg"], altitude_m),
        plant["net_energy_kwh"].to_numpy(dtype=np.float64),
        (plant["availability_kwh"] + plant["curtailment_kwh"]).to_numpy(dtype=np.float64),
        bearing,
        apart,
    )


def _mean_direction_deg(from_deg: Floats) -> Floats:
    """Mean (N,) of directions (N, turbines), NaN unless all are known."""
    turned = np.exp(1j * np.deg2rad(from_deg)).mean(axis=1)
    return np.asarray(np.rad2deg(np.angle(turned)) % 360)


def _density(temperature_deg_c: Floats, altitude_m: float) -> Floats:
    """Density (N,) at the mean temperature of the sensors that say what can be believed."""
    variable = CATALOGUE["temperature_2m"]
    believed = (temperature_deg_c > variable.least) & (temperature_deg_c < variable.most)
    count = believed.sum(axis=1)
    total = np.where(believed, temperature_deg_c, 0.0).sum(axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    pressure = STANDARD_PRESSURE_HPA * (1 - 2.25577e-5 * altitude_m) ** 5.25588  # ISO 2533, the standard atmosphere
    return air_density_kg_per_m3(mean, pressure)


def _layout(turbines: pd.DataFrame) -> tuple[Floats, Floats]:
    """Bearings [°] and distances [rotor diameters] of all pairs (turbine, other)."""
    latitude = turbines["Latitude"].to_numpy(dtype=np.float64)
    longitude = turbines["Longitude"].to_numpy(dtype=np.float64)
    north = latitude * EARTH_M_PER_DEG
    east = longitude * EARTH_M_PER_DEG * np.cos(np.deg2rad(latitude.mean()))
    to_east, to_north = east[None, :] - east[:, None], north[None, :] - north[:, None]
    diameter = turbines["Rotor_diameter_m"].to_numpy(dtype=np.float64)
    return np.rad2deg(np.arctan2(to_east, to_north)) % 360, np.hypot(to_east, to_north) / diameter


def _archive(folder: Path, targets: tuple[Target, ...], end: pd.DatetimeIndex, power_kw: Floats) -> Archive:
    stamp = components.ns(end)
    rows: dict[tuple[str, str], Rows] = {
        (SITE, target.name): components.measured_rows(stamp, stamp, power_kw[:, k]) for k, target in enumerate(targets)
    }
    era5 = pd.read_parquet(folder / "era5_hourly_reanalysis.parquet")
    hour = components.ns(era5["datetime"])
    east, north = (era5[name].to_numpy(dtype=np.float64) for name in ("u_100", "v_100"))
    weather = {
        "wind_speed_100m": components.speed_m_s(east, north),
        "wind_direction_100m": components.from_deg(east, north),
        "temperature_2m": era5["t_2m"].to_numpy(dtype=np.float64) - 273.15,
        "surface_pressure": era5["surf_pres"].to_numpy(dtype=np.float64) / 100,
    }
    for name, values in weather.items():
        rows[REANALYSIS, name] = components.measured_rows(hour, hour + REANALYSIS_DELAY_NS, values)
    return Archive.of_rows(rows)
