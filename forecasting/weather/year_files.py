"""Weather of whole years from files: EPW, TMY3, and PVGIS (typical year or hourly series; CSV or JSON).

pvlib reads them; here their columns get the names, units and times of `forecasting.weather.base`. What differs is
when a value holds:

- EPW (EnergyPlus) and TMY3 (NREL) give, for an hour that ends, means of radiation and instants of all else. pvlib
  stamps the first at the start of that hour, the second at its end.
- PVGIS gives instants: all of an hour, but radiation some minutes later, when the satellite looked. The mean over an
  hour is taken as the value at its middle, linear between instants.

Plain tables of weather come in by a mapping (`forecasting.importing.run`), not here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.clock import HOUR_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.weather.base import BEFORE_THE_STAMP, CATALOGUE

Floats = NDArray[np.float64]
LOW_SUN = np.deg2rad(3.0)
ACCEPTED = "an EPW file (.epw), a TMY3 file (.csv), or what PVGIS gives as .csv or .json"
_NAMES = {
    "ghi": "shortwave_radiation",
    "dni": "direct_normal_irradiance",
    "dhi": "diffuse_radiation",
    "temp_air": "temperature_2m",
    "temp_dew": "dew_point_2m",
    "relative_humidity": "relative_humidity_2m",
    "wind_speed": "wind_speed_10m",
    "wind_direction": "wind_direction_10m",
}


@dataclass(frozen=True, eq=False)
class YearFile:
    """Hourly weather: columns[name] (N,) for hours that end at `end`, in the file's own zone.

    `typical`: one year made up of several.
    """

    path: Path
    kind: str
    latitude_deg: float
    longitude_deg: float
    typical: bool
    end: pd.DatetimeIndex
    columns: Mapping[str, Floats]


def read_year_file(path: Path | str) -> YearFile:
    """Read a file of any of the kinds above; its content says which.

    Raises ForecastError where it is none of them, or holds what no weather is.
    """
    path = Path(path)
    if not path.is_file():
        raise ForecastError(f"{path}: no such file; give {ACCEPTED}")
    kind, reader = _reader(path)
    try:
        found = reader(path)
    except ForecastError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise ForecastError(f"{path}: is not a whole {kind} file ({type(error).__name__}: {error})") from error
    _check(found)
    return found


def _reader(path: Path) -> tuple[str, Callable[[Path], YearFile]]:
    ending = path.suffix.lower()
    if ending == ".epw":
        return "EPW", _epw
    if ending == ".json":
        return "PVGIS", _pvgis_json
    with path.open(encoding="utf-8", errors="replace") as lines:
        first, second = lines.readline(), lines.readline()
    if ending == ".csv" and second.startswith("Date (MM/DD/YYYY)"):
        return "TMY3", _tmy3
    if ending == ".csv" and first.startswith("Latitude (decimal degrees)"):
        return "PVGIS", _pvgis_csv
    raise ForecastError(f"{path}: is no file of weather years; give {ACCEPTED}; other tables come in by a mapping")


def _columns(data: pd.DataFrame, pressure_hpa: float) -> dict[str, Floats]:
    """Columns by our names; 9999 and the like, which stand for missing, are beyond what is believed and become NaN."""
    found = {ours: data[theirs].to_numpy(dtype=np.float64) for theirs, ours in _NAMES.items() if theirs in data}
    for name in ("atmospheric_pressure", "pressure", "SP"):
        if name in data:
            found["surface_pressure"] = data[name].to_numpy(dtype=np.float64) * pressure_hpa
    cover = {"total_sky_cover": 10.0, "TotCld": 10.0}  # tenths
    for name, scale in cover.items():
        if name in data:
            found["cloud_cover"] = data[name].to_numpy(dtype=np.float64) * scale
    for name, values in found.items():
        within = CATALOGUE[name].within(values)
        found[name] = np.where(CATALOGUE[name].beyond(within), np.nan, within)
    return found


def _epw(path: Path) -> YearFile:
    from pvlib import iotools

    data, meta = iotools.read_epw(str(path))
    end = data.index + pd.Timedelta("1h")
    return YearFile(path, "EPW", meta["latitude"], meta["longitude"], True, end, _columns(data, 0.01))


def _tmy3(path: Path) -> YearFile:
    from pvlib import iotools

    data, meta = iotools.read_tmy3(str(path), map_variables=True)
    columns = _columns(data.rename(columns={"TotCld (tenths)": "TotCld"}), 1.0)
    return YearFile(path, "TMY3", meta["latitude"], meta["longitude"], True, data.index, columns)


def _pvgis_csv(path: Path) -> YearFile:
    from pvlib import iotools

    if any(line.startswith("time(UTC)") for line in path.read_text("utf-8").splitlines()[:40]):
        data, meta = iotools.read_pvgis_tmy(str(path), map_variables=True)
        return _pvgis(path, data, meta["inputs"], typical=True)
    data, meta = iotools.read_pvgis_hourly(str(path), map_variables=True)
    return _pvgis(path, data, meta["inputs"], typical=False)


def _pvgis_json(path: Path) -> YearFile:
    from pvlib import iotools

    content = json.loads(path.read_text("utf-8"))
    typical = "tmy_hourly" in content["outputs"]
    read = iotools.read_pvgis_tmy if typical else iotools.read_pvgis_hourly
    data, meta = read(str(path), map_variables=True)
    inputs = meta["inputs"]
    where = dict(inputs["location"])
    fixed = inputs.get("mounting_system", {}).get("fixed", {})
    if "slope" in fixed:
        where["slope"] = fixed["slope"]["value"]
    if "irradiance_time_offset" in where:
        where["irradiance time offset"] = where["irradiance_time_offset"]
    return _pvgis(path, data, where, typical)


def _pvgis(path: Path, data: pd.DataFrame, where: Mapping[str, Any], typical: bool) -> YearFile:
    """Instants to means and values at full hours."""
    offset_h = float(where.get("irradiance time offset", 0.0))
    if "ghi" not in data:
        data = _horizontal(path, data, where)
    stamp = np.asarray(data.index.as_unit("ns").asi8, dtype=np.int64)
    hour = (stamp // HOUR_NS) * HOUR_NS
    columns = _columns(data, 0.01)
    order = _in_one_year(stamp) if typical else np.arange(len(stamp))
    seen = stamp[order] + round(offset_h * HOUR_NS)
    if typical:
        seen = seen - stamp[order] + _of_one_year(stamp[order])
        hour = _of_one_year(hour[order])
    middle = hour - HOUR_NS // 2
    found = {}
    for name, values in columns.items():
        at = middle if name in BEFORE_THE_STAMP else hour
        held = seen if name in BEFORE_THE_STAMP else hour
        found[name] = _between(at, held, values[order])
    latitude, longitude = float(where["latitude"]), float(where["longitude"])
    return YearFile(path, "PVGIS", latitude, longitude, typical, utc_index(hour), found)


def _horizontal(path: Path, data: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """Radiation on the horizontal plane, which PVGIS's hourly series calls the plane of slope 0."""
    slope = where.get("slope", where.get("Slope", "0"))
    if float(str(slope).split()[0]) != 0:
        raise ForecastError(f"{path}: radiation is on a plane of slope {slope}; ask PVGIS for slope 0, the horizontal")
    if "poa_global" in data:
        return data.assign(ghi=data["poa_global"])
    parts = {"poa_direct", "poa_sky_diffuse"}
    if not parts <= set(data.columns):
        raise ForecastError(f"{path}: no radiation; it has {list(data.columns)}, needed is G(i) or Gb(i) and Gd(i)")
    elevation = np.deg2rad(data["solar_elevation"].to_numpy(dtype=np.float64))
    beam = data["poa_direct"].to_numpy(dtype=np.float64)
    # Below three degrees the beam over the sine of its height says more of rounding than of the sun.
    direct = beam / np.sin(np.maximum(elevation, LOW_SUN))
    diffuse = data["poa_sky_diffuse"]
    return data.assign(ghi=data["poa_direct"] + diffuse, dhi=diffuse, dni=direct)


