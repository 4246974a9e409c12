"""The contract, on a made-up park with hourly history, so that a forecast takes a second."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.dependence import Method, Wanted
from forecasting.errors import ForecastError
from forecasting.forecast import Forecast, Place, Target, forecast
from forecasting.physics import WindFarm, pv_power_kw
from forecasting.quantiles import LEVELS
from forecasting.scores import pinball
from forecasting.weather.base import WeatherRun, stored
from tests.unit.forecasting.synthetic import BERLIN, LOAD, PLANT, PV, TARGETS, WIND, archive, day_edges, ends, series

REPOSITORY = Path(__file__).parents[3]
DAY = "2023-06-10"
EDGES = day_edges(DAY)
ISSUE = pd.Timestamp("2023-06-09T10:00", tz=BERLIN.time_zone)
END = ends("2023-05-01", 43)


@pytest.fixture(scope="module")
def day() -> Forecast:
    return forecast(TARGETS, archive(END), BERLIN, ISSUE, EDGES)


def same(first: Forecast, second: Forecast) -> bool:
    return all(
        first.quantiles[n].tobytes() == second.quantiles[n].tobytes()
        and first.scenarios[n].tobytes() == second.scenarios[n].tobytes()
        for n in first.names
    )


def test_the_shape_of_the_answer(day: Forecast) -> None:
    assert day.names == ("wind", "roof", "offices")
    assert day.issue_time == ISSUE
    assert day.levels.tolist() == [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    for name in day.names:
        assert day.quantiles[name].shape == (24, 7)
        assert day.scenarios[name].shape == (10, 24)
        assert (day.quantiles[name][:, 0] <= day.central[name]).all(), "the mean lies inside the band"
        assert (day.central[name] <= day.quantiles[name][:, -1]).all()
        assert day.quality[name] == "own_past"
        assert (np.diff(day.quantiles[name], axis=1) >= 0).all()
        assert np.isfinite(day.scenarios[name]).all()
    assert day.weights.shape == (10,)
    assert day.weights.sum() == pytest.approx(1)


def test_power_stays_within_zero_and_capacity_and_dark_is_dark(day: Forecast) -> None:
    for target in TARGETS:
        for values in (day.quantiles[target.name], day.scenarios[target.name]):
            assert values.min() >= 0
            assert values.max() <= target.capacity_kw
    local = EDGES[:-1].tz_convert(BERLIN.time_zone)
    night = (local.hour < 3) | (local.hour >= 23)
    assert day.quantiles["roof"][night].max() == 0
    assert day.scenarios["roof"][:, night].max() == 0
    assert day.central["roof"][11] > 20


def test_what_was_used_is_told(day: Forecast) -> None:
    used = day.inputs_used["offices"]
    assert used["last_valid_time"] == "2023-06-09T07:00Z"  # known by 08:00Z with a delay of 15 min
    assert used["step_min"] == 60
    assert sum(used["shares"].values()) == pytest.approx(1, abs=0.01)
    assert used["model"] == "own_past"
    assert day.model_version
    assert any("wind: from its own past throughout (no weather forecast of it is known)" in note for note in day.notes)
    assert not any("offices" in note for note in day.notes)


def test_the_table_is_long_and_interval_ending(day: Forecast) -> None:
    table = day.table()
    assert table.column_names == ["site", "variable", "unit", "issue_time", "valid_time", "level", "value"]
    assert table.num_rows == 3 * 24 * 7
    assert set(table["unit"].to_pylist()) == {"kW"}
    frame = table.to_pandas()
    assert frame["valid_time"].min() == EDGES[1]
    assert set(frame["site"]) == {"park"}
    row = frame[(frame.variable == "roof") & (frame.valid_time == EDGES[13]) & (frame.level == 0.9)]
    assert row["value"].item() == day.quantiles["roof"][12, 5]


def test_the_same_inputs_give_the_same_bits(day: Forecast) -> None:
    assert same(day, forecast(TARGETS, archive(END), BERLIN, ISSUE, EDGES))


def test_the_number_of_cores_does_not_matter() -> None:
    """Another process is held to one core; a sum in another order would show in the last bits."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot hold a process to one core")
    code = (
        "import os, hashlib\n"
        "os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\n"
        "from tests.unit.forecasting.synthetic import *\n"
        "from forecasting.forecast import forecast\n"
        "known = archive(ends('2023-05-01', 43), (LOAD, WIND))\n"
        "found = forecast((LOAD, WIND), known, BERLIN, '2023-06-09T08:00Z', day_edges('2023-06-10'))\n"
        "print(hashlib.sha256(found.table()['value'].to_numpy().tobytes()).hexdigest())\n"
    )
    command = [sys.executable, "-c", code]
    alone = subprocess.run(command, check=True, capture_output=True, timeout=100, text=True, cwd=REPOSITORY)
    found = forecast((LOAD, WIND), archive(END, (LOAD, WIND)), BERLIN, ISSUE, EDGES)
    here = hashlib.sha256(found.table()["value"].to_numpy().tobytes()).hexdigest()
    assert alone.stdout.strip() == here


