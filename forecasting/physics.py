"""Power of photovoltaic plants and wind farms from weather.

Photovoltaics: P = P_peak · G_poa/1000 · (1 + γ(T_cell − 25)) · (1 − losses), with the sun at the MIDDLE of
each interval, the Hay–Davies transposition and Faiman's cell temperature (pvlib). Without weather the
Ineichen clear sky stands in, with the monthly Linke turbidity of Remund et al. 2003 that pvlib carries. Rows on
one axis turn as pvlib's ``tracking.singleaxis`` says; an inverter clips, with PVWatts' efficiency over its load where
its efficiency is known. Wind: below rated power the speed at hub height is corrected to standard density,
v_n = v (ρ/1.225)^(1/3) (IEC 61400-12-1, pitch-controlled machines), then looked up in the power curve. A machine cuts
in and out, and gives way to storm, at the true speed; outside the curve the power is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecasting.clock import index_ns, utc_index
from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
Curve = tuple[tuple[float, ...], tuple[float, ...]]
STANDARD_DENSITY_KG_PER_M3 = 1.225
DRY_AIR_J_PER_KG_K = 287.05
NIGHT_ELEVATION_DEG = -1.0  # below it no daylight reaches a module even when the sun is at an interval's edge
_OF_THE_SUN = ("elevation", "zenith", "apparent_zenith", "azimuth")
FAIMAN_AIR_DEG_C, FAIMAN_WIND_M_S = 20.0, 1.0  # stand in where no weather is known


@dataclass(frozen=True)
class SingleAxis:
    """Rows of modules that turn on one axis, which points along `axis_azimuth_deg` and rises by `axis_tilt_deg`.

    They turn up to `max_angle_deg` from flat; with `backtrack`, less where rows of `ground_cover_ratio` (width over
    distance) would shade each other (Anderson & Mikofski 2020, NREL/TP-5K00-76626, in pvlib).
    """

    axis_tilt_deg: float = 0.0
    axis_azimuth_deg: float = 180.0
    max_angle_deg: float = 60.0
    ground_cover_ratio: float = 2 / 7
    backtrack: bool = True


@dataclass(frozen=True)
class PvPlant:
    """A plant of fixed tilt, or of rows that turn on one axis (`tracker`, instead of tilt and azimuth).

    Azimuth clockwise from north (180 = south), losses = all but temperature (soiling, cables, inverter). No more
    than `inverter_kw` comes out of it; with an `inverter_efficiency` the inverter's losses are those of PVWatts over
    its load (NREL/TP-6A20-62641) and `losses` only those before it.
    """

    peak_kw: float
    tilt_deg: float
    azimuth_deg: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float = 0.0
    temperature_coefficient_per_k: float = -0.0035
    losses: float = 0.14  # PVWatts default, NREL/TP-6A20-62641
    inverter_kw: float | None = None
    inverter_efficiency: float | None = None
    tracker: SingleAxis | None = None


@dataclass(frozen=True)
class WindFarm:
    """`count` machines of one type.

    `turbine` names a machine of windpowerlib/oedb or is a curve (speed [m/s], power [kW]).
    """

    turbine: str | Curve
    hub_height_m: float
    count: int = 1
    rated_kw: float | None = None


def solar_elevation_deg(
    middle: pd.DatetimeIndex, latitude_deg: float, longitude_deg: float, altitude_m: float = 0.0
) -> Floats:
    """True elevation of the sun's centre [deg] at the given instants, shape (T,).

    NREL algorithm (Reda & Andreas 2004).
    """
    return _sun(middle, latitude_deg, longitude_deg, altitude_m)["elevation"]


def _sun(
    middle: pd.DatetimeIndex, latitude_deg: float, longitude_deg: float, altitude_m: float
) -> Mapping[str, Floats]:
    return _sun_of(index_ns(middle, "middle").tobytes(), latitude_deg, longitude_deg, altitude_m)


@lru_cache(maxsize=8)
def _sun_of(instants_ns: bytes, latitude_deg: float, longitude_deg: float, altitude_m: float) -> Mapping[str, Floats]:
    """Kept: all series of a park learn from the same hours, and a year of quarter-hours takes a quarter of a second."""
    from pvlib import solarposition

    middle = utc_index(np.frombuffer(instants_ns, dtype=np.int64))
    sun = solarposition.get_solarposition(middle, latitude_deg, longitude_deg, altitude=altitude_m)
    found = {name: np.array(sun[name], dtype=np.float64) for name in _OF_THE_SUN}
    for values in found.values():
        values.flags.writeable = False
    return MappingProxyType(found)


def pv_power_kw(plant: PvPlant, edges: pd.DatetimeIndex, weather: Mapping[str, Floats] | None = None) -> Floats:
    """Mean AC power [kW] over each interval [edge_k, edge_{k+1}), shape (T,), from edges (T+1).

    `weather` holds interval means (T,): ghi_w_m2 and, where known, dni_w_m2, dhi_w_m2, temperature_deg_c,
    wind_speed_m_s; None means clear sky. NaN weather gives NaN power. Limit: 0 where the sun's centre stands
    below −1°.
    """
    edges_ns = index_ns(edges, "edges")
    return pv_power_at_kw(plant, utc_index(edges_ns[:-1] + np.diff(edges_ns) // 2), weather)


def sun_at(plant: PvPlant, middle: pd.DatetimeIndex) -> dict[str, Floats]:
    """Where the sun stands over a plant at instants (T,): elevation, zenith, apparent_zenith, azimuth [deg] (T,)."""
    return dict(_sun(middle, plant.latitude_deg, plant.longitude_deg, plant.altitude_m))


def clear_sky_w_m2(plant: PvPlant, middle: pd.DatetimeIndex, sun: Mapping[str, Floats]) -> dict[str, Floats]:
    """Irradiance ghi, dni, dhi (T,) under a clear sky, with the sun as `sun_at` gives it."""
    return _clear_sky(plant, middle, sun)


def pv_power_at_kw(
    plant: PvPlant,
    middle: pd.DatetimeIndex,
    weather: Mapping[str, Floats] | None = None,
    sun: Mapping[str, Floats] | None = None,
) -> Floats:
    """As `pv_power_kw`, for intervals given by their middles (T,), in any order; `sun` where it is known already."""
    if sun is None:
        sun = sun_at(plant, middle)
    sky = _clear_sky(plant, middle, sun) if weather is None else _sky(weather, middle, sun)
    poa = _plane_of_array_w_m2(plant, middle, sun, sky)
    given = weather or {}
    air = np.nan_to_num(given.get("temperature_deg_c", np.full(len(poa), FAIMAN_AIR_DEG_C)), nan=FAIMAN_AIR_DEG_C)
    wind = np.nan_to_num(given.get("wind_speed_m_s", np.full(len(poa), FAIMAN_WIND_M_S)), nan=FAIMAN_WIND_M_S)
    cell = air + poa / (25.0 + 6.84 * wind)  # Faiman 2008, doi:10.1002/pip.813; pvlib's default coefficients
    power = plant.peak_kw * poa / 1000 * (1 + plant.temperature_coefficient_per_k * (cell - 25)) * (1 - plant.losses)
    dark = np.asarray(sun["elevation"]) < NIGHT_ELEVATION_DEG
    return np.where(dark, 0.0, _inverted_kw(plant, np.clip(power, 0.0, plant.peak_kw)))


def _inverted_kw(plant: PvPlant, power_kw: Floats) -> Floats:
    """AC power of what reaches the inverter."""
    if plant.inverter_kw is None:
        return power_kw
    if plant.inverter_efficiency is None:
        return np.minimum(power_kw, plant.inverter_kw)
    from pvlib import inverter

    nominal = plant.inverter_efficiency
    return np.asarray(inverter.pvwatts(power_kw, plant.inverter_kw / nominal, nominal), dtype=np.float64)


def _clear_sky(plant: PvPlant, middle: pd.DatetimeIndex, sun: Any) -> dict[str, Floats]:
    from pvlib import atmosphere, clearsky, irradiance

    zenith = sun["apparent_zenith"]
    pressure = atmosphere.alt2pres(plant.altitude_m)
    mass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(zenith), pressure)
    turbidity = clearsky.lookup_linke_turbidity(middle, plant.latitude_deg, plant.longitude_deg)
    extra = irradiance.get_extra_radiation(middle)
    sky = clearsky.ineichen(zenith, mass, turbidity, altitude=plant.altitude_m, dni_extra=extra)
    return {name: np.nan_to_num(np.asarray(sky[name], dtype=np.float64)) for name in ("ghi", "dni", "dhi")}


def _sky(weather: Mapping[str, Floats], middle: pd.DatetimeIndex, sun: Any) -> dict[str, Floats]:
    from pvlib import irradiance

    if "ghi_w_m2" not in weather:
        raise ForecastError(f"photovoltaic power needs weather 'ghi_w_m2'; given: {sorted(weather)}")
    ghi = np.asarray(weather["ghi_w_m2"], dtype=np.float64)
    if "dni_w_m2" in weather and "dhi_w_m2" in weather:
        return {"ghi": ghi, "dni": np.asarray(weather["dni_w_m2"]), "dhi": np.asarray(weather["dhi_w_m2"])}
    split = irradiance.erbs(ghi, np.asarray(sun["zenith"]), middle)
    return {"ghi": ghi, "dni": np.asarray(split["dni"]), "dhi": np.asarray(split["dhi"])}


def _plane_of_array_w_m2(plant: PvPlant, middle: pd.DatetimeIndex, sun: Any, sky: Mapping[str, Floats]) -> Floats:
    from pvlib import irradiance

    total = irradiance.get_total_irradiance(
        *_surface_deg(plant, sun),
        np.asarray(sun["apparent_zenith"]),
        np.asarray(sun["azimuth"]),
        sky["dni"],
        sky["ghi"],
        sky["dhi"],
        dni_extra=np.asarray(irradiance.get_extra_radiation(middle)),
        model="haydavies",
    )
    poa = np.asarray(total["poa_global"], dtype=np.float64)
    return np.where(np.isnan(sky["ghi"]), np.nan, np.maximum(np.nan_to_num(poa), 0.0))


def _surface_deg(plant: PvPlant, sun: Any) -> tuple[Floats | float, Floats | float]:
    """Tilt and azimuth of the modules, (T,) where they turn; flat on their axis while the sun is down."""
    if plant.tracker is None:
        return plant.tilt_deg, plant.azimuth_deg
    from pvlib import tracking

    turns = plant.tracker
    found = tracking.singleaxis(
        np.asarray(sun["apparent_zenith"]),
        np.asarray(sun["azimuth"]),
        axis_tilt=turns.axis_tilt_deg,
        axis_azimuth=turns.axis_azimuth_deg,
        max_angle=turns.max_angle_deg,
        backtrack=turns.backtrack,
        gcr=turns.ground_cover_ratio,
    )
    tilt, azimuth = (np.asarray(found[name], dtype=np.float64) for name in ("surface_tilt", "surface_azimuth"))
    down = np.isnan(tilt)
    return np.where(down, turns.axis_tilt_deg, tilt), np.where(down, turns.axis_azimuth_deg, azimuth)


@lru_cache(maxsize=1)
def _curves() -> pd.DataFrame:
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("windpowerlib")
    if spec is None or not spec.submodule_search_locations:
        raise ForecastError(
            "turbine names need the package windpowerlib: pip install windpowerlib, or give the curve itself"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    return pd.read_csv(folder / "oedb" / "power_curves.csv", index_col=0)


def turbine_names() -> tuple[str, ...]:
    """Machines of the Open Energy Database that windpowerlib carries, sorted."""
    return tuple(sorted(_curves().index))


def turbine_curve(name: str) -> Curve:
    """Power curve (speed [m/s], power [kW]) of one machine.

    Source: windpowerlib's copy of the Open Energy Database.
    """
    table = _curves()
    if name not in table.index:
        import difflib

        close = difflib.get_close_matches(name, list(table.index), n=5, cutoff=0.3)
        raise ForecastError(
            f"no turbine {name!r}; closest: {', '.join(close) or '-'}; `turbine_names()` lists all {len(table)}"
        )
    row = table.loc[name].dropna()
    return tuple(float(speed) for speed in row.index), tuple(float(power_w) / 1000 for power_w in row)


def _checked(curve: Sequence[Sequence[float]]) -> tuple[Floats, Floats]:
    speed, power = (np.asarray(part, dtype=np.float64) for part in curve)
    if speed.shape != power.shape or speed.ndim != 1 or len(speed) < 2:
        raise ForecastError(
            f"power curve: {speed.size} speeds and {power.size} powers; give at least two of each, one to one"
        )
    if (np.diff(speed) <= 0).any() or (power < 0).any() or not np.isfinite([speed, power]).all():
        raise ForecastError("power curve: speeds must rise strictly and powers be finite and not negative")
    return speed, power


def wind_power_kw(
    farm: WindFarm, speed_m_s: ArrayLike, density_kg_per_m3: ArrayLike = STANDARD_DENSITY_KG_PER_M3
) -> Floats:
    """Power [kW] of the farm, without wakes, from speed at hub height and air density (same shape).

    Density bears on the curve up to its highest power; what it does beyond (cut-out, giving way to storm) and where
    it begins are matters of the true speed. NaN stays NaN.
    """
    speed, power = _checked(turbine_curve(farm.turbine) if isinstance(farm.turbine, str) else farm.turbine)
    wind = np.asarray(speed_m_s, dtype=np.float64)
    density = np.asarray(density_kg_per_m3, dtype=np.float64)
    normal = wind * np.cbrt(density / STANDARD_DENSITY_KG_PER_M3)
    total = _density_corrected_kw(speed, power, wind, normal) * farm.count
    if farm.rated_kw is not None:
        total = np.minimum(total, farm.rated_kw)
    return np.where(np.isnan(normal), np.nan, total)


def _density_corrected_kw(speed: Floats, power: Floats, wind: Floats, normal: Floats) -> Floats:
    """Power of one machine: up to the last highest point of its curve at ``normal``, beyond it at the true speed."""
    top = len(power) - 1 - int(np.argmax(power[::-1]))
    most, running = power[top], np.flatnonzero(power > 0)
    if not running.size:
        return np.zeros_like(wind)
    cut_in = speed[max(running[0] - 1, 0)]
    rising = np.interp(np.minimum(normal, speed[top]), speed, power, left=0.0)
    storm = np.interp(wind, speed[top:], power[top:], right=0.0) / most
    return np.where(wind < cut_in, 0.0, rising * storm)


def air_density_kg_per_m3(temperature_deg_c: ArrayLike, pressure_hpa: ArrayLike) -> Floats:
    """Density of dry air, ρ = p/(R T)."""
    kelvin = np.asarray(temperature_deg_c, dtype=np.float64) + 273.15
    return np.asarray(pressure_hpa, dtype=np.float64) * 100 / (DRY_AIR_J_PER_KG_K * kelvin)


def hub_speed_m_s(speeds_m_s: Mapping[float, Floats], hub_height_m: float) -> Floats:
    """Speed at hub height from speeds at one or more heights {height [m]: speed (T,)}; NaN stays NaN.

    Between two heights the logarithmic profile (linear in ln z); outside them, or from one height, the power
    law v = v_r (z/z_r)^α with α from the two nearest heights, held to 0…0.5, and 1/7 where only one is known.
    """
    if not speeds_m_s:
        raise ForecastError("wind power needs the wind speed at one height at least; no wind speed in the weather")
    heights = sorted(speeds_m_s)
    if len(heights) == 1:
        return np.asarray(speeds_m_s[heights[0]] * (hub_height_m / heights[0]) ** (1 / 7), dtype=np.float64)
    upper = int(np.clip(np.searchsorted(heights, hub_height_m), 1, len(heights) - 1))
    low, high = heights[upper - 1], heights[upper]
    below, above = speeds_m_s[low], speeds_m_s[high]
    if low <= hub_height_m <= high:
        share = np.log(hub_height_m / low) / np.log(high / low)
        return np.asarray(below + share * (above - below), dtype=np.float64)
    ratio = np.maximum(above, 1e-3) / np.maximum(below, 1e-3)
    alpha = np.clip(np.log(ratio) / np.log(high / low), 0.0, 0.5)
    near_height, near = (low, below) if hub_height_m < low else (high, above)
    return np.asarray(near * (hub_height_m / near_height) ** alpha, dtype=np.float64)
