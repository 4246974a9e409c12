"""What is learnt of weeks that were unlike, of shifts that rotate, and of days that come once a year."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.models import recent
from forecasting.models.above_usual import AboveUsual
from forecasting.models.calendar import calendar
from forecasting.models.cycles import Cycle, departures
from forecasting.models.like_days import LikeDays, far_off
from forecasting.models.rare_days import LUNAR_NEW_YEARS, RareDays
from forecasting.steps import Grid, History
from forecasting.targets import Place

UTC = Place(52.0, 13.0, "UTC")
Kw = Callable[[pd.Timestamp], float]


def past(first: str, days: int, ahead: int, kw: Kw, place: Place = UTC) -> recent.Past:
    """Four steps a day of so many days that were measured and some that are ahead; known as each step ends."""
    start = pd.Timestamp(first, tz="UTC")
    grid = Grid(start.value, 6 * HOUR_NS, 4 * (days + ahead))
    each = [kw(day) for day in pd.date_range(first, periods=days)]
    value = np.concatenate([np.repeat(each, 4), np.full(4 * ahead, np.nan)])
    history = History(grid, value, grid.start_of(np.arange(1, grid.count + 1)), 4 * days - 1)
    return recent.Past.of(history, place)


def at(of: recent.Past, day: str) -> tuple[np.ndarray, np.ndarray]:
    """The issue at a midnight and the four steps after it."""
    issue = pd.Timestamp(day, tz="UTC").value
    first = (issue - of.history.grid.start_ns) // of.history.grid.step_ns
    return np.array([issue]), first + np.arange(4)[None, :]


def base(of: recent.Past, day: str) -> float:
    issue, step = at(of, day)
    return float(recent.columns(of, issue, step)[recent.BASE].mean())


def rare(of: recent.Past, day: str) -> float:
    """The expected share of that day's usual, as known when it begins."""
    slot = of.clock.slot(np.arange(of.history.grid.count))
    known = of.history.value, of.departure, of.history.available_ns
    issue, step = at(of, day)
    return float(RareDays.of(of.days, slot, 4, *known).shares(of.days, slot, step, issue).mean())


def test_days_far_off_are_left_out_once_they_are_over() -> None:
    mean = np.array([[100.0] * 4 + [30.0] * 5 + [100.0] * 11])
    use = np.ones((1, 20), dtype=bool)
    assert far_off(mean, use)[0].tolist() == [False] * 4 + [True] * 5 + [False] * 11
    still = mean[:, 4:]  # the newest days are the low ones: that may be the new level
    assert not far_off(still, use[:, :16]).any()
    unlike = np.array([[100.0, 90, 30, 150, 60, 120, 20, 180, 90, 40, 130]])
    assert not far_off(unlike, use[:, :11]).any(), "where days are unlike anyway none is far off"
    second = np.array([[100.0, 30, 100, 100, 100, 100]])
    assert not far_off(second, use[:, :6]).any(), "of the newest two one is low"
    assert far_off(np.array([[100.0, 100, 30, 100, 100]]), use[:, :5])[0].tolist() == [False, False, True, False, False]
    assert not far_off(np.array([[100.0, 100, 30, 100]]), use[:, :4]).any(), "four days are too few"


def test_a_day_far_off_counts_only_once_it_is_known() -> None:
    mean = np.array([100.0, 100, 100, 30, 100, 100, 100])
    issue = np.array([10]) * DAY_NS
    available = np.arange(1, 8) * DAY_NS
    for late, weight in ((available, 0.05), (np.where(np.arange(7) == 3, 11 * DAY_NS, available), 1.0)):
        days = LikeDays(0, mean, np.zeros(7, dtype=np.int64), late)
        found = days.weights(np.array([7]), np.array([0]), issue)[0]
        assert found[:7].tolist() == [1, 1, 1, weight, 1, 1, 1]  # 1, 2, … days back


def test_the_base_forgets_a_strike_after_two_days() -> None:
    """100 kW on workdays, 30 kW in the week of 15 April 2024; on the Wednesday after it two days are normal again."""

    def kw(day: pd.Timestamp) -> float:
        return 30.0 if pd.Timestamp("2024-04-15") <= day <= pd.Timestamp("2024-04-19") else 100.0

    found = past("2024-03-01", 80, 2, kw)
    # Of 20 workdays by weights exp(−k/14): on Monday the five of the strike, 3 to 7 days back, weigh 3.516 of 7.728.
    assert base(found, "2024-04-22") == pytest.approx(100 - 70 * 3.516 / 7.728, abs=0.1)
    assert base(found, "2024-04-24") == pytest.approx(100, abs=2)
    assert base(found, "2024-05-08") == pytest.approx(100, abs=2)
    after = found.departure[at(found, "2024-04-24")[1]]  # what training learns of departures forgets it likewise
    np.testing.assert_allclose(after, 0.0, atol=2)


