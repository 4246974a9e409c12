"""Bands of few days: against factors worked out by hand and against normal values, of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.learners.few_blocks import stretch, stretched

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def test_of_ten_blocks_the_outer_level_is_that_of_a_prediction_interval() -> None:
    """t_9(.95) = 1.8331, √1.1 = 1.0488, z(.95) = 1.6449: 1.1689; t_9(.75) = .7027, z(.75) = .6745: 1.0927."""
    assert stretch(LEVELS, 10) == pytest.approx([1.1689, 1.0927, 1.0, 1.0927, 1.1689], abs=1e-3)


def test_a_quantile_read_between_ten_values_stands_too_near() -> None:
    """At 1 + 9 · .95 = 9.55 between z(8.625/10.25) = 1.0007 and z(9.625/10.25) = 1.5466: 1.3010; 1.9226/1.3010."""
    assert stretch(LEVELS, 10, read_between=True)[-1] == pytest.approx(1.9226 / 1.3010, abs=2e-3)


def test_of_many_blocks_nothing_is_stretched() -> None:
    assert stretch(LEVELS, 100_000) == pytest.approx(np.ones(5), abs=1e-4)
    assert stretch(LEVELS, 100_000, read_between=True) == pytest.approx(np.ones(5), abs=1e-3)


@pytest.mark.parametrize("days", [5, 8, 20])
def test_the_next_of_normal_values_lies_in_the_band_as_often_as_it_says(days: int) -> None:
    """By themselves, quantiles of 5 values hold the next in 56 % of all cases, of 20 in 81 %."""
    value = np.random.default_rng(1).normal(100.0, 20.0, (20_000, days + 1))
    plain = np.quantile(value[:, :-1], LEVELS, axis=1).T
    band = stretched(plain, LEVELS, stretch(LEVELS, days, read_between=True))
    inside = ((value[:, -1:] > band[:, :1]) & (value[:, -1:] < band[:, -1:])).mean()
    assert inside == pytest.approx(0.9, abs=0.025)
    assert ((value[:, -1:] > plain[:, :1]) & (value[:, -1:] < plain[:, -1:])).mean() < 0.82
