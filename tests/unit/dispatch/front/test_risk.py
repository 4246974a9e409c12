"""The probability of missing a month's cap, where it is known."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from dispatch.errors import AlignmentError, DataError
from dispatch.front.risk import missing

ONE = np.array([1.0])


def walk(count: int, rho: float, seed: int) -> np.ndarray:
    """Days of mean 10 and standard deviation 1, each like the one before by ``rho``."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(count) * np.sqrt(1 - rho**2)
    out = np.empty(count)
    out[0] = random.standard_normal()
    for day in range(1, count):
        out[day] = rho * out[day - 1] + noise[day]
    return 10 + out


def known(cap: float, days: int, rho: float) -> float:
    """P(sum of so many days > cap) for these days."""
    lag = np.arange(1, days)
    variance = days + 2 * float(((days - lag) * rho**lag).sum())
    return 1 - NormalDist(10 * days, np.sqrt(variance)).cdf(cap)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_of_many_days_the_probability_is_the_known_one_dependence_included(rho: float) -> None:
    days = walk(30_000, rho, 1)
    for cap in (98.0, 100.0, 104.0):
        found = missing(cap + 30, 20.0, [[10.0]], ONE, days, 10)
        assert found.probability[0] == pytest.approx(known(cap, 10, rho), abs=0.03)
    # As if the days were independent it would be another: 0.10 against 0.23 for so dependent ones.
    if rho:
        assert missing(104 + 30, 20.0, [[10.0]], ONE, days, 10).probability[0] > 1.8 * known(104, 10, 0.0)


def test_the_interval_holds_the_known_probability_about_as_often_as_it_says() -> None:
    true = known(102.0, 10, 0.0)
    inside = 0
    for seed in range(20):
        found = missing(102.0, 0.0, [[0.0]], ONE, walk(60, 0.0, 100 + seed), 10)
        assert found.low[0] <= found.probability[0] <= found.high[0]
        inside += found.low[0] <= true <= found.high[0]
    assert inside >= 15, inside  # 18 expected of 90 %


def test_scenarios_count_with_their_weights_and_without_days_left_they_are_all_there_is() -> None:
    found = missing(10.0, 4.0, [[5.0, 7.0], [3.0, 5.9], [6.5, 7.0]], [0.7, 0.3], [], 0)
    np.testing.assert_allclose(found.probability, [0.3, 0.0, 1.0])
    np.testing.assert_allclose(found.low, found.high)


def test_a_cleaner_plan_never_misses_more_often_and_the_seed_decides() -> None:
    days = walk(14, 0.3, 5)
    plans = np.linspace(12, 8, 9)[:, None]
    one, other = (missing(131.0, 20.0, plans, ONE, days, 10, seed=3) for _ in range(2))
    assert (np.diff(one.probability) <= 0).all()
    assert one.probability[0] > one.probability[-1] + 0.1
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.high, other.high)


def test_few_days_leave_a_wide_interval() -> None:
    few, many = (missing(100.0, 0.0, [[0.0]], ONE, walk(count, 0.0, 9), 10) for count in (8, 2000))
    assert few.high[0] - few.low[0] > 3 * (many.high[0] - many.low[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days_t": [1.0, 2, 3, 4]}, "4 measured days tell nothing.*5 or more"),
        ({"days_left": -1}, "days_left -1"),
        ({"days_t": [1.0, np.nan, 3, 4, 5]}, "not a number"),
        ({"weights": [0.5, 0.5]}, "give \\(plan, scenario\\)"),
    ],
)
def test_what_cannot_be_answered_is_said(change: dict[str, object], message: str) -> None:
    asked: dict[str, object] = {"plan_t": [[1.0]], "weights": ONE, "days_t": [1.0, 2, 3, 4, 5], "days_left": 3}
    with pytest.raises((DataError, AlignmentError), match=message):
        missing(10.0, 1.0, **(asked | change))  # type: ignore[arg-type]  # by name