def test_a_new_level_shows_in_the_mean_of_the_last_week() -> None:
    of = past("2024-03-01", 60, 2, lambda day: 70.0 if day < pd.Timestamp("2024-04-23") else 100.0)
    found = recent.columns(of, *at(of, "2024-04-30"))
    np.testing.assert_allclose(found["back_0d"] + found[recent.BASE], 100.0)
    np.testing.assert_allclose(found["back_14d"] + found[recent.BASE], 70.0)


def test_past_issues_ask_for_the_same_leads() -> None:
    grid, day = Grid(0, 6 * HOUR_NS, 60), np.arange(40, 44)
    issue, step = recent.past_issues(grid, 10 * DAY_NS, day, 30, DAY_NS)
    assert issue.tolist() == [8 * DAY_NS, 9 * DAY_NS]  # a day earlier would ask for step 28
    assert step.tolist() == [[32, 33, 34, 35], [36, 37, 38, 39]]


def test_a_rotation_of_three_weeks_is_found_and_followed() -> None:
    """Every third week 70 kW instead of 100."""

    def kw(day: pd.Timestamp) -> float:
        return 70.0 if (day - pd.Timestamp("2024-01-01")).days // 7 % 3 == 2 else 100.0

    def plain(day: pd.Timestamp) -> float:
        return 100.0 + 10 * np.sin(day.toordinal() ** 2)  # no rhythm, and the same in every run

    found = {}
    for name, law in {"rotating": kw, "not": plain}.items():
        of = past("2024-01-01", 300, 2, law)
        days = pd.date_range("2024-05-01", "2024-10-20")
        issue = np.array([at(of, str(day.date()))[0][0] for day in days])
        step = np.concatenate([at(of, str(day.date()))[1] for day in days])
        bases = recent.columns(of, issue, step)[recent.BASE]
        found[name] = Cycle.of(of, issue, step, of.history.value[step] - bases)
        if name == "rotating":
            left = of.history.value[step] - bases
            after = left - found[name].above(of, issue, step)
            assert np.abs(after).mean() < 0.4 * np.abs(left).mean()
    assert found["rotating"].period_days == 21
    assert found["rotating"].share == pytest.approx(1.0, abs=0.15)
    assert found["not"].period_days == 0


def stood(departed: dict[str, float], holidays: tuple[str, ...] = ()) -> recent.Past:
    """A hundred days, of which these stood so far above their like days and nothing is known of the others."""
    of = past("2024-01-01", 100, 2, lambda _: 100.0, Place(52.0, 13.0, "UTC", holidays=holidays))
    departure = np.full(of.history.grid.count, np.nan)
    for day, kw in departed.items():
        departure[at(of, day)[1]] = kw
    return replace(of, departure=departure)


# 21, 42 and 63 days before Tuesday 2 April 2024.
THREE = ("2024-03-12", "2024-02-20", "2024-01-30")


@pytest.mark.parametrize(
    ("departed", "holidays", "expected"),
    [
        ((-10, -30, -20), (), -20),
        ((np.nan, -30, -20), (), -20),
        ((np.nan, 30, 20), (), 20),
        ((np.nan, -30, 20), (), 0),
        ((np.nan, np.nan, -20), (), 0),
        ((-10, -30, -20), ("2024-02-21",), -10),  # the day before a holiday is none of the cycle, nor tells of it
        ((-10, -30, -20), ("2024-04-03",), 0),
    ],
)
def test_a_cycle_is_the_middle_of_the_days_before_the_one_nearer_to_nought_of_two(
    departed: tuple[float, ...], holidays: tuple[str, ...], expected: float
) -> None:
    of = stood(dict(zip(THREE, departed, strict=True)), holidays)
    assert departures(of, 21, *at(of, "2024-04-02"))[0].tolist() == [expected] * 4


@pytest.mark.parametrize(("times", "period", "share"), [(0.5, 7, 0.5), (3.0, 7, 1.0), (-1.0, 0, 0.0), (0.0, 0, 0.0)])
def test_a_cycle_counts_by_what_it_explains_and_once_at_the_most(times: float, period: int, share: float) -> None:
    of = stood(dict.fromkeys(THREE, -20.0))  # the shortest period that explains as much is taken
    issue, step = at(of, "2024-04-02")
    came = np.array([[times * -20.0] * 3 + [np.nan]])
    assert Cycle.of(of, issue, step, came) == Cycle(period, pytest.approx(share))
    assert Cycle(period, share).above(of, issue, step)[0].tolist() == [share * -20.0 if period else 0.0] * 4


