"""One kWh more and one kWh less, against re-solved programs, on networks that are full of corners."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon import Dispatch, marginal, tangent
from dispatch.carbon.marginal import ASIDE, size_of
from dispatch.errors import AlignmentError, DataError, SolveError
from dispatch.solver.highs import load

_EPS = 1e-4


def corners(seed: int) -> Dispatch:
    """Round numbers: demands at plants' limits, lines that are just full, plants that cost the same."""
    r = np.random.default_rng(seed)
    n, steps = int(r.integers(2, 6)), int(r.integers(1, 5))
    lines: list[Any] = [(i, i + 1, float(r.choice([1, 2])), float(r.choice([10, 20, np.inf]))) for i in range(n - 1)]
    lines.append((0, n - 1, 1.0, float(r.choice([5, 20]))))
    plants: list[Any] = [
        {
            "bus": int(r.integers(n)),
            "cost": float(r.choice([10, 20, 30, 50])),
            "intensity": float(r.choice([0, 0.4, 0.9])),
            "max": float(r.choice([10, 20, 40])),
            "ramp": float(r.choice([10, np.inf])),
        }
        for _ in range(4)
    ]
    plants += [(i, 500.0, 1.7) for i in range(n)]
    stores = [{"bus": 0, "power": 10, "energy": 20, "start": 5, "charge_efficiency": 0.9, "discharge_efficiency": 0.9}]
    demand = {i: r.choice([0, 10, 20, 25.0], steps) for i in range(n)}
    return Dispatch.of_network(
        lines, plants, demand, storage=stores if r.random() < 0.6 else (), hours=float(r.choice([0.25, 1.0]))
    )


def emitted(problem: Dispatch, row: int, more: float, sign: int) -> float:
    """With a little more demand, plants that cost the same told apart by a price of carbon."""
    matrices, carbon = problem.matrices, problem.emissions
    low, high = matrices.row_lower.copy(), matrices.row_upper.copy()
    low[row] += more
    high[row] += more
    cost = matrices.cost + sign * ASIDE * size_of(matrices.cost) / size_of(carbon) * carbon
    solver = load(replace(matrices, row_lower=low, row_upper=high, cost=cost))
    solver.setOptionValue("primal_feasibility_tolerance", 1e-10)
    solver.run()
    if solver.modelStatusToString(solver.getModelStatus()) != "Optimal":
        return float("nan")
    return float(carbon @ np.array(solver.getSolution().col_value))


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_left_and_right_are_finite_differences_of_demand(seed: int) -> None:
    problem = corners(seed)
    found = marginal(problem)
    rows, hours = problem.demand.ravel(), np.ravel(np.broadcast_to(problem.hours, problem.demand.shape))
    left = [(emitted(problem, row, 0, -1) - emitted(problem, row, -_EPS, -1)) / _EPS for row in rows]
    right = [(emitted(problem, row, _EPS, 1) - emitted(problem, row, 0, 1)) / _EPS for row in rows]
    np.testing.assert_allclose(found.left.ravel(), np.array(left) / hours, atol=2e-5)
    np.testing.assert_allclose(found.right.ravel(), np.array(right) / hours, atol=2e-5)


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_demands_at_one_corner_together_are_those_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = np.random.default_rng(seed)
    plants = [(int(r.integers(6)), cost, t, 20.0) for cost, t in ((10, 0.9), (20, 0.4), (30, 0.8), (30, 0.1))]
    problem = Dispatch.of_network(
        [(i, (i + 1) % 6, 1.0, 40.0) for i in range(6)],
        [*plants, *((i, 500.0, 2.0) for i in range(6))],
        {i: r.choice([0, 10, 20, 10.0], 8) for i in range(6)},
        storage=[{"bus": 3, "power": 20, "energy": 40, "start": 20}],
    )
    together = marginal(problem)
    assert together.degenerate.sum() > 2 * tangent._FEW
    monkeypatch.setattr(tangent, "_FEW", problem.demand.size)
    alone = marginal(problem)
    np.testing.assert_allclose(together.left, alone.left, atol=1e-9)
    np.testing.assert_allclose(together.right, alone.right, atol=1e-9)


def test_a_plant_that_is_just_full_has_two_rates() -> None:
    found = marginal(Dispatch.of_network([], [(1, 20, 0.9, 60), (1, 50, 0.4)], {1: 60}))
    assert (found.left[0], found.right[0], found.emissions[0]) == pytest.approx((0.9, 0.4, 0.65))
    assert found.degenerate[0]


def test_where_no_more_can_be_served_there_is_no_rate() -> None:
    found = marginal(Dispatch.of_network([], [(1, 20, 0.9, 60)], {1: 60}))
    assert found.left[0] == pytest.approx(0.9)
    assert np.isnan(found.right[0])
    assert found.emissions[0] == pytest.approx(0.9)
    assert found.degenerate[0]


