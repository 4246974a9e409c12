"""Columns and rows of the model of rhythm on series that say by hand what they must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.archive.known import Known, Measured
from forecasting.models import rhythm
from forecasting.models.rhythm import PAST_DAYS, Case, Rhythm, newest, wind_share
from forecasting.steps import Grid
from forecasting.targets import Place, Target

PLACE = Place(52.0, 5.0, "UTC")
HOUR_NS = 3_600_000_000_000
NET = Target("net", "net_load", 100.0, "site", weather=("sky",))


def hourly(start: str, hours: int, minutes: int = 60) -> pd.DatetimeIndex:
    """Ends of so many hours."""
    step = pd.Timedelta(minutes=minutes)
    return pd.date_range(pd.Timestamp(start, tz="UTC") + step, periods=hours * 60 // minutes, freq=step)


def constant(start: str, hours: int, minutes: int = 60) -> Archive:
    ends = hourly(start, hours, minutes)
    return Archive.empty().with_measurements("site", "net", ends, np.full(len(ends), 10.0), pd.Timedelta(0))


def columns(archive: Archive, issue: str, companions: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Of the twelfth to fourteenth hour after the issue."""
    known = archive.as_of(pd.Timestamp(issue, tz="UTC"))
    case = Case.of(known, NET, PLACE, known.time_ns + np.arange(12, 15) * HOUR_NS, None, companions)
    return case.columns(known, np.array([known.time_ns]), case.ahead[None, :])


def test_a_turbine_gives_the_cube_of_the_wind_up_to_its_rating() -> None:
    assert wind_share(np.array([-1.0, 0.0, 6.0, 12.0, 20.0])).tolist() == [0.0, 0.0, 0.125, 1.0, 1.0]


def test_weather_is_set_against_that_of_the_seven_days_before() -> None:
    """12 m/s on odd days of March: on the 31st all, on 3 of the 7 days before: 12 − 36/7 and 1 − 3/7."""
    stamps = pd.date_range("2021-03-01", periods=24 * 33, freq="h", tz="UTC")
    wind = np.where(stamps.day % 2 == 1, 12.0, 0.0)
    archive = constant("2021-03-01", 24 * 30)
    archive = archive.with_forecast("sky", "wind_speed_100m", stamps[0], stamps[0], stamps, wind)
    found = columns(archive, "2021-03-31")
    assert found["wind_speed_100m"][0] == pytest.approx([12.0, 12.0])
    assert found["wind_speed_100m_unlike"][0] == pytest.approx([48 / 7, 48 / 7])
    assert found["wind_power"][0] == pytest.approx([1.0, 1.0])
    assert found["wind_power_unlike"][0] == pytest.approx([4 / 7, 4 / 7])


def test_a_mean_over_the_hour_before_its_stamp_is_that_hours() -> None:
    """Radiation that rises by one each hour: the hour that ends at 13 h of the 30th day after has 24 · 30 + 13."""
    stamps = pd.date_range("2021-03-01", periods=24 * 33, freq="h", tz="UTC")
    archive = constant("2021-03-01", 24 * 30)
    rising = np.arange(len(stamps), dtype=float)
    archive = archive.with_forecast("sky", "shortwave_radiation", stamps[0], stamps[0], stamps, rising)
    assert columns(archive, "2021-03-31")["shortwave_radiation"][0] == pytest.approx([733.0, 734.0])


@pytest.mark.parametrize("minutes", [60, 15])
def test_what_stands_beside_counts_above_its_week_and_dies_away(minutes: int) -> None:
    """8 in the last three hours of a week: 1/7 on average, 1 over the day; half a day ahead e^(−12/24) of it."""
    ends = hourly("2021-03-01", 24 * 30, minutes)
    beside = np.where(ends > pd.Timestamp("2021-03-30T21:00Z"), 8.0, 0.0)
    archive = constant("2021-03-01", 24 * 30, minutes).with_measurements(
        "site", "wind_kw", ends, beside, pd.Timedelta(0)
    )
    found = columns(archive, "2021-03-31", ("wind",))
    assert found["wind_kw_3h"][0, 0] == pytest.approx((8 - 1 / 7) * np.exp(-0.5))
    assert found["wind_kw_24h"][0, 0] == pytest.approx((1 - 1 / 7) * np.exp(-0.5))