def test_a_cycle_is_learnt_of_what_rare_days_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 kW below the usual, all of it expected of rare days: nothing is left for a cycle."""
    of = stood(dict.fromkeys(THREE, -20.0))
    issue, step = at(of, "2024-04-02")
    base_kw = np.full(step.shape, 100.0)
    assert AboveUsual.of(of, base_kw, issue, step, base_kw - 20).cycle == Cycle(7, pytest.approx(1.0))
    monkeypatch.setattr("forecasting.models.above_usual._of_rare", lambda *_: np.full(step.shape, -20.0))
    assert AboveUsual.of(of, base_kw, issue, step, base_kw - 20).cycle == Cycle()


def test_rare_days_are_those_of_all_years_that_are_given() -> None:
    short, long = (past(first, days, 2, lambda _: 100.0) for first, days in (("2024-01-01", 100), ("2022-01-01", 830)))
    issue, step = at(short, "2024-04-02")
    base_kw = np.full(step.shape, 100.0)
    for years, first in (
        (None, "2024-01-02"),
        (long, "2022-01-04"),
    ):  # the second workday is the first that has a usual
        found = AboveUsual.of(short, base_kw, issue, step, base_kw, years)
        assert found.rare.day[0] == np.datetime64(first, "D").astype(int)


def test_one_week_of_outage_makes_no_cycle() -> None:
    """Of two days of the cycle one stood 70 kW below its like days: with another that did not, nothing is expected."""

    def kw(day: pd.Timestamp) -> float:
        return 30.0 if pd.Timestamp("2024-04-15") <= day <= pd.Timestamp("2024-04-19") else 100.0

    of = past("2024-03-01", 120, 2, kw)
    issue, step = at(of, "2024-05-13")  # 28 days after the Monday; 56 days before nothing is known of a usual
    assert departures(of, 28, issue, step) == pytest.approx(0.0, abs=1e-9)
    issue, step = at(of, "2024-05-27")  # 42 days after it, and 21 days after an ordinary one
    assert departures(of, 21, issue, step) == pytest.approx(0.0, abs=1e-9)


def test_one_christmas_tells_the_next_and_nothing_of_may() -> None:
    """Between the holidays of the year's end works rest at 40 of 100 kW; between two holidays in May they do not."""
    holidays = [f"{year}-{day}" for year in (2022, 2023) for day in ("12-25", "12-26", "01-01")]
    place = Place(52.0, 13.0, "UTC", holidays=(*holidays, "2024-01-01", "2024-05-01", "2024-05-09"))

    def kw(day: pd.Timestamp) -> float:
        return 40.0 if (day.month, day.day) >= (12, 27) and day.weekday() < 5 else 100.0

    of = past("2022-06-01", 700, 10, kw, place)
    # Four workdays between the holidays of 2022, 60 below 100, less by what each pulls down the usual of the next:
    # about −.55, and drawn to nought by 4/(4 + 2).
    assert rare(of, "2023-12-27") == pytest.approx(-0.55 * 4 / 6, abs=0.02)
    assert rare(of, "2024-05-02") == pytest.approx(0.0, abs=0.01)
    assert rare(of, "2024-04-23") == 0.0


def rests(*spans: tuple[str, str]) -> Kw:
    def kw(day: pd.Timestamp) -> float:
        return 20.0 if any(pd.Timestamp(a) <= day <= pd.Timestamp(b) for a, b in spans) else 100.0

    return kw


def test_a_shutdown_that_no_calendar_knows_is_expected_once_it_came_again() -> None:
    """Two weeks in August: of the first nothing is said the next year, of two the third year is told most of."""
    twice = past("2021-01-01", 1400, 10, rests(("2021-08-02", "2021-08-13"), ("2022-08-01", "2022-08-12")))
    assert rare(twice, "2022-08-01") == 0.0, "a year ago it was as low, but nothing tells a shutdown from a strike"
    assert rare(twice, "2022-08-03") == pytest.approx(-0.8 * 2 / 5, abs=0.05), "two days came again"
    # Ten workdays came again nearly as they were, against three days' worth of doubt: about 10/13 of −.8.
    assert rare(twice, "2023-08-01") == pytest.approx(-0.8 * 10 / 13, abs=0.06)
    assert -0.55 < rare(twice, "2023-08-03") < -0.4, "two days did not come again"
    assert rare(twice, "2023-09-13") == 0.0
    strike = past("2021-01-01", 1400, 10, rests(("2022-04-18", "2022-04-22")))
    assert rare(strike, "2023-04-19") == 0.0


def test_a_shutdown_moves_with_the_moon() -> None:
    """The week from each lunar New Year's day: 12 February 2021, 1 February 2022, 22 January 2023, 10 February 2024."""
    of = past(
        "2020-06-01", 1500, 10,
        rests(("2021-02-12", "2021-02-18"), ("2022-02-01", "2022-02-07"), ("2023-01-22", "2023-01-28")),
    )  # fmt: skip
    assert rare(of, "2024-02-13") < -0.4
    assert rare(of, "2024-01-24") > -0.1, "the same date of the year before does not count"


