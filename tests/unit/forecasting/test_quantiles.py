"""The loss of quantiles and the mean they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from forecasting.quantiles import LEVELS, mean_weights, pinball


def test_pinball_is_the_mean_over_levels_of_the_tilted_distance() -> None:
    found = pinball(np.array([10.0]), np.full((1, 7), 8.0))
    assert found[0] == pytest.approx(2.0 * LEVELS.mean())
    assert np.isnan(pinball(np.array([np.nan]), np.zeros((1, 7)))[0])


def test_the_mean_of_a_symmetric_distribution_is_its_median() -> None:
    assert 5 + 2 * ndtri(LEVELS) @ mean_weights() == pytest.approx(5)
    dense = np.arange(1, 100) / 100
    assert mean_weights(dense).sum() == pytest.approx(1)
    assert np.exp(ndtri(dense)) @ mean_weights(dense) == pytest.approx(np.exp(0.5), rel=0.03)