def test_steps_that_are_asked_for_in_part_are_there_whole() -> None:
    known = constant("2021-03-01", 24 * 30).as_of(pd.Timestamp("2021-03-31T00:00Z"))
    asked = known.time_ns + np.array([HOUR_NS // 2, 3 * HOUR_NS // 2])
    case = Case.of(known, NET, PLACE, asked, None)
    assert case.past.history.grid.start_of(case.ahead).tolist() == [known.time_ns, known.time_ns + HOUR_NS]


def test_a_forecast_looks_back_on_a_hundred_days() -> None:
    known = constant("2020-09-01", 24 * 200).as_of(pd.Timestamp("2020-09-01", tz="UTC") + pd.Timedelta(days=200))
    case = Case.of(known, NET, PLACE, known.time_ns + np.arange(3) * HOUR_NS, PAST_DAYS)
    assert np.isfinite(case.past.history.value).sum() == 24 * 100


def test_the_temperature_felt_at_an_issue_knows_nothing_of_the_hour_that_begins() -> None:
    """Nought until then and 100 from then on: with nought ahead nothing but nought was felt."""
    ends = hourly("2021-03-01", 24 * 30)
    issue = pd.Timestamp("2021-03-30T00:00Z")
    archive = constant("2021-03-01", 24 * 30)
    archive = archive.with_measurements("sky", "temperature_2m", ends, np.where(ends > issue, 100.0, 0.0))
    known: Known = archive.as_of(pd.Timestamp("2021-03-31T00:00Z"))
    case = Case.of(known, NET, PLACE, known.time_ns + np.arange(3) * HOUR_NS, None)
    found = case._felt(known, "sky", np.zeros((1, 4)), np.array([issue.as_unit("ns").value]))
    assert found["felt_24h"].tolist() == [[0.0] * 4]
    assert found["felt_72h"].tolist() == [[0.0] * 4]


def test_a_finer_series_is_averaged_onto_the_grid_and_known_when_its_last_value_is() -> None:
    """Half-hours that end at .5, 1 and 1.5 h: the first two are the first hour's; what is unknown is no value."""
    half = HOUR_NS // 2
    measured = Measured(
        half * np.array([1, 2, 3, 6, 9]), np.array([70, 50, 60, 80, 90]), np.array([2.0, 4.0, 6.0, np.nan, 1.0])
    )
    found = rhythm._onto(Grid(0, HOUR_NS, 4), measured)
    np.testing.assert_array_equal(found.value, [3.0, 6.0, np.nan, np.nan])
    assert found.available_ns[:2].tolist() == [70, 60]
    assert found.last_step == 1


def test_the_newest_run_is_believed_as_far_as_it_reaches() -> None:
    """Of two runs the second tells from 2 h on; a step after the last stamp nothing more is said."""
    hours = pd.date_range("2021-01-01", periods=5, freq="h", tz="UTC")
    archive = Archive.empty().with_forecast("s", "price", hours[0], hours[0], hours, np.zeros(5))
    archive = archive.with_forecast("s", "price", hours[1], hours[1], hours[2:], np.full(3, 9.0))
    at = hours[0].as_unit("ns").value + HOUR_NS * np.array([1, 2, 4, 5, 6])
    found = newest(archive.as_of(hours[-1]), "s", "price", at)
    np.testing.assert_array_equal(found, [0.0, 9.0, 9.0, 9.0, np.nan])


@dataclass(frozen=True)
class Flat:
    """Learns nothing."""

    name: str = "flat"

    def fit(self, *_: object) -> Flat:
        return self


@pytest.mark.parametrize(
    ("days", "most_rows", "rows"),
    [
        (30, 40_000, 24 * 23),  # each day from the seventh to the twenty-ninth
        (100, 319, 24 * 11),  # 93 days are 7 · 319 rows at most: not each seventh, always one weekday, but each eighth
        (100, 320, 24 * 11),
        (100, 2231, 24 * 46),
    ],
)
def test_training_has_a_row_for_each_hour_of_the_days_that_may_be_learnt_from(
    days: int, most_rows: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhythm, "ROWS_AT_MOST", most_rows)
    known = constant("2021-01-01", 24 * days).as_of(pd.Timestamp("2021-01-01", tz="UTC") + pd.Timedelta(days=days))
    trained = Rhythm(Flat()).train(known, [NET], PLACE, np.arange(25) * HOUR_NS, np.array([0.5]))
    assert trained.card["targets"]["net"]["training_rows"] == rows
