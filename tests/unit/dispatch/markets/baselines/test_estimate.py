from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.markets.baselines.days import Days, Event, by_day, event_at
from dispatch.markets.baselines.estimate import Beside, baseline, estimate
from dispatch.markets.baselines.methods import Method, method, methods
from dispatch.signals import Array, Horizon

FIRST = date(2026, 1, 5)  # a Monday
DAYS = 40


def steps(days: int = DAYS, minutes: float = 60, zone: str = "UTC", first: date = FIRST) -> Horizon:
    return Horizon.local_day(first, zone, minutes, days=days)


def levels(values: list[float] | Array, **of: Any) -> Days:
    """Days of a flat power each."""
    return by_day(np.repeat(np.asarray(values, float), 24), steps(len(values)), **of)


def workdays(kw: float = 100.0) -> list[float]:
    """Working days of 100, 101, … and weekends of 7 kW."""
    made, number = [], 0
    for k in range(DAYS):
        rest = (FIRST + timedelta(days=k)).isoweekday() > 5
        made.append(7.0 if rest else kw + number)
        number += not rest
    return made


def changed(name: str, **fields: Any) -> Method:
    return method(name).model_copy(update=fields)


FRIDAY = FIRST + timedelta(days=32)  # the 25th working day, 124 kW; the ten before are 114 to 123
EVENT = Event(FRIDAY, 17, 19)


@pytest.mark.parametrize(
    ("name", "kw"),
    [
        ("ten_of_ten_unadjusted", np.mean(np.arange(114, 124))),
        ("high_five_of_ten_unadjusted", np.mean(np.arange(119, 124))),
        ("gb_t_32127", np.mean(np.arange(119, 124))),
        # The day's level against the days': in full as an addition, within 20 % as a ratio.
        ("ten_of_ten", 124.0),
        ("high_four_of_five", 124.0),
        ("middle_eight_of_ten", 124.0),
        ("gb_flexibility_service_2022", 124.0),
        ("exponential", 124.0),
        ("match_three", np.mean([121, 122, 123])),
        ("same_day_three_two", 124.0),
        ("meter_before", 124.0),
        ("peak_days_hour_before", np.mean([120, 121, 122, 123, 124])),
    ],
)
def test_methods_on_days_that_rise_by_a_kilowatt(name: str, kw: float) -> None:
    found = baseline(method(name), levels(workdays()), EVENT)
    np.testing.assert_allclose(found, [[kw, kw]])


def test_high_middle_and_low_days_are_those_of_the_events_hours() -> None:
    days = levels(workdays())
    order = np.random.default_rng(0).permutation(10)
    values = np.array(workdays())
    work = np.flatnonzero(~days.rest)[14:24]
    values[work] = 200.0 + 10 * order
    shuffled = levels(values)
    for pick, keep, kw in (("high", 5, 270.0), ("low", 5, 220.0), ("middle", 8, 245.0), ("high", 1, 290.0)):
        one = changed("ten_of_ten_unadjusted", pick=pick, keep=keep)
        np.testing.assert_allclose(baseline(one, shuffled, EVENT), kw)


def test_holidays_weekends_and_days_with_an_event_are_left_out() -> None:
    values = workdays()
    plain = levels(values)
    holiday, called = FIRST + timedelta(days=31), FIRST + timedelta(days=30)
    values[31], values[30] = 1000.0, -1000.0
    marked = levels(values, holidays=[holiday], events=[called])
    one = method("ten_of_ten_unadjusted")
    np.testing.assert_allclose(baseline(one, marked, EVENT), np.mean(np.arange(112, 122)))
    assert baseline(one, plain, EVENT)[0, 0] == pytest.approx(np.mean(np.arange(114, 124)))
    assert baseline(one, plain.with_events([called]), EVENT)[0, 0] == pytest.approx(np.mean([*range(113, 122), 123]))
    sunday = Event(FIRST + timedelta(days=34), 17, 19)
    weekend = changed("ten_of_ten_unadjusted", pool=4, keep=4)
    np.testing.assert_allclose(baseline(weekend, plain, sunday), 7.0)


