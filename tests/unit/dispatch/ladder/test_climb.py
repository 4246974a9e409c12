"""Whatever a solver does, a schedule that passes the audit comes out, in time, with its rung named. Real processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dispatch.ladder.climb as ladder
from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.ladder.climb import Climbed, climb
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices, run
from dispatch.solver.worker import Worker
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch import bad_solvers

DEADLINE_S = 4.0
BELOW = ("last_good", "rule_based", "safe_state")


def problem(steps: int = 12, **changes: Any) -> Problem:
    """A unit, a store and a grid whose price changes by the hour: commitment decides something."""
    units = [unit(f"unit_{i}", min_kw=30, max_kw=80, start_cost=5 + i, min_up_h=3, min_down_h=2) for i in range(2)]
    connection = grid(import_kw=120, export_kw=40, tariff=tariff(0.22, feed_in=0.05))
    site = park(load(), battery(), connection, *units, **changes)
    demand = 90 + 60 * np.sin(np.arange(steps) / steps * 2 * np.pi)
    return Problem(site, given(site, hours(steps), {("load", "demand_kw"): demand}), Mode("exact"))


@pytest.fixture(scope="module")
def built() -> Problem:
    return problem()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as started:
        yield started


def proved(climbed: Climbed) -> Climbed:
    found = audit(climbed.schedule)
    assert found.passed
    assert found == climbed.audit
    assert climbed.schedule.proof.attempts == climbed.attempts
    assert all(a.reason for a in climbed.attempts)
    assert climbed.schedule.proof.quality not in {a.rung for a in climbed.attempts}
    return climbed


def test_a_solver_that_works_is_on_the_first_rung_and_the_deadline_changes_nothing(built: Problem, worker: Worker):
    plain = proved(climb(built))
    timed = proved(climb(built, deadline_s=60.0, worker=worker))
    for climbed in (plain, timed):
        assert climbed.schedule.proof.quality == "optimal"
        assert climbed.attempts == ()
        assert climbed.schedule.proof.reason == ""
        assert not climbed.schedule.proof.clock_fired
    direct = solve(built)
    for kind, solved in direct.kinds.items():
        for name, values in solved.series.items():
            found = plain.schedule.kinds[kind].series[name]
            np.testing.assert_array_equal(timed.schedule.kinds[kind].series[name], found)
            assert found == pytest.approx(values, abs=1e-6), f"{kind}.{name}"
    assert plain.schedule.price_per_kwh is not None


def test_the_price_of_a_whole_relaxation_is_that_of_the_problem():
    """A unit of 100 kW is cheap, the kWh beyond comes from the grid at .22: that is the price."""
    site = park(load(), grid(tariff=tariff(0.22)), unit(min_kw=20, start_cost=1))
    made = Problem(site, given(site, hours(3), {("load", "demand_kw"): 120.0}), Mode("exact"))
    for schedule in (climb(made).schedule, solve(made)):
        assert schedule.price_per_kwh is not None
        assert schedule.price_per_kwh[0, 0] == pytest.approx([0.22] * 3)


HERE = [
    (bad_solvers.out_of_memory, "MemoryError: no room for the factors"),
    (bad_solvers.infeasible, "Infeasible"),
    (bad_solvers.no_numbers, "no numbers"),
    (bad_solvers.wrong_objective, "is not that of its point"),
    (bad_solvers.wrong_bound, "above its objective"),
    (bad_solvers.wrong_point, "audit: "),
]
ONLY_THERE = [
    (bad_solvers.segfault, "ended by signal 11"),
    (bad_solvers.killed, "ended by signal 9"),
    (bad_solvers.hang, "without an answer"),
    (bad_solvers.slow, "Time limit reached"),
    (bad_solvers.no_answer, "NoneType"),
]


@pytest.mark.parametrize(("bad", "why"), HERE)
def test_without_a_deadline_a_bad_solver_leaves_the_rules_of_the_park(
    built: Problem, bad: Callable[..., Answer], why: str
):
    climbed = proved(climb(built, run=bad))
    assert climbed.schedule.proof.quality == "rule_based"
    assert [a.rung for a in climbed.attempts] == ["optimal", "incumbent", "convex_recovery", "relaxed", "last_good"]
    assert why in climbed.attempts[0].reason
    assert why in climbed.schedule.proof.reason


@pytest.mark.parametrize(("bad", "why"), HERE + ONLY_THERE)
def test_with_a_deadline_nothing_a_solver_does_keeps_the_plan_from_being_there_in_time(
    built: Problem, worker: Worker, bad: Callable[..., Answer], why: str
):
    assert worker.ready(60), "how long a busy machine takes to start a process is not what is measured"
    began = time.monotonic()
    climbed = proved(climb(built, deadline_s=DEADLINE_S, run=bad, worker=worker, last_good=rule_based(built)))
    assert time.monotonic() - began < DEADLINE_S
    assert climbed.schedule.proof.quality == "last_good"
    assert [a.rung for a in climbed.attempts] == ["optimal", "incumbent", "convex_recovery", "relaxed"]
    assert why in climbed.attempts[0].reason
    assert climbed.attempts[0].clock_fired == (bad in (bad_solvers.hang, bad_solvers.slow))


@pytest.mark.parametrize("bad", [bad_solvers.hang_with_points, bad_solvers.crash_with_points])
def test_what_was_found_before_the_kill_is_the_plan(built: Problem, worker: Worker, bad: Callable[..., Answer]):
    assert worker.ready(60)
    climbed = proved(climb(built, deadline_s=DEADLINE_S, run=bad, worker=worker))
    proof = climbed.schedule.proof
    assert proof.quality == "incumbent"
    assert proof.clock_fired == (bad is bad_solvers.hang_with_points)
    assert proof.objective == pytest.approx(solve(built).proof.objective)
    assert [a.rung for a in climbed.attempts] == ["optimal"]
    assert "gap" in climbed.attempts[0].reason
    assert climbed.schedule.price_per_kwh is None, "a search that was stopped on the way has no duals"


def test_the_worker_lives_on_after_a_crash_and_is_asked_again(built: Problem, worker: Worker):
    climb(built, deadline_s=DEADLINE_S, run=bad_solvers.segfault, worker=worker)
    first = climb(built, deadline_s=60.0, worker=worker)
    pid = worker.pid
    second = climb(built, deadline_s=60.0, worker=worker)
    assert (first.schedule.proof.quality, second.schedule.proof.quality) == ("optimal", "optimal")
    assert worker.pid == pid, "started once, asked many times"


def test_a_search_that_fails_is_followed_by_a_recovery_with_a_proved_gap(built: Problem):
    climbed = proved(climb(built, run=bad_solvers.only_linear))
    proof, best = climbed.schedule.proof, solve(built).proof
    assert proof.quality == "convex_recovery"
    assert proof.bound <= best.objective + 1e-6
    assert proof.objective >= best.objective - 1e-6
    assert proof.gap == pytest.approx((proof.objective - proof.bound) / abs(proof.objective))
    assert [a.rung for a in climbed.attempts] == ["optimal", "incumbent"]


def test_a_limit_of_nodes_leaves_an_incumbent_that_says_what_ended_it():
    random = np.random.default_rng(2)
    powers = random.integers(20, 100, 40).astype(float)  # all or nothing: a knapsack that the root does not close
    units = [unit(f"unit_{i}", min_kw=p, max_kw=p, cost_per_kwh=0.1 + p / 1e5) for i, p in enumerate(powers)]
    site = park(load(value_of_lost_load_per_kwh=5.0), *units, grid(import_kw=1))
    demand = [powers.sum() / 2 + 0.5, powers.sum() / 3 + 0.37]
    made = Problem(site, given(site, hours(2), {("load", "demand_kw"): demand}), Mode("exact"))
    climbed = proved(climb(made, Limits(gap=0.0, nodes=1)))
    assert climbed.schedule.proof.quality == "incumbent"
    assert "a limit of the search; gap" in climbed.attempts[0].reason


@pytest.mark.parametrize("poor", [False, True])
def test_a_search_whose_time_is_over_is_followed_by_another_only_where_the_park_does_better_by_itself(
    built: Problem, poor: bool
):
    """Its point is told to be half above its bound: near the optimum, or dearer than the rules."""

    def climbed(seconds: float | None) -> tuple[Climbed, int]:
        asked = 0

        def by_the_clock(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
            nonlocal asked
            asked += 1
            found = bad_solvers.poor(matrices, limits, **named) if poor else run(matrices, limits, **named)
            bound = found.objective - abs(found.objective) / 2
            return replace(found, quality="incumbent", bound=bound, clock_fired=True)

        return climb(built, Limits(seconds=seconds), run=by_the_clock), asked

    (timed, in_time), (whole, in_all) = climbed(60.0), climbed(None)
    assert timed.schedule.proof.objective == pytest.approx(whole.schedule.proof.objective)
    assert (in_time == in_all) == poor
    if not poor:
        assert timed.schedule.proof.quality == "incumbent"
        assert timed.schedule.proof.objective == pytest.approx(solve(built).proof.objective)


@pytest.mark.parametrize(
    ("solved", "own", "winner"),
    [((10.0, True), (12.0, False), 10.0), ((10.0, True), (9.0, False), 9.0), ((10.0, False), (9.0, True), 10.0)],
)
def test_of_two_plans_the_dearer_one_never_wins_nor_one_that_is_cheap_because_it_passes_limits(
    built: Problem, solved: tuple[float, bool], own: tuple[float, bool], winner: float
):
    """What a search found may leave a store's band, as its file lets it."""
    plan = climb(built)

    def told(objective: float, passes: bool) -> Climbed:
        proof = replace(plan.schedule.proof, objective=objective, relaxed=("store: outside its band",) * passes)
        return replace(plan, schedule=replace(plan.schedule, proof=proof))

    found = ladder._Ladder(built, Limits(), None)._cheapest([told(*solved)], told(*own))
    assert found.schedule.proof.objective == winner


