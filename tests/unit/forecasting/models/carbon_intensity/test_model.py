"""Carbon intensity two days ahead: better than its last value, with bands that hold."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from forecasting.archive import Archive
from forecasting.models import carbon_intensity
from forecasting.models.base import Trained
from forecasting.targets import Place, Target

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
PLACE = Place(53.0, -1.5, "Europe/London")
TARGET = Target("carbon_intensity", "intensity", np.inf, "gb")
START = pd.Timestamp("2023-01-01T00:00Z")


@functools.cache
def zone() -> tuple[Archive, pd.Series]:
    """Wind that lasts for a day or so pushes the intensity down; evenings are worse than nights [g/kWh]."""
    starts = pd.date_range(START, periods=24 * 260, freq="h")
    rng = np.random.default_rng(5)
    wind = np.empty(len(starts))
    state = 0.0
    for k, shock in enumerate(rng.normal(0, 0.25, len(starts))):
        state = 0.97 * state + shock
        wind[k] = state
    wind_mw = 8000 / (1 + np.exp(-wind))
    day = 30 * np.sin(2 * np.pi * (starts.hour.to_numpy() - 12) / 24)
    value = np.maximum(220 - wind_mw / 80 + day + rng.normal(0, 5, len(starts)), 5)
    ends = starts + pd.Timedelta("1h")
    archive = Archive.empty().with_measurements("gb", "carbon_intensity", ends, value)
    return archive.with_measurements("gb", "generation_wind_mw", ends, wind_mw), pd.Series(value, index=starts)


@functools.cache
def trained() -> Trained:
    archive, _ = zone()
    known = archive.as_of(START + pd.Timedelta(days=200))
    edges = np.arange(49) * 3_600_000_000_000
    return carbon_intensity.model().train(known, [TARGET], PLACE, edges, LEVELS)


def test_two_days_are_forecast_better_than_by_persistence_and_as_well_as_by_the_usual_day() -> None:
    archive, actual = zone()
    errors, inside = [], []
    for day in range(200, 257, 3):
        issue = START + pd.Timedelta(days=day)
        edges = pd.date_range(issue, periods=49, freq="h")
        found = trained().quantiles(archive.as_of(issue), edges.as_unit("ns").asi8)["carbon_intensity"]
        came = actual.reindex(edges[:-1]).to_numpy()
        past = actual[: issue - pd.Timedelta("2h")]
        recent = past.iloc[-28 * 24 :]
        usual = recent.groupby(recent.index.hour).mean().reindex(edges[:-1].hour).to_numpy()
        errors.append([np.abs(came - guess).mean() for guess in (found[:, 2], past.iloc[-1], usual)])
        inside.append((found[:, 0] <= came) & (came <= found[:, -1]))
    ours, persistence, usual_day = np.mean(errors, axis=0)
    assert ours < 0.9 * persistence
    assert ours < 1.04 * usual_day  # nothing here changes with the season, so four weeks' mean is hard to beat
    assert 0.8 < np.mean(inside) < 0.97


def test_the_mix_is_among_the_features_and_all_three_learners_have_a_share() -> None:
    card = trained().card["targets"]["carbon_intensity"]
    assert "generation_wind_mw_24h" in card["features"]
    assert set(card["shares"]) == {"linear", "boosted", "empirical"}
    assert card["shares"]["empirical"] >= 0.09