def test_a_ratio_is_held_within_its_limits_and_may_only_raise() -> None:
    for today, kw in ((100.0, 100.0), (200.0, 120.0), (20.0, 80.0)):
        values = [100.0] * DAYS
        values[32] = today
        np.testing.assert_allclose(baseline(method("ten_of_ten"), levels(values), EVENT), kw)
        up_only = changed("ten_of_ten", adjust_up_only=True)
        np.testing.assert_allclose(baseline(up_only, levels(values), EVENT), max(kw, 100.0))


def test_the_adjustment_looks_at_its_own_hours_alone() -> None:
    kw = np.full((DAYS, 24), 100.0)
    kw[32, 13:16], kw[32, 16:] = 110.0, 5.0  # four to one hours before 17:00
    days = by_day(kw.ravel(), steps())
    np.testing.assert_allclose(baseline(method("ten_of_ten"), days, EVENT), 110.0)
    two = changed("ten_of_ten", adjust_from_h=4, adjust_to_h=2)
    np.testing.assert_allclose(baseline(two, days, EVENT), 110.0)
    early = Event(FRIDAY, 1, 3)  # reaches into the day before
    kw[31, 21:], kw[32, :] = 130.0, 100.0
    found = baseline(changed("ten_of_ten", adjust_high=9.0), by_day(kw.ravel(), steps()), early)
    np.testing.assert_allclose(found, 130.0, rtol=0.02)


def test_feed_in_takes_no_ratio_but_an_addition() -> None:
    values = [-100.0] * DAYS
    values[32] = -50.0
    np.testing.assert_allclose(baseline(method("ten_of_ten"), levels(values), EVENT), -100.0)
    np.testing.assert_allclose(baseline(method("high_four_of_five"), levels(values), EVENT), -50.0)


def test_days_of_low_use_are_replaced_by_older_ones() -> None:
    values = workdays()
    values[31] = 10.0
    found = baseline(method("high_five_of_ten_unadjusted"), levels(values), EVENT)
    np.testing.assert_allclose(found, np.mean(np.arange(118, 123)))
    kept = changed("ten_of_ten_unadjusted", low_use_share=0.25)
    np.testing.assert_allclose(baseline(kept, levels(values), EVENT), np.mean(np.arange(113, 123)))


def test_the_exponential_mean_is_the_recursion() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(50, 150, DAYS)
    days = levels(values)
    work = [k for k in range(32) if not days.rest[k]]
    mean = float(np.mean(values[work[:5]]))
    for k in work[5:]:
        mean = 0.9 * mean + 0.1 * values[k]
    np.testing.assert_allclose(baseline(changed("exponential", adjust="none"), days, EVENT), mean)


def test_regression_finds_degrees_and_needs_them() -> None:
    rng = np.random.default_rng(2)
    warmth = rng.uniform(-5, 35, (DAYS * 3, 24))
    kw = 100 + 4 * np.maximum(15 - warmth, 0) + 7 * np.maximum(warmth - 18, 0)
    days = by_day(np.stack([kw.ravel(), 2 * kw.ravel()]), steps(DAYS * 3))
    event = Event(FIRST + timedelta(days=110), 9, 12)
    found = baseline(method("weather_regression"), days, event, Beside(warmth))
    np.testing.assert_allclose(found, [kw[110, 9:12], 2 * kw[110, 9:12]])
    with pytest.raises(DataError, match="needs temperatures"):
        baseline(method("weather_regression"), days, event)


def test_a_control_group_gives_the_course_and_the_days_the_level() -> None:
    rng = np.random.default_rng(4)
    course = rng.uniform(80, 120, (DAYS, 24))
    course[32] *= 1.3
    group = by_day(np.stack([course.ravel(), 3 * course.ravel()]), steps())
    days = by_day(0.5 * course.ravel(), steps())
    found = baseline(method("control_group"), days, EVENT, Beside(control=group))
    np.testing.assert_allclose(found, [0.5 * course[32, 17:19]])
    with pytest.raises(DataError, match="needs its meters"):
        baseline(method("control_group"), days, EVENT)
    with pytest.raises(DataError, match="other days"):
        baseline(method("control_group"), days, EVENT, Beside(control=levels([1.0] * 50)))
    with pytest.raises(DataError, match="not positive"):
        baseline(method("control_group"), days, EVENT, Beside(control=levels([0.0] * DAYS)))


