"""Loads weeks ahead: nothing is seen of the month, the doubt is right, and what is missing widens."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.models import temperature
from forecasting.models.base import CannotForecast
from forecasting.models.calendar import calendar
from forecasting.models.load.by_temperature import ByTemperature, TrainedByTemperature
from forecasting.scores import pinball
from forecasting.targets import Target
from tests.unit.forecasting.models.load import cases

MONTH = "2021-06-01"


@functools.cache
def world() -> tuple[Archive, Target, pd.Series]:
    return cases.archive("2018-01-01", "2021-07-01")


@functools.cache
def trained() -> TrainedByTemperature:
    archive, target, _ = world()
    return train(archive, target)


def train(archive: Archive, target: Target) -> TrainedByTemperature:
    edges = cases.month(MONTH)
    known = archive.as_of(edges[0])
    return ByTemperature().train(known, [target], cases.PLACE, edges.asi8 - edges.asi8[0], cases.LEVELS)


def edges_ns() -> np.ndarray:
    return np.asarray(cases.month(MONTH).as_unit("ns").asi8)


def test_the_month_is_forecast_better_than_by_the_hour_and_weekday_of_the_weeks_before() -> None:
    archive, _, load = world()
    edges = cases.month(MONTH)
    found = trained().quantiles(archive.as_of(edges[0]), edges_ns())["load"]
    actual = load.reindex(edges[1:]).to_numpy()
    past = load[edges[0] - pd.Timedelta(days=56) : edges[0]]
    usual = past.groupby([past.index.dayofweek, past.index.hour]).quantile(list(cases.LEVELS)).unstack()
    plain = usual.reindex(list(zip(edges[1:].dayofweek, edges[1:].hour, strict=True))).to_numpy()
    assert pinball(actual, found, cases.LEVELS).mean() < 0.7 * pinball(actual, plain, cases.LEVELS).mean()
    assert (np.diff(found, axis=1) >= 0).all()
    inside = (actual > found[:, 0]) & (actual < found[:, -1])
    assert 0.6 < inside.mean() < 0.95


def test_nothing_after_the_issue_bears_on_the_forecast() -> None:
    archive, target, _ = world()
    edges = cases.month(MONTH)
    ends = cases.month(MONTH)[1:]
    wrong = Archive.of_rows(
        {key: rows.take(rows.available_ns <= edges_ns()[0]) for key, rows in archive.rows().items()}
    )
    for site, variable in (("park", "load"), ("s0", "temperature_2m"), ("s1", "temperature_2m")):
        wrong = wrong.with_measurements(site, variable, ends, np.full(len(ends), 77.0), pd.Timedelta(0))
    again = train(wrong, target).quantiles(wrong.as_of(edges[0]), edges_ns())["load"]
    assert np.array_equal(again, trained().quantiles(archive.as_of(edges[0]), edges_ns())["load"])


def test_the_station_that_matters_is_found_and_the_card_says_so() -> None:
    archive, target, _ = cases.archive("2019-01-01", "2020-06-01", stations=8)
    edges = cases.month("2020-05-01")
    known = archive.as_of(edges[0])
    card = ByTemperature().train(known, [target], cases.PLACE, edges.asi8 - edges.asi8[0], cases.LEVELS).card
    assert card["targets"]["load"]["temperature_of"][0] == "s0"
    assert len(card["targets"]["load"]["temperature_of"]) == 6


def test_without_any_temperature_the_bands_are_wider_and_still_hold() -> None:
    archive, target, load = world()
    edges = cases.month(MONTH)
    known = archive.as_of(edges[0]).without(variables="temperature_2m")
    model = ByTemperature().train(known, [target], cases.PLACE, edges.asi8 - edges.asi8[0], cases.LEVELS)
    found = model.quantiles(known, edges_ns())["load"]
    actual = load.reindex(edges[1:]).to_numpy()
    assert model.card["targets"]["load"]["temperature_of"] == ()
    assert ((actual > found[:, 0]) & (actual < found[:, -1])).mean() > 0.6
    assert (found > 20).all()


def test_trained_on_temperature_but_asked_without_any_it_says_so() -> None:
    archive, _, _ = world()
    known = archive.as_of(cases.month(MONTH)[0]).without(variables="temperature_2m")
    with pytest.raises(CannotForecast, match="no temperature of"):
        trained().quantiles(known, edges_ns())


def test_a_forecast_of_the_heat_is_followed() -> None:
    archive, _, _ = world()
    edges = cases.month(MONTH)
    heat = archive
    for site in ("s0", "s1"):
        heat = heat.with_forecast(site, "temperature_2m", edges[0], edges[0], edges[:97], np.full(97, 38.0))
    plain = trained().quantiles(archive.as_of(edges[0]), edges_ns())["load"]
    hot = trained().quantiles(heat.as_of(edges[0]), edges_ns())["load"]
    assert hot[24:96].mean() > 1.3 * plain[24:96].mean()
    assert (hot[24:96, -1] - hot[24:96, 0]).mean() < (plain[24:96, -1] - plain[24:96, 0]).mean()


def test_it_can_be_kept_and_asked_for_coarser_and_finer_steps() -> None:
    archive, _, _ = world()
    edges = cases.month(MONTH)
    known = archive.as_of(edges[0])
    kept = pickle.loads(pickle.dumps(trained()))
    hourly = trained().quantiles(known, edges_ns())["load"]
    assert np.array_equal(kept.quantiles(known, edges_ns())["load"], hourly)
    daily = kept.quantiles(known, edges_ns()[::24])["load"]
    assert daily.shape == (30, 9)
    assert np.allclose(daily[:, 4], hourly[:, 4].reshape(30, 24).mean(axis=1), rtol=0.03)
    finer = np.arange(edges_ns()[0], edges_ns()[-1] + 1, 900_000_000_000)
    assert np.allclose(kept.quantiles(known, finer)["load"], np.repeat(hourly, 4, axis=0))


def test_a_past_too_thin_is_refused() -> None:
    archive, target, _ = world()
    known = archive.as_of(cases.month("2018-01-01")[24 * 10])
    with pytest.raises(CannotForecast, match="fewer than 28 days"):
        ByTemperature().train(known, [target], cases.PLACE, np.arange(3) * 3_600_000_000_000, cases.LEVELS)


def test_a_net_load_may_fall_below_zero_and_is_not_learnt_as_logarithm() -> None:
    archive, _, load = world()
    net = archive.with_measurements("park", "net", pd.DatetimeIndex(load.index), load.to_numpy() - 120, pd.Timedelta(0))
    target = Target("net", "net_load", 500.0, "park", weather=("s0",))
    edges = cases.month(MONTH)
    known = net.as_of(edges[0])
    model = ByTemperature().train(known, [target], cases.PLACE, edges.asi8 - edges.asi8[0], cases.LEVELS)
    found = model.quantiles(known, edges_ns())["net"]
    assert not model.parts["net"].answer.logarithmic
    assert found.min() < 0 < found.max()


def test_smoothing_follows_its_equation_and_can_be_taken_up_again() -> None:
    values = np.array([[1.0, 3.0, np.nan, 5.0, 2.0]])
    share = 1 - np.exp(-1 / 12)
    expected, state = [], 1.0
    for value in (1.0, 3.0, 3.0, 5.0, 2.0):
        state += share * (value - state)
        expected.append(state)
    whole = temperature.smoothed(values, 12.0, 1.0)
    assert np.allclose(whole[0], expected)
    rest = temperature.smoothed(values[:, 3:], 12.0, 1.0, before=whole[:, 2])
    assert np.allclose(rest, whole[:, 3:])


def test_scenarios_start_from_now_and_follow_past_years() -> None:
    hours = 24 * 800
    past = 10 + 5 * np.sin(2 * np.pi * np.arange(hours) / (24 * 365.2425)) + np.zeros(hours)
    past[-48:] += 6.0
    paths = temperature.scenarios(past, 3_600_000_000_000, np.full(24 * 30, np.nan))
    assert len(paths) == 2 * len(temperature.SHIFTS_DAYS)
    assert np.abs(paths[:, 0] - past[-1]).max() < 0.5  # starts where the weather stands
    assert np.abs(paths[:, -1] - (past[-1] - 6.0)).max() < 2.5  # and goes back to the season
    short = temperature.scenarios(past[-24 * 20 :], 3_600_000_000_000, np.full(48, np.nan))
    assert short.shape == (1, 48)


def test_no_line_is_drawn_on_beyond_what_was_learnt() -> None:
    answer = trained().parts["load"].answer
    days = calendar(edges_ns()[:-1], cases.PLACE)
    at = [answer.paths(days, np.full((5, 1, 720), warm)) for warm in (45.0, 60.0, 90.0)]
    assert np.array_equal(at[1], at[2])
    assert np.exp(at[2]).max() < 500


def test_degrees_and_residuals() -> None:
    assert np.allclose(temperature.degrees(np.array([10.0, 16.0, 25.0])), [[5, 0], [0, 0], [0, 7]])
    part = trained().parts["load"].answer
    spread = np.std(np.concatenate(part.residual))
    assert 0.018 < spread < 0.05  # the noise is .02 and nothing of it is learnt by heart
