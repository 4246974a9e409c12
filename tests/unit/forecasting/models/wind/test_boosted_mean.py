"""The conditional mean by squared errors, and quantiles moved towards it."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.learners.base import Frame
from forecasting.models.wind import boosted_mean


def skewed(count: int) -> tuple[Frame, np.ndarray, np.ndarray]:
    """Rows with one feature that bears on the power and one that does not, powers whose median is not the mean."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(count, 2)).astype(np.float32)
    mean = x[:, 0].astype(np.float64)
    frame = Frame(x, ("speed", "first_0"), np.arange(count) // 24)
    return frame, mean * rng.exponential(size=count), mean


def test_it_learns_the_mean_and_not_the_median() -> None:
    rows, actual, mean = skewed(6000)
    found = boosted_mean.learn(rows, actual).predict(rows)
    middle = (mean > 0.2) & (mean < 0.8)
    assert np.abs(found - mean)[middle].mean() < 0.06  # the median lies .15 below
    assert abs((found - mean)[middle].mean()) < 0.02


def test_one_ensemble_sees_nothing_of_stage_one() -> None:
    rows, actual, _ = skewed(600)
    learnt = boosted_mean.learn(rows, actual)
    assert [ensemble.names for ensemble in learnt.ensembles] == [("speed", "first_0"), ("speed",)]
    again = boosted_mean.learn(rows, actual)
    assert np.array_equal(again.predict(rows), learnt.predict(rows))


def test_quantiles_move_by_a_share_of_the_gap_and_stay_where_it_is_unknown() -> None:
    stale = np.array([False, True, False])
    found = boosted_mean.towards(np.full(3, 0.5), np.array([0.4, 0.4, np.nan]), stale)
    assert found == pytest.approx([0.1 * boosted_mean.SHARE, 0.1 * boosted_mean.SHARE_STALE, 0.0])