def test_the_seed_moves_the_scenarios(day: Forecast) -> None:
    other = forecast((LOAD,), archive(END), BERLIN, ISSUE, EDGES, seed=1, scenarios=4)
    assert other.scenarios["offices"].shape == (4, 24)
    again = forecast((LOAD,), archive(END), BERLIN, ISSUE, EDGES, seed=2, scenarios=4)
    assert other.scenarios["offices"].tobytes() != again.scenarios["offices"].tobytes()


def test_targets_do_not_change_each_others_quantiles(day: Forecast) -> None:
    alone = forecast((PV,), archive(END), BERLIN, ISSUE, EDGES)
    assert alone.quantiles["roof"].tobytes() == day.quantiles["roof"].tobytes()


def test_nothing_after_the_issue_time_matters(day: Forecast) -> None:
    cut = END[END + pd.Timedelta("15min") <= ISSUE]
    known = Archive.empty()
    for target in TARGETS:
        known = known.with_measurements("park", target.name, cut, series(target, END)[: len(cut)])
    assert same(day, forecast(TARGETS, known, BERLIN, ISSUE, EDGES))


def test_a_load_is_forecast_better_than_by_its_history_at_large() -> None:
    end = ends("2023-04-20", 50)
    actual = series(LOAD, end)
    losses = []
    for day in ("2023-06-03", "2023-06-06"):  # a Saturday and a Tuesday
        edges = day_edges(day)
        issue = edges[0] - pd.Timedelta("12h")
        found = forecast((LOAD,), archive(end, (LOAD,)), BERLIN, issue, edges).quantiles["offices"]
        first = int(end.searchsorted(edges[0], side="right"))
        truth = actual[first : first + 24]
        at_large = np.stack([np.quantile(actual[h : first - 24 : 24], LEVELS) for h in range(24)])
        losses.append((pinball(truth, found, LEVELS).mean(), pinball(truth, at_large, LEVELS).mean()))
    model, plain = np.array(losses).mean(axis=0)
    assert model < 0.5 * plain


@pytest.mark.parametrize(("day", "quarters"), [("2023-03-26", 92), ("2023-10-29", 100)])
def test_both_days_on_which_the_clock_changes_are_ordinary(day: str, quarters: int) -> None:
    edges = day_edges(day, "15min")
    assert len(edges) == quarters + 1
    end = ends(str((edges[0] - pd.Timedelta("35D")).date()), 40)
    found = forecast((LOAD,), archive(end, (LOAD,)), BERLIN, edges[0] - pd.Timedelta("12h"), edges)
    assert found.quantiles["offices"].shape == (quarters, 7)
    local = edges[:-1].tz_convert(BERLIN.time_zone)
    assert (local.weekday == 6).all()
    assert found.quantiles["offices"][:, 3].max() < 40  # a Sunday; no hour is mistaken for a workday's


def test_gaps_in_the_history_are_borne() -> None:
    values = series(LOAD, END)
    values[100:180] = np.nan
    values[::37] = np.nan
    keep = np.ones(len(END), dtype=bool)
    keep[400:460] = False
    known = Archive.empty().with_measurements("park", "offices", END[keep], values[keep])
    found = forecast((LOAD,), known, BERLIN, ISSUE, EDGES)
    assert np.isfinite(found.quantiles["offices"]).all()
    assert found.quality["offices"] == "own_past"
    assert found.central["offices"].max() < 40  # 10 June 2023 is a Saturday: missing is not taken for anything


