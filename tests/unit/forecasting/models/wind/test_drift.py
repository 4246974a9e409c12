"""The mean error of the last weeks, in widths of the forecast."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.wind import drift
from forecasting.models.wind.stages import FOLDS, folds_over

LEVELS = np.array([0.1, 0.5, 0.9])


def test_a_lasting_error_is_found_in_widths_and_a_short_one_hardly() -> None:
    age = np.arange(240) * drift.EVERY_H / 24
    lasting = drift.measured(np.full(240, 0.7), np.full(240, 0.5), np.full(240, 0.4), age)
    assert 0.25 < lasting < 0.5
    short = drift.measured(np.full(4, 0.7), np.full(4, 0.5), np.full(4, 0.4), age[:4])
    assert 0 < short < 0.05


def test_nothing_known_moves_nothing() -> None:
    nothing = np.full(3, np.nan)
    assert drift.measured(nothing, np.ones(3), np.ones(3), np.zeros(3)) == 0.0
    assert drift.measured(np.ones(3), np.ones(3), np.zeros(3), np.zeros(3)) == 0.0
    assert drift.measured(np.empty(0), np.empty(0), np.empty(0), np.empty(0)) == 0.0


def test_what_is_certain_stays_and_the_shift_fades() -> None:
    quantiles = np.array([[0.0, 0.0, 0.0], [0.2, 0.4, 0.6], [0.2, 0.4, 0.6]])
    found = drift.shift(quantiles, LEVELS, 0.5, np.array([0.0, 0.0, drift.HALF_LIFE_DAYS]))
    assert found == pytest.approx([0.0, 0.2, 0.1])


def test_folds_are_spells_of_days_and_none_after_training() -> None:
    folds = folds_over(np.arange(100, 400))
    of = folds.of(np.arange(100, 410))
    assert set(of[:300]) == set(range(FOLDS))
    assert (of[300:] == -1).all()
    assert (of[:8] == of[0]).all()
    assert of[8] != of[0]
    short = folds_over(np.arange(20))
    assert len(set(short.of(np.arange(20)))) == FOLDS
