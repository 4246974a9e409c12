"""Delivery periods along an axis of local time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from dispatch.markets.axis import Axis, Times


def axis(starts: list[str], minutes: int, zone: str) -> Axis:
    start = np.array(starts, "datetime64[s]")
    end: Times = np.asarray(start + np.timedelta64(60 * minutes, "s"), "datetime64[s]")
    return Axis.of(start, end, zone)


def test_the_axis_tells_the_time_of_day_and_the_day_once() -> None:
    made = axis(["2026-03-30T10:00", "2026-03-30T11:00"], 60, "Asia/Shanghai")
    assert made.name == "local time on 30 Mar 2026, Asia/Shanghai"
    marks = dict(made.marks())
    assert (marks[0.0], marks[1.0], marks[2.0]) == ("18:00", "19:00", "20:00")
    assert made.stairs(np.array([5.0, 7.0])) == ((0.0, 1.0, 1.0, 2.0), (5.0, 5.0, 7.0, 7.0))


def test_what_is_left_out_is_a_gap_in_the_line_and_the_clock_goes_on_behind_it() -> None:
    made = axis(["2026-03-30T02:00", "2026-03-30T10:00"], 60, "Asia/Shanghai")
    # Two hours in two stretches: the gap is 0.3 of their mean length of an hour.
    x, y = made.stairs(np.array([5.0, 7.0]))
    assert x == (0.0, 1.0, 1.3, 1.3, 2.3)
    assert y[:2] == (5.0, 5.0)
    assert math.isnan(y[2])
    assert y[3:] == (7.0, 7.0)
    marks = dict(made.marks())
    assert (marks[0.0], marks[1.3], marks[2.3]) == ("10:00", "18:00", "19:00")


def test_several_days_are_told_by_their_dates_on_the_markets_clock() -> None:
    days = axis([f"2026-07-{day:02d}T22:00" for day in range(1, 4)], 60, "Asia/Shanghai")
    assert days.name == "local time, Asia/Shanghai"
    assert [text for _, text in days.marks() if " " in text] == ["2 Jul 06:00", "3 Jul 06:00", "4 Jul 06:00"]
    hours = [f"{np.datetime64('2026-03-28T11:00') + np.timedelta64(k, 'h')}" for k in range(36)]
    long = axis(hours, 60, "Europe/Berlin").marks()
    assert dict(long)[12.0] == "29 Mar"
    # The clock is put forward in that night: noon is eleven hours after midnight.
    assert dict(long)[23.0] == "12:00"
    assert all(right - left >= 36 * 45 / 560 for (left, _), (right, _) in pairwise(long))
