from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS, utc_index
from forecasting.models.solar.past import days_of, past_of
from forecasting.models.solar.rows import Around, index_of, state_of
from forecasting.models.solar.sun import STEPS_KEPT, Sun, sun_over
from forecasting.models.solar.weather import Weather, runs_of
from forecasting.physics import PvPlant, pv_power_at_kw, solar_elevation_deg
from tests.unit.forecasting.models.solar.plants import DAY, PLACE, edges, issue, month

PLANT = PvPlant(10.0, 30.0, 180.0, 40.0, 100.0)


def test_the_kept_sun_is_the_sun_across_the_borders_of_what_is_kept() -> None:
    start = (
        pd.Timestamp("2024-03-01T00:07:30Z").as_unit("ns").value + np.arange(0, 3 * STEPS_KEPT, 97) * 15 * 60 * 10**9
    )
    found = sun_over(PLANT, start.reshape(-1, 1), 15 * 60 * 10**9)
    middle = utc_index(start + 450 * 10**9)
    np.testing.assert_allclose(found.elevation[:, 0], solar_elevation_deg(middle, 40.0, 100.0))
    np.testing.assert_allclose(found.clear_kw[:, 0], pv_power_at_kw(PLANT, middle), atol=1e-9)
    assert sun_over(PLANT, np.empty((0, 3), np.int64), 1).elevation.shape == (0, 3)


def test_it_is_dark_once_the_suns_centre_is_a_degree_below() -> None:
    nothing = np.zeros(4)
    sun = Sun(np.array([-1.1, -0.9, 0.0, 5.0]), nothing, nothing, nothing, nothing, nothing)
    assert sun.dark.tolist() == [True, False, False, False]


def _two_runs() -> Archive:
    at = pd.Timestamp("2024-01-01", tz="UTC")
    archive = Archive.empty()
    for number, value in ((0, 100.0), (6, 200.0)):
        issued = at + pd.Timedelta(hours=number)
        valid = issued + pd.to_timedelta(np.arange(1, 9), unit="h")
        known = issued + pd.Timedelta(hours=1)
        archive = archive.with_forecast("s", "shortwave_radiation", issued, known, valid, value + np.arange(8.0))
        archive = archive.with_forecast("s", "temperature_2m", issued, known, valid, value + np.arange(8.0))
    return archive


def test_each_issue_sees_the_latest_run_that_was_known_and_older_ones_in_its_gaps() -> None:
    known = _two_runs().as_of("2024-01-02T00:00Z")
    start = pd.Timestamp("2024-01-01", tz="UTC").as_unit("ns").value
    ask = start + np.array([[6], [7]]) * HOUR_NS
    middle = np.broadcast_to(start + np.array([7, 8, 12]) * HOUR_NS + HOUR_NS // 2, (2, 3))
    found = runs_of(known, "s", "shortwave_radiation").at(ask, middle)
    # 07:30 is the middle of the hour that ends at 08:00: the first run's last value, the second run's second one.
    np.testing.assert_allclose(found[0, :1], [107.0])
    np.testing.assert_allclose(found[1], [201.0, 202.0, 206.0])
    assert np.isnan(found[0, 2])
    at_the_stamp = runs_of(known, "s", "temperature_2m").at(ask, middle)
    np.testing.assert_allclose(at_the_stamp[1], [200.5, 201.5, 205.5])


def test_a_gap_of_more_than_three_hours_is_not_bridged_and_a_missing_variable_is_left_out() -> None:
    at = pd.Timestamp("2024-01-01", tz="UTC")
    valid = at + pd.to_timedelta([1, 2, 7, 8], unit="h")
    archive = Archive.empty().with_forecast("s", "temperature_2m", at, at, valid, [1.0, 2.0, 7.0, 8.0])
    middle = np.array([[at.as_unit("ns").value + int(4.5 * HOUR_NS), at.as_unit("ns").value + int(1.5 * HOUR_NS)]])
    found = Weather(archive.as_of(at)).columns_at(
        ("none", "s"),
        ("temperature_2m", "cloud_cover"),
        np.array([[at.as_unit("ns").value]]),
        middle,
    )
    assert list(found) == ["temperature_2m"]
    assert np.isnan(found["temperature_2m"][0, 0])
    assert found["temperature_2m"][0, 1] == 1.5


def test_cloud_cover_stands_in_for_radiation_where_only_it_is_forecast() -> None:
    clear = np.full((1, 3), 800.0)
    cover = np.array([[0.0, 100.0, 50.0]])
    given = np.array([[np.nan, np.nan, 700.0]])
    found = index_of({"shortwave_radiation": given, "cloud_cover": cover}, clear)
    np.testing.assert_allclose(found, [[800.0, 200.0, 700.0]])
    assert np.isnan(index_of({}, clear)).all()


def test_windows_and_days_of_the_index_count_energy_and_leave_unknown_hours_out() -> None:
    ghi = np.array([[0.0, 100.0, np.nan, 300.0, 0.0]])
    clear = np.full((1, 5), 400.0)
    around = Around(ghi, clear, 1, 1.0, np.array([[0, 0, 0, 0, 1]]))
    np.testing.assert_allclose(around.window(1.0), [[100 / 800, 400 / 800, 300 / 800]])
    np.testing.assert_allclose(around.of_day(), [[400 / 1200] * 3])


def test_the_state_holds_the_ratio_of_measured_to_modelled_power_as_it_was_known() -> None:
    targets, archive = month()
    past = past_of(Weather(archive.as_of(issue(35))), targets[0], PLACE, edges(35), 60)
    time = np.array([issue(3).as_unit("ns").value, issue(35).as_unit("ns").value])
    state = state_of(past, time)
    assert state.days.tolist() == [3.0, 28.0]
    days = days_of(past)
    share = days.measured[7:35].sum() / days.modelled[7:35].sum()
    np.testing.assert_allclose(state.ratios["ratio_28d"][1], share)
    np.testing.assert_allclose(state.ratios["ratio_28d"][0], days.measured[:3].sum() / days.modelled[:3].sum())
    assert abs(state.gain[1] - share) < 0.02
    assert DAY[-1] == DAY_NS
