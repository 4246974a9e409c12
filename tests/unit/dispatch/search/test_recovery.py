"""Whole numbers near a relaxation, and the search that starts from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.errors import SolveError, TimeUpError
from dispatch.problem import Problem
from dispatch.search import hunt as module
from dispatch.search.hunt import hunt
from dispatch.search.recovery import recover
from dispatch.solver.highs import Answer, Limits, Matrices, Point, continuous, run
from tests.parks import given, grid, hours, load, park, unit
from tests.unit.dispatch.search.fleets import fleet


def matrices(steps: int = 24, seed: int = 0) -> Matrices:
    random = np.random.default_rng(seed)
    units = [
        unit(
            f"unit_{i}",
            min_kw=float(random.uniform(30, 60)),
            max_kw=float(random.uniform(70, 90)),
            start_cost=float(random.uniform(3, 12)),
            no_load_cost_per_h=float(random.uniform(0, 2)),
            cost_per_kwh=float(random.uniform(0.08, 0.12)),
            min_up_h=3,
            min_down_h=2,
        )
        for i in range(5)
    ]
    site = park(load(), *units, grid(import_kw=20))
    demand = random.uniform(60, 330, steps)
    return Problem(site, given(site, hours(steps), {("load", "demand_kw"): demand}), Mode("exact")).compiled.matrices()


def keeps(found: Answer, made: Matrices) -> bool:
    used = made.rows @ found.x
    rows = (used <= made.row_upper + 1e-5).all() and (used >= made.row_lower - 1e-5).all()
    whole = found.x[made.integer]
    return bool(rows and np.abs(whole - np.round(whole)).max() < 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_recovered_point_keeps_all_rows_and_its_gap_is_true(seed: int):
    made = matrices(seed=seed)
    found, best = recover(made, Limits()), run(made, Limits(gap=0.0))
    assert found.quality == "convex_recovery"
    assert keeps(found, made)
    assert found.bound <= best.objective + 1e-6
    assert found.objective >= best.objective - 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_a_hunt_ends_at_the_optimum_within_its_gap(seed: int):
    made = matrices(seed=seed)
    found, best = hunt(made, Limits(gap=1e-3)), run(made, Limits(gap=0.0))
    assert found.quality == "optimal"
    assert keeps(found, made)
    assert found.gap <= 1e-3
    assert found.bound <= best.objective + 1e-6
    assert best.objective - 1e-6 <= found.objective <= best.objective * (1 + 1e-3) + 1e-6


def test_a_relaxation_that_is_whole_needs_no_search():
    asked: list[int] = []

    def counted(made: Matrices, limits: Limits, **named: Any) -> Answer:
        asked.append(int(made.integer.sum()))
        return run(made, limits, **named)

    site = park(load(), grid(), unit())
    made = Problem(site, given(site, hours(3), {("load", "demand_kw"): 120.0}), Mode("exact")).compiled.matrices()
    found = hunt(made, Limits(), run=counted)
    assert found.quality == "optimal"
    assert asked == [0]
    assert found.objective == pytest.approx(run(made, Limits()).objective)


def test_where_fixing_leaves_nothing_less_is_fixed_and_in_the_end_all_is_searched():
    made = matrices()
    tried: list[int] = []

    def stubborn(asked: Matrices, limits: Limits, **named: Any) -> Answer:
        """Calls every problem infeasible in which something whole was fixed."""
        if asked.integer.any():
            tried.append(int(asked.integer.sum()))
            if asked.integer.sum() < made.integer.sum():
                raise SolveError("HiGHS stopped without a plan: Infeasible")
        return run(asked, limits, **named)

    found = hunt(made, Limits(gap=1e-3), run=stubborn)
    assert tried == sorted(tried)
    assert tried[-1] == made.integer.sum()
    assert found.objective == pytest.approx(run(made, Limits(gap=1e-3)).objective, rel=2e-3)
    tried.clear()
    assert recover(made, Limits(gap=1e-3), run=stubborn).quality == "convex_recovery"
    assert tried[-1] == made.integer.sum()


def test_nothing_whole_anywhere_is_an_error_that_says_why():
    def stubborn(asked: Matrices, limits: Limits, **named: Any) -> Answer:
        if asked.integer.any():
            raise SolveError("HiGHS stopped without a plan: Infeasible")
        return run(asked, limits, **named)

    for search in (hunt, recover):
        with pytest.raises(SolveError, match="Infeasible"):
            search(matrices(), Limits(), run=stubborn)


def test_points_on_the_way_are_told_with_a_bound_that_holds():
    made = matrices(seed=1)
    points: list[Point] = []
    best = hunt(made, Limits(gap=0.0), improved=points.append)
    assert points
    assert min(p.objective for p in points) == pytest.approx(best.objective, rel=1e-6)
    assert all(p.bound <= best.objective + 1e-6 for p in points)
    assert all(p.objective >= best.objective - 1e-6 for p in points)


def test_more_columns_may_have_to_be_whole():
    made = matrices(8)
    loose = np.flatnonzero(~made.integer & (made.col_lower == 0) & (made.col_upper == 1))
    for search in (hunt, recover):
        found = search(made, Limits(), also_integer=loose)
        assert np.abs(found.x[loose] - np.round(found.x[loose])).max() < 1e-6


def test_time_that_is_over_ends_every_part_of_it():
    with pytest.raises(SolveError, match="Time limit"):
        hunt(matrices(48), Limits(seconds=1e-9))


def limited(made: Matrices, limits: Limits) -> tuple[Answer, list[tuple[int, int]]]:
    """A hunt, and of each search in it how many columns were whole and how many nodes it had."""
    asked: list[tuple[int, int]] = []

    def counted(part: Matrices, given_limits: Limits, **named: Any) -> Answer:
        if part.integer.any():
            asked.append((int(part.integer.sum()), given_limits.nodes))
        return run(part, given_limits, **named)

    return hunt(made, limits, run=counted), asked


def test_the_small_search_before_the_full_one_has_few_nodes_and_the_full_one_all():
    made = matrices(seed=1)
    _, asked = limited(made, Limits(gap=0.0))
    assert len(asked) >= 2
    full = [nodes for whole, nodes in asked if whole == made.integer.sum()]
    assert all(nodes == 300 for whole, nodes in asked if whole < made.integer.sum())
    assert full in ([500], [500, Limits().nodes - 500])


def unproved(made: Matrices, thorough: Callable[..., Answer]) -> tuple[Answer, list[bool]]:
    """A hunt whose quick nodes prove nothing, and of each search of the whole problem whether it began from a point."""
    started: list[bool] = []

    def counted(part: Matrices, limits: Limits, **named: Any) -> Answer:
        if part.integer.sum() < made.integer.sum():
            return run(part, limits, **named)
        started.append(named.get("start") is not None)
        if named.get("thorough", True):
            return thorough(part, limits, **named)
        answer = run(part, limits, **named)
        return replace(answer, quality="incumbent", bound=0.9 * answer.bound)

    return hunt(made, Limits(gap=0.0), run=counted), started


def test_what_quick_nodes_do_not_prove_thorough_ones_do_from_their_point():
    made = matrices(seed=1)
    found, started = unproved(made, run)
    assert len(started) == 2
    assert started[-1]
    assert found.quality == "optimal"
    assert found.objective == pytest.approx(run(made, Limits(gap=0.0)).objective, rel=1e-6)
    assert found.bound == pytest.approx(found.objective, rel=1e-6)


@pytest.mark.parametrize("trouble", [TimeUpError, SolveError])
def test_whatever_ends_the_thorough_nodes_leaves_the_point_of_the_quick_ones(trouble: type[SolveError]):
    def ended(part: Matrices, limits: Limits, **named: Any) -> Answer:
        raise trouble("HiGHS stopped without a plan")

    made = matrices(seed=1)
    found, _ = unproved(made, ended)
    assert found.clock_fired is (trouble is TimeUpError)
    assert found.quality == "incumbent"
    assert keeps(found, made)
    assert found.bound < found.objective


def test_a_limit_below_that_of_the_small_search_holds_there_too():
    _, asked = limited(matrices(seed=1), Limits(gap=0.0, nodes=7))
    assert {nodes for _, nodes in asked} == {7}


@pytest.mark.parametrize("switches", [False, True])
def test_branches_are_tried_only_where_flows_are_told_apart(switches: bool):
    made = matrices(seed=1)
    tried: list[bool] = []

    def counted(part: Matrices, limits: Limits, **named: Any) -> Answer:
        if part.integer.any():
            tried.append(named.get("thorough", True))
        return run(part, limits, **named)

    loose = np.flatnonzero(~made.integer & (made.col_lower == 0) & (made.col_upper == 1))[:4]
    hunt(made, Limits(gap=0.0), also_integer=loose if switches else None, run=counted)
    assert len(tried) >= 2
    assert not tried[0]
    assert tried[-1] is switches


def test_with_and_without_trials_a_search_ends_at_the_same_optimum():
    made = matrices(seed=2)
    quick, slow = (run(made, Limits(gap=1e-6), thorough=thorough) for thorough in (False, True))
    assert quick.objective == pytest.approx(slow.objective, rel=2e-6)
    assert quick.quality == slow.quality == "optimal"


@pytest.mark.parametrize("nodes", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_a_small_search_cut_short_costs_nothing_but_its_point(seed: int, nodes: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_NEAR_NODES", nodes)
    made = matrices(seed=seed)
    found, best = hunt(made, Limits(gap=1e-3)), run(made, Limits(gap=0.0))
    assert found.quality == "optimal"
    assert keeps(found, made)
    assert found.bound <= best.objective + 1e-6
    assert found.objective <= best.objective * (1 + 1e-3) + 1e-6


def test_a_recovery_has_all_nodes_for_its_small_search():
    nodes: list[int] = []

    def counted(part: Matrices, limits: Limits, **named: Any) -> Answer:
        nodes.append(limits.nodes)
        return run(part, limits, **named)

    recover(matrices(), Limits(), run=counted)
    assert set(nodes) == {Limits().nodes}


def test_plants_and_columns_are_two_ways_to_one_plan():
    """Both keep the bound of the relaxation and end near the optimum, whichever of them is asked."""
    problem = fleet(1)
    made = problem.compiled.matrices()
    best = run(made, Limits(gap=0.0))
    for layout in (None, problem.layout()):
        found = recover(made, Limits(gap=1e-3), layout=layout)
        assert found.quality == "convex_recovery"
        assert keeps(found, made)
        assert found.bound <= best.objective + 1e-6 <= found.objective + 2e-6
        assert found.bound == pytest.approx(continuous(made).objective, rel=5e-3)
    assert found.gap < 0.02  # plant by plant


def test_a_solver_put_in_its_place_is_asked_for_plants_too():
    problem = fleet(1)
    asked: list[bool] = []

    def counted(part: Matrices, limits: Limits, **named: Any) -> Answer:
        asked.append(bool(part.integer.any()))
        return run(part, limits, **named)

    recover(problem.compiled.matrices(), Limits(gap=1e-6), layout=problem.layout(), run=counted)
    assert any(asked)


def test_without_anything_whole_a_recovery_is_the_linear_program():
    site = park(load(), grid())
    made = Problem(site, given(site, hours(3), {("load", "demand_kw"): 120.0}), Mode("exact")).compiled.matrices()
    assert recover(made, Limits()).objective == pytest.approx(run(made, Limits()).objective)
