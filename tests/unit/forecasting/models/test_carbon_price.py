"""A week of carbon prices: the candidate that was right before is taken, its doubt is that of its past errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.errors import ForecastError
from forecasting.models.base import CannotForecast
from forecasting.models.carbon_price import CarbonPrice, TrainedCarbonPrice, candidates, daily_prices, error_quantiles
from forecasting.targets import Place, Target

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
PLACE = Place(40.0, 116.0, "Asia/Shanghai")
TARGET = Target("eua", "price", np.inf, "market")
DAY_NS = 86_400_000_000_000


def prices(kind: str, days: int = 900, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    shocks = 0.02 * rng.standard_t(4, days)
    if kind == "walk":
        return np.asarray(60 * np.exp(np.cumsum(shocks)))
    if kind == "drift":
        return np.asarray(60 * np.exp(np.cumsum(0.01 + 0.2 * shocks)))
    log, state = np.empty(days), 0.0
    for k in range(days):
        state = 0.8 * state + shocks[k]
        log[k] = state
    return np.asarray(60 * np.exp(log))


def archive(values: NDArray[np.float64], trading_days_only: bool = False) -> Archive:
    ends = pd.date_range("2021-01-01T16:00Z", periods=len(values), freq="D")
    keep = ends.dayofweek < 5 if trading_days_only else np.ones(len(ends), dtype=bool)
    return Archive.empty().with_measurements("market", "eua", ends[keep], values[keep], pd.Timedelta(0))


def week(values: NDArray[np.float64], store: Archive) -> tuple[TrainedCarbonPrice, NDArray[np.float64]]:
    issue = pd.Timestamp("2021-01-01T16:00Z") + pd.Timedelta(days=len(values) - 1)
    edges = issue.as_unit("ns").value + np.arange(8) * DAY_NS
    known = store.as_of(issue)
    model = CarbonPrice().train(known, [TARGET], PLACE, edges - known.time_ns, LEVELS)
    return model, model.quantiles(known, edges)["eua"]


@pytest.mark.parametrize(("kind", "candidate"), [("walk", "held"), ("drift", "drift"), ("back", "mean reversion")])
def test_the_candidate_that_was_right_before_is_taken(kind: str, candidate: str) -> None:
    values = prices(kind)
    model, found = week(values, archive(values))
    assert model.card["targets"]["eua"]["candidate"] == candidate
    assert found.shape == (7, 7)
    assert (np.diff(found, axis=1) >= 0).all()
    assert abs(found[0, 3] / values[-1] - 1) < 0.05


def test_bands_grow_with_the_days_and_hold_what_comes() -> None:
    inside = []
    for seed in range(60):
        values = prices("walk", 500, seed)
        _, found = week(values[:490], archive(values[:490]))
        came = values[490:497]
        inside.append((found[:, 1] <= came) & (came <= found[:, 5]))
        assert (found[6, 5] - found[6, 1]) > 1.3 * (found[0, 5] - found[0, 1])
    assert 0.8 < np.mean(inside) < 0.98


def test_the_rolling_error_is_told_by_lead_day() -> None:
    values = prices("walk")
    model, _ = week(values, archive(values))
    errors = model.card["targets"]["eua"]["error by lead day"]["held"]
    assert errors[0] < errors[3] < errors[6]
    # Mean absolute change of one day, 2 % times that of a Student distribution of 4 degrees: 2 %.
    assert 0.014 < errors[0] < 0.026


@pytest.mark.parametrize(("first", "last"), [("2023-07-01", "2024-01-31"), ("2023-12-01", "2024-07-31")])
def test_days_are_counted_by_a_clock_that_changes(first: str, last: str) -> None:
    """Midnights of Berlin lie at 22:00 or 23:00 UTC: no day is held twice or lost, and the last ends when it does."""
    ends = pd.date_range(first, last, freq="D", tz="Europe/Berlin")
    values = np.arange(1.0, len(ends) + 1)
    known = Archive.empty().with_measurements("market", "eua", ends, values, pd.Timedelta(0)).as_of(ends[-1])
    daily = daily_prices(known, TARGET)
    np.testing.assert_allclose(np.exp(daily.log_price), values)
    assert daily.end_ns == ends[-1].as_unit("ns").value


def test_candidates_see_nothing_after_their_day() -> None:
    values = np.log(prices("back", 400))
    changed = values.copy()
    changed[301:] += 3.0
    before = candidates(values, np.array([200, 300]), 7)
    after = candidates(changed, np.array([200, 300]), 7)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_weekends_hold_the_last_price() -> None:
    values = prices("walk", 600)
    _, found = week(values, archive(values, trading_days_only=True))
    assert np.isfinite(found).all()


def test_tails_are_those_of_a_fat_tailed_distribution() -> None:
    errors = np.random.default_rng(0).standard_t(3, 300)
    found = error_quantiles(errors, LEVELS)
    assert found[0] < np.quantile(errors, 0.03)
    assert np.isclose(found[3], np.quantile(errors, 0.5))
    assert np.array_equal(error_quantiles(np.zeros(100), LEVELS), np.zeros(7))


def test_what_is_no_price_is_refused_with_its_value() -> None:
    values = prices("walk", 200)
    values[50] = -3.0
    with pytest.raises(ForecastError, match=r"eua: price -3 is not above 0"):
        week(values, archive(values))
    with pytest.raises(CannotForecast, match="20 days of prices are known; 60"):
        week(prices("walk", 20), archive(prices("walk", 20)))
    with pytest.raises(CannotForecast, match="no price is known"):
        CarbonPrice().train(Archive.empty().as_of("2022-01-01T00:00Z"), [TARGET], PLACE, np.arange(3) * DAY_NS, LEVELS)
    known, edges = archive(prices("walk", 70)).as_of("2022-01-01T00:00Z"), np.arange(60) * DAY_NS
    with pytest.raises(CannotForecast, match="too few to test"):
        CarbonPrice().train(known, [TARGET], PLACE, edges, LEVELS)