def test_unequal_steps_keep_the_energy_and_finer_ones_too() -> None:
    known = archive(END, (LOAD,))
    hourly = forecast((LOAD,), known, BERLIN, ISSUE, EDGES).central["offices"]
    coarse = EDGES[[0, 1, 2, 6, 12, 24]]
    found = forecast((LOAD,), known, BERLIN, ISSUE, coarse)
    hours = np.diff(coarse) / pd.Timedelta("1h")
    assert found.central["offices"] @ hours == pytest.approx(hourly.sum(), rel=1e-9)
    fine = EDGES[:1].append(pd.date_range(EDGES[0] + pd.Timedelta("5min"), EDGES[-1], freq="5min"))
    five = forecast((LOAD,), known, BERLIN, ISSUE, fine).central["offices"]
    assert five.sum() / 12 == pytest.approx(hourly.sum(), rel=1e-9)
    hourly_band = forecast((LOAD,), known, BERLIN, ISSUE, EDGES).quantiles["offices"]
    assert np.ptp(found.quantiles["offices"][-1]) < np.ptp(hourly_band[12:], axis=1).max()


def test_a_few_hours_ahead_leans_on_what_is_now() -> None:
    values = series(LOAD, END)
    now = int(END.searchsorted(ISSUE, side="right"))
    values[now - 30 : now] *= 1.5  # since yesterday half as much again
    values[now:] = np.nan
    known = Archive.empty().with_measurements("park", "offices", END, values)
    first = ISSUE.tz_convert("UTC").floor("h") + pd.Timedelta("1h")
    edges = pd.date_range(first, periods=5, freq="30min")
    found = forecast((LOAD,), known, BERLIN, ISSUE, edges)
    assert found.central["offices"].shape == (4,)
    assert found.central["offices"].mean() > 88  # the usual Friday stands at 80


def weather_run(issue: pd.Timestamp, days: float = 4.0, cloud: float = 0.5) -> WeatherRun:
    valid = pd.date_range(issue.floor("h"), periods=round(days * 24), freq="1h")
    edges = valid.insert(0, valid[0] - pd.Timedelta("1h"))
    sun = np.maximum(pv_power_kw(PLANT, edges), 0) * 10 * cloud
    columns = {
        "shortwave_radiation": sun,
        "direct_normal_irradiance": sun * 0.6,
        "diffuse_radiation": sun * 0.5,
        "temperature_2m": np.full(len(valid), 15.0),
        "wind_speed_10m": np.full(len(valid), 5.0),
        "wind_speed_80m": np.full(len(valid), 8.0),
        "surface_pressure": np.full(len(valid), 1000.0),
    }
    return WeatherRun("made up", issue, issue, valid, columns)


FARM = WindFarm(((3.0, 12.0, 25.0), (0.0, 250.0, 250.0)), hub_height_m=100, count=2)


def test_without_history_physics_answers_from_the_weather() -> None:
    issue = ISSUE.tz_convert("UTC")
    known = stored(Archive.empty(), "sky", weather_run(issue))
    wind = Target("wind", "wind", 500.0, "park", farm=FARM)
    found = forecast((wind, PV), known, BERLIN, issue, EDGES, weather_site="sky")
    assert set(found.quality.values()) == {"latest_nwp"}
    assert all(used["model"] == "physics" for used in found.inputs_used.values())
    speed = 8.0 + (8.0 - 5.0) / np.log(8) * np.log(100 / 80)
    assert 250 * 2 * (7.5 - 3) / 9 < found.central["wind"][5] < 250 * 2 * (speed + 1 - 3) / 9
    assert found.central["roof"][11] > 20
    assert found.quantiles["roof"][0].max() == 0
    assert np.ptp(found.quantiles["wind"][5]) > 50


def test_a_few_days_teach_physics_its_gain() -> None:
    issue = ISSUE.tz_convert("UTC")
    end = ends("2023-05-30", 10)
    known = Archive.empty()
    for back in range(12, -1, -1):
        known = stored(known, "sky", weather_run(issue - pd.Timedelta(days=back)))
    plain = forecast((PV,), known, BERLIN, issue, EDGES, weather_site="sky")
    edges = end.insert(0, end[0] - pd.Timedelta("1h"))
    half = known.with_measurements("park", "roof", end, 0.2 * pv_power_kw(PLANT, edges))
    taught = forecast((PV,), half, BERLIN, issue, EDGES, weather_site="sky")
    assert taught.quality["roof"] == "latest_nwp"
    assert any("too little history to train" in note for note in plain.notes)
    assert taught.central["roof"].sum() < 0.9 * plain.central["roof"].sum()


