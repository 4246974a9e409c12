"""Wind given as components towards east and north, and runs given as tables, in the archive's own names and order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive.rows import MEASURED_NS, Rows

Floats = NDArray[np.float64]


def speed_m_s(east: Floats, north: Floats) -> Floats:
    """Speed (N,) of components [m/s]."""
    return np.hypot(east, north)


def from_deg(east: Floats, north: Floats) -> Floats:
    """Direction (N,) the wind comes from [°], clockwise from north."""
    return np.asarray(np.rad2deg(np.arctan2(-east, -north)) % 360)


def ns(times: pd.Series | pd.DatetimeIndex) -> NDArray[np.int64]:
    """Nanoseconds of UTC times without a zone."""
    return np.asarray(pd.DatetimeIndex(times).as_unit("ns").asi8, dtype=np.int64)


def run_rows(
    issue_ns: NDArray[np.int64],
    valid_ns: NDArray[np.int64],
    available_ns: NDArray[np.int64],
    columns: Mapping[str, Floats],
    site: str,
) -> dict[tuple[str, str], Rows]:
    """Rows of the archive by (site, variable) for columns (N,) of one site."""
    member = np.zeros(len(issue_ns), dtype=np.int32)
    return {
        (site, name): Rows(issue_ns, valid_ns, available_ns, member, np.asarray(values, dtype=np.float64)).sorted()
        for name, values in columns.items()
    }


def measured_rows(end_ns: NDArray[np.int64], available_ns: NDArray[np.int64], values: Floats) -> Rows:
    """Rows of one measured series."""
    measured = np.full(len(end_ns), MEASURED_NS)
    member = np.zeros(len(end_ns), dtype=np.int32)
    return Rows(measured, end_ns, available_ns, member, np.asarray(values, dtype=np.float64)).sorted()
