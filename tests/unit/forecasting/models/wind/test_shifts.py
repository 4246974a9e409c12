"""Levels that stand at a farm's rating or at nothing stay there, whatever was learnt of the mean's error."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.wind.shifts import Bounds

FARM = Bounds(0.0, 1000.0)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (-100.0, [100.0, 400.0, 900.0, 920.0, 1000.0]),  # 950 has room for 50 and gives way by as much; 960 by 40
        (100.0, [300.0, 600.0, 1050.0, 1060.0, 1100.0]),
        (0.0, [200.0, 500.0, 950.0, 960.0, 1000.0]),
    ],
)
def test_a_move_down_leaves_what_is_at_the_rating(by: float, expected: list[float]) -> None:
    quantiles = np.array([[200.0, 500.0, 950.0, 960.0, 1000.0]])
    assert FARM.moved(quantiles, np.array([by]))[0].tolist() == expected


def test_a_move_up_leaves_what_stands_still_and_order_is_kept() -> None:
    found = FARM.moved(np.array([[0.0, 0.0, 30.0, 200.0], [0.0, 0.0, 30.0, 200.0]]), np.array([100.0, -20.0]))
    assert found[0].tolist() == [0.0, 0.0, 60.0, 300.0]
    assert found[1].tolist() == [-20.0, -20.0, 10.0, 180.0]  # the rest clips
    many = np.sort(np.random.default_rng(0).uniform(-50, 1050, (20, 30)), axis=1)
    assert (np.diff(FARM.moved(many, np.linspace(-400, 400, 20)), axis=1) >= 0).all()


def test_what_is_off_its_bounds_already_is_moved_no_further_and_not_back() -> None:
    """Beyond the rating there is no room for a move down, below nothing none for one up."""
    assert FARM.moved(np.array([[990.0, 1010.0]]), np.array([-100.0]))[0].tolist() == [980.0, 1010.0]
    assert FARM.moved(np.array([[-10.0, 10.0]]), np.array([100.0]))[0].tolist() == [-10.0, 20.0]