@pytest.mark.parametrize("deadline_s", [None, DEADLINE_S])
def test_a_search_that_ends_far_from_its_bound_is_not_published_where_the_park_does_better_by_itself(
    built: Problem, worker: Worker, deadline_s: float | None
):
    assert worker.ready(60)
    climbed = proved(climb(built, run=bad_solvers.poor, deadline_s=deadline_s, worker=worker))
    own, poor = rule_based(built).proof.objective, 10 * solve(built).proof.objective
    assert own < 0.9 * poor
    assert climbed.schedule.proof.quality == "rule_based"
    assert climbed.schedule.proof.objective == pytest.approx(own)
    why = next(a.reason for a in climbed.attempts if a.rung == "incumbent")
    assert f"{poor:,.0f}, 90.0% above its bound" in why


def test_of_plans_far_from_their_bounds_the_cheapest_is_published(built: Problem, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ladder, "_NEAR", -1.0)
    climbed = proved(climb(built, Limits(gap=-1.0)))
    best = solve(built).proof
    assert climbed.schedule.proof.objective == pytest.approx(best.objective)
    assert climbed.schedule.proof.quality in {"optimal", "incumbent"}, "not what a lower rung made of it"


def stuck(**fields: Any) -> Problem:
    """A unit that must run at 100 kW where only 60 can go: 40 into the load, 20 over a connection of 20."""
    must = unit(min_kw=100, max_kw=100, min_up_h=5, on_before_h=1, power_before_kw=100)
    connection = grid(import_kw=20, export_kw=20, tariff=tariff(0.2, feed_in=0.01))
    site = park(load(), connection, must)
    return Problem(site, given(site, hours(3), {("load", "demand_kw"): 40.0}), Mode("exact"))


