"""From cvxpy to HiGHS and back: matrices, bounds, duals, proofs, limits, determinism."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.errors import InfeasibleError, SolveError
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver import highs
from dispatch.solver.highs import Answer, Compiled, Limits, Matrices, continuous, run
from tests.parks import given, grid, hours, load, park, unit


def knapsack(count: int = 30, seed: int = 1) -> tuple[Compiled, cp.Variable, np.ndarray, np.ndarray]:
    """A problem that the root node does not close."""
    random = np.random.default_rng(seed)
    weight, worth = random.integers(20, 100, (2, count)).astype(float)
    take = cp.Variable(count, boolean=True)
    rows = [weight @ take <= weight.sum() / 2, worth @ take <= 0.55 * worth.sum()]
    return Compiled(cp.Problem(cp.Minimize(-(worth + weight) @ take), rows)), take, weight, worth


def test_a_linear_program_by_hand_with_offset_bounds_and_equality() -> None:
    x, y = cp.Variable(bounds=[0, 3]), cp.Variable(nonneg=True)
    problem = cp.Problem(cp.Minimize(2 * x + 3 * y + 7), [x + y == 5, y <= 4])
    compiled = Compiled(problem)
    answer = run(compiled.matrices(), Limits())
    compiled.assign(problem.variables(), answer.x)
    assert (x.value, y.value) == (pytest.approx(3), pytest.approx(2))
    assert answer.objective == pytest.approx(2 * 3 + 3 * 2 + 7)
    assert answer.quality == "optimal"
    assert answer.gap == 0


def test_parameters_change_the_matrices_without_another_compilation() -> None:
    factor, limit = cp.Parameter(nonneg=True, value=1.0), cp.Parameter(value=4.0)
    x = cp.Variable(2, nonneg=True)
    compiled = Compiled(cp.Problem(cp.Maximize(cp.sum(x)), [factor * x <= limit]))
    assert run(compiled.matrices(), Limits()).objective == pytest.approx(-8)
    factor.value, limit.value = 2.0, 10.0
    assert run(compiled.matrices(), Limits()).objective == pytest.approx(-10)


def test_columns_and_rows_are_found_in_the_shape_of_variable_and_constraint() -> None:
    x = cp.Variable((2, 3))
    target = np.arange(6.0).reshape(2, 3)
    rows = x == target
    compiled = Compiled(cp.Problem(cp.Minimize(np.ones(2) @ x @ np.array([1.0, 10, 100])), [rows]))
    answer = run(compiled.matrices(), Limits())
    assert answer.x[compiled.columns(x)] == pytest.approx(target)
    assert np.abs(answer.row_dual[compiled.rows(rows)]) == pytest.approx(np.tile([1.0, 10, 100], (2, 1)))


def test_columns_may_be_made_integral_for_one_run() -> None:
    x = cp.Variable(bounds=[0, 1])
    compiled = Compiled(cp.Problem(cp.Minimize(x), [x >= 0.4]))
    assert run(compiled.matrices(), Limits()).objective == pytest.approx(0.4)
    assert run(compiled.matrices(), Limits(), also_integer=compiled.columns(x).ravel()).objective == pytest.approx(1)
    assert run(compiled.matrices(), Limits()).objective == pytest.approx(0.4), "the matrices stay as they were"


def test_the_duals_of_an_integer_problem_are_those_with_integers_fixed() -> None:
    """A unit of 50 kW at .1 is on; the kWh beyond is bought at .2: that is the price."""
    site = park(load(), grid(), unit(min_kw=50, max_kw=50, start_cost=1))
    schedule = solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): 70.0}), Mode("exact")))
    assert schedule.price_per_kwh is not None
    assert schedule.price_per_kwh[0, 0] == pytest.approx([0.2, 0.2])


def test_the_bound_is_proven_and_within_the_gap() -> None:
    compiled, take, weight, worth = knapsack()
    answer = run(compiled.matrices(), Limits(gap=0.0))
    chosen = answer.x[compiled.columns(take)]
    assert answer.objective == pytest.approx(-(worth + weight) @ np.round(chosen))
    assert answer.bound == pytest.approx(answer.objective)
    assert answer.nodes >= 1


def test_a_limit_of_nodes_leaves_a_plan_with_its_gap() -> None:
    compiled, *_ = knapsack(60, 3)
    cut, full = (run(compiled.matrices(), Limits(gap=0.0, nodes=n)) for n in (1, 100_000))
    assert cut.bound <= full.objective + 1e-6
    assert cut.objective >= full.objective - 1e-6
    assert not cut.clock_fired
    assert (cut.quality == "optimal") == (cut.gap < 1e-6)


def test_the_same_problem_gives_the_same_bytes() -> None:
    answers = [run(knapsack()[0].matrices(), Limits()) for _ in range(2)]
    assert answers[0].x.tobytes() == answers[1].x.tobytes()
    assert answers[0].row_dual.tobytes() == answers[1].row_dual.tobytes()


def test_no_plan_is_an_error_that_says_why() -> None:
    x = cp.Variable(nonneg=True)
    with pytest.raises(InfeasibleError, match=r"(?i)infeasible"):
        run(Compiled(cp.Problem(cp.Minimize(x), [x <= -1])).matrices(), Limits())
    with pytest.raises(SolveError, match=r"(?i)unbounded") as endless:
        run(Compiled(cp.Problem(cp.Minimize(-x), [x >= 1])).matrices(), Limits())
    assert not isinstance(endless.value, InfeasibleError)


@pytest.mark.parametrize(
    ("objective", "bound", "gap"), [(100.0, 99.0, 0.01), (-50.0, -51.0, 0.02), (1.0, 1.5, 0.0), (0.0, 0.0, 0.0)]
)
def test_the_gap_is_relative_and_never_negative(objective: float, bound: float, gap: float) -> None:
    answer = Answer("optimal", np.zeros(1), np.zeros(1), objective, bound, 0, clock_fired=False)
    assert answer.gap == pytest.approx(gap)


def transport(size: int = 60) -> Matrices:
    """A linear program of some hundred simplex iterations."""
    random = np.random.default_rng(3)
    flow = cp.Variable((size, size), nonneg=True)
    need, have = random.uniform(1, 2, size), random.uniform(3, 4, size)
    rows = [cp.sum(flow, axis=0) >= need, cp.sum(flow, axis=1) <= have]
    price = random.uniform(1, 9, (size, size))
    return Compiled(cp.Problem(cp.Minimize(cp.sum(cp.multiply(price, flow))), rows)).matrices()


@pytest.mark.parametrize("solved", [continuous, lambda matrices: run(matrices, Limits())])
def test_a_linear_program_that_was_stopped_proves_no_bound(
    monkeypatch: pytest.MonkeyPatch, solved: Callable[[Matrices], Answer]
) -> None:
    """Its point costs more than the optimum: that the optimum is no lower has not been shown."""
    matrices, right = transport(), highs.load
    best = solved(matrices)
    assert best.bound == best.objective

    def limited(*given: Any) -> Any:
        solver = right(*given)
        for option, value in (("presolve", "off"), ("simplex_strategy", 4), ("simplex_iteration_limit", 150)):
            solver.setOptionValue(option, value)
        return solver

    monkeypatch.setattr(highs, "load", limited)
    stopped = solved(matrices)
    assert stopped.quality == "incumbent"
    assert stopped.objective > best.objective * (1 + 1e-6)
    assert stopped.bound == -np.inf
    assert stopped.gap == np.inf


def test_a_gap_is_closed_but_for_rounding() -> None:
    def answered(bound: float) -> Answer:
        return Answer("optimal", np.zeros(1), np.zeros(1), 1000.0, bound, 0, False)

    assert answered(1000 - 1e-8).within(0.0), "ten trillionths"
    assert not answered(1000 - 1e-5).within(0.0), "ten billionths"
    assert answered(999).within(1e-3)


def test_values_are_read_without_filling_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    x = cp.Variable(2, nonneg=True)
    compiled = Compiled(cp.Problem(cp.Minimize(cp.sum(x)), [x >= 1]))
    x.value = np.array([1.0, 2.0])
    monkeypatch.setattr(Compiled, "matrices", None)
    assert sorted(compiled.values([x])) == [1.0, 2.0]
