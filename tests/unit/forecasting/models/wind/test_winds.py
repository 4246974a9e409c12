"""Runs on a lattice: which run answers, what lies between stamps, and what stays unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS, index_ns
from forecasting.models.wind.winds import Lattice, Winds, _components, winds_of

START = pd.Timestamp("2024-03-01T00:00Z")
HOURLY = Lattice(START.value, HOUR_NS)


def run(archive: Archive, issued_h: int, available_h: int, stamps_h: list[float], speeds: list[float]) -> Archive:
    """One more run of the speed at 100 m."""
    hour = pd.Timedelta(hours=1)
    valid = pd.DatetimeIndex([START + h * hour for h in stamps_h])
    return archive.with_forecast(
        "farm", "wind_speed_100m", START + issued_h * hour, START + available_h * hour, valid, speeds
    )


def winds(archive: Archive, at_h: int = 100, lattice: Lattice = HOURLY) -> Winds:
    """What is known of the farm's weather after so many hours."""
    found = winds_of(archive.as_of(START + pd.Timedelta(hours=at_h)), "farm", lattice)
    assert found is not None
    return found


def speeds(found: Winds, issue_h: list[int], step: list[int]) -> list[float]:
    """The latest speeds at issues for steps."""
    row = found.latest(START.value + np.array(issue_h) * HOUR_NS, np.array(step))
    return found.value("speed_100", row).tolist()


