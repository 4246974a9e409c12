"""Rows that bound one column become its bounds, and their duals come back."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from dispatch.fleet.reduction import Reduction
from dispatch.solver.highs import Compiled, continuous


@pytest.fixture
def small() -> tuple[cp.Problem, cp.Parameter]:
    """x₀ between 2 and 3 by rows with factors, x₁ ≤ what a parameter says, x₂ equal to 4; one row joins them."""
    x, most, factor = cp.Variable(3), cp.Parameter(value=5.0), cp.Parameter(value=1.0)
    rows = [2 * x[0] <= 6, -3 * x[0] <= -6, x[0] <= 10, x[1] <= most, x[1] >= 0, 2 * x[2] == 8]
    return cp.Problem(cp.Minimize(-x[0] - 2 * x[1] + x[2]), [*rows, factor * x[0] + x[1] <= 6, 0 * x[0] <= 1]), most


def test_bounds_are_limits_over_their_factors_and_the_tighter_of_two(small: tuple[cp.Problem, cp.Parameter]) -> None:
    problem, most = small
    compiled = Compiled(problem)
    reduction = Reduction.of(compiled)
    for value in (5.0, 1.5):
        most.value = value
        made = reduction.apply(compiled.matrices())
        assert made.rows.shape == (1, 3), "only the row with two columns stays"
        assert made.col_lower.tolist() == [2.0, 0.0, 4.0]
        assert made.col_upper.tolist() == [3.0, value, 4.0]


def test_duals_of_all_rows_come_back_from_reduced_costs(small: tuple[cp.Problem, cp.Parameter]) -> None:
    problem, _ = small
    compiled = Compiled(problem)
    reduction, full = Reduction.of(compiled), compiled.matrices()
    made = reduction.apply(full)
    found, whole = continuous(made), continuous(full)
    assert found.objective == pytest.approx(whole.objective)
    reduced = made.cost - made.rows.T @ found.row_dual
    duals = reduction.duals(made, found.x, found.row_dual, reduced)
    assert full.cost - full.rows.T @ duals == pytest.approx(np.zeros(3), abs=1e-9)
    assert full.row_upper @ duals == pytest.approx(whole.objective), "nothing is left to bounds: rows hold them all"


def test_bounds_that_cross_by_less_than_a_solvers_tolerance_are_one() -> None:
    x = cp.Variable(1)
    least = cp.Parameter(value=1.0)
    compiled = Compiled(cp.Problem(cp.Minimize(cp.sum(x)), [x >= least, x <= 1.0, x + 2 * x <= 9]))
    reduction = Reduction.of(compiled)
    least.value = 1.0 + 1e-9
    made = reduction.apply(compiled.matrices())
    assert made.col_lower.tolist() == made.col_upper.tolist() == [1.0]
    least.value = 1.1
    made = reduction.apply(compiled.matrices())
    assert made.col_lower[0] > made.col_upper[0], "a contradiction stays one"


def test_a_row_whose_factor_is_a_parameter_stays_a_row() -> None:
    x, factor = cp.Variable(2), cp.Parameter(value=0.0)
    compiled = Compiled(cp.Problem(cp.Minimize(cp.sum(x)), [factor * x[0] >= -1, x >= 0]))
    reduction = Reduction.of(compiled)
    assert reduction.rows.size == 1
    assert np.array_equal(reduction.apply(compiled.matrices()).col_lower, np.zeros(2))
