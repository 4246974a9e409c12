from __future__ import annotations

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.markets.baselines.days import Days, by_day
from dispatch.markets.baselines.methods import method
from dispatch.markets.baselines.placebo import placebo
from tests.unit.dispatch.markets.baselines.test_estimate import FIRST, levels, steps

NAMES = ("ten_of_ten_unadjusted", "high_five_of_ten_unadjusted", "ten_of_ten", "meter_before")


def noisy(days: int = 80, meters: int = 3) -> Days:
    rng = np.random.default_rng(7)
    shape = 100 + 50 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    level = rng.normal(1.0, 0.1, (meters, days, 1))
    return by_day((shape * level + rng.normal(0, 2, (meters, days, 24))).reshape(meters, -1), steps(days))


def test_days_that_are_alike_have_no_error() -> None:
    found = placebo(levels([100.0] * 40), [method(name) for name in NAMES], (17, 19))
    np.testing.assert_allclose(found.bias(), 0, atol=1e-12)
    np.testing.assert_allclose(found.mae(), 0, atol=1e-12)
    assert found.pairs == len(found.events) > 10


def test_the_highest_days_are_biased_upwards_and_the_days_level_helps() -> None:
    found = placebo(noisy(), [method(name) for name in NAMES], (17, 19))
    ten, high, adjusted, before = found.bias()
    assert abs(ten) < 0.03
    assert 0.05 < high < 0.12  # half of ten days of a spread of 10 %: .08 above their mean
    assert abs(adjusted) < 0.03
    assert before > 0.1  # the load falls towards the evening
    assert found.mae()[2] < 0.5 * found.mae()[0]
    assert found.bias_by_hour_kw().shape == (4, 2)
    np.testing.assert_allclose(found.bias_by_hour_kw().mean(axis=1) * 2 * found.pairs,
                               found.bias() * np.abs(found.actual_kw).sum())  # fmt: skip


def test_all_methods_are_judged_on_the_same_days() -> None:
    few = placebo(noisy(), [method("meter_before")], (17, 19))
    both = placebo(noisy(), [method("meter_before"), method("ten_of_ten")], (17, 19))
    assert few.events[0] == FIRST
    assert both.events[0] > FIRST
    assert both.pairs < few.pairs


def test_a_table_has_a_row_for_all_hours_and_one_for_each() -> None:
    found = placebo(noisy(), [method("ten_of_ten"), method("meter_before")], (17, 19))
    rows = found.table().to_pylist()
    assert [row["start_h"] for row in rows] == [None, 17.0, 18.0] * 2
    assert rows[0]["bias_share"] == pytest.approx(float(found.bias()[0]))
    assert rows[4]["mae_kw"] == pytest.approx(float(found.mae_by_hour_kw()[1, 0]))


def test_hours_that_are_none_and_too_short_data_are_refused() -> None:
    with pytest.raises(DataError, match="a stretch of the day"):
        placebo(noisy(), [method("ten_of_ten")], (19, 17))
    with pytest.raises(DataError, match="one method or more"):
        placebo(noisy(), [], (17, 19))
    with pytest.raises(DataError, match="more metered days"):
        placebo(levels([100.0] * 8), [method("ten_of_ten")], (17, 19))
