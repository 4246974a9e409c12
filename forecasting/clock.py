"""Time as whole nanoseconds since 1970 UTC, so that the numerical code works on plain integers."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError

Ns = NDArray[np.int64]
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
MINUTE_NS = HOUR_NS // 60


def instant_ns(time: dt.datetime | str, name: str) -> int:
    """Nanoseconds of one time-zone-aware instant; `name` is what an error calls it."""
    try:
        stamp = pd.Timestamp(time)
    except ValueError:
        raise ForecastError(f"{name}: {time!r} is not a time; give an aware one such as 2016-08-01T10:00Z") from None
    if stamp is pd.NaT or stamp.tzinfo is None:
        raise ForecastError(f"{name}: {time!r} has no time zone; give an aware time such as 2016-08-01T10:00Z")
    return int(stamp.tz_convert("UTC").as_unit("ns").value)


def index_ns(index: pd.DatetimeIndex, name: str) -> Ns:
    """Nanoseconds of a time-zone-aware index; `name` is what an error calls it."""
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise ForecastError(f"{name}: expected a pandas DatetimeIndex with a time zone, got {type(index).__name__}")
    if index.hasnans:
        raise ForecastError(f"{name}: position {int(np.argmax(index.isna()))} is not a time (NaT)")
    return np.asarray(index.tz_convert("UTC").as_unit("ns").asi8, dtype=np.int64)


def utc_index(ns: Ns) -> pd.DatetimeIndex:
    """The UTC index of nanoseconds since 1970."""
    return pd.DatetimeIndex(pd.to_datetime(ns, utc=True, unit="ns"))


def utc_text(ns: int) -> str:
    """An instant as people read it: 2016-08-01T10:00Z (seconds only where they matter)."""
    text = pd.Timestamp(ns, tz="UTC").strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text.removesuffix(':00')}Z"
