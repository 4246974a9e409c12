"""What all providers of carbon intensity share: the variable, what can be believed, when it was known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import AnswerError
from forecasting.series_run import SeriesRun, intervals, missing_note

VARIABLE, UNIT = "carbon_intensity_g_per_kwh", "g/kWh"
MARGINAL = "marginal_intensity_g_per_kwh"
MOST_G_PER_KWH = 2_000.0  # old lignite plant comes to 1 300


def number_in(value: Any, name: str, place: str) -> float:
    """A number, NaN for null; anything else is refused."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnswerError(f"{place}: {name} {value!r} is not a number")
    return float(value)


def intensity_run(
    provider: str,
    place: str,
    starts: pd.DatetimeIndex,
    values: NDArray[np.float64],
    *,
    fetched_at: pd.Timestamp | None,
    delay: pd.Timedelta | None = None,
    issued: pd.Timestamp | None = None,
    notes: tuple[str, ...] = (),
    variable: str = VARIABLE,
) -> SeriesRun:
    """Intensities stamped at interval starts as a run: measured with a `delay`, or forecast and `issued` at once.

    A measured value that came earlier than its usual delay is available since it was fetched. Of an interval that was
    not over then there can be no measurement: what a service gives for it is preliminary and dropped.
    """
    if (wrong := (values < 0) | (values > MOST_G_PER_KWH)).any():
        raise AnswerError(
            f"{place}: an intensity of {values[wrong][0]:g} {UNIT}; 0 … {MOST_G_PER_KWH:g} can be believed"
        )
    ends, step, filled, said = intervals(starts, values, "UTC", place)
    notes += said
    if issued is not None:
        same = pd.DatetimeIndex([issued.tz_convert("UTC")] * len(ends)).as_unit("ns")
        notes += missing_note(ends, step, filled, place)
        return SeriesRun(provider, variable, UNIT, ends, step, same, same, filled, notes)
    if fetched_at is not None:
        over = np.asarray(ends <= fetched_at)
        ends, step, filled = ends[over], step[over], filled[over]
    notes += missing_note(ends, step, filled, place)
    since = (ends + (delay or pd.Timedelta(0))).as_unit("ns")
    if fetched_at is not None:
        since = pd.DatetimeIndex(np.minimum(since, fetched_at.tz_convert("UTC").as_unit("ns")))
    return SeriesRun(provider, variable, UNIT, ends, step, since, None, filled, notes)
