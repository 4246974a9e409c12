from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.stats import norm, spearmanr

from forecasting import dependence, scenarios
from forecasting.clock import HOUR_NS
from forecasting.dependence import Dependence
from forecasting.errors import ForecastError
from forecasting.quantiles import LEVELS

BELL = np.tile(100 + 10 * norm.ppf(LEVELS), (24, 1))
DENSE = np.arange(1, 100) / 100
# A memory that no exponential has: it comes back after 12 steps.
WAVE = 0.6 * 0.95 ** np.arange(24) + 0.4 * np.cos(np.arange(24) * 2 * np.pi / 12)


def past_scores(rho: np.ndarray, across: np.ndarray, days: int = 900, seed: int = 0) -> list[np.ndarray]:
    """Normal scores (days, T) of as many targets as `across` has."""
    noise = np.random.default_rng(seed).standard_normal((days, len(rho), len(across)))
    joint = noise @ np.linalg.cholesky(across).T
    root = np.linalg.cholesky(toeplitz(rho) + 1e-9 * np.eye(len(rho)))
    return [joint[:, :, k] @ root.T for k in range(len(across))]


def test_correlation_is_measured_at_every_lag() -> None:
    (z,) = past_scores(WAVE, np.eye(1))
    z[::7, 3:5] = np.nan
    found = dependence.lag_correlation([z], 24, 1.0)
    np.testing.assert_allclose(found, WAVE, atol=0.08)
    curve = dependence.lag_correlation([z], 24, 1.0, measured=False)
    assert np.abs(curve - WAVE).max() > 0.3


def test_lags_beyond_the_past_follow_the_curve() -> None:
    (z,) = past_scores(0.9 ** np.arange(24), np.eye(1))
    found = dependence.lag_correlation([z], 96, 1.0)
    assert (np.diff(found[24:]) <= 0).all()
    assert 0 <= found[95] < found[24] <= found[12]
    assert dependence.lag_correlation([np.full((3, 24), np.nan)], 24, 1.0)[0] == 1.0
    few = dependence.lag_correlation([z[:3]], 24, 1.0)
    np.testing.assert_allclose(few, scenarios.fit_memory(z[:3], 1.0).correlation(np.arange(24.0)))


def test_the_tail_meets_the_last_measured_lag_and_fades_as_the_curve() -> None:
    """Two steps a forecast are too few for a curve of their own: ρ(Δ) = .9 exp(−Δ/6 h), steps of half an hour."""
    same, opposite = [1.0, 1.0], [1.0, -1.0]
    z = np.array([same, same, same, opposite] * 60)  # at a lag of one step the mean product is ½
    found = dependence.lag_correlation([z], 4, 0.5)
    last = 240 / 300 * 0.5 + 60 / 300 * 0.9 * np.exp(-0.5 / 6)
    np.testing.assert_allclose(found, [1, last, last * np.exp(-0.5 / 6), last * np.exp(-1 / 6)], rtol=1e-12)
    against = dependence.lag_correlation([np.array([opposite] * 240)], 4, 0.5)
    last = -240 / 300 + 60 / 300 * 0.9 * np.exp(-0.5 / 6)
    np.testing.assert_allclose(against, [1, last, 0, 0], rtol=1e-12, err_msg="a curve that falls cannot go on below 0")


def test_kinds_keep_their_own_memory_and_hang_together() -> None:
    across = np.array([[1.0, 0.8, -0.5], [0.8, 1.0, -0.4], [-0.5, -0.4, 1.0]])
    slow = past_scores(0.95 ** np.arange(24), across)
    scores = {"a": slow[0], "b": slow[1], "price": slow[2]}
    kinds = {"a": "wind", "b": "wind", "price": "price"}
    found = dependence.fit(scores, kinds, 24, 1.0)
    np.testing.assert_allclose(found.across, across, atol=0.06)
    paths = dependence.draw(dict.fromkeys(scores, BELL), found, 0, 2000)
    at = {name: values[:, 10] for name, values in paths.items()}
    assert np.corrcoef(at["a"], at["b"])[0, 1] == pytest.approx(0.8, abs=0.06)
    assert np.corrcoef(at["a"], at["price"])[0, 1] == pytest.approx(-0.5, abs=0.08)
    assert np.corrcoef(paths["a"][:, 2], paths["a"][:, 12])[0, 1] == pytest.approx(0.95**10, abs=0.08)
    np.testing.assert_allclose(np.quantile(paths["b"], LEVELS, axis=0).T, BELL, atol=1.6)


