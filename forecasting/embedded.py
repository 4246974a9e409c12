"""Measured 2016 profiles that come with the optional package `simbench`, read without importing it.

SimBench (Meinecke et al. 2020, doi:10.3390/en13123290; data under the Open Database License) holds measured
and synthesised German load and renewable profiles: 35 136 quarter-hours of 2016 in CET without daylight
saving, interval start, per unit. Importing simbench costs seconds (it imports pandapower); its two CSV files
are all that is needed.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError

STEPS = 35_136
STEP_H = 0.25
_FOLDER = Path("networks") / "1-complete_data-mixed-all-0-sw"
_FILES = ("LoadProfile.csv", "RESProfile.csv")


def is_installed() -> bool:
    """Whether the optional profiles can be read here."""
    spec = importlib.util.find_spec("simbench")
    return spec is not None and bool(spec.submodule_search_locations)


def _folder() -> Path:
    spec = importlib.util.find_spec("simbench")
    if spec is None or not spec.submodule_search_locations:
        raise ForecastError("the embedded 2016 profiles are not installed: pip install parkwatt[simbench]")
    folder = Path(next(iter(spec.submodule_search_locations))) / _FOLDER
    if not folder.is_dir():
        raise ForecastError(
            f"simbench is installed but {folder} is missing; pip install --force-reinstall parkwatt[simbench]"
        )
    return folder


@lru_cache(maxsize=2)
def _columns(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in (folder / name for name in _FILES):
        with file.open(encoding="utf-8") as lines:
            header = lines.readline().strip().split(";")
        found |= {name: file for name in header if name != "time"}
    return found


def names() -> tuple[str, ...]:
    """Names of all profiles, sorted: WP…, PV…, BM…, Hydro…, and loads ending in _pload and _qload."""
    return tuple(sorted(_columns(_folder())))


@lru_cache(maxsize=64)
def _read(file: Path, name: str) -> NDArray[np.float64]:
    import pyarrow.csv as pc

    options = pc.ConvertOptions(include_columns=["time", name])
    table = pc.read_csv(file, parse_options=pc.ParseOptions(delimiter=";"), convert_options=options)
    if table.num_rows != STEPS or str(table["time"][0]) != "01.01.2016 00:00":
        raise ForecastError(f"{file}: expected {STEPS} quarter-hours from 01.01.2016 00:00, found {table.num_rows}")
    values = np.array(table[name].to_numpy(), dtype=np.float64)
    # The wind profiles hold −1e-5…0 where they mean a calm: rounding, not a draw.
    values[(values < 0) & (values > -1e-4)] = 0.0
    values.flags.writeable = False
    return values


def profile(name: str) -> NDArray[np.float64]:
    """One profile [p.u. of its peak or rating], shape (35136,), read-only; mean over [start, start + 15 min)."""
    columns = _columns(_folder())
    if name not in columns:
        import difflib

        close = difflib.get_close_matches(name, columns, n=5, cutoff=0.3)
        raise ForecastError(
            f"no profile {name!r}; closest: {', '.join(close) or '-'}; `names()` lists all {len(columns)}"
        )
    return _read(columns[name], name)


def wall_clock_index(time_zone: str) -> pd.DatetimeIndex:
    """Interval starts (35136,) in UTC of the same wall clock, read as standard time at the park.

    The profiles then stand right to the sun wherever the park is: noon stays noon. Daylight saving is left
    out, as in the source, so every interval exists once. UTC = wall clock − standard offset of the zone.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ForecastError(f"time zone {time_zone!r} is unknown; use an IANA name such as Asia/Shanghai") from error
    # The lesser of the winter and summer offsets: tzinfo.dst() is negative in some zones (Europe/Dublin).
    offsets = [dt.datetime(2016, month, 1, tzinfo=zone).utcoffset() or dt.timedelta(0) for month in (1, 7)]
    first = pd.Timestamp("2016-01-01", tz="UTC") - pd.Timedelta(min(offsets))
    return pd.date_range(first, periods=STEPS, freq="15min", tz="UTC")
