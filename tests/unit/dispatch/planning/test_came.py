"""What a series has measured over a horizon: exact means, the first gap by name, and signs that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.planning.came import first_gap, mean_over, wrong_sign
from dispatch.signals import Horizon


def horizon(*hours: float) -> Horizon:
    seconds = np.array([round(3600 * h) for h in hours]) + int(np.datetime64("2024-05-01", "s").astype(np.int64))
    return Horizon(seconds.astype("datetime64[s]"), "UTC")


def ends(*hours: float) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp("2024-05-01", tz="UTC") + pd.Timedelta(hours=h) for h in hours])


HOUR = pd.Timedelta(hours=1)


def test_means_over_unequal_steps_are_exact() -> None:
    values = np.array([10.0, 20.0, 40.0, 80.0])
    mean = mean_over(horizon(0.25, 0.5, 1.5, 4), ends(1, 2, 3, 4), HOUR, values)
    assert mean == pytest.approx([10, (5 + 10) / 1, (10 + 40 + 80) / 2.5])


def test_one_coarse_value_covers_many_fine_steps() -> None:
    mean = mean_over(horizon(1, 1.25, 1.5, 2), ends(1, 2, 3), HOUR, np.array([1.0, 7.0, 1.0]))
    assert mean == pytest.approx([7, 7, 7])


@pytest.mark.parametrize(
    ("index", "values"),
    [
        (ends(1, 2, 3), [1.0, np.nan, 3.0]),
        (ends(1, 3), [1.0, 3.0]),
        (ends(2, 3), [2.0, 3.0]),
        (ends(1, 2), [1.0, 2.0]),
        (ends(9, 10), [1.0, 2.0]),
        (ends(-1, 9), [1.0, 2.0]),
    ],
)
def test_what_is_not_wholly_known_is_not_known(index: pd.DatetimeIndex, values: list[float]) -> None:
    assert mean_over(horizon(0, 1, 3), index, HOUR, np.array(values)) is None


def test_a_gap_outside_the_horizon_does_not_matter() -> None:
    values = np.array([np.nan, 5.0, 6.0, np.nan])
    assert mean_over(horizon(1, 2, 3), ends(1, 2, 3, 4), HOUR, values) == pytest.approx([5, 6])
    assert mean_over(horizon(2.5, 3), ends(0, 3), HOUR, np.array([1.0, 9.0])) == pytest.approx([9])


@given(
    st.lists(st.floats(0, 1e4), min_size=24, max_size=24),
    st.lists(st.integers(1, 24 * 12 - 1), min_size=1, max_size=20, unique=True),
)
def test_energy_is_kept_whatever_the_steps(values: list[float], cuts: list[int]) -> None:
    steps = horizon(*(c / 12 for c in [0, *sorted(cuts), 24 * 12]))
    mean = mean_over(steps, ends(*range(1, 25)), HOUR, np.array(values))
    assert mean is not None
    assert mean @ steps.hours == pytest.approx(sum(values), rel=1e-9, abs=1e-9)
    assert mean.min() >= min(values) - 1e-6
    assert mean.max() <= max(values) + 1e-6


@pytest.mark.parametrize(
    ("index", "values", "told"),
    [
        (ends(1, 2, 3), [1.0, np.nan, 3.0], "01:00"),
        (ends(1, 3), [1.0, 3.0], "01:00"),
        (ends(2, 3), [2.0, 3.0], "00:00"),
        (ends(1, 2), [1.0, 2.0], "02:00"),
        (ends(9, 10), [1.0, 2.0], "00:00"),
    ],
)
def test_a_gap_is_told_by_its_first_moment(index: pd.DatetimeIndex, values: list[float], told: str) -> None:
    assert first_gap(horizon(0, 1, 3), index, HOUR, np.array(values)) == f"nothing at 2024-05-01T{told}Z"


def test_a_demand_below_zero_is_told_by_its_energy() -> None:
    """Hours 0 to 1 and 1 to 3: 30 kWh below 0 of 30 + 2 · 35 = 100 kWh."""
    assert (
        wrong_sign(horizon(0, 1, 3), np.array([-30.0, 35.0])) == "30% of its energy below 0, first at 2024-05-01T00:00Z"
    )
    assert wrong_sign(horizon(0, 1, 3), np.array([-0.3, 35.0])) == ""
    assert wrong_sign(horizon(0, 1, 3), np.zeros(2)) == ""
