from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ForecastError
from forecasting.soiling import CLEANING_RAIN_MM, cleaning, dirt_days, dry_chance, state_of

RATE = 0.002


def _season(days: int = 120, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of a plant that loses .2 % a day and is washed every 30 days, and the rain."""
    rain = np.zeros(days)
    rain[[29, 59, 89]] = 12.0
    rain[10] = 2.0  # too little to wash
    rng = np.random.default_rng(1)
    return 0.9 * (1 - RATE * dirt_days(rain)) + rng.normal(0, noise, days), rain


def test_dirt_grows_by_a_day_each_day_and_a_strong_rain_takes_it_away() -> None:
    rain = np.array([0.0, 0.0, 2.0, 0.0, np.nan, 10.0, 0.0, 0.0])
    dirt = dirt_days(rain)
    assert np.diff(dirt)[:4] == pytest.approx(1.0)
    assert dirt[5] == 0.0
    assert dirt[-1] == pytest.approx(2.0)


def test_the_state_is_found_again_within_its_bounds() -> None:
    ratio, rain = _season()
    found = state_of(ratio, np.ones(len(ratio)), rain)
    assert found.rate_per_day == pytest.approx(RATE, rel=0.25)
    assert 0.9 * found.rate_low < RATE < 1.1 * found.rate_high
    assert found.rate_low < found.rate_per_day < found.rate_high
    assert found.clean_ratio == pytest.approx(0.9, abs=0.01)
    assert found.loss == pytest.approx(RATE * found.dirt_days, rel=0.25)
    assert found.loss_low <= found.loss <= found.loss_high
    assert state_of(ratio, np.ones(len(ratio)), rain) == found


def test_a_few_days_of_wrong_cloud_forecasts_do_not_move_it_and_noise_widens_it() -> None:
    ratio, rain = _season()
    wrong = ratio.copy()
    wrong[[5, 40, 70, 100]] = 0.3
    plain, hurt = (state_of(values, np.ones(len(values)), rain) for values in (ratio, wrong))
    assert hurt.rate_per_day == pytest.approx(plain.rate_per_day, rel=0.2)
    noisy, _ = _season(noise=0.08)
    loud = state_of(noisy, np.ones(len(noisy)), rain)
    assert loud.rate_high - loud.rate_low > 1.5 * (plain.rate_high - plain.rate_low)


def test_clean_modules_have_no_loss_and_cleaning_them_never_pays() -> None:
    ratio = np.full(60, 0.9) + np.tile([0.001, -0.001], 30)
    found = state_of(ratio, np.ones(60), np.zeros(60))
    assert found.loss < 0.01
    answer = cleaning(found, np.full(30, 1000.0), np.full(30, 0.1), np.ones(30), cost=500.0)
    assert answer.break_even_day is None
    assert "never pays back" in answer.text(pd.Timestamp("2024-05-01", tz="UTC"), "EUR")


def test_the_gain_is_the_loss_for_as_long_as_no_rain_comes_and_break_even_is_its_day() -> None:
    ratio, rain = _season()
    found = state_of(ratio, np.ones(len(ratio)), rain)
    days = 40
    dry = dry_chance(rain, days)
    answer = cleaning(found, np.full(days, 1000.0), np.full(days, 0.1), dry, cost=20.0)
    assert answer.gain == pytest.approx(found.loss * 100 * dry.sum())
    assert answer.gain_low <= answer.gain <= answer.gain_high
    assert answer.break_even_day == int(np.flatnonzero(np.cumsum(found.loss * 100 * dry) >= 20)[0]) + 1
    assert answer.pays == pytest.approx(answer.gain - 20.0)
    assert "has paid back on 2024-05-" in answer.text(pd.Timestamp("2024-05-01", tz="UTC"), "EUR")
    rainy = cleaning(found, np.full(days, 1000.0), np.full(days, 0.1), dry**3, cost=20.0)
    assert rainy.gain < answer.gain


def test_rain_is_never_impossible_and_more_of_it_shortens_the_dry_spell() -> None:
    none, some = dry_chance(np.zeros(98), 10), dry_chance(np.r_[np.zeros(90), np.full(8, CLEANING_RAIN_MM)], 10)
    assert none[0] == pytest.approx(0.99)
    assert (some < none).all()
    assert (np.diff(none) < 0).all()


def test_mistakes_are_named() -> None:
    with pytest.raises(ForecastError, match="3 days with a performance ratio"):
        state_of(np.full(3, 0.9), np.ones(3), np.zeros(3))
    ratio, rain = _season()
    with pytest.raises(ForecastError, match="cost -1"):
        cleaning(state_of(ratio, np.ones(120), rain), np.ones(3), np.ones(3), np.ones(3), cost=-1.0)
