"""Blocks of power and cost: what they must be, what they cost, and many sites' in one order."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.flexibility import Flexibility, bounds, envelope, reach, share, stacked, storage, support, together
from dispatch.flexibility.linear import Behind

HOURS = [0.5, 1.0]


def offer(**changes: object) -> Flexibility:
    up = {"up_kw": [[2, 0], [3, 4]], "up_cost_per_kwh": [[0.1, 9], [0.3, 0.2]]}
    given = {**up, "down_kw": [1, 1], "down_cost_per_kwh": [0, -1]}
    return Flexibility(HOURS, **{**given, **changes})  # type: ignore[arg-type]


def test_cost_takes_the_cheapest_blocks_first() -> None:
    one = offer()
    assert one.cost("up", [4, 2]).tolist() == [(2 * 0.1 + 2 * 0.3) * 0.5, 2 * 0.2]
    assert one.cost("down", 1).tolist() == [0, -1]
    assert one.cost("up", [5.1, 0]).tolist() == [np.inf, 0]
    assert one.most_kw("up").tolist() == [5, 4]
    with pytest.raises(DataError, match="asked for -1 kW up"):
        one.cost("up", [-1, 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"up_kw": [[2, -1], [3, 4]]}, "up_kw has a width of -1 kW"),
        ({"up_kw": [[2, 1, 1]]}, r"up_kw has shape \(1, 3\)"),
        ({"up_kw": [2, 1]}, "they must be alike"),
        ({"down_cost_per_kwh": [np.nan, 0]}, "down_cost_per_kwh is nan in block 0 of step 0"),
        ({"up_cost_per_kwh": [[0.4, 0], [0.3, 0.2]]}, "up_cost_per_kwh falls to 0.3 in block 1 of step 0"),
    ],
)
def test_wrong_blocks_are_told_why(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        offer(**changes)


def test_sites_in_one_merit_order() -> None:
    both = together([offer(about="a"), offer(up_cost_per_kwh=[[0.2, 0], [0.25, 0.1]], about="b", exact=False)])
    assert both.up_kw[:, 0].tolist() == [2, 2, 3, 3]
    assert both.up_cost_per_kwh[:, 0].tolist() == [0.1, 0.2, 0.25, 0.3]
    assert both.up_kw[:, 1].tolist() == [4, 4, 0, 0]
    assert both.about == "a; b"
    assert not both.exact
    with pytest.raises(DataError, match="no flexibility"):
        together([])
    with pytest.raises(DataError, match="offer 1 has 1 steps"):
        together([offer(), Flexibility([1], [1], [1], [0], [0])])


def test_rows_are_put_together_where_steps_are_the_same() -> None:
    one, two = (storage([1] * n, charge_kw=1, discharge_kw=1, energy_kwh=2, start_kwh=1) for n in (2, 3))
    assert stacked([envelope(one), envelope(one)]).least_kw.shape == (2, 2)
    with pytest.raises(DataError, match="no envelope"):
        stacked([])
    with pytest.raises(DataError, match="other steps"):
        stacked([envelope(one), envelope(two)])


def test_nothing_to_move_has_no_gap_and_no_reach() -> None:
    still = storage([1, 1], charge_kw=0, discharge_kw=0, energy_kwh=2, start_kwh=1, charge_efficiency=0.9)
    assert bounds(still).gap(10).dimensions == 0
    assert reach(still, [0, 0], [1, 0]) == 0


def test_support_with_losses_is_an_outer_bound() -> None:
    lossy = storage([1, 1], charge_kw=5, discharge_kw=5, energy_kwh=9, start_kwh=4, charge_efficiency=0.9)
    best, power = support(lossy, [1, -1])
    assert best == pytest.approx(power.sum(axis=0) @ [1, -1])
    assert best >= share(lossy, [5, -5]).total_kw @ [1, -1] - 1e-6


def test_connections_must_fit() -> None:
    with pytest.raises(DataError, match="limits have shapes"):
        Behind(("a",), np.zeros(1, int), np.zeros((2, 3)), np.zeros((1, 3)))
    with pytest.raises(DataError, match="stands behind connection 4"):
        Behind(("a",), np.array([4]), np.zeros((1, 3)), np.zeros((1, 3)))
    one = Behind(("a",), np.array([0, 0]), -np.ones((1, 2)), np.ones((1, 2)))
    assert one.broken(np.array([[1.0, 0], [1, 0]])) == ["a: 2 kW in step 0, outside [-1, 1]"]
