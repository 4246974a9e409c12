"""Windows on the local clock: nights, the days of the clock change, and windows that a horizon holds in part."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dispatch.loads.windows import Window, slots
from dispatch.signals import Horizon
from tests.parks import hours


def inside(window: Window, horizon: Horizon) -> list[list[int]]:
    found = slots([window], horizon)
    return [list(np.flatnonzero(mask)) for mask in found.inside[0]]


def test_daily_hours_are_a_window_each_day() -> None:
    found = slots([Window(daily="08:00-10:00")], hours(48))
    assert [list(np.flatnonzero(mask)) for mask in found.inside[0]] == [[8, 9], [32, 33], []]
    assert found.due[0].tolist() == [True, True, False]


def test_a_night_ends_on_the_next_day() -> None:
    night = Window(daily="22:00-02:00")
    found = slots([night], hours(24))
    # The night before ends within this day, that of this day after it.
    assert inside(night, hours(24)) == [[0, 1], [22, 23], []]
    assert (found.begun[0].tolist(), found.due[0].tolist()) == ([True, False, False], [True, False, False])


@pytest.mark.parametrize(("day", "length"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25), (date(2024, 6, 1), 24)])
def test_on_days_of_the_clock_change_a_window_keeps_to_the_clock(day: date, length: int) -> None:
    horizon = Horizon.local_day(day, "Europe/Berlin", 60)
    assert horizon.steps == length
    found = slots([Window(daily="08:00-10:00")], horizon)
    steps = np.flatnonzero(found.inside[0, 0])
    assert [horizon.local_start[s].hour for s in steps] == [8, 9]
    whole = slots([Window(daily="00:00-24:00")], horizon)
    assert (whole.inside[0, 0].sum(), whole.due[0, 0]) == (length, True)


def test_a_step_that_lies_across_an_edge_is_outside() -> None:
    assert inside(Window(daily="08:30-11:30"), hours(24))[0] == [9, 10]
    assert inside(Window(daily="08:30-11:30"), hours(96, step_h=0.25))[0] == list(range(34, 46))


def test_between_two_moments_or_from_or_to_one() -> None:
    both = Window.model_validate({"start": "2024-03-01T02:00Z", "end": "2024-03-01T04:00Z"})
    assert inside(both, hours(6)) == [[2, 3]]
    open_end = Window.model_validate({"start": "2024-03-01T04:00Z"})
    assert inside(open_end, hours(6)) == [[4, 5]]
    assert slots([open_end], hours(6)).due[0, 0]
    late = Window.model_validate({"end": "2024-03-02T04:00Z"})
    found = slots([late], hours(6))
    assert (found.begun[0, 0], found.due[0, 0]) == (True, False)


def test_as_many_slots_whatever_hour_the_horizon_begins() -> None:
    for text in ("08:00-10:00", "22:00-02:00"):
        window = Window(daily=text)
        counts = {slots([window], hours(36, f"2024-03-01T{h:02d}:00")).begin_s.shape[1] for h in range(24)}
        assert len(counts) == 1, "a compiled problem is solved again at any hour"
        for hour in range(24):
            horizon = hours(36, f"2024-03-01T{hour:02d}:00")
            found = slots([window], horizon)
            of_clock = [s.hour for s in horizon.local_start]
            wanted = {8, 9} if text[0] == "0" else {22, 23, 0, 1}
            held = found.inside[0].any(axis=0)
            assert held.tolist() == [h in wanted for h in of_clock], "no window of the horizon is forgotten"


def test_no_window_is_the_whole_horizon_as_one_that_has_begun() -> None:
    found = slots([None, Window(daily="08:00-10:00")], hours(24))
    assert found.inside[0, 0].all()
    assert (found.begun[0, 0], found.due[0, 0], found.inside[0, 1].any()) == (True, True, False)