def test_kinds_of_unlike_memories_correlate_as_measured() -> None:
    """An error that lasts the day beside one that is over in two hours: −.6 at equal times, and so is what is drawn."""
    by_lag = {"load": 0.99 ** np.arange(24.0), "wind": 0.6 ** np.arange(24.0)}
    found = Dependence(("a", "b"), ("load", "wind"), by_lag, np.array([[1.0, -0.6], [-0.6, 1.0]]))
    paths = dependence.draw({"a": BELL, "b": BELL}, found, 0, 8000)
    at = [np.corrcoef(paths["a"][:, t], paths["b"][:, t])[0, 1] for t in range(24)]
    assert np.mean(at) == pytest.approx(-0.6, abs=0.03)


def test_limits_of_dependence() -> None:
    quantiles = {"a": BELL, "b": BELL}
    alone = dependence.draw(quantiles, Dependence.independent(["a", "b"], 24), 0, 400)
    alike = dependence.draw(quantiles, Dependence.alike(["a", "b"], 24), 0, 400)
    single = 10.0
    assert (alone["a"] + alone["b"]).mean(axis=1).std() == pytest.approx(single * np.sqrt(2 / 24), rel=0.2)
    assert (alike["a"] + alike["b"]).mean(axis=1).std() == pytest.approx(2 * single, rel=0.2)
    with pytest.raises(ForecastError, match=r"quantiles of \['b'\]"):
        dependence.draw({"b": BELL}, Dependence.independent(["a"], 24), 0, 4)


def test_same_seed_same_bits_and_the_median_is_kept() -> None:
    found = Dependence.independent(["a"], 24)
    one, two = (dependence.draw({"a": BELL}, found, 5, 100)["a"] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one.mean(axis=0), 100, atol=1e-9)


def test_shuffle_keeps_the_forecast_and_the_order_of_the_past() -> None:
    rng = np.random.default_rng(1)
    past = {"a": rng.random((80, 24)).cumsum(axis=1)}
    past["b"] = past["a"] + 0.1 * rng.random((80, 24))
    quantiles = {"a": np.tile(norm.ppf(DENSE), (24, 1)), "b": np.tile(5 + norm.ppf(DENSE), (24, 1))}
    found = dependence.shuffle(quantiles, past, 0, DENSE)
    for name, before in past.items():
        np.testing.assert_array_equal(found[name].argsort(axis=0), before.argsort(axis=0))
    np.testing.assert_allclose(np.sort(found["b"][:, 3]), np.sort(found["a"][:, 9]) + 5, atol=1e-9)
    assert spearmanr(found["a"][:, 5], found["b"][:, 5]).statistic > 0.99


def test_the_method_is_the_callers_choice() -> None:
    (z,) = past_scores(WAVE, np.eye(1), days=400)
    asked = ({"a": BELL}, {"a": z}, {"a": "wind"}, 1.0)
    made = {m: dependence.joint(*asked, method=m, count=40)["a"] for m in ("toeplitz", "exponential", "schaake")}  # type: ignore[arg-type]
    np.testing.assert_array_equal(made["schaake"].argsort(axis=0), z[-40:].argsort(axis=0))
    far = {m: np.corrcoef(paths[:, 2], paths[:, 14])[0, 1] for m, paths in made.items()}
    assert far["toeplitz"] > far["exponential"] + 0.1
    gaps = z.copy()
    gaps[5:, 3] = np.nan
    few = dependence.joint({"a": BELL}, {"a": gaps}, {"a": "wind"}, 1.0, method="schaake", count=40)["a"]
    copula = dependence.joint({"a": BELL}, {"a": gaps}, {"a": "wind"}, 1.0, count=40)["a"]
    np.testing.assert_array_equal(few, copula)


