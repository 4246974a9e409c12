"""Speed factors by direction: found where they are, not where they are not, and harmless at the limits."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.wind import wakes
from tests.unit.forecasting.models.wind.made_up import power_kw

RATED_KW = 2000.0


def cases(count: int = 20_000, deficit: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Speeds, directions and powers, slowed by a share from 180° ± 15°."""
    rng = np.random.default_rng(3)
    speed = rng.weibull(2, count) * 8
    from_deg = rng.uniform(0, 360, count)
    slowed = np.where(np.abs(from_deg - 180) <= 15, speed * (1 - deficit), speed)
    return speed, from_deg, power_kw(RATED_KW, slowed)


def test_a_wake_is_found_in_its_sector_and_nowhere_else() -> None:
    found = wakes.learn(*cases(deficit=0.12))
    assert found.at(np.array([180.0]))[0] == pytest.approx(0.88, abs=0.03)
    others = found.at(np.array([0.0, 60.0, 120.0, 240.0, 300.0, 359.0]))
    assert np.allclose(others, 1.0, atol=0.03)


def test_the_factor_explains_power_that_the_curve_alone_does_not() -> None:
    speed, from_deg, power = cases(deficit=0.12)
    with_wakes = wakes.learn(speed, from_deg, power)
    alone = wakes.learn(speed, from_deg, power, sectors=1)
    inside = np.abs(from_deg - 180) <= 15
    miss = [np.abs(m.predict(speed, from_deg) - power)[inside].mean() for m in (with_wakes, alone)]
    assert miss[0] < 0.4 * miss[1]


def test_without_a_wake_all_factors_stay_near_one() -> None:
    assert np.allclose(wakes.learn(*cases()).factor, 1.0, atol=0.03)


def test_calm_and_rated_power_are_left_alone() -> None:
    found = wakes.learn(*cases(deficit=0.12))
    calm, full = found.predict(np.array([0.5, 15.0]), np.array([180.0, 180.0]))
    assert calm < 0.01 * RATED_KW
    assert full > 0.98 * RATED_KW


def test_few_cases_are_drawn_towards_one_and_unknown_ones_left_out() -> None:
    speed, from_deg, power = cases(360, deficit=0.3)
    speed[:10] = np.nan
    power[10:20] = np.nan
    found = wakes.learn(speed, from_deg, power)
    assert found.factor.min() > 0.9
    answer = found.predict(np.array([np.nan, 8.0]), np.array([90.0, np.nan]))
    assert np.isnan(answer[0])
    assert answer[1] == pytest.approx(np.interp(8.0, found.speed_m_s, found.power_kw))


def test_nothing_known_gives_nothing() -> None:
    found = wakes.learn(np.full(5, np.nan), np.zeros(5), np.zeros(5))
    assert np.isnan(found.predict(np.array([5.0]), np.array([0.0]))).all()


def test_cases_without_a_direction_teach_the_curve() -> None:
    speed, from_deg, power = cases()
    found = wakes.learn(speed, np.full(len(speed), np.nan), power)
    alone = wakes.learn(speed, from_deg, power, sectors=1)
    assert np.array_equal(found.factor, np.ones(wakes.SECTORS))
    assert np.array_equal(found.power_kw, alone.power_kw)


def test_thin_air_counts_as_less_wind() -> None:
    speed = np.array([10.0, 10.0, 10.0])
    found = wakes.equivalent_speed_m_s(speed, np.array([1.225, 1.0, np.nan]))
    assert found.tolist() == pytest.approx([10.0, 10.0 * (1 / 1.225) ** (1 / 3), 10.0])
