from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from forecasting import scores
from forecasting.errors import ForecastError

DENSE = np.arange(1, 100) / 100
SEVEN = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


def normal_crps(y: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Closed form of the CRPS of a normal forecast (Gneiting et al. 2005)."""
    z = (y - mean) / deviation
    return deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_pinball_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import mean_pinball_loss

    rng = np.random.default_rng(0)
    y, q = rng.normal(size=200), np.sort(rng.normal(size=(200, 7)), axis=1)
    for k, level in enumerate(SEVEN):
        assert scores.pinball(y, q, SEVEN)[:, k].mean() == pytest.approx(mean_pinball_loss(y, q[:, k], alpha=level))
    y[3] = np.nan
    assert scores.mean_pinball(y, q, SEVEN) == pytest.approx(np.nanmean(scores.pinball(y, q, SEVEN)))


def test_pinball_tilts_the_distance_by_the_level() -> None:
    found = scores.pinball(
        np.array([10.0, 10.0]), np.array([[8.0, 9.0, 14.0], [10.0, 11.0, 8.0]]), np.array([0.1, 0.5, 0.9])
    )
    np.testing.assert_allclose(found, [[0.2, 0.5, 0.4], [0.0, 0.5, 1.8]])
    assert np.isnan(scores.pinball(np.array([np.nan]), np.zeros((1, 7)), SEVEN)).all()


def test_levels_stand_for_the_probability_up_to_half_way_to_their_neighbours() -> None:
    assert scores.level_weights(np.array([0.1, 0.5, 0.8])) == pytest.approx([0.3, 0.35, 0.35])
    assert 5 + 2 * norm.ppf(SEVEN) @ scores.level_weights(SEVEN) == pytest.approx(5), "a symmetric one has its median"
    dense = np.arange(1, 100) / 100
    assert np.exp(norm.ppf(dense)) @ scores.level_weights(dense) == pytest.approx(np.exp(0.5), rel=0.03)


def test_crps_of_quantiles_is_that_of_the_normal() -> None:
    y = np.array([-1.0, 0.0, 0.4, 2.0])
    levels = (np.arange(2000) + 0.5) / 2000
    q = np.tile(3 + 2 * norm.ppf(levels), (4, 1))
    np.testing.assert_allclose(scores.crps_of_quantiles(3 + 2 * y, q, levels), normal_crps(3 + 2 * y, 3, 2), rtol=2e-3)
    even = scores.crps_of_quantiles(y, q, levels, even=True)
    np.testing.assert_allclose(even, 2 * scores.pinball(y, q, levels).mean(axis=1))


def test_crps_of_members_is_that_of_the_normal_and_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    y = np.array([-1.0, 0.3, 2.0])
    many = np.tile(norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None], (1, 3))
    np.testing.assert_allclose(scores.crps_of_members(y, many), normal_crps(y, 0, 1), rtol=2e-3)
    few, weight = rng.normal(size=(6, 3)), rng.dirichlet(np.ones(6))
    by_hand = weight @ np.abs(few - y)
    by_hand -= np.einsum("i,j,ijk->k", weight, weight, np.abs(few[:, None] - few[None])) / 2
    np.testing.assert_allclose(scores.crps_of_members(y, few, weight), by_hand)


def test_a_single_member_gives_the_absolute_error() -> None:
    y, member = np.array([1.0, -2.0]), np.array([[3.0, -1.0]])
    np.testing.assert_allclose(scores.crps_of_members(y, member), [2.0, 1.0])
    assert scores.energy_score(y, member) == pytest.approx(np.hypot(2, 1))
    np.testing.assert_allclose(scores.crps_of_quantiles(y, np.tile(member.T, (1, 7)), SEVEN, even=True), [2.0, 1.0])


def test_relative_crps_is_over_the_range_of_what_came() -> None:
    rng = np.random.default_rng(2)
    y = rng.uniform(0, 10, 500)
    q = y[:, None] + norm.ppf(SEVEN)
    low, high = np.quantile(y, [0.05, 0.95])
    assert scores.relative_crps(y, q, SEVEN) == pytest.approx(2 * scores.pinball(y, q, SEVEN).mean() / (high - low))
    assert scores.relative_crps(7 * y, 7 * q, SEVEN) == pytest.approx(scores.relative_crps(y, q, SEVEN))
    assert np.isnan(scores.relative_crps(np.ones(9), np.tile(SEVEN, (9, 1)), SEVEN))
    assert np.isnan(scores.relative_crps(np.full(9, np.nan), np.tile(SEVEN, (9, 1)), SEVEN))


def test_energy_score_in_one_dimension_is_the_crps() -> None:
    rng = np.random.default_rng(3)
    members, weight = rng.normal(size=(12, 1)), rng.dirichlet(np.ones(12))
    y = np.array([0.7])
    assert scores.energy_score(y, members, weight) == pytest.approx(scores.crps_of_members(y, members, weight)[0])


def test_joint_scores_prefer_the_right_dependence() -> None:
    rng = np.random.default_rng(4)
    root = np.linalg.cholesky(0.9 ** np.abs(np.subtract.outer(np.arange(12), np.arange(12))))
    cases = rng.normal(size=(150, 12)) @ root.T
    together, alone = rng.normal(size=(200, 12)) @ root.T, rng.normal(size=(200, 12))
    for score in (scores.energy_score, scores.variogram_score):
        right = np.mean([score(case, together) for case in cases])
        wrong = np.mean([score(case, alone) for case in cases])
        assert right < wrong
    sums = [np.mean(scores.crps_of_members(cases.sum(axis=1), m.sum(axis=1)[:, None])) for m in (together, alone)]
    assert sums[0] < sums[1]


def test_variogram_score_is_zero_of_the_truth_and_counts_pairs() -> None:
    y = np.array([0.0, 1.0, 4.0])
    assert scores.variogram_score(y, np.tile(y + 5, (3, 1))) == 0
    pairs = np.zeros((3, 3))
    pairs[0, 2] = 1.0
    member = np.array([[0.0, 1.0, 1.0]])
    assert scores.variogram_score(y, member, pairs=pairs) == pytest.approx((2 - 1) ** 2)


def test_ramps() -> None:
    values = np.array([[0.0, 1.0, 5.0, 5.0], [3.0, 3.0, 2.0, 0.0]])
    np.testing.assert_allclose(scores.largest_ramp(values, 2), [5.0, 3.0])
    with pytest.raises(ForecastError, match="4 steps does not fit in 4"):
        scores.largest_ramp(values, 4)


def test_calibration_of_a_true_forecast() -> None:
    rng = np.random.default_rng(5)
    mean = rng.normal(size=20_000)
    y = mean + rng.normal(size=20_000)
    q = mean[:, None] + norm.ppf(SEVEN)
    np.testing.assert_allclose(scores.reliability(y, q, SEVEN), SEVEN, atol=0.01)
    assert scores.coverage(y, q, SEVEN) == pytest.approx(0.9, abs=0.01)
    assert scores.coverage(y, q, SEVEN, 0.5) == pytest.approx(0.5, abs=0.015)
    assert scores.sharpness(q, SEVEN) == pytest.approx(2 * norm.ppf(0.95))


def test_a_mass_at_zero_is_no_lack_of_calibration() -> None:
    rng = np.random.default_rng(8)
    mean = rng.normal(size=20_000)
    y = np.maximum(mean + rng.normal(size=20_000), 0.0)
    q = np.maximum(mean[:, None] + norm.ppf(DENSE), 0.0)
    np.testing.assert_allclose(scores.reliability(y, q, DENSE), DENSE, atol=0.012)
    assert (y[:, None] <= q).mean(axis=0)[4] > 0.2


def test_what_is_certain_or_missing_says_nothing_of_calibration() -> None:
    y = np.array([0.0, np.nan, 0.0])
    q = np.array([[0.0] * 7, SEVEN.tolist(), [0.0] * 7])
    assert np.isnan(scores.reliability(y, q, SEVEN)).all()
    assert np.isnan(scores.coverage(np.full(3, np.nan), q, SEVEN))
    with pytest.raises(ForecastError, match=r"0.1 and 0.9"):
        scores.coverage(y, q[:, 3:4], SEVEN[3:4], 0.8)


def test_point_errors_by_hand() -> None:
    found = scores.point_errors(np.array([0.0, 50.0, np.nan, 100.0]), np.array([25.0, 50.0, 1.0, 60.0]), 100.0)
    assert found.count == 3
    assert found.mae == pytest.approx(65 / 3)
    assert found.rmse == pytest.approx(np.sqrt((625 + 1600) / 3))
    assert found.bias == pytest.approx(-5)
    assert found.nrmse == pytest.approx(found.rmse / 100)
    assert found.accuracy == pytest.approx(1 - found.nrmse)
    assert found.qualified == pytest.approx(2 / 3)
    assert scores.point_errors(np.array([np.nan]), np.array([1.0])).count == 0


def test_diebold_mariano_without_lags_is_the_t_test() -> None:
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(6)
    d = rng.normal(0.1, 1, 80)
    found = scores.diebold_mariano(d, np.zeros(80), lags=0)
    t = ttest_1samp(d, 0)
    # The test divides by N, Student's by N − 1; the factor of Harvey et al. at one step ahead is the difference.
    assert found.statistic == pytest.approx(t.statistic)
    assert found.p_two_sided == pytest.approx(t.pvalue)
    assert found.p_first_better == pytest.approx(1 - t.pvalue / 2)


def test_diebold_mariano_with_a_lag_by_hand() -> None:
    """Four days, d = 3, 1, 2, 0: γ₀ = 5/4, γ₁ = −1.75/4; by default ⌊4 · .04^(2/9)⌋ = 1 lag."""
    variance = 5 / 4 + 2 * (1 - 1 / 2) * (-1.75 / 4)
    harvey = np.sqrt((4 + 1 - 2 * 2 + 2 * 1 / 4) / 4)
    for lags in (1, None):
        found = scores.diebold_mariano(np.array([3.0, 1.0, 2.0, 0.0]), np.zeros(4), lags=lags)
        assert found.statistic == pytest.approx(harvey * 1.5 / np.sqrt(variance / 4))


def test_a_band_is_found_by_the_levels_nearest_to_its_ends_and_refused_without_them() -> None:
    assert scores.band(SEVEN, 0.5) == (2, 4)
    with pytest.raises(ForecastError, match=r"a band of 0.7 needs the levels 0.15 and 0.85"):
        scores.band(SEVEN, 0.7)
    with pytest.raises(ForecastError, match=r"a band of 0.98 needs the levels 0.01 and 0.99"):
        scores.band(np.array([0.05, 0.5, 0.95]), 0.98)


def test_diebold_mariano_keeps_its_level_with_days_that_hang_together() -> None:
    rng = np.random.default_rng(7)
    rejected = {None: 0, 0: 0}
    for _ in range(400):
        noise = rng.normal(size=301)
        d = noise[1:] + noise[:-1]
        for lags in rejected:
            rejected[lags] += scores.diebold_mariano(d, np.zeros(300), lags=lags).p_two_sided < 0.05
    assert rejected[None] / 400 < 0.11
    assert rejected[0] / 400 > 0.13


def test_diebold_mariano_of_the_same_and_of_the_always_better() -> None:
    losses = np.arange(5.0)
    same = scores.diebold_mariano(losses, losses)
    assert (same.difference, same.p_two_sided, same.p_first_better) == (0.0, 1.0, 0.5)
    better = scores.diebold_mariano(losses, losses + 1, lags=0)
    assert (better.p_two_sided, better.p_first_better) == (0.0, 0.0)
    assert np.isnan(scores.diebold_mariano(losses[:1], losses[:1]).statistic)


def test_skill_and_groups() -> None:
    assert scores.skill(1.0, 4.0) == 0.75
    assert np.isnan(scores.skill(1.0, 0.0))
    groups, means = scores.by_group(np.array([1.0, 3.0, np.nan, 8.0]), np.array([2, 2, 5, 7]))
    assert groups.tolist() == [2, 5, 7]
    np.testing.assert_allclose(means, [2.0, np.nan, 8.0])


def test_weights_must_be_those_of_the_members() -> None:
    with pytest.raises(ForecastError, match="2 weights that sum to 1 for 3"):
        scores.energy_score(np.zeros(1), np.zeros((3, 1)), np.array([0.5, 0.5]))


@given(st.integers(0, 2**32 - 1))
def test_no_forecast_beats_the_truth_in_expectation(seed: int) -> None:
    """Propriety: of all distributions over the same points the true one has the least expected CRPS."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(5, 1))
    truth, other = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5))
    mine, theirs = (
        sum(p * float(scores.crps_of_members(point, points, w)[0]) for p, point in zip(truth, points, strict=True))
        for w in (truth, other)
    )
    assert mine <= theirs + 1e-12
