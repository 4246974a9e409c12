from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from forecasting.drift import Daily, Drift, daily, threshold, watch
from forecasting.errors import ForecastError
from forecasting.quantiles import LEVELS


def history(days: int, seed: int, shift: float = 0.0, scale: float = 1.0, from_day: int = 10**6) -> Daily:
    """Hourly forecasts N(0, 1) of which the truth departs from some day on; hours of a day err together."""
    rng = np.random.default_rng(seed)
    z = 0.6 * rng.standard_normal((days, 1)) + 0.8 * rng.standard_normal((days, 24))
    late = np.arange(days)[:, None] >= from_day
    y = np.where(late, shift + scale * z, z)
    quantiles = np.tile(norm.ppf(LEVELS), (days * 24, 1))
    return daily(y.ravel(), quantiles, LEVELS, np.repeat(np.arange(days), 24))


def split(found: Daily, days: int = 90) -> tuple[Daily, Daily]:
    return found.part(found.day < days), found.part(found.day >= days)


def test_no_break_gives_as_few_alarms_as_allowed() -> None:
    """A hundred histories of 180 days: 22 false alarms are allowed if one may come in 730 days."""
    alarms = sum(bool(watch(*split(history(270, seed)), false_alarm_days=730)) for seed in range(100))
    assert alarms <= 30


@pytest.mark.parametrize(
    ("change", "figure", "direction"),
    [
        ({"shift": 0.8}, "location", 1),
        ({"shift": -0.8}, "location", -1),
        ({"scale": 1.6}, "spread", 1),
        ({"scale": 0.5}, "spread", -1),
    ],
)
def test_breaks_are_found_and_dated(change: dict[str, float], figure: str, direction: int) -> None:
    late = []
    for seed in range(20):
        found = {d.figure: d for d in watch(*split(history(200, seed, from_day=120, **change)))}
        drift = found.get(figure)  # type: ignore[call-overload]
        if drift is not None and drift.direction == direction and drift.found_day >= 120:
            late.append(drift.found_day - 120)
            assert drift.since_day <= drift.found_day
    assert len(late) >= 18
    assert np.median(late) <= 21


def test_a_worse_model_is_seen_in_its_loss() -> None:
    found = {d.figure: d for d in watch(*split(history(200, 3, scale=2.0, from_day=120)))}
    assert found["loss"].direction == 1
    assert "larger" in found["loss"].text


def test_days_that_hang_together_are_no_drift() -> None:
    """A slow memory from day to day would look like a shift to a sum that does not know it."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        state = np.zeros(270)
        for day in range(1, 270):
            state[day] = 0.5 * state[day - 1] + rng.standard_normal()
        found = Daily(np.arange(270), state, rng.standard_normal(270), rng.standard_normal(270))
        alarms += bool(watch(*split(found), false_alarm_days=730))
    assert alarms <= 24


def test_the_threshold_is_that_of_the_tables() -> None:
    """Two-sided, k = ½: published mean run lengths without a change are 168 at h = 4 and 465 at h = 5."""
    assert threshold(168, 2) == pytest.approx(4.0, abs=0.05)
    assert threshold(465, 2) == pytest.approx(5.0, abs=0.05)
    with pytest.raises(ForecastError, match="more than 10"):
        threshold(5, 1)


def test_missing_days_and_constant_figures() -> None:
    found = history(200, 0)
    found.location[95:100] = np.nan
    assert not [d for d in watch(*split(found)) if d.figure == "location"]
    flat = Daily(found.day, np.zeros(200), np.zeros(200), np.zeros(200))
    assert watch(*split(flat)) == ()
    with pytest.raises(ForecastError, match="needed are 20"):
        watch(found.part(found.day < 10), found)


def test_texts_name_what_changed() -> None:
    assert "too narrow" in Drift("spread", 1, 0, 3).text
