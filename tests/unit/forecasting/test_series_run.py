"""Intervals, their availability, and how they come into the archive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.archive import Archive
from forecasting.errors import AnswerError, ForecastError
from forecasting.intensity.base import intensity_run
from forecasting.prices.day_ahead import currency_of, day_ahead_run, published
from forecasting.series_run import InOrder, SeriesRun, intervals, missing_note, require_period, stored, windows

HOUR = pd.Timedelta(hours=1)
NOW = pd.Timestamp("2025-11-01T00:00Z")


def day(date: str, freq: str) -> pd.DatetimeIndex:
    """Starts of a Central European day, daylight saving or not."""
    first = pd.Timestamp(date, tz="Europe/Brussels")
    last = (first + pd.Timedelta(days=1, hours=6)).normalize()
    return pd.date_range(first, last, freq=freq, inclusive="left").tz_convert("UTC")


@pytest.mark.parametrize(
    ("date", "freq", "count"),
    [
        ("2025-03-30", "60min", 23),
        ("2025-10-26", "60min", 25),
        ("2025-10-26", "15min", 100),
        ("2025-03-30", "15min", 92),
        ("2025-06-01", "30min", 48),
    ],
)
def test_a_day_of_the_clock_change_is_an_ordinary_day(date: str, freq: str, count: int) -> None:
    starts = day(date, freq)
    ends, step, values, notes = intervals(starts, np.arange(len(starts), dtype=float), "Europe/Brussels", "x")
    assert len(ends) == count
    assert (step == pd.Timedelta(freq)).all()
    assert (ends - step == starts).all()
    assert np.array_equal(values, np.arange(count))
    assert notes == ()


def test_the_time_unit_may_change_between_days_and_holes_stay_holes() -> None:
    hours, quarters = day("2025-09-30", "60min"), day("2025-10-01", "15min")
    gone = np.delete(np.arange(96), [10, 11, 12])
    starts = hours.append(quarters[gone])
    ends, step, values, _ = intervals(starts, np.ones(len(starts)), "Europe/Brussels", "x")
    assert (step[:24] == HOUR).all()
    assert (step[24:] == HOUR / 4).all()
    assert np.flatnonzero(np.isnan(values)).tolist() == [34, 35, 36]
    assert missing_note(ends, step, values, "x") == ("x: 3 of 120 intervals are missing",)


def test_a_day_that_lacks_whole_is_counted() -> None:
    starts = day("2025-06-01", "60min").append(day("2025-06-03", "60min"))
    ends, step, values, _ = intervals(starts, np.ones(48), "Europe/Brussels", "x")
    assert len(values) == 48
    assert missing_note(ends, step, values, "x") == ("x: 24 of 72 intervals are missing",)
    assert missing_note(ends[:0], step[:0], values[:0], "x") == ()


def test_uneven_steps_are_refused() -> None:
    starts = pd.DatetimeIndex(["2025-06-01T00:00Z", "2025-06-01T00:25Z", "2025-06-01T01:00Z"])
    with pytest.raises(AnswerError, match="uneven steps, 25 min the shortest"):
        intervals(starts, np.ones(3), "UTC", "x")
    _, step, values, _ = intervals(starts[[0]].append(starts[[0]] + 2 * HOUR), np.ones(2), "UTC", "x")
    assert set(step) == {HOUR}
    assert np.isnan(values).tolist() == [False, True, False]


def test_one_value_twice_is_told_and_two_values_are_refused() -> None:
    starts = day("2025-06-01", "60min")
    again = starts.append(starts[[5]])
    values = np.arange(24.0)
    _, _, found, notes = intervals(again, np.append(values, 5.0), "UTC", "x")
    assert np.array_equal(found, values)
    assert notes == ("x: 1 intervals came twice, with the same values",)
    with pytest.raises(AnswerError, match=r"two values for 2025-06-01 03:00:00\+00:00: 5 and 9"):
        intervals(again, np.append(values, 9.0), "UTC", "x")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4 * 24 * 5 - 1), min_size=1, max_size=60, unique=True),
    st.sampled_from([15, 30, 60]),
)
def test_no_value_moves_and_none_is_made_up(picked: list[int], minutes: int) -> None:
    starts = pd.DatetimeIndex(pd.Timestamp("2025-10-24T00:00Z") + pd.to_timedelta(np.array(picked) * minutes, "min"))
    values = np.array(picked, dtype=float)
    try:
        ends, step, found, _ = intervals(starts, values, "UTC", "x")
    except AnswerError:
        return  # a day whose shortest gap does not divide the others
    given_ = pd.Series(values, index=starts).sort_index()
    got = pd.Series(found, index=ends - step)
    pd.testing.assert_series_equal(got[np.isfinite(found)], given_, check_freq=False, check_names=False)
    assert ((ends - step)[1:] >= ends[:-1]).all()


def test_prices_are_known_from_the_auction_on_and_not_before_they_were_fetched() -> None:
    starts = day("2025-10-26", "60min").append(day("2025-10-27", "60min"))
    run = day_ahead_run("p", "x", starts, np.ones(49), "EUR / MWh", NOW)
    local = run.available_at.tz_convert("Europe/Brussels")
    assert set(local.strftime("%Y-%m-%d %H:%M")) == {"2025-10-25 13:00", "2025-10-26 13:00"}
    assert run.variable == "day_ahead_price_eur_per_mwh"
    assert (run.unit, run.issue_time is run.available_at) == ("EUR/MWh", True)
    early = pd.Timestamp("2025-10-26T11:50Z")
    run = day_ahead_run("p", "x", starts, np.ones(49), "GBP/MWh", early)
    assert run.available_at.max() == early
    assert run.variable == "day_ahead_price_gbp_per_mwh"
    assert published(starts[:1])[0] == pd.Timestamp("2025-10-25T11:00Z")


@pytest.mark.parametrize("unit", ["EUR", "EUR / kWh", "MWh / EUR", None, 3])
def test_another_unit_than_money_per_mwh_is_refused(unit: object) -> None:
    with pytest.raises(AnswerError, match="a currency per MWh was expected"):
        currency_of(unit, "x")


def test_a_price_that_cannot_be_is_refused() -> None:
    with pytest.raises(AnswerError, match="a price of 99999 EUR/MWh"):
        day_ahead_run("p", "x", day("2025-06-01", "60min"), np.full(24, 99_999.0), "EUR/MWh", NOW)
    with pytest.raises(AnswerError, match="an intensity of -3 g/kWh"):
        intensity_run("p", "x", day("2025-06-01", "60min"), np.full(24, -3.0), fetched_at=NOW)


def test_issued_series_come_into_the_archive_with_their_issues() -> None:
    starts = day("2025-10-26", "60min").append(day("2025-10-27", "60min"))
    run = day_ahead_run("p", "x", starts, np.arange(49.0), "EUR/MWh", NOW)
    archive = stored(Archive.empty(), "DE_LU", run)
    before = archive.as_of("2025-10-26T10:59Z").runs("DE_LU", run.variable)
    after = archive.as_of("2025-10-26T12:00Z").runs("DE_LU", run.variable)
    assert [len(part.value) for part in before] == [25]
    assert [len(part.value) for part in after] == [25, 24]
    assert after[1].value[0] == 25.0


def test_measured_series_come_into_the_archive_with_their_delays() -> None:
    starts = day("2025-06-01", "30min")
    fetched = starts[20] + pd.Timedelta(minutes=50)  # interval 20 is over since 20 min, 21 is not
    delay = pd.Timedelta(minutes=45)
    run = intensity_run("p", "x", starts, np.arange(48.0), fetched_at=fetched, delay=delay)
    assert len(run.values) == 21
    assert run.available_at[-1] == fetched
    archive = stored(Archive.empty(), "GB", run)
    assert archive.as_of(fetched).measurements("GB", run.variable).value.tolist() == list(range(21))
    known = archive.as_of(run.valid_time[10] + delay - HOUR / 60).measurements("GB", run.variable)
    assert known.value.tolist() == list(range(10))


def test_parts_that_do_not_fit_are_refused() -> None:
    ends = pd.date_range("2025-06-01T01:00Z", periods=2, freq="1h")
    step = pd.TimedeltaIndex([HOUR, HOUR])
    with pytest.raises(ForecastError, match="different lengths"):
        SeriesRun("p", "v", "u", ends, step, ends, ends[:1], np.ones(2))
    with pytest.raises(ForecastError, match="overlap or do not rise"):
        SeriesRun("p", "v", "u", ends[::-1], step, ends, None, np.ones(2))


@dataclass
class Given:
    name: str
    there: bool

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        if not self.there:
            raise ForecastError("nobody there")
        starts = pd.date_range(start, end, freq="1h", inclusive="left")
        return intensity_run(self.name, "x", starts, np.ones(len(starts)), fetched_at=now)


def test_the_first_that_answers_gives_the_whole_series() -> None:
    span = NOW - 24 * HOUR, NOW, NOW
    assert InOrder((Given("a", True), Given("b", True))).fetch(*span).notes == ()
    run = InOrder((Given("a", False), Given("b", True))).fetch(*span)
    assert (run.provider, run.notes) == ("b", ("b answers, as others did not: a: nobody there",))
    both = InOrder((Given("a", False), Given("b", False)))
    assert both.name == "a, then b"
    with pytest.raises(ForecastError, match="no answer from any provider: a: nobody there; b: nobody there"):
        both.fetch(*span)
    with pytest.raises(ForecastError, match="no provider given"):
        InOrder(())


def test_periods() -> None:
    with pytest.raises(ForecastError, match=r"prices: the end .* is not after the start"):
        require_period(NOW, NOW, "prices")
    parts = list(windows(NOW, NOW + pd.Timedelta(days=5), 2))
    assert parts[0][0] == NOW
    assert parts[-1][1] == NOW + pd.Timedelta(days=5)
    assert len(parts) == 3
