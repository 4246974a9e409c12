"""What a series has measured over a horizon: its exact means, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pandas as pd

# A load whose readings below 0 hold more of its energy than this is a net meter, or has the wrong sign.
_NEGATIVE_SHARE = 0.01


def mean_over(horizon: Horizon, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> Array | None:
    """(T,) mean power over the horizon's steps, exact for the series' own steps; None where data are missing."""
    starts, ends, edges = _seconds(horizon, index_end, step)
    inside = (ends > edges[0]) & (starts < edges[-1])
    covered_s = np.minimum(ends[inside], edges[-1]) - np.maximum(starts[inside], edges[0])
    if covered_s.sum() < edges[-1] - edges[0] or not np.isfinite(values[inside]).all():
        return None
    energy = np.concatenate([[0.0], np.cumsum(values[inside] * step.total_seconds())])
    clock = np.append(starts[inside], ends[inside][-1])
    return np.asarray(np.diff(np.interp(edges, clock, energy)) / np.diff(edges))


def first_gap(horizon: Horizon, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> str:
    """The first moment of the horizon that no value covers, as ``nothing at 2025-03-30T03:15Z``."""
    starts, ends, edges = _seconds(horizon, index_end, step)
    held = (ends > edges[0]) & (starts < edges[-1]) & np.isfinite(values)
    reached = np.concatenate([[edges[0]], np.maximum.accumulate(np.maximum(ends[held], edges[0]))])
    late = np.append(starts[held], edges[-1]) > reached
    at_s = reached[np.argmax(late)]
    return f"nothing at {np.datetime64(int(at_s), 's').astype('datetime64[m]')}Z"


def wrong_sign(horizon: Horizon, mean_kw: Array) -> str:
    """Why a load's means are no demand, as ``41 % of its energy below 0, first at 2025-03-30T03:15Z``; empty: they are.

    mean_kw: (T,).
    """
    below_kwh, all_kwh = np.maximum(-mean_kw, 0.0) @ horizon.hours, np.abs(mean_kw) @ horizon.hours
    if below_kwh <= _NEGATIVE_SHARE * all_kwh:
        return ""
    first = horizon.edges[np.argmax(mean_kw < 0)].astype("datetime64[m]")
    return f"{below_kwh / all_kwh:.0%} of its energy below 0, first at {first}Z"


def _seconds(horizon: Horizon, index_end: pd.DatetimeIndex, step: pd.Timedelta) -> tuple[Array, Array, Array]:
    """Starts and ends of the values, and the horizon's edges [s]."""
    ends = index_end.as_unit("s").asi8.astype(np.float64)
    return ends - step.total_seconds(), ends, horizon.edges.astype("datetime64[s]").astype(np.float64)
