from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from forecasting import scenarios
from forecasting.quantiles import LEVELS
from forecasting.scenarios import Memory

HOURS = np.arange(24.0) + 0.5
BELL = 100 + 10 * norm.ppf(LEVELS)
LEVELS_KW = {"wind": np.tile(BELL, (24, 1)), "load": np.tile(BELL, (24, 1))}
MEMORIES = {"wind": Memory(9.0, 0.1), "load": Memory(2.0, 0.3)}


def test_normal_scores_and_values_are_inverse() -> None:
    z = np.linspace(-2.5, 2.5, 24)[None, :]
    values = scenarios.values_at(z, LEVELS_KW["wind"])
    np.testing.assert_allclose(values, 100 + 10 * z, rtol=1e-12)
    np.testing.assert_allclose(scenarios.normal_scores(values[0], LEVELS_KW["wind"]), z[0], atol=1e-9)


def test_a_score_is_taken_in_the_segment_that_holds_the_observation() -> None:
    """Quantiles of z = −2 … 3 that are not linear in z; beyond them the outer slopes go on."""
    z = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    quantiles = np.tile([0.0, 1.0, 4.0, 14.0, 34.0], (7, 1))
    actual = np.array([-0.5, 0.5, 1.0, 3.1, 6.5, 29.0, 40.0])
    hand = np.array([-2.5, -1.5, -1.0, -0.3, 0.25, 1.75, 2.3])  # −1 + 2.1/3, 0 + 2.5/10, 1 + 15/20, 2 + 6/20
    np.testing.assert_allclose(scenarios.normal_scores(actual, quantiles, norm.cdf(z)), hand, rtol=1e-9)
    np.testing.assert_allclose(scenarios.values_at(hand[None], quantiles, norm.cdf(z))[0], actual, atol=1e-9)


def test_scores_of_the_missing_and_of_the_certain_are_missing() -> None:
    flat = np.zeros((2, 7))
    assert np.isnan(scenarios.normal_scores(np.zeros(2), flat)).all()
    assert np.isnan(scenarios.normal_scores(np.array([np.nan]), BELL[None, :])).all()


def test_memory_is_found_again() -> None:
    distance = np.arange(48.0)
    truth = Memory(6.0, 0.2)
    root = np.linalg.cholesky(truth.correlation(distance[:, None] - distance[None, :]))
    z = np.random.default_rng(0).standard_normal((800, 48)) @ root.T
    found = scenarios.fit_memory(z, 1.0)
    assert found.tau_h == pytest.approx(6.0, abs=1.6)
    assert found.nugget == pytest.approx(0.2, abs=0.11)
    assert scenarios.fit_memory(np.full((10, 24), np.nan), 1.0) == Memory()
    assert scenarios.fit_memory(z[:, :1], 1.0) == Memory()


def test_paths_have_the_quantiles_the_memory_and_the_togetherness_asked_for() -> None:
    cross = np.array([[1.0, -0.7], [-0.7, 1.0]])
    draws = [scenarios.draw(LEVELS_KW, MEMORIES, cross, HOURS, seed) for seed in range(8)]
    paths = {name: np.concatenate([draw[name] for draw in draws]) for name in LEVELS_KW}
    np.testing.assert_allclose(np.quantile(paths["wind"], LEVELS, axis=0).T, LEVELS_KW["wind"], atol=2.5)
    z = (paths["wind"] - 100) / 10
    assert np.corrcoef(z[:, 0], z[:, 6])[0, 1] == pytest.approx(0.9 * np.exp(-6 / 9), abs=0.08)
    at = [np.corrcoef(paths["wind"][:, t], paths["load"][:, t])[0, 1] for t in range(24)]
    assert np.mean(at) == pytest.approx(-0.7, abs=0.04), "though the memories are unlike"
    # Var(wind − load) = 2 · 10² · (1 + .7) at one time; with what unlike memories leave of the noise it was .55.
    assert np.mean((paths["wind"] - paths["load"]).var(axis=0)) == pytest.approx(340, rel=0.06)


def test_the_root_is_that_of_the_matrix_and_of_the_next_one_that_can_be() -> None:
    root = scenarios.root_of(np.array([[1.0, 0.6], [0.6, 1.0]]))
    # Eigenvalues 1.6 and .4, so the diagonal of the root is (√1.6 + √.4)/2.
    np.testing.assert_allclose(root @ root, [[1.0, 0.6], [0.6, 1.0]])
    assert root[0, 0] == pytest.approx((np.sqrt(1.6) + np.sqrt(0.4)) / 2)
    none = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    np.testing.assert_allclose(np.diag(scenarios.root_of(none) @ scenarios.root_of(none)), 1.0)
    # By hand: R = I and R = [[a, b], [b, a]] overlap by a; noise of correlation .5/a then gives .5.
    overlap = scenarios.overlap_of([np.eye(2), root])
    assert overlap[0, 1] == pytest.approx(root[0, 0])
    found = scenarios.noise_correlation(np.array([[1.0, 0.5], [0.5, 1.0]]), overlap)
    assert found[0, 1] == pytest.approx(0.5 / root[0, 0])


def test_cross_correlation_is_measured_and_stays_positive_definite() -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal(2000)
    b = 0.8 * a + 0.6 * rng.standard_normal(2000)
    b[::5] = np.nan
    matrix = scenarios.cross_correlation([a, b, None])
    assert matrix[0, 1] == pytest.approx(0.8, abs=0.05)
    assert matrix[2, 0] == 0
    assert np.linalg.eigvalsh(scenarios.cross_correlation([a, a, -a])).min() > 0


