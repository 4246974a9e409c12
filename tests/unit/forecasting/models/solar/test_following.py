"""Bands follow their own errors, as far as there are days to show them."""

from __future__ import annotations

import numpy as np

from forecasting.learners.adaptive import Adaptive
from forecasting.models.solar.following import FLOOR, INTEGRAL, RATE, Seen, corrected

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
BAND = np.array([0.3, 0.4, 0.5, 0.6, 0.7])


def test_a_handful_of_days_moves_the_bands_little_where_that_did_not_help() -> None:
    # Three days of two hours: above the band, below it, above it again. Each correction was wrong on the day after.
    before = Seen(np.repeat([1, 2, 3], 2), np.tile(BAND, (6, 1)), np.repeat([0.9, 0.1, 0.9], 2))
    state = Adaptive.start(LEVELS, rate=RATE, integral=INTEGRAL, floor=FLOOR)
    for day in (1, 2, 3):
        of_day = before.take(before.block == day)
        state = state.updated(of_day.quantiles, of_day.actual)
    raw = BAND[None, :]
    whole = state.apply(raw) - raw
    assert np.abs(whole).max() > 0.05
    found = corrected(before, raw, np.array([12.0]), LEVELS, 60)
    np.testing.assert_allclose(found, raw + whole * 3 / 60)
    np.testing.assert_allclose(corrected(before, raw, np.array([12.0]), LEVELS, 3), raw + whole)