def test_weather_that_was_known_is_used_and_the_later_run_is_not() -> None:
    """Power follows the forecast radiation; a run published after the issue time must not count."""
    end = ends("2023-05-01", 45)
    issue = ISSUE.tz_convert("UTC")
    rng = np.random.default_rng(8)
    known = Archive.empty()
    clouds = {}
    for day in pd.date_range("2023-04-30", "2023-06-11", freq="D", tz="UTC"):
        clouds[day.date()] = cloud = float(rng.uniform(0.2, 1.0))
        known = stored(known, "sky", weather_run(day + pd.Timedelta("1h"), 2.0, cloud))
    edges = end.insert(0, end[0] - pd.Timedelta("1h"))
    share = np.array([clouds.get((t - pd.Timedelta("25h")).date(), 0.5) for t in end])
    known = known.with_measurements("park", "roof", end, pv_power_kw(PLANT, edges) * share)
    found = forecast((PV,), known, BERLIN, issue, EDGES, weather_site="sky")
    assert found.inputs_used["roof"]["model"] == "solar"
    assert found.quality["roof"] == "latest_nwp"
    assert not found.notes
    later = stored(known, "sky", weather_run(issue + pd.Timedelta("1min"), 2.0, 0.0))
    assert same(found, forecast((PV,), later, BERLIN, issue, EDGES, weather_site="sky"))


def test_a_run_that_looks_back_stands_in_and_it_is_said() -> None:
    issue = ISSUE.tz_convert("UTC")
    run = weather_run(issue - pd.Timedelta("50D"), 54.0)
    backward = WeatherRun("made up", issue, issue, run.valid_time, run.columns)
    known = stored(archive(END, (PV,)), "sky", backward)
    found = forecast((PV,), known, BERLIN, issue, EDGES, weather_site="sky")
    assert any("looks back" in note for note in found.notes)


def test_a_week_of_history_gives_climatology_and_says_so() -> None:
    end = ends("2023-06-01", 9)
    said: list[str] = []
    found = forecast(TARGETS, archive(end), BERLIN, ISSUE, EDGES, progress=said.append)
    assert set(found.quality.values()) == {"own_past"}
    assert sum("21 days train a model" in note for note in found.notes) == 2
    assert sum("14 days train a model" in note for note in found.notes) == 1  # the offices
    assert sorted(said) == ["offices: own_past", "roof: own_past", "wind: own_past"]
    assert found.quantiles["roof"][0].max() == 0
    assert np.ptp(found.quantiles["wind"], axis=1).min() > 10


def test_without_anything_the_error_names_target_and_remedy() -> None:
    with pytest.raises(ForecastError, match=r"offices: 0\.0 days .* park/offices.* 3 days .* knew .*: nothing"):
        forecast((LOAD,), Archive.empty(), BERLIN, ISSUE, EDGES)
    with pytest.raises(ForecastError, match=r"wind: no weather under weather=\[\].*turbine"):
        forecast((WIND,), archive(END, (LOAD,)), BERLIN, ISSUE, EDGES)


def test_a_reading_that_cannot_be_is_missing_and_named_and_stand_by_is_nothing() -> None:
    values = series(LOAD, END)
    values[7] = -0.3
    assert not any("below 0" in note for note in of_load(values).notes)
    missing = of_load(np.where(np.arange(len(values)) == 7, np.nan, values))
    for wrong in (-30.0, 1e7):
        values[7] = wrong
        found = of_load(values)
        assert found.quantiles["offices"].tobytes() == missing.quantiles["offices"].tobytes()
        (note,) = (note for note in found.notes if "missing" in note)
        assert note.startswith(f"offices: {wrong:g} kW at 2023-05-01T06:00Z is b")


def of_load(values: np.ndarray) -> Forecast:
    known = Archive.empty().with_measurements("park", "offices", END, values)
    return forecast((LOAD,), known, BERLIN, ISSUE, EDGES)


