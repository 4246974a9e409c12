"""Hours to days ahead: what was known bears on the forecast, what came later does not, what is missing widens."""

from __future__ import annotations

import functools
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.learners.empirical import Forest
from forecasting.learners.linear import Linear
from forecasting.learners.stack import Stack
from forecasting.models import ahead, recent
from forecasting.models.base import CannotForecast
from forecasting.models.rhythm import Case, Rhythm, TrainedRhythm, newest, stacked
from forecasting.scores import pinball
from forecasting.steps import Grid, History
from forecasting.targets import Place, Target

PLACE = Place(52.0, 5.0, "Europe/Amsterdam", holidays=("2021-04-05",))
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
HOUR_NS = 3_600_000_000_000
ISSUE = pd.Timestamp("2021-04-20T12:00Z")
MODEL = Rhythm(Stack((Linear(base=recent.BASE), Forest(trees=20, base=recent.BASE)), blocks=20, folds=1))


@functools.cache
def feeder() -> tuple[Archive, pd.Series]:
    """A load with sun behind its meter [kW], hourly, and daily runs of radiation and temperature that come true."""
    starts = pd.date_range("2021-01-20", "2021-05-01", freq="h", tz="UTC")
    local = starts.tz_convert(PLACE.time_zone)
    rng = np.random.default_rng(3)
    sky = np.repeat(rng.uniform(0.2, 1.0, len(starts) // 24 + 1), 24)[: len(starts)]
    sun = 600 * sky * np.maximum(np.sin(np.pi * (starts.hour.to_numpy() - 5) / 14), 0)
    load = 300 + 80 * np.sin(np.pi * (local.hour.to_numpy() - 7) / 12) - 60 * (local.dayofweek.to_numpy() >= 5)
    net = load - 0.8 * sun + rng.normal(0, 8, len(starts))
    ends = starts + pd.Timedelta("1h")
    archive = Archive.empty().with_measurements("feeder", "net", ends, net)
    for day in range(len(starts) // 24 - 2):
        issue = starts[24 * day] + pd.Timedelta("10h")
        part = slice(24 * day + 10, 24 * day + 10 + 60)
        archive = archive.with_forecast("sky", "shortwave_radiation", issue, issue, ends[part], sun[part])
        archive = archive.with_forecast("sky", "temperature_2m", issue, issue, ends[part], 10 + sky[part])
    return archive, pd.Series(net, index=ends)


def target(weather: tuple[str, ...] = ("sky",)) -> Target:
    return Target("net", "net_load", 2000.0, "feeder", weather=weather)


def edges() -> np.ndarray:
    return np.asarray(ISSUE.as_unit("ns").value + np.arange(12, 37) * HOUR_NS)


@functools.cache
def trained() -> TrainedRhythm:
    archive, _ = feeder()
    return MODEL.train(archive.as_of(ISSUE), [target()], PLACE, edges() - ISSUE.as_unit("ns").value, LEVELS)


def test_the_sun_behind_the_meter_is_seen_coming() -> None:
    archive, net = feeder()
    blind = MODEL.train(archive.as_of(ISSUE), [target(())], PLACE, edges() - ISSUE.as_unit("ns").value, LEVELS)
    losses, lowest = [], []
    for day in range(5):
        later = ISSUE + pd.Timedelta(days=day)
        asked = edges() + day * 24 * HOUR_NS
        actual = net.reindex(pd.to_datetime(asked[1:], utc=True)).to_numpy()
        pair = [model.quantiles(archive.as_of(later), asked)["net"] for model in (trained(), blind)]
        lowest.append(pair[0].min())
        losses.append([pinball(actual, q, LEVELS).mean() for q in pair])
    seen, unseen = np.mean(losses, axis=0)
    assert seen < 0.6 * unseen
    assert (np.diff(pair[0], axis=1) >= 0).all()
    assert min(lowest) < 0  # a feeder may feed in


def test_nothing_after_the_issue_bears_on_training_or_forecast() -> None:
    archive, _ = feeder()
    now = ISSUE.as_unit("ns").value
    wrong = Archive.of_rows({key: rows.take(rows.available_ns <= now) for key, rows in archive.rows().items()})
    ends = pd.date_range(ISSUE, periods=90, freq="h")
    wrong = wrong.with_measurements("feeder", "net", ends, np.full(90, 9e5))
    later = ISSUE + pd.Timedelta("1min")
    wrong = wrong.with_forecast("sky", "shortwave_radiation", later, later, ends, np.full(90, 9e5))
    again = MODEL.train(wrong.as_of(ISSUE), [target()], PLACE, edges() - now, LEVELS)
    assert np.array_equal(
        again.quantiles(wrong.as_of(ISSUE), edges())["net"],
        trained().quantiles(archive.as_of(ISSUE), edges())["net"],
    )


def test_weather_lost_at_the_issue_still_gives_a_forecast_of_the_right_size() -> None:
    archive, net = feeder()
    found = trained().quantiles(archive.as_of(ISSUE).without(sites="sky"), edges())["net"]
    assert np.isfinite(found).all()
    assert abs(found[:, 2].mean() - net.mean()) < 150


def test_a_day_of_history_lost_changes_little() -> None:
    archive, _ = feeder()
    now = ISSUE.as_unit("ns").value
    known = archive.as_of(ISSUE).without_measured(now - 24 * HOUR_NS, now, sites="feeder")
    found = trained().quantiles(known, edges())["net"]
    whole = trained().quantiles(archive.as_of(ISSUE), edges())["net"]
    assert np.abs(found[:, 2] - whole[:, 2]).mean() < 60


def test_it_can_be_kept_and_asked_for_other_steps() -> None:
    archive, _ = feeder()
    known = archive.as_of(ISSUE)
    kept = pickle.loads(pickle.dumps(trained()))
    hourly = kept.quantiles(known, edges())["net"]
    assert np.array_equal(hourly, trained().quantiles(known, edges())["net"])
    three = kept.quantiles(known, edges()[::3])["net"]
    assert np.allclose(three, hourly.reshape(8, 3, -1).mean(axis=1))
    assert kept.card["targets"]["net"]["training_rows"] > 1000


def test_the_day_the_clock_changes_has_its_steps() -> None:
    archive, net = feeder()
    issue = pd.Timestamp("2021-03-27T12:00Z")
    day = pd.date_range("2021-03-28", "2021-03-29", freq="h", tz=PLACE.time_zone).tz_convert("UTC")
    known = archive.as_of(issue)
    asked = np.asarray(day.as_unit("ns").asi8)
    model = MODEL.train(known, [target()], PLACE, asked - known.time_ns, LEVELS)
    found = model.quantiles(known, asked)["net"]
    assert found.shape == (23, 5)
    assert np.abs(found[:, 2] - net.reindex(day[1:]).to_numpy()).mean() < 40


def test_too_short_a_past_is_refused_and_so_is_one_long_gone() -> None:
    archive, _ = feeder()
    early = archive.as_of(pd.Timestamp("2021-01-29T12:00Z"))
    with pytest.raises(CannotForecast, match="days of measurements"):
        MODEL.train(early, [target()], PLACE, edges() - ISSUE.as_unit("ns").value, LEVELS)
    with pytest.raises(CannotForecast, match="nothing measured"):
        trained().quantiles(archive.as_of(ISSUE).without(sites="feeder"), edges())
    late = pd.Timestamp("2022-01-01T00:00Z")
    with pytest.raises(CannotForecast, match="nothing measured"):
        trained().quantiles(archive.as_of(late), late.as_unit("ns").value + np.arange(25) * HOUR_NS)


def test_a_short_horizon_starts_from_the_last_measurement() -> None:
    archive, _ = feeder()
    asked = np.asarray(ISSUE.as_unit("ns").value + np.arange(4) * HOUR_NS)
    model = MODEL.train(archive.as_of(ISSUE), [target()], PLACE, asked - ISSUE.as_unit("ns").value, LEVELS)
    now = ISSUE.as_unit("ns").value
    cut = archive.as_of(ISSUE).without_measured(now - 3 * HOUR_NS, now, sites="feeder")
    last = cut.measurements("feeder", "net").end_ns[-3:]
    raised = Archive.of_rows({k: r for k, r in archive.rows().items() if k[0] == "sky"})
    known = cut.measurements("feeder", "net")
    value = np.where(np.isin(known.end_ns, last), known.value + 100, known.value)
    raised = raised.with_measurements("feeder", "net", pd.to_datetime(known.end_ns, utc=True), value)
    first = model.quantiles(raised.as_of(ISSUE), asked)["net"][0, 2] - model.quantiles(cut, asked)["net"][0, 2]
    assert first > 15


def test_the_run_known_then_answers_and_older_ones_fill_its_gaps() -> None:
    hours = pd.date_range("2021-01-01", periods=12, freq="h", tz="UTC")
    archive = Archive.empty()
    archive = archive.with_forecast("s", "price", hours[0], hours[0], hours, np.arange(12.0))
    archive = archive.with_forecast("s", "price", hours[3], hours[3], hours[:9], 100 + np.arange(9.0))
    known = archive.as_of(hours[5])
    middle = (hours[6:12].as_unit("ns").asi8 - HOUR_NS // 2)[None, :]
    old = ahead.values(known, "s", "price", hours[[1]].as_unit("ns").asi8, middle)[0]
    new = ahead.values(known, "s", "price", hours[[5]].as_unit("ns").asi8, middle)[0]
    assert np.allclose(old, np.arange(6, 12))  # a mean before its stamp counts at the middle
    assert np.allclose(new[:3], [106, 107, 108])
    assert np.allclose(new[4:], [10, 11])
    assert ahead.names(known, ("nowhere", "s")) == {"price": "s"}


def test_the_learner_that_loads_get_is_a_corrected_stack() -> None:
    assert stacked().name == "conformal"


def test_rows_of_training_see_only_what_was_there_at_their_own_issue() -> None:
    grid = Grid(ISSUE.as_unit("ns").value, HOUR_NS, 24 * 60)
    rng = np.random.default_rng(0)
    value = rng.normal(100, 20, grid.count)
    available = grid.start_of(np.arange(1, grid.count + 1)) + 3 * HOUR_NS
    issue = grid.start_of(np.array([24 * 40]))
    step = 24 * 40 + 12 + np.arange(48)[None, :]
    later = np.where(available > issue[0], value + 500, value)
    found = [
        recent.columns(recent.Past.of(History(grid, v, available, grid.count - 1), PLACE), issue, step)
        for v in (value, later)
    ]
    assert all(np.array_equal(found[0][name], found[1][name], equal_nan=True) for name in found[0])
    assert found[0]["age_h"][0, 0] == 3.0
    assert np.isfinite(found[0]["back_1d"][0]).tolist() == [True] * 9 + [False] * 39  # what came by three hours ago
    assert np.isclose(found[0]["back_3d"][0, 0] + found[0]["base"][0, 0], value[24 * 40 + 12 - 72])


def test_published_values_of_training_are_those_known_at_their_own_issue() -> None:
    archive, _ = feeder()
    now = ISSUE.as_unit("ns").value
    known = archive.as_of(ISSUE)
    case = Case.of(known, target(), PLACE, edges(), None)
    grid = case.past.history.grid
    issue, step = recent.past_issues(grid, now, case.ahead, 24 * 14, 24 * HOUR_NS)
    whole = case.columns(known, issue, step)
    early = case.columns(known.with_runs_before(int(issue[20]) + 1, sites="sky"), issue[:21], step[:21])
    for name in ("shortwave_radiation", "shortwave_radiation_unlike", "felt_24h", "heating_degrees"):
        assert np.allclose(early[name], whole[name][:21], equal_nan=True), name


def test_what_is_measured_beside_the_target_bears_on_it() -> None:
    archive, net = feeder()
    wind = np.where(np.arange(len(net)) > len(net) - 400, 900.0, 100.0)
    archive = archive.with_measurements("feeder", "generation_wind_mw", pd.DatetimeIndex(net.index), wind)
    archive = archive.with_measurements("feeder", "wind_of_another_name", pd.DatetimeIndex(net.index), wind)
    known = archive.as_of(ISSUE)
    found = Case.of(known, target(()), PLACE, edges(), None, ("generation_",)).columns(
        known, np.array([known.time_ns]), Case.of(known, target(()), PLACE, edges(), None).ahead[None, :]
    )
    assert {name for name in found if "wind" in name} == {"generation_wind_mw_3h", "generation_wind_mw_24h"}
    assert np.isfinite(found["generation_wind_mw_3h"]).all()
    fading = np.abs(found["generation_wind_mw_24h"][0])
    assert (np.diff(fading) <= 0).all()


def in_one_upload() -> Archive:
    """The feeder whose measurements all came a minute before the issue."""
    rows = feeder()[0].rows()
    net = rows["feeder", "net"]
    moment = np.full(len(net), (ISSUE - pd.Timedelta("1min")).value)
    return Archive.of_rows({**rows, ("feeder", "net"): replace(net, available_ns=np.maximum(moment, net.valid_ns))})


def test_a_history_in_one_upload_is_learnt_from_as_if_it_had_come_by_and_by() -> None:
    horizon = edges() - ISSUE.as_unit("ns").value
    known = in_one_upload().as_of(ISSUE)
    late = MODEL.train(known, [target()], PLACE, horizon, LEVELS).quantiles(known, edges())["net"]
    usual = trained().quantiles(feeder()[0].as_of(ISSUE), edges())["net"]
    assert late[:, 2] == pytest.approx(usual[:, 2], abs=20.0)


def test_a_history_that_no_past_forecast_could_have_known_is_declined() -> None:
    horizon = edges() - ISSUE.as_unit("ns").value
    silent = feeder()[0].as_of(ISSUE).late(40 * 24 * HOUR_NS, sites="feeder")
    with pytest.raises(CannotForecast, match="net: past forecasts would have known too little to learn from"):
        MODEL.train(silent, [target()], PLACE, horizon, LEVELS)


def test_a_long_gap_in_weather_is_not_bridged_whichever_of_its_ends_is_near() -> None:
    issue = pd.Timestamp("2024-01-01", tz="UTC")
    valid = issue + pd.to_timedelta([0, 1, 2, 14, 15], unit="h")
    archive = Archive.empty().with_forecast("roof", "air", issue, issue, valid, [0.0, 1.0, 2.0, 14.0, 15.0])
    asked = issue + pd.to_timedelta([0.5, 3.0, 13.0, 14.5], unit="h")
    found = newest(archive.as_of(issue), "roof", "air", asked.as_unit("ns").asi8)
    np.testing.assert_allclose(found, [0.5, np.nan, np.nan, 14.5])