def test_reduction_keeps_the_weight_of_each_cluster() -> None:
    rng = np.random.default_rng(2)
    low = rng.normal(10, 0.1, (60, 24))
    high = rng.normal(90, 0.1, (180, 24))
    kept, weights = scenarios.reduce({"wind": np.concatenate([low, high])}, 2, np.ones(24))
    assert weights.tolist() == [0.75, 0.25]
    assert kept[0] >= 60 > kept[1]


def test_the_distance_of_paths_counts_longer_steps_for_more_and_each_target_by_its_spread() -> None:
    """Four paths, two kept; each pair of twins is merged. Which are twins follows from hours and spreads."""
    steps_h = np.array([4.0, 0.25])
    # Apart by 1 in the long step or by 2 in the short one: 4·1² = 4 against ¼·2² = 1, so the long step parts them.
    long, short = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 2.0, 0.0, 2.0])
    kept, weights = scenarios.reduce({"wind": np.stack([long, short], axis=1)}, 2, steps_h)
    assert weights.tolist() == [0.5, 0.5]
    assert sorted(long[kept]) == [0, 1]
    # The load swings by 1000 kW in every path and differs by 100 between them: a fifth of its spread, the price by two.
    price = np.array([0.0, 0.0, 1.0, 1.0])
    load = np.array([[0.0, 1000.0]]) + np.array([[0.0], [100.0], [0.0], [100.0]])
    kept, weights = scenarios.reduce({"price": np.stack([price, price], axis=1), "load": load}, 2, np.ones(2))
    assert weights.tolist() == [0.5, 0.5]
    assert sorted(price[kept]) == [0, 1]


def test_reduction_is_unbiased_enough_and_bounded_by_what_is_there() -> None:
    paths = scenarios.draw(LEVELS_KW, MEMORIES, np.eye(2), HOURS, 0)
    kept, weights = scenarios.reduce(paths, 10, np.ones(24))
    assert len(set(kept.tolist())) == 10
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) <= 0).all()
    assert (weights @ paths["wind"][kept]).mean() == pytest.approx(100, abs=3)
    everything, even = scenarios.reduce(paths, 10_000, np.ones(24))
    assert len(everything) == scenarios.PATHS
    assert even.max() == pytest.approx(1 / scenarios.PATHS)


def test_kept_paths_are_spread_again_to_mean_energy_and_shape_of_all() -> None:
    """Two days of two steps; energies of a day ±4 and ±12 kWh about 20, shapes ±1 kW: two near paths stand for four."""
    size, shape = np.array([-6.0, -2.0, 2.0, 6.0]), np.array([-1.0, 1.0, -1.0, 1.0])
    flat = np.stack([size + shape, size - shape, size + shape, size - shape], axis=1)
    paths = {"wind": 10 + flat, "dark": np.zeros((4, 4))}
    kept, weights = np.array([1, 2]), np.array([0.5, 0.5])
    found = scenarios.respread(paths, kept, weights, np.full(4, 12.0))
    assert (found["dark"] == 0).all()
    by_day = found["wind"].reshape(2, 2, 2).mean(axis=2)  # path, day
    np.testing.assert_allclose(by_day.mean(axis=0), 10.0)
    # Of all four the daily mean is −6, −2, 2, 6 kW: its spread is √20; that of the two is 2.
    np.testing.assert_allclose(by_day.std(axis=0), np.sqrt(20), rtol=1e-3)
    spread = scenarios.respread(paths, np.arange(4), np.full(4, 0.25), np.full(4, 12.0))["wind"]
    np.testing.assert_allclose(spread, paths["wind"], err_msg="all paths stay as they are")
    one = scenarios.respread(paths, np.array([3]), np.ones(1), np.full(4, 12.0))["wind"]
    np.testing.assert_allclose(one, paths["wind"][3:])


@pytest.mark.parametrize("count", [5, 10, 20, 100])
def test_few_paths_are_as_wide_as_all(count: int) -> None:
    cross = np.array([[1.0, 0.6], [0.6, 1.0]])
    paths = scenarios.draw(LEVELS_KW, MEMORIES, cross, HOURS, 0)
    kept, weights = scenarios.reduce(paths, count, np.ones(24))
    few = scenarios.respread(paths, kept, weights, np.ones(24))
    for name, values in paths.items():
        energy = few[name].sum(axis=1)
        np.testing.assert_allclose(weights @ few[name], values.mean(axis=0), rtol=0.02)
        spread = np.sqrt(weights @ (energy - weights @ energy) ** 2)
        assert spread == pytest.approx(values.sum(axis=1).std(), rel=0.05)
        around = np.sqrt((weights @ (few[name] - weights @ few[name]) ** 2).mean())
        assert around == pytest.approx(np.sqrt(values.var(axis=0).mean()), rel=0.1)


def test_no_step_of_few_paths_is_stretched_beyond_all_paths() -> None:
    """Heat demand that is mostly nothing and rarely much: a stretch by its spread would more than double the most."""
    random = np.random.default_rng(1)
    values = 100 * random.gamma(0.2, 1.0, (100, 24)) * random.gamma(0.5, 2.0, (100, 1))
    kept, weights = scenarios.reduce({"heat": values}, 5, np.ones(24))
    few = scenarios.respread({"heat": values}, kept, weights, np.ones(24))["heat"]
    assert (few <= values.max(axis=0)).all()
    assert (few >= values.min(axis=0)).all()
    assert not np.allclose(few, values[kept])


def test_a_mean_over_steps_is_surer_than_each() -> None:
    share = np.full((1, 4), 0.25)
    distance = np.zeros((4, 4))
    hours = np.arange(4.0)
    assert scenarios.correlation_shrink(share, Memory(6.0, 0.0), distance)[0] == pytest.approx(1.0)
    apart = scenarios.correlation_shrink(share, Memory(1e-6, 0.0), hours[:, None] - hours)
    assert apart[0] == pytest.approx(0.5)