def test_where_no_plan_keeps_all_limits_the_least_is_passed_and_named():
    climbed = climb(stuck())
    proof = climbed.schedule.proof
    assert proof.quality == "relaxed"
    assert climbed.audit.passed
    assert {(v.asset, v.what) for v in climbed.audit.relaxed} == {("pcc", "export above its limit")}
    assert climbed.schedule.asset("pcc", "export_kw") == pytest.approx([60, 60, 60])
    assert proof.relaxed == ("pcc: export above its limit in 3 steps, most at 00:00 by 40 kW",)
    assert [a.infeasible for a in climbed.attempts] == [True, False, True]


def test_load_is_shed_before_a_limit_is_passed():
    site = park(load(value_of_lost_load_per_kwh=1000.0), grid(import_kw=50))
    made = Problem(site, given(site, hours(2), {("load", "demand_kw"): 80.0}))
    size = made.compiled.matrices().cost.size

    def only_widened(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        if matrices.cost.size == size:
            raise SolveError("not this one")
        return run(matrices, limits, **named)

    found = climb(made, run=only_widened)
    assert found.schedule.proof.quality == "relaxed"
    assert found.schedule.asset("load", "shed_kw") == pytest.approx([30, 30])
    assert found.audit.relaxed == ()


def test_a_limit_that_was_not_named_fails_the_audit():
    schedule = climb(stuck()).schedule
    assert not audit(replace(schedule, proof=replace(schedule.proof, may_pass=frozenset()))).passed


def test_the_safe_state_is_always_there_and_names_what_it_cannot_hold():
    climbed = climb(stuck(), run=bad_solvers.infeasible)
    proof = climbed.schedule.proof
    assert proof.quality == "safe_state"
    assert climbed.audit.passed
    assert any("bus main: does not balance in 3 steps" in text and "40 kW" in text for text in proof.relaxed)
    assert [a.rung for a in climbed.attempts][-2:] == ["last_good", "rule_based"]


def test_in_the_safe_state_nothing_charges_units_stop_and_load_is_shed(monkeypatch: pytest.MonkeyPatch):
    made = problem(6)
    monkeypatch.setattr(ladder, "rule_based", refuse)
    climbed = proved(climb(made, run=bad_solvers.infeasible))
    schedule = climbed.schedule
    assert schedule.proof.quality == "safe_state"
    assert schedule.proof.relaxed == ()
    assert schedule.asset("battery", "charge_kw") == pytest.approx(np.zeros(6))
    assert schedule.asset("battery", "discharge_kw") == pytest.approx(np.zeros(6))
    assert schedule.asset("unit_0", "power_kw") == pytest.approx(np.zeros(6))
    demand = made.inputs.series["load", "demand_kw"][0]
    assert schedule.asset("load", "shed_kw") == pytest.approx(np.maximum(demand - 120, 0))


def refuse(problem: Problem) -> Any:
    raise SolveError("of the test")


def test_a_mistake_of_ours_is_no_limit_that_a_safe_state_may_pass(monkeypatch: pytest.MonkeyPatch, built: Problem):
    miscounted = replace(rule_based(built), money=np.full(1, 1e9))
    monkeypatch.setattr(ladder, "rule_based", lambda _: miscounted)
    monkeypatch.setattr(ladder, "safe_state", lambda _: miscounted)
    with pytest.raises(
        SolveError, match=r"optimal: .*Infeasible; .*rule_based: audit: site: money differs.*safe_state"
    ):
        climb(built, run=bad_solvers.infeasible)


def later(made: Problem, by: int, steps: int, **series: Any) -> Problem:
    site = made.site
    start = str(made.horizon.edges[0] + np.timedelta64(by, "h"))
    demand = series.pop("demand", 90 + 60 * np.sin((by + np.arange(steps)) / made.horizon.steps * 2 * np.pi))
    return Problem(site, given(site, hours(steps, start), {("load", "demand_kw"): demand}, **series), Mode("exact"))


def test_the_plan_before_is_followed_at_its_own_times():
    made = problem()
    before = solve(made)
    state = {
        name: values
        for kind, solved in before.kinds.items()
        for name, values in type(solved.rows.members[0]).carry(solved.rows, made.inputs, solved.series, 2).items()
    }
    state["battery"] = {"start_fill": float(before.asset("battery", "stored_kwh")[1]) / 100}
    now = later(made, 2, 10, state=state)
    climbed = proved(climb(now, run=bad_solvers.infeasible, last_good=before))
    assert climbed.schedule.proof.quality == "last_good"
    for name, series in (("battery", "charge_kw"), ("battery", "discharge_kw"), ("unit_0", "power_kw")):
        assert climbed.schedule.asset(name, series) == pytest.approx(before.asset(name, series)[2:], abs=1e-4)


def test_beyond_its_end_the_plan_before_repeats_its_last_day_and_gives_way_to_today():
    made = problem(24)
    before = solve(made)
    now = later(made, 24, 12, demand=150.0)
    climbed = proved(climb(now, run=bad_solvers.infeasible, last_good=before))
    assert climbed.schedule.proof.quality == "last_good"
    stored = climbed.schedule.asset("battery", "stored_kwh")
    assert stored.min() >= -1e-6
    assert climbed.schedule.asset("load", "shed_kw").max() < 1e-6


def test_an_hour_of_the_plan_before_is_shared_among_quarters():
    made = problem()
    before = solve(made)
    start = str(made.horizon.edges[1])
    fine = hours(8, start, step_h=0.25)
    now = Problem(made.site, given(made.site, fine, {("load", "demand_kw"): 90.0}), Mode("exact"))
    climbed = climb(now, run=bad_solvers.infeasible, last_good=before)
    assert climbed.schedule.proof.quality == "last_good"
    expected = np.repeat(before.asset("unit_0", "committed")[1:3], 4)
    assert climbed.schedule.asset("unit_0", "committed") == pytest.approx(np.maximum(expected, 0))


def test_no_time_at_all_still_gives_a_plan(built: Problem, worker: Worker):
    climbed = proved(climb(built, deadline_s=1e-3, worker=worker))
    assert climbed.schedule.proof.quality == "rule_based"
    assert climbed.attempts[0].reason == "no time was left for it"
    assert climbed.attempts[0].clock_fired


def test_convex_commitment_starts_on_its_own_rung_and_says_so() -> None:
    engine = unit(min_kw=40, max_kw=90, cost_per_kwh=0.05, start_cost=2)
    site = park(load(), grid(), engine)
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [20.0, 60, 20, 90]}), Mode("convex"))
    climbed = climb(problem)
    assert climbed.audit.passed
    assert climbed.schedule.proof.quality == "convex_recovery"
    assert climbed.attempts[0].rung == "optimal"
    assert climbed.schedule.proof.bound <= climbed.schedule.proof.objective
    in_time = climb(problem, deadline_s=20)
    assert in_time.schedule.proof.quality == "convex_recovery"


def test_convex_commitment_survives_a_solver_that_does_not() -> None:
    engine = unit(min_kw=40, max_kw=90, cost_per_kwh=0.05, start_cost=2)
    site = park(load(), grid(), engine)
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [20.0, 60, 20, 90]}), Mode("convex"))
    for climbed in (
        climb(problem, run=bad_solvers.infeasible),
        climb(problem, deadline_s=10, run=bad_solvers.segfault),
    ):
        assert climbed.audit.passed
        assert climbed.schedule.proof.quality == "rule_based"
        assert [a.rung for a in climbed.attempts] == ["optimal", "convex_recovery", "relaxed", "last_good"]