def test_lunar_years_begin_with_a_new_moon() -> None:
    """Twelve or thirteen months of 29.53 days; the years that are in everybody's memory."""
    months = np.diff(LUNAR_NEW_YEARS) / 29.530589
    assert np.abs(months - np.round(months)).max() < 0.05
    assert set(np.round(months)) == {12.0, 13.0}
    known = np.array(["2024-02-10", "2025-01-29", "2026-02-17"], dtype="datetime64[D]").astype(np.int64)
    assert set(known) <= set(LUNAR_NEW_YEARS)
    apart = LUNAR_NEW_YEARS[0] * DAY_NS - pd.Timestamp("2000-02-05T13:03Z").value  # a new moon, 21:03 in China
    assert abs(apart) < DAY_NS


def remembered(*dips: str, kinds: dict[str, int] | None = None, late: str = "") -> RareDays:
    """Workdays that stood 80 below 100, one value a day, each known at its end; one perhaps never."""
    day = np.array(sorted(dips), dtype="datetime64[D]").astype(np.int64)
    kind = np.array([(kinds or {}).get(str(one), 0) for one in sorted(dips)])
    known = np.where(np.array(sorted(dips)) == late, np.iinfo(np.int64).max, (day + 1) * DAY_NS)
    one = np.ones((len(day), 1))
    return RareDays(day, kind, np.zeros(len(day), dtype=np.int64), -80 * one, 100 * one, known)


def expected(of: RareDays, day: str, holidays: tuple[str, ...] = ()) -> float:
    issue = np.array([pd.Timestamp(day, tz="UTC").value])
    days, first = calendar(issue, Place(52.0, 13.0, "UTC", holidays=holidays)), np.zeros(1, dtype=np.int64)
    return float(of.shares(days, first, np.zeros((1, 1), dtype=np.int64), issue)[0, 0])


def test_a_dip_of_the_year_before_counts_by_what_came_again() -> None:
    """One dip came again as it was: p = .64/(.64 + 3 · .64) = 1/4, of .8."""
    pair = "2021-09-07", "2022-09-07"
    assert expected(remembered(*pair, "2022-08-03"), "2023-08-03") == pytest.approx(-0.2)
    assert expected(remembered(*pair, "2022-08-03", late="2022-08-03"), "2023-08-03") == 0.0
    assert expected(remembered(*pair, "2022-08-03", kinds={"2022-08-03": 1}), "2023-08-03") == 0.0, "it was a holiday"
    assert expected(remembered(*pair, "2022-08-03"), "2023-08-03", ("2023-08-04",)) == 0.0, "the day before one"


def test_of_the_same_date_and_the_same_day_of_the_moon_the_deeper_dip_counts_alone() -> None:
    """New Year's day of the moon: 12 February 2021, 1 February 2022, 22 January 2023."""
    both = remembered("2021-01-25", "2022-01-24", "2021-02-15", "2022-02-03")
    assert expected(both, "2023-01-24") == pytest.approx(-0.2)


def test_a_day_is_remembered_once_most_of_it_and_all_of_its_usual_was_known() -> None:
    start = np.arange(4 * 40) * 6 * HOUR_NS
    departure, available = np.full(160, -5.0), start + 6 * HOUR_NS
    departure[4:6] = np.nan  # half of the second day
    departure[8] = np.nan  # a quarter of the third
    available[4 * 5] = 100 * DAY_NS  # the sixth day came late, and those after it have it in their usual
    days = calendar(start, UTC)
    found = RareDays.of(days, np.arange(160) % 4, 4, np.full(160, 95.0), departure, available)
    assert found.day.tolist() == [day for day in range(40) if day != 1]
    late = found.available_ns == 100 * DAY_NS
    assert found.day[late].tolist() == list(range(5, 34))
    np.testing.assert_array_equal(found.available_ns[~late], (found.day[~late] + 1) * DAY_NS)
    assert found.usual[1].tolist() == [0.0, 100.0, 100.0, 100.0]


def test_what_was_not_known_yet_bears_on_nothing() -> None:
    """The same issue with all that comes after it changed."""
    spans = ("2021-08-02", "2021-08-13"), ("2022-08-01", "2022-08-12")
    one = past("2021-01-01", 1400, 10, rests(*spans))
    other = past("2021-01-01", 1400, 10, rests(*spans, ("2023-08-03", "2024-06-01")))
    assert rare(one, "2023-08-03") == rare(other, "2023-08-03")
    assert base(one, "2023-08-03") == base(other, "2023-08-03")