def test_measured_lags_are_a_memory_at_any_distance() -> None:
    (z,) = past_scores(WAVE, np.eye(1))
    found = dependence.memory(z, 1.0, 20.0)
    at = np.array([[0.0, -3.0], [3.0, 6.5]])
    expected = np.interp(np.abs(at), np.arange(24), WAVE)
    np.testing.assert_allclose(found.correlation(at), expected, atol=0.1)
    assert found.correlation(np.zeros(1))[0] == 1.0


def test_little_history_leans_on_the_curve() -> None:
    many, few = (past_scores(WAVE, np.eye(1), days=days)[0] for days in (900, 12))
    curve = dependence.lag_correlation([few], 24, 1.0, measured=False)
    own = dependence.lag_correlation([few], 24, 1.0)
    product = np.array([np.nanmean(few[:, lag:] * few[:, : 24 - lag]) for lag in range(12)])
    assert np.abs(own[:12] - curve[:12]).max() < 0.3 * np.abs(product / product[0] - curve[:12]).max()
    assert np.abs(dependence.lag_correlation([many], 24, 1.0) - WAVE).max() < 0.1


def test_equal_ranks_are_drawn_by_lot() -> None:
    found = dependence.shuffle({"a": BELL}, {"a": np.zeros((50, 24))}, 3)
    assert abs(np.corrcoef(found["a"][:, 0], found["a"][:, 1])[0, 1]) < 0.4


def test_blocks_are_past_days_without_gaps() -> None:
    ends = np.arange(1, 401 * 24 + 1) * HOUR_NS
    values = {"a": np.arange(len(ends), dtype=float), "b": np.arange(len(ends), dtype=float)}
    values["b"][380 * 24 + 3] = np.nan
    start = 390 * 24 * HOUR_NS
    found = dependence.blocks(ends, values, start, 24, 30)["a"]
    first = found[:, 0] / 24
    assert found.shape == (30, 24)
    assert (first == first.astype(int)).all()
    assert 380 not in first
    assert first.max() == 389
    assert first.min() == 389 - 30
    long = dependence.blocks(ends, values, start, 96, 10)["a"]
    assert long[:, 0].max() / 24 == 386
    with pytest.raises(ForecastError, match="two whole past days"):
        dependence.blocks(ends, values, 20 * HOUR_NS, 24, 30)


def test_a_year_ago_is_nearer_than_half_a_year() -> None:
    ends = np.arange(1, 400 * 24 + 1) * HOUR_NS
    found = dependence.blocks(ends, {"a": ends / (24 * HOUR_NS)}, 399 * 24 * HOUR_NS, 24, 120)["a"]
    days = found[:, 0].astype(int)
    assert ((days < 94) | (days > 338)).all()
    assert (days < 94).any()


@pytest.mark.slow
def test_a_hundred_sites_and_scenarios_of_four_days() -> None:
    rng = np.random.default_rng(2)
    names = [f"site {k}" for k in range(100)]
    quantiles = {name: np.tile(np.sort(rng.random(7)), (384, 1)) for name in names}
    across = 0.5 + 0.5 * np.eye(100)
    found = Dependence(tuple(names), ("wind",) * 100, {"wind": 0.98 ** np.arange(384)}, across)
    began = time.perf_counter()
    paths = dependence.draw(quantiles, found, 0, 240)
    kept, weights = scenarios.reduce(paths, 100, np.full(384, 0.25))
    assert time.perf_counter() - began < 30
    assert len(kept) == 100
    assert weights.sum() == pytest.approx(1)
