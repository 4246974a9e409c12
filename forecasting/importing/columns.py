"""Columns of a table as numbers and as times, with every cell that is neither.

Nothing is raised here: what cannot be read becomes NaN or NaT, and a `Fault` says which row it was and what would be
accepted, so that a reader may name one mistake or all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.importing.text import plain_numbers

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
MOST = 5  # rows named of one kind of mistake in one column
_FORMATS: tuple[Any, ...] = (
    "ISO8601",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
)

PLAIN_TIME, NO_COMMA = "write 2016-03-27 14:15 or with offset", "write it without a comma"


@dataclass(frozen=True)
class Fault:
    """One row, by its position from 0, and what is wrong with it."""

    row: int
    text: str


def faults(bad: Mask, values: Sequence[Any] | pd.Series, says: Callable[[Any], str]) -> list[Fault]:
    """The first rows of a mask with what is wrong, and how many more there are."""
    at = np.flatnonzero(bad)
    if not len(at):
        return []
    cells = pd.Series(values, dtype=object)
    found = [Fault(int(row), says(cells.iloc[row])) for row in at[:MOST]]
    if len(at) > MOST:
        found.append(Fault(int(at[MOST]), f"and {len(at) - MOST} more such rows from here on"))
    return found


def numbers(values: pd.Series, missing: Sequence[float | str] = ()) -> tuple[Floats, list[Fault]]:
    """Values as numbers, empty cells and those that stand for missing as NaN.

    A number stands for missing to seven digits: files in single precision hold −273.2 as −273.20001. A decimal comma
    and separators of thousands are read where all cells of the column are written so.
    """
    texts = [stand_in for stand_in in missing if isinstance(stand_in, str)]
    if texts and not pd.api.types.is_numeric_dtype(values.dtype):
        values = values.mask(values.astype(str).str.strip().isin(texts))
    try:
        values = _with_points(values)
    except ValueError as error:
        return np.full(len(values), np.nan), [Fault(_first_comma(values), f"{error}; {NO_COMMA}")]
    found = np.array(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
    for stand_in in missing:
        if not isinstance(stand_in, str):
            gone = np.isclose(found, stand_in, rtol=1e-7, atol=0.0)
            found, values = np.where(gone, np.nan, found), values.mask(gone)
    bad = (np.isnan(found) & ~np.asarray(values.isna())) | np.isinf(found)
    found[bad] = np.nan
    return found, faults(bad, values, _no_number)


def _no_number(cell: object) -> str:
    alike = "; a decimal comma has to stand in every such number of the column" if "," in str(cell) else ""
    return f"{cell!r} is not a finite number; leave it empty where it is missing{alike}"


def _with_points(values: pd.Series) -> pd.Series:
    """Texts with decimal points; anything else as it is."""
    if pd.api.types.is_numeric_dtype(values.dtype) or not (there := np.asarray(values.notna())).any():
        return values
    cells = values[there].astype(str)
    if not cells.str.contains(",", regex=False).any():
        return values
    read = values.astype(object)
    read[there] = plain_numbers(cells.tolist())
    return read


def _first_comma(values: pd.Series) -> int:
    return int(np.argmax(np.asarray(values.astype(str).str.contains(",", regex=False))))


def utc_times(
    times: pd.Series, zone: ZoneInfo, *, form: str | None = None, within: NDArray[np.int64] | None = None
) -> tuple[pd.DatetimeIndex, list[Fault]]:
    """Times as UTC; those without an offset are local to `zone`.

    Of a local time that comes twice in autumn the first row is summer time, the second standard time: in the whole
    column, or in each group of `within` (N,). `form` is a strptime pattern, by default ISO and a few more are tried.
    """
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(times).tz_convert("UTC"), faults(np.asarray(times.isna()), times, _no_time)
    if pd.api.types.is_numeric_dtype(times.dtype) and form is None:
        says = "is a bare number; write 2016-03-27 14:15, or name another time_column or a time_format"
        return _nothing(len(times)), [Fault(0, f"time {times.iloc[0]!r} {says}")] if len(times) else []
    # A table of many sites or runs has few times, each in many rows: each is parsed once.
    code, unique = pd.factorize(times, use_na_sentinel=False)
    first = np.full(len(unique), len(times))
    np.minimum.at(first, code, np.arange(len(times)))
    index, aware, found = _parsed(pd.Series(unique, dtype=object), form)
    found = [Fault(int(first[fault.row]), fault.text) for fault in found]
    index = index[code]
    if found:
        unreadable = index if index.tz is not None else index.tz_localize("UTC")
        return unreadable.tz_convert("UTC"), sorted(found, key=lambda fault: fault.row)
    return (index.tz_convert("UTC"), []) if aware else _localised(index, times, zone, within)


def _nothing(count: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.full(count, "NaT", dtype="datetime64[ns]"), tz="UTC")


def _no_time(cell: object) -> str:
    return f"{cell!r} is not a time; {PLAIN_TIME}"


def _parsed(times: pd.Series, form: str | None) -> tuple[pd.DatetimeIndex, bool, list[Fault]]:
    if pd.api.types.is_datetime64_any_dtype(times.infer_objects().dtype):
        index = pd.DatetimeIndex(times.infer_objects())
        return index, index.tz is not None, faults(np.asarray(index.isna()), times, _no_time)
    text = times.astype(str)
    offset = np.asarray(text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True))
    if offset.any() and not offset.all():
        says = "has no offset while others have; write all alike"
        return _nothing(len(times)), True, faults(~offset, times, lambda cell: f"time {cell!r} {says}")
    aware = bool(offset.all()) and len(text) > 0
    formats = _FORMATS if form is None else (form,)
    tried: list[pd.DatetimeIndex] = []
    for one in formats:
        tried.append(pd.DatetimeIndex(pd.to_datetime(text, format=one, errors="coerce", utc=aware)))
        if not tried[-1].hasnans:
            break
    index = min(tried, key=lambda found: int(found.isna().sum()))
    if form is None:
        return index, aware, faults(np.asarray(index.isna()), times, _no_time)
    return index, aware, faults(np.asarray(index.isna()), times, lambda cell: f"{cell!r} is not a time written {form}")


def _localised(
    index: pd.DatetimeIndex, times: pd.Series, zone: ZoneInfo, within: NDArray[np.int64] | None
) -> tuple[pd.DatetimeIndex, list[Fault]]:
    """Local times to UTC; of a repeated local time the first is summer time, the second standard time."""
    group = np.zeros(len(index), dtype=np.int64) if within is None else within
    first = ~np.asarray(pd.DataFrame({"group": group, "time": index}).duplicated())
    local = index.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    says = (
        f"does not exist in {zone.key}: daylight saving skips that hour; "
        "give times with offset, or the zone the logger really keeps (such as Etc/GMT-1)"
    )
    return local.tz_convert("UTC"), faults(np.asarray(local.isna()), times, lambda cell: f"{cell!r} {says}")