def _in_one_year(stamp: Ns) -> NDArray[np.intp]:
    return np.argsort(_of_one_year(stamp), kind="stable")


def _of_one_year(stamp: Ns) -> Ns:
    """The same month, day and time in 2001, a year without a leap day."""
    index = utc_index(stamp)
    first = pd.Timestamp("2001-01-01", tz="UTC").value
    day = np.array([np.datetime64(f"2001-{m:02}-{d:02}", "D") for m, d in zip(index.month, index.day, strict=True)])
    days = (day - np.datetime64("2001-01-01", "D")).astype(np.int64)
    return np.asarray(first + days * 24 * HOUR_NS + stamp % (24 * HOUR_NS), dtype=np.int64)


def _between(at: Ns, held: Ns, values: Floats) -> Floats:
    """Linear between instants, NaN beside a missing one; at the ends the nearest instant, less than an hour away."""
    base = held[0]
    return np.asarray(np.interp((at - base).astype(np.float64), (held - base).astype(np.float64), values))


def _check(found: YearFile) -> None:
    step = np.diff(found.end.as_unit("ns").asi8)
    if not len(step) or int(np.median(np.abs(step))) != HOUR_NS:
        raise ForecastError(f"{found.path}: {found.kind} file without hourly steps; a file of hours is needed")
    if not any(np.isfinite(values).any() for values in found.columns.values()):
        raise ForecastError(f"{found.path}: {found.kind} file without a value of {', '.join(_NAMES.values())}")