def test_matrices_as_linprog_has_them_give_the_same() -> None:
    cost, carbon = [20.0, 50.0, 30.0], [0.9, 0.4, 0.0]
    found = marginal(
        Dispatch.of_arrays(cost, carbon, ([[1, 1, 1]], [90]), ([[0, 0, 1]], [20]), [(0, 60), (0, None), (None, 50)])
    )
    same = marginal(Dispatch.of_network([], [(1, 20, 0.9, 60), (1, 50, 0.4), (1, 30, 0.0, 20, -1e6)], {1: 90}))
    assert found.emissions == pytest.approx(same.emissions)
    assert found.price == pytest.approx([50.0])


def test_a_ramp_carries_the_rate_of_another_step() -> None:
    """The dear plant must run before it is needed: a MWh more in the second step exchanges one in the first, too."""
    slow = {"bus": "a", "cost": 50, "intensity": 0.2, "ramp": 10}
    found = marginal(
        Dispatch.of_network([], [{"bus": "a", "cost": 20, "intensity": 0.9, "max": 60}, slow], {"a": [50, 85]})
    )
    np.testing.assert_allclose(found.of("generation"), [[35, 60], [15, 25]])
    np.testing.assert_allclose(found.emissions[0], [0.9, 0.2 + (0.2 - 0.9)])


def test_whole_numbers_are_kept_at_the_best_plan() -> None:
    """A clean unit that must run at 40 or not at all, and is cheaper for it; beside it the dirty one follows demand."""
    cost, carbon = [20.0, 12.0, 100.0], [0.9, 0.1, 0.0]
    least_and_most = ([[0, -1, 40], [0, 1, -50]], [0, 0])
    found = marginal(
        Dispatch.of_arrays(cost, carbon, ([[1, 1, 0]], [90]), least_and_most, [(0, 100), (0, 50), (0, 1)], integer=[2])
    )
    np.testing.assert_allclose(found.value, [40, 50, 1])
    assert found.emissions[0] == pytest.approx(0.9)
    assert found.left[0] == pytest.approx(0.9)


def test_nothing_said_is_the_default_and_names_are_read_loosely() -> None:
    found = marginal(
        Dispatch.of_network(
            [(1, 2, None, None)],
            [{"bus": "1", "cost": 20, "intensity": 0.9, "max": None, "ramp": None}],
            {"2": 30.0},
            storage=[{"bus": 1, "power": 1, "energy": 1, "end": None}],
        )
    )
    assert found.problem.labels == (1, 2)
    np.testing.assert_allclose(found.emissions, 0.9)


def test_rows_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(DataError, match="generator 0 has no 'intensity'"):
        Dispatch.of_network([], [(1, 20)], {1: 60})
    with pytest.raises(DataError, match="generator 0: 'co2' is not known"):
        Dispatch.of_network([], [{"bus": 1, "cost": 20, "co2": 0.9}], {1: 60})
    with pytest.raises(DataError, match="line 0: 5 entries"):
        Dispatch.of_network([(1, 2, 1, 5, 7)], [], {1: 60})
    with pytest.raises(AlignmentError, match="steps"):
        Dispatch.of_network([], [(1, [20, 20, 20], 0.9)], {1: [60, 50]})
    with pytest.raises(AlignmentError, match="one row for each of 1 nodes"):
        Dispatch.of_network([], [(1, 20, 0.9)], [60, 50])
    with pytest.raises(DataError, match="finite"):
        Dispatch.of_network([], [(1, 20, 0.9)], {1: np.nan})
    with pytest.raises(AlignmentError, match="right-hand sides"):
        Dispatch.of_arrays([1.0, 2.0], [0.0, 0.0], ([[1, 1, 1]], [3]))
    with pytest.raises(AlignmentError, match="3 bounds for 2 columns"):
        Dispatch.of_arrays([1.0, 2.0], [0.0, 0.0], ([[1, 1]], [3]), bounds=[(0, 1)] * 3)
    with pytest.raises(SolveError, match="no optimum"):
        marginal(Dispatch.of_network([], [(1, 20, 0.9, 50)], {1: 60}))


def test_a_node_may_have_a_load_and_nothing_else_and_nodes_an_order() -> None:
    found = marginal(Dispatch.of_network([("b", "a", None, 30)], [("b", 20, 0.9)], [10, 20, 0], nodes=("a", "b", "c")))
    assert found.problem.labels == ("a", "b", "c")
    np.testing.assert_allclose(found.of("flow"), [10])
    assert found.emissions[0] == pytest.approx(0.9)
    assert np.isnan(found.right[2])


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_plants_that_cost_the_same_and_emit_nearly_so_are_told_apart(scale: float) -> None:
    found = marginal(
        Dispatch.of_arrays([0.05 * scale, 0.05 * scale, 50 * scale], [0.13, 0.1301, 5], ([[1, 1, 1]], [50.0]))
    )
    assert (found.left[0], found.right[0]) == pytest.approx((0.1301, 0.13), rel=1e-9)
    assert found.price[0] == pytest.approx(0.05 * scale)
