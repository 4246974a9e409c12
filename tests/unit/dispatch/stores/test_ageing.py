"""Cycles counted as the standard's example counts them, and the life they use."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from dispatch.stores.ageing import Stress, ageing, rainflow, turning_points

# ASTM E1049-85, figure 6: the history A to I and the counts that the standard prints.
EXAMPLE = [-2, 1, -3, 5, -1, 3, -4, 4, -2]
COUNTS = {3.0: 0.5, 4.0: 1.5, 6.0: 0.5, 8.0: 1.0, 9.0: 0.5}


def counted(history: list[float]) -> dict[float, float]:
    out: Counter[float] = Counter()
    for cycle in rainflow(history):
        out[cycle.depth] += cycle.count
    return dict(out)


def test_the_standards_example() -> None:
    assert counted(EXAMPLE) == COUNTS
    (whole,) = [c for c in rainflow(EXAMPLE) if c.count == 1]
    assert (whole.depth, whole.mean) == (4, 1)


def test_what_lies_between_peaks_and_what_repeats_changes_nothing() -> None:
    fine = np.interp(np.linspace(0, 8, 81), np.arange(9), EXAMPLE)
    assert turning_points(fine) == EXAMPLE
    assert counted([x for value in EXAMPLE for x in (value, value)]) == COUNTS


@drawn(st.lists(st.floats(0, 1).map(lambda x: round(x, 6)), min_size=1, max_size=40))
def test_every_swing_is_counted_once(history: list[float]) -> None:
    """A cycle is two swings of its range, so counts times twice the range are the way that the history went."""
    way = float(np.abs(np.diff(history)).sum())
    assert sum(2 * c.count * c.depth for c in rainflow(history)) == pytest.approx(way, abs=1e-9)


def test_the_model_by_hand() -> None:
    # One full cycle from 1 to 0 and back in a day at the reference temperature.
    used = ageing(np.array([1.0, 0.0, 1.0]), np.array([12.0, 12.0]), 25.0)
    assert used.full_cycles == pytest.approx(1)
    assert used.deepest == 1
    assert used.cycle_ageing == pytest.approx(1 / (1.4e5 - 1.23e5))
    assert used.calendar_ageing == pytest.approx(4.14e-10 * 86400)
    assert used.life_share == pytest.approx((1 / 17000 + 4.14e-10 * 86400) / np.log(0.9425 / 0.8))
    assert used.life_years == pytest.approx(1 / 365.25 / used.life_share)
    assert 0.9425 * np.exp(-Stress().f_end) == pytest.approx(1 - 0.2)


def test_temperatures_are_taken_in_kelvin() -> None:
    # 35 degC: exp(.0693 · 10 · 298.15 / 308.15), nearly double; with degrees it would be exp(.0693 · 10 · 25 / 35).
    assert Stress().of_temperature(35.0) == pytest.approx(1.9552, abs=1e-4)
    assert Stress().of_temperature(25.0) == 1


def test_standing_ages_by_the_calendar_alone_and_faster_when_full() -> None:
    hours = np.full(24, 1.0)
    low, high = (ageing(np.full(25, fill), hours, 25.0) for fill in (0.2, 0.9))
    assert low.full_cycles == low.cycle_ageing == low.deepest == 0
    assert high.calendar_ageing / low.calendar_ageing == pytest.approx(np.exp(1.04 * 0.7))


def test_deep_cycles_use_more_life_than_shallow_ones_of_the_same_energy() -> None:
    deep, shallow = np.array([0.9, 0.1, 0.9]), np.array([0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6])
    one, other = (ageing(f, np.full(f.size - 1, 24 / (f.size - 1)), 25.0) for f in (deep, shallow))
    assert one.full_cycles == pytest.approx(other.full_cycles)
    assert one.cycle_ageing > 1.3 * other.cycle_ageing
