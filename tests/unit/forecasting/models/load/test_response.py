"""What a load's answer to temperature and calendar is learnt from, and what of it is left over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.models.calendar import Calendar, calendar
from forecasting.models.load import response
from forecasting.models.load.by_temperature import ByTemperature, Learnt, TrainedByTemperature, _ahead, mean_of
from forecasting.models.load.response import Response, fit
from forecasting.steps import Grid
from forecasting.targets import Place, Target

PLACE = Place(50.0, 10.0, "UTC")


def days_of(first: str, count: int) -> Calendar:
    start = pd.Timestamp(first, tz="UTC").as_unit("ns").value
    return calendar(start + np.arange(count) * DAY_NS, PLACE)


def years(days: Calendar) -> np.ndarray:
    return np.asarray((days.day - days.day[0]) / 365.2425)


def test_what_grows_goes_on_growing() -> None:
    """10 kW more each year."""
    days = days_of("2018-01-01", 5 * 365)
    answer = fit(100 + 10 * years(days), days, None, 1, positive=False)
    later = days_of("2024-06-01", 7)
    expected = 100 + 10 * (later.day - days.day[0]) / 365.2425
    np.testing.assert_allclose(answer.paths(later, None)[0], expected, atol=0.5)


def test_days_off_have_a_season_of_their_own() -> None:
    """Workdays are alike all year; on days off it is 20 kW less in winter and 20 kW more in summer."""
    days = days_of("2018-01-01", 4 * 365)
    load = 100 - 20 * days.day_off * np.cos(2 * np.pi * (days.day - days.day[0]) / 365.2425)
    answer = fit(load, days, None, 1, positive=False)
    winter, summer = days_of("2022-01-07", 2), days_of("2022-07-08", 2)  # Friday and Saturday
    np.testing.assert_allclose(answer.paths(winter, None)[0], [100, 80], atol=2)
    np.testing.assert_allclose(answer.paths(summer, None)[0], [100, 120], atol=2)


def test_old_days_weigh_half_every_year_and_a_half() -> None:
    """Saturdays 10 kW below for three years, then 40 kW: weights 1 − 1/4 against 1/4 of that, so 34 kW."""
    days = days_of("2018-01-01", 6 * 365)
    less = np.where(years(days) < 3, 10.0, 40.0)
    other = 9 * np.sin(1.3 * np.arange(len(less)))  # so that no Saturday is an outlier
    answer = fit(100 - less * (days.kind == 5) + other, days, None, 1, positive=False)
    friday, saturday = answer.paths(days_of("2023-12-22", 2), None)[0]
    assert friday - saturday == pytest.approx(34, abs=1.5)


def test_rows_without_temperature_and_outages_teach_nothing() -> None:
    days = days_of("2020-01-01", 700)
    air = 12 + 8 * np.sin(np.arange(700) * 0.7)
    load = 100 + 3 * np.maximum(air - 15, 0) + np.sin(np.arange(700) * 1.3)
    felt = np.stack([air] * 5)
    plain = fit(load, days, felt, 1, positive=False)
    felt[0, 50] = np.nan
    load[200] = 5000.0
    answer = fit(load, days, felt, 1, positive=False)
    kept = answer.residual_day[0] - days.day[0]
    assert np.setdiff1d(np.arange(700), kept).tolist() == [50, 200]
    later = days_of("2022-03-01", 20)
    warm = np.full((5, 1, 20), 20.0)
    np.testing.assert_allclose(answer.paths(later, warm), plain.paths(later, warm), atol=0.3)


def made(residual: list[np.ndarray], day: list[np.ndarray], reach: tuple[float, float] | None = None) -> Response:
    """An answer that follows the temperature itself, kelvin for kilowatt, where it has one."""
    count = response.calendar_columns(days_of("2020-01-01", 1), 0).shape[1]
    columns = 0 if reach is None else response.temperature_columns(np.zeros(5)).size
    beta = np.zeros((len(residual), count + columns + 1))
    if reach is not None:
        beta[:, count] = 1.0
    bounds = np.empty((0, 0, 2)) if reach is None else np.tile(reach, (len(residual), 5, 1))
    return Response(beta, tuple(residual), tuple(day), 0, logarithmic=False, reach=bounds)


def test_no_line_goes_further_than_two_kelvin_beyond_what_was_learnt_at_either_end() -> None:
    answer = made([np.zeros(0)], [np.zeros(0, np.int64)], (0.0, 30.0))
    felt = np.tile(np.array([-10.0, -1.0, 10.0, 31.0, 40.0]), (5, 1, 1))
    assert answer.paths(days_of("2020-01-01", 5), felt)[0].tolist() == [-2.0, -1.0, 10.0, 31.0, 32.0]


def test_what_is_left_over_is_of_the_hours_beside_and_of_the_season_where_that_is_enough() -> None:
    """Of six times of day; New Year's Eve and the middle of January are one season, May is another."""
    day = np.repeat([pd.Timestamp(one).value // DAY_NS for one in ("2019-12-31", "2021-01-15", "2020-05-20")], 10)
    residual = [np.repeat([k + 0.1, k + 0.2, k + 0.9], 10) for k in range(6)]
    answer = made(residual, [day] * 6)
    middle = pd.Timestamp("2023-01-05").value / DAY_NS
    season = answer.left_over(0, middle)
    assert np.unique(season).tolist() == pytest.approx([0.1, 0.2, 1.1, 1.2, 5.1, 5.2])
    fewer = made([one[1:] for one in residual], [day[1:]] * 6)
    every = fewer.left_over(3, middle)
    assert np.unique(every).tolist() == pytest.approx([2.1, 2.2, 2.9, 3.1, 3.2, 3.9, 4.1, 4.2, 4.9])


def test_residuals_are_those_of_folds_that_were_not_learnt_from() -> None:
    """What stands in one fold alone cannot be told from the others: all of it is left over."""
    fold = np.arange(80) % 8
    x, y = (fold == 0).astype(np.float64)[:, None], 5.0 * (fold == 0)
    _, left = response._held_out(x, y, np.ones(80), fold)
    np.testing.assert_allclose(left, y, atol=0.005)  # the penalty's share of what the others learn


def test_a_column_of_fewer_than_three_days_tells_nothing() -> None:
    y = np.arange(80.0) % 2
    for rows, told in ((2, False), (3, True)):
        x = (np.arange(80) < rows).astype(np.float64)[:, None]
        beta, _ = response._held_out(x, y + 50 * x[:, 0], np.ones(80), np.arange(80) % 8)
        assert (abs(beta[0]) > 40) == told


def test_a_station_that_fails_does_not_move_the_mean_and_one_without_values_does_not_count() -> None:
    start = pd.Timestamp("2024-01-01", tz="UTC")
    ends = pd.date_range(start + pd.Timedelta("1h"), periods=10, freq="h")
    archive = Archive.empty()
    for site, values in {"a": np.full(10, 10.0), "b": np.where(np.arange(10) < 5, 20.0, np.nan)}.items():
        archive = archive.with_measurements(site, "temperature_2m", ends, values, pd.Timedelta(0))
    grid = Grid(start.as_unit("ns").value, HOUR_NS, 10)
    np.testing.assert_allclose(mean_of(archive.as_of(ends[-1]), ("a", "b", "none"), grid), 15.0)


def test_the_way_ahead_begins_now_however_late_the_first_edge_is() -> None:
    edges = np.array([3, 5]) * HOUR_NS
    assert _ahead(24, HOUR_NS * 3 // 2, edges) == Grid(HOUR_NS, HOUR_NS, 4)
    assert _ahead(24, 4 * HOUR_NS, edges) == Grid(3 * HOUR_NS, HOUR_NS, 2)


def test_residuals_around_nought_move_no_median() -> None:
    answer = made([np.linspace(-1, 1, 61)], [np.zeros(61, np.int64)])
    target = Target("load", "load", np.inf, "park")
    trained = TrainedByTemperature({"load": Learnt(target, PLACE, answer, (), {})}, np.array([0.1, 0.5, 0.9]), 0)
    found = trained._mixed(answer, np.zeros((1, 1)), np.zeros(1, np.int64), 0.0)
    np.testing.assert_allclose(found[0], [-0.8, 0.0, 0.8], atol=0.06)
    assert ByTemperature().name == "load_by_temperature"
