"""One measured series from a CSV or Parquet file, with its times checked.

Refused with the row: a missing column, an unreadable, repeated or unsorted time, a local time that daylight
saving skips, an infinite value. Kept: gaps, as NaN.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError

Stamp = Literal["start", "end"]


def read_series(
    path: Path | str,
    column: str,
    *,
    time_column: str | None = None,
    time_zone: str,
    unit_scale: float = 1.0,
    stamp: Stamp = "start",
) -> pd.Series:
    """Values × unit_scale on a regular UTC index, NaN in gaps.

    The index is named interval_start or interval_end after `stamp`.

    `time_column` is the first column (or the index of a Parquet file) by default. Times without an offset are
    local to `time_zone`; in the repeated hour of autumn the first occurrence is summer time. `stamp` says
    which end of its interval the file stamps.
    """
    path = Path(path)
    if stamp not in ("start", "end"):
        raise ForecastError(f"{path}: stamp {stamp!r} is unknown; valid are start, end")
    table = _table(path)
    times = _column(table, time_column or str(table.columns[0]), path)
    values = _numbers(_column(table, column, path), path, column, unit_scale)
    index = _utc(times, path, time_zone)
    _check_order(index, times, path)
    return _regular(pd.Series(values, index=index, name=column), path, f"interval_{stamp}", times)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ForecastError(f"{path}: no such file")
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            frame = pd.read_parquet(path)
        except ValueError as error:  # Arrow's errors
            raise ForecastError(f"{path}: not a Parquet table: {error}") from error
        # An index of row numbers, whole or with rows taken out, holds no times.
        return frame.reset_index(drop=pd.api.types.is_integer_dtype(frame.index.dtype))
    if path.suffix.lower() not in (".csv", ".txt"):
        raise ForecastError(f"{path}: ending {path.suffix!r} is unknown; give .csv or .parquet")
    try:
        return pd.read_csv(path, sep=_separator(path), low_memory=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ForecastError(f"{path}: not a table: {error}") from error


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        header = lines.readline()
    return max(",;\t", key=header.count)


def _column(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    if name not in table.columns:
        raise ForecastError(f"{path}: no column {name!r}; it has {[str(c) for c in table.columns]}")
    return table[name]


def _row(position: int) -> str:
    return f"row {position + 2}"  # as a person counts: the header is row 1


def _numbers(values: pd.Series, path: Path, column: str, unit_scale: float) -> NDArray[np.float64]:
    numbers = np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
    wrong = np.isnan(numbers) & ~np.asarray(values.isna())
    if (bad := wrong | np.isinf(numbers)).any():
        at = int(np.argmax(bad))
        raise ForecastError(
            f"{path}, {_row(at)}, column {column!r}: {values.iloc[at]!r} is not a finite number; "
            "leave it empty where it is missing"
        )
    return numbers * unit_scale


def _zone(time_zone: str, path: Path) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ForecastError(
            f"{path}: time zone {time_zone!r} is unknown; use an IANA name such as Asia/Shanghai"
        ) from error


def _utc(times: pd.Series, path: Path, time_zone: str) -> pd.DatetimeIndex:
    zone = _zone(time_zone, path)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        index = pd.DatetimeIndex(times)
    else:
        text = times.astype(str)
        offset = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
        if offset.any() and not offset.all():
            at = int(np.argmin(np.asarray(offset)))
            raise ForecastError(
                f"{path}, {_row(at)}: time {text.iloc[at]!r} has no offset while others have; write all alike"
            )
        index = _parsed(times, path, aware=bool(offset.all()) and len(text) > 0)
    if index.hasnans:
        at = int(np.argmax(index.isna()))
        raise ForecastError(
            f"{path}, {_row(at)}: {times.iloc[at]!r} is not a time; write 2016-03-27 14:15 or with offset"
        )
    return index.tz_convert("UTC") if index.tz is not None else _localised(index, times, path, zone)


def _parsed(times: pd.Series, path: Path, aware: bool) -> pd.DatetimeIndex:
    if pd.api.types.is_numeric_dtype(times.dtype):
        raise ForecastError(
            f"{path}, {_row(0)}: time {times.iloc[0]!r} is a bare number; "
            "write 2016-03-27 14:15 or name another time_column"
        )
    formats: tuple[Any, ...] = (
        "ISO8601",
        "%d.%m.%Y %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%Y/%m/%d %H:%M",
        "%Y/%m/%d %H:%M:%S",
    )
    found = [pd.DatetimeIndex(pd.to_datetime(times, format=f, errors="coerce", utc=aware)) for f in formats]
    return min(found, key=lambda index: int(index.isna().sum()))


def _localised(index: pd.DatetimeIndex, times: pd.Series, path: Path, zone: ZoneInfo) -> pd.DatetimeIndex:
    """Local times to UTC; of a repeated local time the first is summer time, the second standard time."""
    first = ~np.asarray(index.duplicated())
    local = index.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    if local.hasnans:
        at = int(np.argmax(local.isna()))
        raise ForecastError(
            f"{path}, {_row(at)}: {times.iloc[at]!r} does not exist in {zone.key}: daylight saving skips that hour; "
            "give times with offset, or the zone the logger really keeps (such as Etc/GMT-1)"
        )
    return local.tz_convert("UTC")


def _check_order(index: pd.DatetimeIndex, times: pd.Series, path: Path) -> None:
    if len(index) < 2:
        raise ForecastError(f"{path}: {len(index)} rows; at least two are needed to know the step")
    ahead = np.diff(index.as_unit("ns").asi8)
    if (ahead <= 0).any():
        at = int(np.argmax(ahead <= 0)) + 1
        what = "repeats the time before" if ahead[at - 1] == 0 else "is earlier than the row before"
        raise ForecastError(f"{path}, {_row(at)}: {times.iloc[at]!r} {what}; times must rise")


def _regular(series: pd.Series, path: Path, name: str, times: pd.Series) -> pd.Series:
    """The series on its most frequent step, NaN in gaps; a time between steps is refused."""
    ns = series.index.as_unit("ns").asi8
    gaps, counts = np.unique(np.diff(ns), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    if (off := (ns - ns[0]) % step != 0).any():
        at = int(np.argmax(off))
        minutes = step / 60e9
        raise ForecastError(
            f"{path}, {_row(at)}: {times.iloc[at]!r} is off the file's {minutes:g}-min steps; resample it first"
        )
    full = pd.DatetimeIndex(pd.to_datetime(np.arange(ns[0], ns[-1] + 1, step), utc=True, unit="ns"), name=name)
    series.index = series.index.as_unit("ns")
    return series.reindex(full)
