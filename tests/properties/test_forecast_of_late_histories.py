"""Whenever a history was received, a forecast stands at its level; what is received later changes nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns
from forecasting.forecast import Forecast, Place, Target, forecast

PLACE = Place(52.5, 13.4, "UTC")  # the course of the day below knows no summer time
LOAD = Target("hall", "load", np.inf, "park")
ISSUE = pd.Timestamp("2024-05-14T10:00Z")
AHEAD = pd.date_range(ISSUE + pd.Timedelta("2h"), periods=37, freq="1h")
# From ten days on there are enough of each hour for a course of the day.
DAYS, SILENT, UPLOADS = st.integers(10, 70), st.integers(0, 45), st.lists(st.floats(0, 1), min_size=1, max_size=4)


def ends(days: int, silent: int) -> pd.DatetimeIndex:
    """Interval ends of so many days of hours, the last one `silent` days before the issue."""
    return pd.date_range(ISSUE - pd.Timedelta(days=silent), periods=24 * days, freq="-1h")[::-1].as_unit("ns")


def received(end_ns: Ns, uploads: list[float], streamed: float) -> Ns:
    """When each value came: the first share after a quarter of an hour, the rest in equal pieces, one an upload.

    An upload stands at its share of the way from its last value to a minute before the issue.
    """
    available = end_ns + 15 * MINUTE_NS
    pieces = np.array_split(np.arange(int(streamed * len(end_ns)), len(end_ns)), len(uploads))
    for piece, share in zip(pieces, uploads, strict=True):
        if len(piece):
            last = int(end_ns[piece[-1]])
            available[piece] = max(last, last + int(share * (ISSUE.value - MINUTE_NS - last)))
    return available


def archive(end_ns: Ns, available_ns: Ns, value: np.ndarray) -> Archive:
    nothing = np.full(len(end_ns), MEASURED_NS), np.zeros(len(end_ns), dtype=np.int32)
    return Archive.of_rows({("park", "hall"): Rows(nothing[0], end_ns, available_ns, nothing[1], value).sorted()})


def run(end_ns: Ns, available_ns: Ns, value: np.ndarray, edges: pd.DatetimeIndex = AHEAD) -> Forecast:
    return forecast([LOAD], archive(end_ns, available_ns, value), PLACE, ISSUE, edges, scenarios=2)


@settings(max_examples=25)
@example(days=60, silent=0, uploads=[1.0], streamed=0.0, level_kw=53.0)
@example(days=30, silent=40, uploads=[0.0], streamed=1.0, level_kw=53.0)
@given(days=DAYS, silent=SILENT, uploads=UPLOADS, streamed=st.floats(0, 1), level_kw=st.floats(1.0, 1e4))
def test_a_constant_load_stays_what_it_is(
    days: int, silent: int, uploads: list[float], streamed: float, level_kw: float
) -> None:
    end_ns = ends(days, silent).asi8
    found = run(end_ns, received(end_ns, uploads, streamed), np.full(len(end_ns), level_kw))
    assert found.quantiles["hall"] == pytest.approx(level_kw, rel=1e-4)


@settings(max_examples=25)
@example(days=60, silent=0, uploads=[1.0], streamed=0.0)
@example(days=33, silent=0, uploads=[0.999, 1.0], streamed=0.3)
@example(days=66, silent=7, uploads=[0.999, 1.0, 0.0], streamed=0.37)
@example(days=63, silent=25, uploads=[0.8], streamed=0.42)
@given(days=DAYS, silent=st.integers(0, 25), uploads=UPLOADS, streamed=st.floats(0, 1))
def test_a_load_with_a_daily_course_stays_near_it(
    days: int, silent: int, uploads: list[float], streamed: float
) -> None:
    def course_kw(time: pd.DatetimeIndex) -> np.ndarray:
        return np.asarray(300 - 200 * np.cos(time.hour.to_numpy() / 12 * np.pi))

    end = ends(days, silent)
    found = run(end.asi8, received(end.asi8, uploads, streamed), course_kw(end - pd.Timedelta("1h")))
    assert found.central["hall"] == pytest.approx(course_kw(AHEAD[:-1]), abs=20.0)


@settings(max_examples=8)
@given(uploads=UPLOADS, streamed=st.floats(0, 0.9), hours=st.integers(1, 400), change_kw=st.floats(1.0, 1e4))
def test_what_is_received_later_changes_nothing(
    uploads: list[float], streamed: float, hours: int, change_kw: float
) -> None:
    end_ns = ends(40, 0).asi8
    available_ns = received(end_ns, uploads, streamed)
    available_ns[-hours::2] = ISSUE.value + HOUR_NS  # half of the last hours come too late
    value_kw = 50 + 10 * np.sin(np.arange(len(end_ns)) / DAY_NS * HOUR_NS * 2 * np.pi)
    plain = run(end_ns, available_ns, value_kw)
    changed = run(end_ns, available_ns, value_kw + np.where(available_ns > ISSUE.value, change_kw, 0.0))
    assert plain.quantiles["hall"].tobytes() == changed.quantiles["hall"].tobytes()
    assert plain.scenarios["hall"].tobytes() == changed.scenarios["hall"].tobytes()
    assert plain.inputs_used == changed.inputs_used