def test_the_latest_available_run_that_reaches_the_step_answers() -> None:
    archive = run(Archive.empty(), 0, 1, [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    archive = run(archive, 2, 3, [3, 4, 5], [30.0, 40.0, 50.0])
    found = winds(archive)
    assert np.array_equal(
        speeds(found, [0, 1, 2, 3, 3, 3, 3], [3, 3, 3, 3, 2, 5, 6]),
        [np.nan, 3.0, 3.0, 30.0, 2.0, 50.0, np.nan],
        equal_nan=True,
    )


def test_the_run_before_and_the_hours_of_the_same_run() -> None:
    archive = run(Archive.empty(), 0, 1, [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    found = winds(run(archive, 2, 3, [3, 4], [30.0, 40.0]))
    row = found.latest(np.array([START.value + 5 * HOUR_NS]), np.array([3]))
    assert found.value("speed_100", found.earlier(row, 1)).tolist() == [3.0]
    assert np.isnan(found.value("speed_100", found.earlier(row, 2))).all()
    assert found.value("speed_100", found.shifted(row, 1)).tolist() == [40.0]
    assert np.isnan(found.value("speed_100", found.shifted(row, 2))).all()
    assert np.isnan(found.value("speed_100", found.shifted(row, -1))).all()
    assert found.lead_h(row).tolist() == [1.0]


def test_the_next_run_is_another_run_even_where_it_goes_on() -> None:
    found = winds(run(run(Archive.empty(), 0, 0, [1, 2], [1.0, 2.0]), 2, 2, [3, 4], [3.0, 4.0]))
    row = found.latest(np.array([START.value + 5 * HOUR_NS] * 2), np.array([2, 3]))
    assert found.shifted(row, 1)[0] == -1
    assert found.shifted(row, -1)[1] == -1
    assert found.value("speed_100", found.shifted(row, 1)).tolist()[1] == 4.0


def test_a_run_that_came_late_answers_from_then_on() -> None:
    """Runs count in the order in which they became available, whenever they were issued."""
    archive = run(Archive.empty(), 0, 6, [3, 4], [1.0, 2.0])
    archive = run(run(archive, 1, 5, [3, 4], [10.0, 20.0]), 2, 3, [3, 4], [30.0, 40.0])
    assert speeds(winds(archive), [3, 5, 6], [4, 4, 4]) == [40.0, 20.0, 2.0]


def test_a_run_that_reaches_further_without_wind_does_not_hide_an_older_one() -> None:
    hour = pd.Timedelta(hours=1)
    archive = run(run(Archive.empty(), 0, 1, [1, 2, 3], [1.0, 2.0, 3.0]), 1, 2, [2], [20.0])
    valid = pd.DatetimeIndex([START + 2 * hour, START + 3 * hour])
    archive = archive.with_forecast("farm", "temperature_2m", START + hour, START + 2 * hour, valid, [5.0, 6.0])
    assert speeds(winds(archive), [5, 5], [2, 3]) == [20.0, 3.0]


def test_what_is_valid_from_an_instant_on_begins_with_it() -> None:
    known = run(Archive.empty(), 0, 0, [1, 2, 3], [1.0, 2.0, 3.0]).as_of(START)
    found = winds_of(known, "farm", HOURLY, START.value + 2 * HOUR_NS)
    assert found is not None
    assert found.columns["speed_100"].tolist() == [2.0, 3.0]


def test_an_unknown_speed_does_not_hide_an_older_run() -> None:
    archive = run(Archive.empty(), 0, 1, [1, 2, 3], [1.0, 2.0, 3.0])
    archive = run(archive, 1, 2, [2, 3], [np.nan, np.nan])
    assert speeds(winds(archive), [5, 5], [2, 3]) == [2.0, 3.0]


def test_between_stamps_linear_and_no_bridge_over_long_gaps() -> None:
    archive = run(Archive.empty(), 0, 0, [3, 6, 13, 14], [3.0, 9.0, 1.0, 2.0])
    found = winds(archive)
    assert speeds(found, [20] * 4, [3, 4, 5, 6]) == [3.0, 5.0, 7.0, 9.0]
    assert np.isnan(speeds(found, [20] * 2, [8, 12])).all()
    assert speeds(found, [20] * 2, [13, 14]) == [1.0, 2.0]


def test_a_gap_is_bridged_up_to_six_hours_or_a_step() -> None:
    archive = run(Archive.empty(), 0, 0, [0, 6, 18], [0.0, 6.0, 18.0])
    assert speeds(winds(archive), [20], [3]) == [3.0]
    half_days = Lattice(START.value, 12 * HOUR_NS)
    assert speeds(winds(archive, lattice=half_days), [20], [1]) == [12.0]


def test_a_finer_lattice_than_the_runs_and_one_off_the_hour() -> None:
    archive = run(Archive.empty(), 0, 0, [1, 2], [4.0, 8.0])
    quarters = Lattice(START.value, HOUR_NS // 4)
    assert speeds(winds(archive, lattice=quarters), [9] * 5, [4, 5, 6, 7, 8]) == [4.0, 5.0, 6.0, 7.0, 8.0]
    halves_past = Lattice(START.value + HOUR_NS // 2, HOUR_NS)
    assert speeds(winds(archive, lattice=halves_past), [9], [1]) == [6.0]


def test_directions_meet_at_north() -> None:
    hour = pd.Timedelta(hours=1)
    valid = pd.DatetimeIndex([START + hour, START + 3 * hour])
    archive = Archive.empty().with_forecast("farm", "wind_speed_100m", START, START, valid, [10.0, 10.0])
    archive = archive.with_forecast("farm", "wind_direction_100m", START, START, valid, [350.0, 10.0])
    found = winds(archive)
    row = found.latest(np.array([START.value + 5 * HOUR_NS]), np.array([2]))
    assert abs(found.value("east_100", row)[0]) < 1e-9
    assert found.value("north_100", row)[0] < -9  # from the north is towards the south


def test_a_first_run_stands_in_for_the_time_before_it_only_where_asked() -> None:
    found = winds(run(Archive.empty(), 0, 50, [1, 2], [1.0, 2.0]))
    early = np.array([START.value])
    assert found.latest(early, np.array([2])).tolist() == [-1]
    row = found.latest(early, np.array([2]), hindcast=True)
    assert found.value("speed_100", row).tolist() == [2.0]


def test_no_wind_speed_is_no_winds() -> None:
    valid = pd.DatetimeIndex([START])
    archive = Archive.empty().with_forecast("farm", "temperature_2m", START, START, valid, [3.0])
    assert winds_of(archive.as_of(START), "farm", HOURLY) is None
    assert index_ns(valid, "valid")[0] == START.value


def test_wind_from_the_west_blows_to_the_east() -> None:
    """Directions are where wind comes from: u = −V sin d, v = −V cos d."""
    raw = {"wind_speed_100m": np.full(4, 8.0), "wind_direction_100m": np.array([0.0, 90.0, 180.0, 240.0])}
    found = _components(raw)
    np.testing.assert_allclose(found["east_100"], [0, -8, 0, 8 * np.sqrt(3) / 2], atol=1e-12)
    np.testing.assert_allclose(found["north_100"], [-8, 0, 8, 4], atol=1e-12)


def test_spans_are_whole_steps_and_heights_are_those_of_the_speeds() -> None:
    quarters = Lattice(START.value, HOUR_NS // 4)
    assert [quarters.steps(h) for h in (0.0, 0.3, 3.0)] == [1, 1, 12]
    archive = run(Archive.empty(), 0, 1, [1, 2], [1.0, 2.0])
    assert winds(archive).heights_m == (100,)