@pytest.mark.parametrize("hours", [2, 10, 60])
def test_a_load_of_some_hours_gets_one_wide_band(hours: int) -> None:
    values = np.where(np.arange(len(END)) % 2 == 0, 80.0, 100.0)
    known = np.flatnonzero(ISSUE - pd.Timedelta("1h") > END)[-hours:]
    values[np.setdiff1d(np.arange(len(END)), known)] = np.nan
    found = of_load(values)
    assert (found.quantiles["offices"] == found.quantiles["offices"][:1]).all()
    low, *_, middle, _, _, high = found.quantiles["offices"][0]
    # Half of 100 kW; for two hours the 90 ± 9 kW of their quantiles times √(72 h / 2 h), for ten 90 ± 10 times √7.2.
    widest = {2: 54.0, 10: 50.0, 60: 50.0}[hours]
    assert (low, middle, high) == pytest.approx((90 - widest, 90.0, 90 + widest))
    assert found.quality["offices"] == "own_past"
    assert any(f"{hours / 24:.1f} days of history, so one wide band" in note for note in found.notes)


def test_a_series_that_ended_long_ago_is_named_with_its_end_and_the_day_asked_for() -> None:
    old = pd.date_range("2021-06-01T01:00Z", periods=50 * 24, freq="h")
    known = Archive.empty().with_measurements("park", "offices", old, np.full(len(old), 80.0))
    says = r"^offices: 5\d\.0 days of measurements under park/offices ending 2021-07-21; 2023-06-10 was asked for"
    with pytest.raises(ForecastError, match=says) as error:
        forecast((LOAD,), known, BERLIN, ISSUE, EDGES)
    assert "nothing is forecast under" not in str(error.value)


def test_a_load_with_its_sign_reversed_is_refused_with_its_place() -> None:
    with pytest.raises(
        ForecastError, match=r"park/offices at 2023-04-30T23:00Z.*negative \(\d+ of \d+ values\).*net_load"
    ):
        of_load(-series(LOAD, END))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda a: forecast((), a, BERLIN, ISSUE, EDGES), "none given"),
        (lambda a: forecast((LOAD, LOAD), a, BERLIN, ISSUE, EDGES), r"\['offices'\] given more than once"),
        (lambda a: forecast((LOAD,), a, BERLIN, ISSUE, EDGES, scenarios=0), "scenarios: 0"),
        (lambda a: forecast((LOAD,), a, BERLIN, "2023-06-09", EDGES), "issue_time.*no time zone"),
        (lambda _: Target("x", "steam", 1.0, "p"), "kind 'steam' is unknown"),  # type: ignore[arg-type]
        (lambda _: Target("x", "wind", float("inf"), "p"), "finite for wind and pv"),
        (lambda _: Target("x", "load", 0.0, "p"), "above 0"),
        (lambda _: Place(99.0, 0.0, "UTC"), "latitude"),
        (lambda _: Place(9.0, 0.0, "Moon"), "'Moon' is unknown"),
        (lambda _: Place(9.0, 0.0, "UTC", holidays=("Easter",)), "'Easter' is not a date"),
    ],
)
def test_what_a_user_may_get_wrong_is_told(call: object, says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        call(archive(END, (LOAD,)))  # type: ignore[operator]


def test_scenarios_and_quantiles_tell_the_same_story(day: Forecast) -> None:
    for name in day.names:
        mean = day.weights @ day.scenarios[name]
        inside = (mean >= day.quantiles[name][:, 1] - 1e-9) & (mean <= day.quantiles[name][:, 5] + 1e-9)
        assert inside.mean() > 0.9


def test_how_scenarios_hang_together_is_the_callers_choice() -> None:
    data = archive(ends("2023-03-01", 60), (LOAD,))
    made = {
        method: forecast(
            [LOAD], data, BERLIN, "2023-04-29T12:00Z", day_edges("2023-04-30"), scenarios=Wanted(40, method)
        )
        for method in get_args(Method)
    }
    kept = {method: one.scenarios["offices"] for method, one in made.items()}
    assert not np.array_equal(kept["toeplitz"], kept["schaake"])
    for one in made.values():
        np.testing.assert_array_equal(one.quantiles["offices"], made["toeplitz"].quantiles["offices"])
        assert not [note for note in one.notes if "Schaake" in note]
    week = archive(ends("2023-03-01", 8), (LOAD,))
    few = forecast([LOAD], week, BERLIN, "2023-03-08T12:00Z", day_edges("2023-03-09"), scenarios=Wanted(5, "schaake"))
    assert "too few past forecasts" in few.notes[-1]
