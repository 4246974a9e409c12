"""A walk of caps against the same problems solved from nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array, vstack

from dispatch.asset import Mode
from dispatch.carbon.park import expected
from dispatch.errors import SolveError
from dispatch.front import front
from dispatch.front.branching import branched
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solver.highs import Answer, Limits, Matrices, run
from dispatch.solver.program import Program
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

DEMAND = 160 + 60 * np.sin(np.arange(10) / 1.7) + 9 * (np.arange(10) % 3)


def crowd() -> Site:
    """Five units nearly alike, each with a least output, starts and minimum times: much is torn."""
    units = [
        unit(f"unit{k}", min_kw=31 + k, max_kw=55 + 2 * k, cost_per_kwh=0.17 + 0.013 * k, start_cost=4 + k,
             min_up_h=3, min_down_h=2, co2_kg_per_kwh=0.42 - 0.06 * k, off_before_h=2)
        for k in range(5)
    ]  # fmt: skip
    connection = grid(carbon_intensity_kg_per_kwh=0.7, import_kw=200, tariff=tariff(0.16))
    return park(connection, *units, load(value_of_lost_load_per_kwh=50))


def problem_of(site: Site, mode: str, demand: np.ndarray) -> Problem:
    inputs = given(site, hours(demand.size), {("load", "demand_kw"): demand})
    return Problem(site, inputs, Mode(mode))  # type: ignore[arg-type]  # a literal


def from_nothing(problem: Problem, cap_kg: float, gap: float) -> Answer:
    """The solver's own search under a cap."""
    twin = problem.twin()
    twin.take(np.zeros(twin.compiled.size))
    carbon, standing = expected(twin, twin.total.co2_kg)
    matrices = twin.compiled.matrices()
    capped = replace(
        matrices,
        rows=vstack([matrices.rows, csr_array(carbon[None, :])], format="csc"),
        row_lower=np.append(matrices.row_lower, -np.inf),
        row_upper=np.append(matrices.row_upper, cap_kg * (1 + 1e-9) - standing),
    )
    return run(capped, Limits(gap=gap))


@pytest.mark.parametrize(("mode", "steps"), [("exact", 6), ("convex", 7)])
def test_points_are_within_their_gap_of_a_search_from_nothing(mode: str, steps: int) -> None:
    problem = problem_of(crowd(), mode, DEMAND[:steps])
    found = front(problem, 5, limits=Limits(gap=2e-3))
    for point in found.points:
        alone = from_nothing(problem, 1000 * point.co2_t, 1e-4)
        assert point.cost >= alone.bound - 1e-4 * abs(alone.bound)
        assert point.cost * (1 - point.gap) <= alone.objective * (1 + 1e-4)
        assert point.gap <= 2e-3
        assert point.audit.passed
    assert {point.how for point in found.points} - {"relaxation"}


def test_a_store_never_runs_both_ways_where_that_would_pay() -> None:
    """What is imported at a negative price is burnt in the store if it may; it may not."""
    site = park(
        grid(carbon_intensity_kg_per_kwh=0.4, import_kw=120, tariff=tariff(-0.05)),
        battery(charge_efficiency=0.8, discharge_efficiency=0.8, start_fill=0.5),
        unit("clean", max_kw=200, cost_per_kwh=0.3),
        load(value_of_lost_load_per_kwh=50),
    )
    found = front(problem_of(site, "convex", np.full(6, 60.0)), 5)
    assert len(found.points) == 5
    for point in found.points:
        solved = point.schedule.kinds["battery"]
        assert np.minimum(solved.series["charge_kw"], solved.series["discharge_kw"]).max() < 1e-3


def knapsack(seed: int) -> Matrices:
    """Fill two rows of sacks with wholes."""
    random = np.random.default_rng(seed)
    rows = csr_array(np.round(random.uniform(1, 9, (2, 8)), 1)).tocsc()
    most = np.asarray(rows.sum(axis=1)).ravel() / 2.2
    cost = -np.round(random.uniform(1, 9, 8), 1)
    low, high = np.zeros(8), np.ones(8)
    return Matrices(cost, 0.0, rows, np.full(2, -np.inf), most, low, high, np.ones(8, bool))


@pytest.mark.parametrize("seed", range(6))
def test_branches_find_and_prove_the_optimum(seed: int) -> None:
    matrices = knapsack(seed)
    program = Program(matrices)
    relaxed = program.solve(matrices)
    assert relaxed is not None

    def torn(x: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.abs(x - np.round(x)) > 1e-6)

    best = branched(program.solve, matrices, torn, relaxed, None, 1e-9, 500)
    true = run(matrices, Limits(gap=0.0))
    assert best is not None
    assert best.objective == pytest.approx(true.objective)
    assert best.bound == pytest.approx(true.objective, rel=1e-6)
    few = branched(program.solve, matrices, torn, relaxed, best, 1e-9, 4)
    assert few is not None
    assert relaxed.objective - 1e-9 <= few.bound <= true.objective + 1e-9


@pytest.mark.parametrize("seed", range(30))
def test_branches_miss_no_part_where_the_nearest_whole_number_has_no_point(seed: int) -> None:
    """Whole numbers that must add up to nearly an odd sum of even weights: one part of most branches is empty."""
    random = np.random.default_rng(seed)
    size = 6
    weights = np.stack([2.0 * random.integers(1, 6, size), random.integers(1, 8, size)])
    middle = weights @ random.uniform(0, 3, size)
    matrices = Matrices(
        cost=random.uniform(-1, 1, size), offset=0.0, rows=csc_array(weights), row_lower=middle - 1.2,
        row_upper=middle + 1.2, col_lower=np.zeros(size), col_upper=np.full(size, 3.0), integer=np.ones(size, bool),
    )  # fmt: skip
    program = Program(matrices)
    relaxed = program.solve(matrices)
    assert relaxed is not None

    def torn(x: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.abs(x - np.round(x)) > 1e-6)

    best = branched(program.solve, matrices, torn, relaxed, None, 0.0, 2_000)
    try:
        true = run(matrices, Limits(gap=0.0))
    except SolveError:
        assert best is None
        return
    assert best is not None
    assert best.objective == pytest.approx(true.objective, abs=1e-6)
