"""Commitment of single sites: bound, optimum and plan in order, at any price, whatever was solved before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import SolveError
from dispatch.fleet.integer.alone import Alone
from dispatch.fleet.integer.commit import Committer
from dispatch.fleet.integer.tree import Effort
from dispatch.solver.highs import Limits, Matrices, run
from tests.unit.dispatch.fleet.integer.committed import member, structure

EXACT = Limits(gap=1e-9)


@pytest.fixture(scope="module")
def fleet():
    return structure([member(n) for n in range(6)])


@pytest.fixture(scope="module")
def two_units():
    return structure([member(n, units=2) for n in range(3)])


def problems_of(structure):
    return [structure.stack.matrices(n) for n in range(len(structure.stack))]


def keeps(matrices: Matrices, x: np.ndarray) -> bool:
    activity = matrices.rows @ x
    inside = (x >= matrices.col_lower - 1e-6).all() and (x <= matrices.col_upper + 1e-6).all()
    rows = (activity >= matrices.row_lower - 1e-5).all() and (activity <= matrices.row_upper + 1e-5).all()
    return bool(inside and rows and np.abs(x - np.round(x))[matrices.integer].max(initial=0) < 1e-6)


def test_the_optimum_lies_between_bound_and_plan(fleet):
    problems, some = problems_of(fleet), 0
    alone = Alone(problems[0])
    for matrices in problems:
        found = alone.run(matrices, Limits(gap=1e-3))
        best = run(matrices, EXACT).objective
        assert found.bound <= best + 1e-6 <= found.objective + 2e-6
        assert found.objective - found.bound <= 1.1e-3 * abs(found.objective)
        assert found.objective == pytest.approx(matrices.cost @ found.x + matrices.offset)
        assert keeps(matrices, found.x)
        some += bool(found.x[matrices.integer].any())
    assert some  # the fleet is not one whose units never run


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_prices_may_change_and_the_tree_is_kept(fleet, seed):
    rng = np.random.default_rng(seed)
    committer, known = Committer(fleet.stack), None
    for _ in range(3):
        cost = fleet.stack.cost[0].copy()
        cost[fleet.at] += rng.uniform(-0.3, 0.9) * rng.random(fleet.at.size)
        found = committer.commit(0, cost, Effort(0.05), known)
        known = found.whole
        best = run(replace(fleet.stack.matrices(0), cost=cost), EXACT).objective
        assert found.bound <= best + 1e-6 <= found.cost + 2e-6
        assert found.cost - found.bound <= 0.05 + 1e-6


def test_several_units(two_units):
    problems = problems_of(two_units)
    alone = Alone(problems[0])
    for matrices in problems:
        found = alone.run(matrices, Limits(gap=1e-4))
        best = run(matrices, EXACT).objective
        assert found.bound <= best + 1e-6 <= found.objective + 2e-6
        assert found.objective - found.bound <= 1.1e-4 * abs(found.objective)


def test_a_search_that_is_cut_short_says_so_by_its_bound(fleet):
    committer = Committer(fleet.stack)
    gaps = []
    for n in range(len(fleet.stack)):
        found = committer.commit(n, fleet.stack.cost[n], Effort(0.0, programs=1, nodes=0))
        best = run(fleet.stack.matrices(n), EXACT).objective
        assert found.bound <= best + 1e-6 <= found.cost + 2e-6
        gaps.append(found.cost - found.bound)
    assert max(gaps) > 1e-3


def test_a_site_without_integers_is_its_linear_program():
    problems = problems_of(structure([member(n, with_unit=False) for n in range(2)]))
    alone = Alone(problems[0])
    for matrices in problems:
        found, best = alone.run(matrices, Limits()), run(matrices, EXACT).objective
        assert found.objective == pytest.approx(best)
        assert found.bound == pytest.approx(best)


def test_a_site_that_has_no_plan_is_refused(fleet):
    matrices = problems_of(fleet)[1]
    column = int(np.flatnonzero(np.isfinite(matrices.col_upper) & (matrices.col_upper > 0))[0])
    lower = matrices.col_lower.copy()
    lower[column] = matrices.col_upper[column] + 1e4
    with pytest.raises(SolveError, match="without a plan"):
        Alone(problems_of(fleet)[0]).run(replace(matrices, col_lower=lower), Limits())


def test_a_plan_does_not_depend_on_who_was_planned_before(fleet):
    problems = problems_of(fleet)
    forward, backward = Alone(problems[0]), Alone(problems[0])
    first = [forward.run(problem, Limits()) for problem in problems]
    second = [backward.run(problem, Limits()) for problem in problems[::-1]][::-1]
    for one, other in zip(first, second, strict=True):
        assert one.x.tobytes() == other.x.tobytes()
        assert (one.objective, one.bound) == (other.objective, other.bound)


def test_duals_are_those_of_the_program_with_its_whole_numbers_held(fleet):
    problem = fleet.stack.matrices(1)
    answer = Alone(problem).run(problem, Limits(gap=1e-9))
    reference = run(problem, EXACT)
    assert answer.objective == pytest.approx(reference.objective)
    assert np.array_equal(np.round(answer.x[problem.integer]), np.round(reference.x[problem.integer]))
    held = replace(problem, col_lower=problem.col_lower.copy(), col_upper=problem.col_upper.copy())
    held.col_lower[problem.integer] = held.col_upper[problem.integer] = np.round(answer.x[problem.integer])
    reduced = problem.cost - held.rows.T @ answer.row_dual
    ends = np.where(reduced > 0, held.col_lower, held.col_upper)
    at_rows = np.where(answer.row_dual > 0, held.row_lower, held.row_upper)
    value = answer.row_dual[answer.row_dual != 0] @ at_rows[answer.row_dual != 0]
    value += reduced[np.abs(reduced) > 1e-9] @ ends[np.abs(reduced) > 1e-9]
    assert value + problem.offset == pytest.approx(answer.objective, rel=1e-6)


def test_what_our_search_cannot_finish_the_solver_does(two_units):
    committer = Committer(two_units.stack)
    for n in range(len(two_units.stack)):
        found = committer.commit(n, two_units.stack.cost[n], Effort(1e-3, programs=1))
        best = run(two_units.stack.matrices(n), EXACT).objective
        assert found.bound <= best + 1e-6 <= found.cost + 2e-6
        assert found.cost - found.bound <= 2e-3