def test_missing_readings_are_never_zero() -> None:
    values = np.array(workdays())
    values[31] = np.nan
    one = method("ten_of_ten_unadjusted")
    np.testing.assert_allclose(baseline(one, levels(values), EVENT), np.mean(np.arange(113, 123)))
    values[:26] = np.nan
    with pytest.raises(DataError, match=r"too few readings for 1 of 1 meters.*10 days"):
        baseline(one, levels(values), EVENT)
    kw = np.full((2, DAYS, 24), 100.0)
    kw[1, 32, 14] = np.nan  # an hour of the adjustment
    days = by_day(kw.reshape(2, -1), steps())
    assert np.isnan(estimate(method("ten_of_ten"), days, EVENT)).all(axis=1).tolist() == [False, True]
    with pytest.raises(DataError, match="hours of the adjustment"):
        baseline(method("ten_of_ten"), days, EVENT)
    kw[:, 32, 16] = np.nan
    with pytest.raises(DataError, match="beside the event"):
        baseline(method("meter_before"), by_day(kw.reshape(2, -1), steps()), EVENT)
    with pytest.raises(DataError, match="too few"):
        baseline(one, levels(workdays()), Event(FIRST, 17, 19))


def test_many_meters_at_once_are_each_by_itself() -> None:
    rng = np.random.default_rng(5)
    kw = rng.uniform(10, 200, (6, DAYS * 24))
    kw[2, 300:500] = np.nan
    together = by_day(kw, steps())
    for one in methods().values():
        if one.wants_temperature or one.wants_control:
            continue
        found = estimate(one, together, EVENT)
        alone = np.concatenate([estimate(one, by_day(row, steps()), EVENT) for row in kw])
        np.testing.assert_allclose(found, alone, err_msg=one.name)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai"])
def test_local_days_over_a_change_of_the_clock(zone: str) -> None:
    span = steps(60, 15, zone, date(2026, 3, 2))
    clock = np.array([t.hour + t.minute / 60 for t in span.local_start])
    days = by_day(100 + clock, span)
    event = event_at(
        days, datetime(2026, 4, 10, 17, tzinfo=ZoneInfo(zone)), datetime(2026, 4, 10, 18, tzinfo=ZoneInfo(zone))
    )
    assert (event.first, event.last) == (68, 72)
    found = baseline(method("ten_of_ten"), days, event)
    np.testing.assert_allclose(found, [[117, 117.25, 117.5, 117.75]])
    change = days.kw[0, days.place(date(2026, 3, 29))]
    # The hour that the clock left out is between those beside it, so that no method misses readings of it.
    assert change[8:12] == pytest.approx([102.375] * 4 if zone == "Europe/Berlin" else [102, 102.25, 102.5, 102.75])
    assert not np.isnan(change).any()
    autumn = by_day(np.arange(100.0), Horizon.local_day(date(2026, 10, 25), "Europe/Berlin", 15))
    assert autumn.kw[0, 0, 8] == (8 + 12) / 2  # 02:00 comes twice


def test_events_that_are_none_are_refused() -> None:
    days = levels(workdays())
    utc = ZoneInfo("UTC")
    at = datetime(2026, 1, 20, 17, tzinfo=utc)
    for start, end, said in (
        (at, at, "no stretch of one day"),
        (at, at + timedelta(days=1), "no stretch of one day"),
        (at, at + timedelta(minutes=30), "begin and end with the meters' steps"),
        (at.replace(year=2027), at.replace(year=2027, hour=19), "not among the metered days"),
        (datetime(2026, 1, 20, 17), at, "no offset"),  # noqa: DTZ001 - what is refused
    ):
        with pytest.raises(DataError, match=said):
            event_at(days, start, end)
    whole = event_at(days, at.replace(hour=0), at.replace(hour=0) + timedelta(days=1))
    assert (whole.first, whole.last) == (0, 24)
    with pytest.raises(DataError, match="takes all of"):
        baseline(method("match_three"), days, Event(FRIDAY, 0, 24))
    with pytest.raises(DataError, match="divide a day"):
        by_day(
            np.zeros(2), Horizon(np.array(["2026-01-05T00", "2026-01-05T07", "2026-01-05T14"], "datetime64[s]"), "UTC")
        )
