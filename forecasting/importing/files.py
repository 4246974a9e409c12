"""One measured series from a CSV or Parquet file, with its times checked.

Refused with the row: a missing column, an unreadable, repeated or unsorted time, a local time that daylight
saving skips, an infinite value. Kept: gaps, as NaN.
"""

from __future__ import annotations

from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from forecasting.clock import utc_index
from forecasting.errors import ForecastError
from forecasting.importing.columns import numbers, utc_times
from forecasting.importing.text import separator_of, text_of
from forecasting.regular import ends_of, intervals

Stamp = Literal["start", "end"]


def read_series(
    path: Path | str,
    column: str,
    *,
    time_column: str | None = None,
    time_zone: str,
    unit_scale: float = 1.0,
    stamp: Stamp = "start",
    uneven: bool = False,
    by_day: bool = False,
) -> pd.Series:
    """Values × unit_scale on a regular UTC index, NaN in gaps.

    The index is named interval_start or interval_end after `stamp`. `uneven`: a file whose meter changed its interval,
    or stamped a few rows beside its grid, comes as it is, at interval_end, instead of being refused. `by_day`: a file
    of days comes as it is, of which some have 23 or 25 hours.

    `time_column` is the first column (or the index of a Parquet file) by default. Times without an offset are
    local to `time_zone`; in the repeated hour of autumn the first occurrence is summer time. `stamp` says
    which end of its interval the file stamps.
    """
    path = Path(path)
    if stamp not in ("start", "end"):
        raise ForecastError(f"{path}: stamp {stamp!r} is unknown; valid are start, end")
    table = read_table(path)
    times = column_of(table, time_column or str(table.columns[0]), path)
    values, wrong = numbers(column_of(table, column, path))
    if wrong:
        raise ForecastError(f"{path}, {_row(wrong[0].row)}, column {column!r}: {wrong[0].text}")
    index, wrong = utc_times(times, zone_of(time_zone, path))
    if wrong:
        raise ForecastError(f"{path}, {_row(wrong[0].row)}: {wrong[0].text}")
    _check_order(index, times, path)
    series = pd.Series(values * unit_scale, index=index, name=column)
    if by_day:
        return series.rename_axis(f"interval_{stamp}")
    if uneven and (ends := _uneven_ends(index, stamp)) is not None:
        series.index = ends
        return series
    return _regular(series, path, f"interval_{stamp}", times)


def read_table(path: Path, *, separator: str | None = None, decimal: str = ".", skip_rows: int = 0) -> pd.DataFrame:
    """A CSV or Parquet file as it is; the separator of a CSV is the most frequent of , ; and tab in its header.

    Text is UTF-8, GB 18030 or Latin-1, whichever it must be.

    Raises ForecastError where the file is missing or no table.
    """
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
    text = text_of(path)
    header = next(islice(StringIO(text), skip_rows, None), "")
    sep = separator or separator_of(header)
    try:
        frame = pd.read_csv(StringIO(text), sep=sep, decimal=decimal, skiprows=skip_rows, low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ForecastError(f"{path}: not a table: {error}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what is too much at the front for labels of rows
        cells, names = frame.index.nlevels + len(frame.columns), len(frame.columns)
        raise ForecastError(
            f"{path}: rows have {cells} cells and {names} names above them; numbers with a decimal comma need "
            "a semicolon between cells"
        )
    return frame


def column_of(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """The column of that name; ForecastError names those there are."""
    if name not in table.columns:
        raise ForecastError(f"{path}: no column {name!r}; it has {[str(c) for c in table.columns]}")
    return table[name]


def _row(position: int) -> str:
    return f"row {position + 2}"  # as a person counts: the header is row 1


def zone_of(time_zone: str, path: Path) -> ZoneInfo:
    """The time zone of that name; `path` is what an error calls the file."""
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ForecastError(
            f"{path}: time zone {time_zone!r} is unknown; use an IANA name such as Asia/Shanghai"
        ) from error


def _check_order(index: pd.DatetimeIndex, times: pd.Series, path: Path) -> None:
    if len(index) < 2:
        raise ForecastError(f"{path}: {len(index)} rows; at least two are needed to know the step")
    ahead = np.diff(index.as_unit("ns").asi8)
    if (ahead <= 0).any():
        at = int(np.argmax(ahead <= 0)) + 1
        what = "repeats the time before" if ahead[at - 1] == 0 else "is earlier than the row before"
        raise ForecastError(f"{path}, {_row(at)}: {times.iloc[at]!r} {what}; times must rise")


def _uneven_ends(index: pd.DatetimeIndex, stamp: Stamp) -> pd.DatetimeIndex | None:
    """Interval ends of a meter with more than one interval or with stamps beside its grid; None of any other."""
    ns = index.as_unit("ns").asi8
    found = intervals(ns)
    if found is None or found.even:
        return None
    ends = ends_of(ns) if stamp == "start" else ns
    return None if ends is None else pd.DatetimeIndex(utc_index(ends), name="interval_end")


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
    # Counted, and not up to the last time: NumPy divides a range's ends as floats, which lose a nanosecond of months.
    full = pd.DatetimeIndex(utc_index(ns[0] + step * np.arange((ns[-1] - ns[0]) // step + 1)), name=name)
    series.index = series.index.as_unit("ns")
    return series.reindex(full)
