"""Features of the farm's own weather at the limits, and what the past gives at an issue time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS, MINUTE_NS
from forecasting.models.wind import features, stages
from forecasting.models.wind.rows import Past, lattice_of, past_of, steps_ahead, training_issues
from forecasting.models.wind.winds import Lattice, winds_of
from forecasting.physics import WindFarm
from forecasting.targets import Target

START = pd.Timestamp("2024-03-01T00:00Z")
HOURLY = Lattice(START.value, HOUR_NS)
CURVE = ((0.0, 3.0, 12.0, 25.0, 25.01), (0.0, 0.0, 2000.0, 2000.0, 0.0))
FARM = Target("farm", "wind", 2000.0, "site", farm=WindFarm(CURVE, 90.0))


def look(columns: dict[str, list[float]]) -> features.Look:
    """One run, issued at the start."""
    count = len(next(iter(columns.values())))
    valid = pd.date_range(START + pd.Timedelta(hours=1), periods=count, freq="1h")
    archive = Archive.empty()
    for name, values in columns.items():
        archive = archive.with_forecast("site", name, START, START, valid, values)
    winds = winds_of(archive.as_of(START), "site", HOURLY)
    assert winds is not None
    return features.Look(winds, np.array([START.value]), np.arange(1, count + 1)[None, :])


def test_calm_rated_and_cut_out_by_the_curve() -> None:
    found = features.own(FARM, look({"wind_speed_90m": [0.0, 2.0, 15.0, 30.0]}))
    assert found["physics_kw"].tolist() == [[0.0, 0.0, 2000.0, 0.0]]
    assert "shear" not in found
    assert "toward_sin" not in found


def test_shear_and_veer_of_two_heights_also_in_a_calm() -> None:
    heights = {"wind_speed_10m": [4.0, 0.0], "wind_speed_100m": [8.0, 0.0]}
    turned = {"wind_direction_10m": [350.0, 0.0], "wind_direction_100m": [20.0, 0.0]}
    found = features.own(FARM, look(heights | turned))
    assert found["shear"][0].tolist() == pytest.approx([np.log10(2), 0.0])
    assert np.rad2deg(found["veer_rad"][0, 0]) == pytest.approx(30.0)
    assert all(np.isfinite(found[name]).all() for name in ("shear", "veer_rad", "toward_sin"))


def test_density_makes_the_equivalent_speed() -> None:
    air = {"temperature_2m": [15.0, 15.0], "surface_pressure": [1013.25, 800.0]}
    found = features.own(FARM, look({"wind_speed_90m": [8.0, 8.0]} | air))
    assert found["density"][0].tolist() == pytest.approx([1.225, 0.967], abs=1e-3)
    assert found["speed_equivalent"][0, 1] == pytest.approx(8.0 * (0.967 / 1.225) ** (1 / 3), rel=1e-3)


def test_hours_around_and_their_mean() -> None:
    found = features.own(FARM, look({"wind_speed_90m": [1.0, 2.0, 3.0, 4.0, 10.0]}))
    assert found["speed_90_+1h"][0, :4].tolist() == [2.0, 3.0, 4.0, 10.0]
    assert np.isnan(found["speed_90_+1h"][0, 4])
    assert found["speed_90_5h"][0, 2] == pytest.approx(4.0)
    assert found["speed_90_5h"][0, 0] == pytest.approx(2.0)  # of what is known


def test_training_does_not_look_beyond_the_end_of_a_run() -> None:
    archive = Archive.empty()
    for day in (0, 1):
        issue = START + pd.Timedelta(days=day)
        valid = pd.date_range(issue + pd.Timedelta(hours=1), periods=24, freq="1h")
        archive = archive.with_forecast("site", "wind_speed_90m", issue, issue, valid, np.arange(24.0) + 100 * day)
    winds = winds_of(archive.as_of(START + pd.Timedelta(days=2)), "site", HOURLY)
    assert winds is not None
    step = np.array([[23, 24]])
    then = features.Look(winds, np.array([START.value]), step, hindcast=True)
    assert then.at("speed_90", 1)[0, 0] == 23.0
    assert np.isnan(then.at("speed_90", 1)[0, 1])
    before = features.Look(winds, np.array([START.value - HOUR_NS]), step, hindcast=True)
    assert before.at("speed_90", 1)[0].tolist() == [23.0, 100.0]


def test_the_main_height_is_the_one_nearest_to_the_hub() -> None:
    heights = {f"wind_speed_{h}m": [5.0, 5.0] for h in (10, 80, 120)}
    assert features.main_height_m(FARM, look(heights).winds) == 80
    assert features.main_height_m(Target("x", "wind", 1.0, "site"), look(heights).winds) == 120


def test_the_last_power_counts_only_where_it_was_known_and_is_fresh() -> None:
    known = START.value + np.arange(1, 6) * HOUR_NS + 2 * HOUR_NS  # known two hours after the interval's end
    past = Past(1, np.array([10.0, 20.0, np.nan, 40.0, 50.0]), known)
    at = look({"wind_speed_90m": [5.0] * 60})
    late = features.Look(at.winds, np.array([START.value + 4 * HOUR_NS]), at.step)
    assert past.as_known(np.array([1, 2, 4]), late.issue_ns)[:2].tolist() == [10.0, 20.0]
    assert np.isnan(past.as_known(np.array([4, 5, 9]), late.issue_ns)).all()
    found = features.last_power(past, late)
    assert found["last_power"][0, 5] == 20.0
    assert found["power_age_h"][0, 5] == 4.0  # step 6 ends four hours after step 2
    assert found["last_3h"][0, 5] == 15.0
    assert np.isnan(found["last_power"][0, 50])
    assert np.isnan(features.last_power(past, at)["last_power"]).all()


def test_the_error_of_the_last_hours_fades() -> None:
    error = stages.recent_error(np.array([[np.nan, 5.0, 7.0]]), np.array([[1.0, 4.0, 4.0]]), step_h=1.0)
    assert 2.0 < error[0] < 3.0
    left = stages.fading(np.full(3, error[0]), np.array([1.0, 100.0, np.nan]))
    assert left[0] > 1.5
    assert np.allclose(left[1:], 0.0)


def test_steps_of_different_lengths_share_a_lattice() -> None:
    ends = {minutes: pd.date_range(START, periods=60, freq=f"{minutes}min") for minutes in (5, 15, 60)}
    archive = Archive.empty()
    for minutes, end in ends.items():
        archive = archive.with_measurements("site", f"m{minutes}", end, np.arange(60.0), pd.Timedelta(0))
    known = archive.as_of(START + pd.Timedelta(days=4))
    targets = [Target(f"m{minutes}", "wind", 100.0, "site") for minutes in ends]
    assert lattice_of(known, targets).step_ns == HOUR_NS
    assert lattice_of(known, targets[:1]).step_ns == 10 * MINUTE_NS
    past = past_of(known, targets[1], Lattice(START.value, HOUR_NS))
    assert past.value[1:3].tolist() == [2.5, 6.5]
    assert np.isnan(past.value[0])  # one quarter of it only
    empty = past_of(known, Target("other", "wind", 1.0, "site"), HOURLY)
    assert np.isnan(empty.at(np.arange(3))).all()
    assert np.isnan(empty.as_known(np.arange(3), np.array(0))).all()
    assert lattice_of(known, [Target("other", "wind", 1.0, "site")]).step_ns == HOUR_NS


def test_past_issues_follow_the_runs_and_go_back_to_the_first_power() -> None:
    hour = pd.Timedelta(hours=1)
    archive = Archive.empty()
    for day in (10, 11, 12):
        issue = START + day * 24 * hour
        valid = pd.date_range(issue + hour, periods=48, freq="1h")
        archive = archive.with_forecast("site", "wind_speed_90m", issue, issue + 5 * hour, valid, np.ones(48))
    now = START + (12 * 24 + 9) * hour
    winds = winds_of(archive.as_of(now), "site", HOURLY)
    assert winds is not None
    horizon_ns = np.arange(1, 25) * HOUR_NS
    past = Past(1, np.ones(280), START.value + np.arange(280) * HOUR_NS)
    found = training_issues([winds], [past], now.value, horizon_ns)
    hours = (found - START.value) / HOUR_NS
    assert (np.diff(found) > 0).all()
    assert found[-1] == now.value - 24 * HOUR_NS  # four hours after the run before, as now
    assert set(hours % 24) == {9.0}
    assert hours[0] + 24 <= 24 + 9
    step = steps_ahead(HOURLY, found, horizon_ns)
    assert step.shape == (len(found), 23)
    assert step[0, 0] == hours[0] + 2


def test_damp_frost_is_told_with_what_it_was_in_the_hours_before() -> None:
    speed = {"wind_speed_90m": [8.0] * 7}
    air = {"temperature_2m": [-1.0, -1.0, -1.0, 2.0, 2.0, 2.0, 2.0], "relative_humidity_2m": [95.0] * 4 + [80.0] * 3}
    found = features.own(FARM, look(speed | air))
    assert found["temperature"][0].tolist() == air["temperature_2m"]
    assert found["humidity"][0].tolist() == air["relative_humidity_2m"]
    # Of the last hour the ones 3 and 6 h before are known: 2, 2 and −1 °C; 80, 95 and 95 %.
    assert found["temperature_before"][0, 6] == pytest.approx(1.0)
    assert found["humidity_before"][0, 6] == pytest.approx(90.0)
    dry = features.own(FARM, look(speed | {"temperature_2m": air["temperature_2m"]}))
    assert not {"temperature", "humidity", "temperature_before"} & dry.keys()
