"""The calendar of a place: holidays, what stands beside them, and the days on which the clock changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecasting.models.calendar import DAY_NAMES, HOLIDAY, SEASON_NAMES, Calendar, calendar
from forecasting.targets import Place


def of(first: str, last: str, zone: str = "Europe/Amsterdam", holidays: tuple[str, ...] = ()) -> Calendar:
    """Hours from one local midnight to another."""
    hours = pd.date_range(pd.Timestamp(first, tz=zone), pd.Timestamp(last, tz=zone), freq="h", inclusive="left")
    return calendar(hours.tz_convert("UTC").as_unit("ns").asi8, Place(52.0, 5.0, zone, holidays=holidays))


def days_that_are(name: str, days: Calendar) -> list[str]:
    """Dates on which an indicator stands."""
    chosen = days.days[:, DAY_NAMES.index(name)] > 0
    return [str(day) for day in np.unique(days.day[chosen]).astype("datetime64[D]")]


def test_a_holiday_is_a_kind_of_its_own_and_its_neighbours_are_told() -> None:
    # Ascension Day 2021 was a Thursday: the Friday is a bridge.
    days = of("2021-05-10", "2021-05-17", holidays=("2021-05-13",))
    assert days_that_are("holiday", days) == ["2021-05-13"]
    assert set(days.kind[days.day == np.datetime64("2021-05-13").astype(int)]) == {HOLIDAY}
    assert days_that_are("before_holiday", days) == ["2021-05-12"]
    assert days_that_are("after_holiday", days) == ["2021-05-14"]
    assert days_that_are("bridge", days) == ["2021-05-14"]
    assert days_that_are("thursday", days) == []


def test_a_monday_before_a_holiday_is_a_bridge_and_a_wednesday_after_one_is_not() -> None:
    days = of("2021-08-30", "2021-09-06", holidays=("2021-08-31",))
    assert days_that_are("bridge", days) == ["2021-08-30"]


def test_days_between_close_holidays_are_slack() -> None:
    days = of("2020-12-20", "2021-01-05", holidays=("2020-12-25", "2021-01-01", "2021-05-13"))
    assert days_that_are("slack", days) == [f"2020-12-{d}" for d in range(26, 32)]


def test_a_wednesday_off_makes_no_bridge_and_days_off_are_not_beside_each_other() -> None:
    alone = of("2021-09-06", "2021-09-13", holidays=("2021-09-08",))
    assert days_that_are("bridge", alone) == []
    days = of("2021-09-06", "2021-09-13", holidays=("2021-09-08", "2021-09-09"))
    assert days_that_are("before_holiday", days) == ["2021-09-07"]
    assert days_that_are("after_holiday", days) == ["2021-09-10"]
    assert days_that_are("bridge", days) == ["2021-09-10"]


def test_slack_ends_where_holidays_are_more_than_eight_days_apart() -> None:
    eight = of("2021-03-01", "2021-03-15", holidays=("2021-03-02", "2021-03-10"))
    assert days_that_are("slack", eight) == [f"2021-03-0{d}" for d in range(3, 10)]
    assert days_that_are("slack", of("2021-03-01", "2021-03-15", holidays=("2021-03-02", "2021-03-11"))) == []


def test_saturdays_stand_between_workdays_and_days_off() -> None:
    days = of("2021-09-09", "2021-09-14", holidays=("2021-09-13",))  # Thursday to Monday, which is off
    assert days.day_class[::24].tolist() == [0, 0, 1, 2, 2]


def test_time_of_day_has_its_minutes_and_the_year_its_seasons() -> None:
    """Day 91 of 365.2425 is a quarter of a year: sine 1, cosine 0, and of twice the angle 0 and −1."""
    start = pd.DatetimeIndex(["2021-01-01T00:15Z", "2021-04-02T23:45Z"]).as_unit("ns").asi8
    days = calendar(start, Place(0.0, 0.0, "UTC"))
    assert days.hour.tolist() == [0.25, 23.75]
    season = dict(zip(SEASON_NAMES, days.season.T, strict=True))
    np.testing.assert_allclose(season["sin_1"], [0, 1], atol=0.01)
    np.testing.assert_allclose(season["cos_1"], [1, 0], atol=0.01)
    np.testing.assert_allclose(season["sin_2"], [0, 0], atol=0.02)
    np.testing.assert_allclose(season["cos_2"], [1, -1], atol=0.01)


def test_both_daylight_saving_days_have_their_hours() -> None:
    spring, autumn = of("2021-03-28", "2021-03-29"), of("2021-10-31", "2021-11-01")
    assert (len(spring.hour), len(autumn.hour)) == (23, 25)
    assert 2.0 not in spring.hour.tolist()
    assert autumn.hour.tolist().count(2.0) == 2
    assert set(spring.kind) == {6}
    assert set(autumn.kind) == {6}


@given(st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2050-12-31").date()))
def test_the_weekday_is_that_of_the_date(date: object) -> None:
    day = pd.Timestamp(str(date))
    days = of(str(day.date()), str((day + pd.Timedelta("1D")).date()), zone="Asia/Shanghai")
    assert set(days.kind) == {day.weekday()}
    assert days.day_off.all() == (day.weekday() >= 5)
