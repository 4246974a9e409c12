"""Bounds are bounds, plans are whole and pass the audit, whatever way they were found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.problem import Problem
from dispatch.search import neighbourhoods, relaxation
from dispatch.search.blocks import Split, kept_rows, simplified, split
from dispatch.search.dantzig_wolfe import mix
from dispatch.search.diving import dive
from dispatch.search.portfolio import improve_and_prove
from dispatch.search.recovery import recover
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices, continuous, run
from tests.unit.dispatch.search.fleets import fleet

TIGHT = Limits(gap=1e-5)


def parts(problem: Problem) -> tuple[Matrices, Split]:
    matrices = problem.compiled.matrices()
    small = simplified(matrices)
    coupling = np.flatnonzero(np.isin(kept_rows(matrices), problem.layout().coupling))
    return small, split(small, coupling)


def best(problem: Problem) -> Answer:
    return run(problem.compiled.matrices(), TIGHT)


def test_bounds_instead_of_rows_change_nothing() -> None:
    problem = fleet(0)
    matrices = problem.compiled.matrices()
    small = simplified(matrices)
    assert small.rows.shape[0] < matrices.rows.shape[0]
    assert run(small, TIGHT).objective == pytest.approx(best(problem).objective, rel=1e-6)


def test_each_unit_is_a_block_and_nothing_is_lost() -> None:
    problem = fleet(1)
    small, made = parts(problem)
    assert len(made.blocks) == 6
    columns = np.concatenate([*(block.columns for block in made.blocks), made.rest.columns])
    assert sorted(columns) == list(range(small.cost.size))


@pytest.mark.parametrize("seed", range(4))
def test_any_price_gives_a_lower_bound(seed: int) -> None:
    problem = fleet(seed)
    _, made = parts(problem)
    optimum = best(problem).objective
    random = np.random.default_rng(seed)
    upward, downward = np.isfinite(made.lower), np.isfinite(made.upper)
    for scale in (0.0, 0.01, 0.1, 1.0):
        price = random.normal(size=made.lower.size) * scale * made.scale
        price = np.clip(price, np.where(downward, -np.inf, 0), np.where(upward, np.inf, 0))
        minima = np.array([value for value, _ in made.price_all(price, None)])
        assert made.bound(price, minima) / made.scale <= optimum + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_pricing_blocks_reaches_the_bound_of_the_whole_relaxation(seed: int) -> None:
    small, made = parts(fleet(seed))
    found = mix(made, small.integer, 1e-6)
    relaxed = continuous(small).objective
    assert found.bound <= relaxed + 1e-6 * relaxed
    assert found.bound == pytest.approx(relaxed, rel=1e-3)
    assert small.cost @ found.point == pytest.approx(relaxed, rel=1e-3)


@pytest.mark.parametrize("by_blocks", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_recovered_plan_is_whole_audited_and_its_gap_is_true(
    seed: int, by_blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_blocks:
        monkeypatch.setattr(relaxation, "LARGE", 0)
        monkeypatch.setattr(neighbourhoods, "LARGE", 0)
    problem = fleet(seed)
    optimum = best(problem)
    schedule = solve(problem, Limits(gap=1e-3))
    assert schedule.proof.quality == "convex_recovery"
    assert audit(schedule).violations == ()
    assert schedule.proof.bound <= optimum.objective + 1e-6
    assert schedule.proof.objective >= optimum.bound - 1e-6
    assert schedule.proof.gap < 0.02


def test_a_problem_without_an_answer_is_said_to_have_none() -> None:
    problem = fleet(0)
    matrices = problem.compiled.matrices()
    impossible = replace(matrices, row_lower=matrices.row_lower.copy())
    impossible.row_lower[problem.layout().coupling[0]] = 1e9
    impossible.row_upper[problem.layout().coupling[0]] = 1e9
    with pytest.raises(SolveError):
        recover(impossible, Limits(), layout=problem.layout())


def test_two_processes_agree_with_one() -> None:
    problem = fleet(2)
    optimum = best(problem)
    limits = Limits(gap=1e-4, seconds=60)
    schedule = solve(problem, limits, run=partial(improve_and_prove, layout=problem.layout()))
    assert schedule.proof.quality == "optimal"
    assert not schedule.proof.clock_fired
    assert schedule.proof.objective == pytest.approx(optimum.objective, rel=2e-4)
    assert schedule.proof.bound <= optimum.objective + 1e-6
    assert audit(schedule).passed


def test_two_processes_stop_at_their_deadline_with_what_they_have() -> None:
    problem = fleet(3, units=40)
    limits = Limits(gap=0.0, seconds=8)
    answer = improve_and_prove(problem.compiled.matrices(), limits, layout=problem.layout())
    assert answer.bound <= answer.objective
    assert answer.gap < 0.05


def test_two_processes_need_a_deadline() -> None:
    problem = fleet(0)
    with pytest.raises(SolveError, match="needs a deadline"):
        improve_and_prove(problem.compiled.matrices(), Limits(), layout=problem.layout())


def test_a_first_plan_by_rounding_up_has_a_dual_for_each_row_that_is_none() -> None:
    """Whoever reads duals sees that there are none, and not an array of another shape."""
    matrices = fleet(0).compiled.matrices()
    found = dive(matrices)
    assert found is not None
    assert found.row_dual.shape == matrices.row_upper.shape
    assert np.isnan(found.row_dual).all()


def test_a_relaxation_that_was_stopped_is_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = fleet(0)
    matrices, layout = problem.compiled.matrices(), problem.layout()

    def stopped(asked: Matrices) -> Answer:
        return replace(continuous(asked), quality="incumbent", bound=-np.inf)

    assert relaxation.relax(matrices, layout, 1e-3).bound == continuous(matrices).objective
    monkeypatch.setattr(relaxation, "continuous", stopped)
    assert relaxation.relax(matrices, layout, 1e-3).bound == -np.inf
