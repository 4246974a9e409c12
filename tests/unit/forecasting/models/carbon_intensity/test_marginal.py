"""Marginal intensity read off the changes of a mix: what demand moves, not what wind and sun do."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.errors import ForecastError
from forecasting.forecast import forecast
from forecasting.intensity import marginal
from forecasting.models import of_kind
from forecasting.models.base import CannotForecast
from forecasting.models.carbon_intensity.marginal import MarginalIntensity, weights
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
PLACE = Place(53.0, -1.5, "UTC")
TARGET = Target("marginal_intensity_g_per_kwh", "intensity", np.inf, "zone")
START = pd.Timestamp("2024-01-01T00:00Z")
DAYS = 40
GAS, COAL, NUCLEAR = 450.0, 900.0, 12.0


def mix(days: int = DAYS, noise_mw: float = 0.0) -> tuple[dict[str, Floats], Floats]:
    """By day gas follows what wind leaves of the demand, by night coal does; the other stands still. [MW], [g/kWh]"""
    hour = np.arange(24 * days) % 24
    rng = np.random.default_rng(3)
    load = 30_000 + 6_000 * np.cos((hour - 12) / 24 * 2 * np.pi) + rng.normal(0, 800, hour.size)
    wind = 7_500 + 4_000 * np.sin(np.arange(hour.size) / 37) + rng.normal(0, 600, hour.size)
    residual = load - wind - 8_000
    moved = np.diff(residual, prepend=residual[0])
    by_day = (hour > 6) & (hour <= 18)
    gas = 12_000 + np.cumsum(np.where(by_day, moved, 0.0)) + rng.normal(0, noise_mw, hour.size)
    coal = residual - gas + 30_000
    assert coal.min() > 0
    power = {
        "generation_gas_mw": gas + 30_000,
        "generation_coal_mw": coal,
        "generation_nuclear_mw": np.full(hour.size, 8_000.0),
        "generation_wind_onshore_mw": wind,
    }
    factors = (GAS, COAL, NUCLEAR, 0.0)
    emitted = sum(factor * mw for factor, mw in zip(factors, power.values(), strict=True))
    return power, np.asarray(emitted / sum(power.values()))


@functools.cache
def archive(*, days: int = DAYS, average: bool = True) -> Archive:
    power, grams = mix(days, 20.0)
    ends = pd.date_range(START + pd.Timedelta("1h"), periods=24 * days, freq="h")
    made = Archive.empty()
    for name, mw in power.items():
        made = made.with_measurements("zone", name, ends, mw)
    return made.with_measurements("zone", "carbon_intensity_g_per_kwh", ends, grams) if average else made


def edges(day: int = DAYS - 2, hours: int = 24) -> NDArray[np.int64]:
    return np.asarray((START + pd.Timedelta(days=day)).as_unit("ns").value + np.arange(hours + 1) * HOUR_NS)


def said(model: MarginalIntensity | None = None, day: int = DAYS - 2, made: Archive | None = None) -> Floats:
    known = (made or archive()).as_of(START + pd.Timedelta(days=day))
    return (model or MarginalIntensity()).one(known, TARGET, PLACE, edges(day), LEVELS)


# ---------------------------------------------------------------------------------------------------------- regression


def test_the_slope_is_the_factor_of_what_demand_moves_and_wind_does_not_count() -> None:
    power, grams = mix()
    found = marginal.changes(power, grams)
    hour = np.arange(len(grams)) % 24
    weight = np.stack([(hour == 12), (hour == 2)]).astype(float)
    np.testing.assert_allclose(marginal.slopes(found, weight), [GAS / 1000, COAL / 1000], rtol=1e-9)
    # With wind left in, its changes would pass for demand.
    raw = marginal.Changes(found.emitted_t, found.load_mw, found.load_mw)
    assert np.abs(marginal.slopes(raw, weight) - [0.45, 0.9]).max() > 0.01


def test_the_weighted_ratios_have_the_slope_as_their_mean() -> None:
    power, grams = mix(noise_mw=300.0)
    found = marginal.changes(power, grams)
    weight = np.ones((1, len(grams)))
    levels = (np.arange(20_000) + 0.5) / 20_000
    mean = marginal.quantiles(found, weight, levels).mean()
    assert mean == pytest.approx(marginal.slopes(found, weight)[0], rel=2e-3)


@given(st.lists(st.floats(-2, 3), min_size=4, max_size=30), st.integers(0, 100))
def test_quantiles_rise_and_lie_among_the_ratios(ratios: list[float], seed: int) -> None:
    moved = np.random.default_rng(seed).uniform(100, 1000, len(ratios))
    found = marginal.Changes(np.array(ratios) * moved, moved, moved)
    values = marginal.quantiles(found, np.ones((2, len(ratios))), LEVELS)
    assert (np.diff(values, axis=1) >= 0).all()
    assert values.min() >= min(ratios) - 1e-9
    assert values.max() <= max(ratios) + 1e-9


def test_a_mix_of_wind_and_sun_alone_says_nothing() -> None:
    with pytest.raises(ForecastError, match="no source that demand could move; the mix has generation_solar_mw"):
        marginal.changes({"generation_solar_mw": [1.0, 2.0]}, [10.0, 10.0])


def test_an_unknown_hour_and_the_hours_beside_it_are_left_out() -> None:
    power, grams = mix()
    power["generation_gas_mw"][100] = np.nan
    found = marginal.changes(power, grams)
    assert not found.usable[[0, 100, 101]].any()
    assert found.usable.sum() == len(grams) - 3


# --------------------------------------------------------------------------------------------------------------- model


def test_hours_ahead_get_what_hours_like_them_had() -> None:
    quantiles = said()
    assert quantiles.shape == (24, len(LEVELS))
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles[12, 2] == pytest.approx(GAS, rel=0.05)
    assert quantiles[2, 2] == pytest.approx(COAL, rel=0.05)
    # The average lies far from either, and tells nothing of them.
    grams = mix()[1].reshape(-1, 24).mean(axis=0)
    assert abs(grams[12] - GAS) > 50
    assert abs(grams[2] - COAL) > 200


def test_nothing_that_came_later_is_seen() -> None:
    day = 30
    later = archive(days=DAYS)
    until = START + pd.Timedelta(days=day)
    before = Archive.of_rows({key: rows.take(rows.available_ns <= until.value) for key, rows in later.rows().items()})
    np.testing.assert_array_equal(said(day=day), said(day=day, made=before))


def test_hours_of_its_time_its_kind_of_day_and_of_late_count_most() -> None:
    start = START.as_unit("ns").value + np.arange(24 * 28) * HOUR_NS
    now = int(start[-1]) + HOUR_NS
    weight = weights(start, now + np.arange(25) * HOUR_NS, now, PLACE)  # a Monday
    noon = weight[12].reshape(28, 24)
    assert noon[-4].argmax() == 12
    assert noon[:, 12].argmax() == 25  # the last Friday: nearer days are off
    assert noon[-3, 12] > 2 * noon[-2, 12]  # Friday against Saturday
    off = weights(start, now + np.arange(25) * HOUR_NS, now, Place(53.0, -1.5, "UTC", holidays=("2024-01-29",)))
    assert off[12].reshape(28, 24)[:, 12].argmax() == 27


def test_it_declines_what_it_cannot_know() -> None:
    model = MarginalIntensity()
    known = archive().as_of(START + pd.Timedelta(days=DAYS))
    with pytest.raises(CannotForecast, match="is no marginal intensity"):
        model.one(known, Target("carbon_intensity_g_per_kwh", "intensity", np.inf, "zone"), PLACE, edges(), LEVELS)
    with pytest.raises(CannotForecast, match="generation_…_mw of zone is asked for"):
        model.one(Archive.empty().as_of(START), TARGET, PLACE, edges(), LEVELS)
    with pytest.raises(CannotForecast, match="0 hours of zone's mix and of its carbon_intensity_g_per_kwh are known"):
        said(made=archive(average=False))
    with pytest.raises(CannotForecast, match="118 hours of zone's mix"):
        said(day=5)
    ends = pd.date_range(START + pd.Timedelta("1h"), periods=24 * 20, freq="h")
    own = archive().with_measurements("zone", TARGET.name, ends, np.full(len(ends), 400.0))
    with pytest.raises(CannotForecast, match="is measured itself"):
        said(made=own)


def test_the_forecaster_finds_it_by_the_name_of_its_target() -> None:
    assert [model.name for model in of_kind("intensity")] == ["marginal_intensity", "carbon_intensity"]
    issue = START + pd.Timedelta(days=DAYS - 2)
    hours = pd.date_range(issue, periods=25, freq="h")
    made = forecast([TARGET], archive(), PLACE, issue, hours, scenarios=3)
    assert made.inputs_used[TARGET.name]["model"] == "marginal_intensity"
    assert made.central[TARGET.name][12] == pytest.approx(GAS, rel=0.06)
    assert made.scenarios[TARGET.name].shape == (3, 24)
    assert any("what was marginal is published nowhere" in note for note in made.notes)
