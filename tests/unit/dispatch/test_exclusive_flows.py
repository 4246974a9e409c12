"""Whatever rewards burning energy in stores: a plan that charges and discharges in turns, proved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices, run
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.templates import hourly_tariff

STEPS = 12
SUN = np.clip(120 * np.sin(np.arange(STEPS) / STEPS * np.pi), 0, None)


def stores(count: int) -> list[dict[str, Any]]:
    return [battery(f"b{i}", energy_kwh=40 * (i + 1), charge_kw=30, discharge_kw=20 + 5 * i) for i in range(count)]


def case(name: str) -> tuple[Site, Inputs]:
    r = np.random.default_rng(3)
    series: dict[tuple[str, str], Any] = {("load", "demand_kw"): r.uniform(10, 40, STEPS)}
    pv = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 200}
    negative = -np.abs(r.uniform(0.05, 0.3, STEPS))
    # What a kind adds beside the stores, and what is wished.
    assets: dict[str, list[dict[str, Any]]] = {
        "negative prices": [grid(export_kw=300, tariff=hourly_tariff(negative))],
        "one negative price all day": [grid(import_kw=150, tariff=tariff(-0.1))],
        "a clean share": [grid(tariff=tariff(0.2)), pv],
        "surplus that cannot be curtailed": [
            grid(import_kw=1),
            unit(min_kw=35, max_kw=60, on_before_h=1, power_before_kw=40, min_up_h=48),
        ],
        "a reward for use": [grid(tariff=tariff(-0.01, demand=5.0)), pv],
        "carbon of imports below nothing": [grid(export_kw=200, carbon_intensity_kg_per_kwh=0.0, tariff=tariff(-0.02))],
    }
    if any(a["kind"] == "pv" for a in assets[name]):
        series["pv", "available_kw"] = SUN
    wishes = [{"clean_share_min": 0.95, "penalty_per_kwh": 4.0}] if name == "a clean share" else []
    site = park(*assets[name], load(), *stores(3), wishes=wishes)
    return site, given(site, hours(STEPS), series)


NAMES = [
    "negative prices",
    "one negative price all day",
    "a clean share",
    "surplus that cannot be curtailed",
    "a reward for use",
    "carbon of imports below nothing",
]


def both_ways_kw(schedule: Schedule) -> float:
    series = schedule.kinds["battery"].series
    return float(np.minimum(series["charge_kw"], series["discharge_kw"]).max())


@pytest.mark.parametrize("name", NAMES)
def test_every_case_ends_with_an_audited_plan_that_burns_nothing(name: str) -> None:
    site, inputs = case(name)
    schedule = solve(Problem(site, inputs))
    assert audit(schedule).violations == ()
    assert both_ways_kw(schedule) < 1e-3
    assert schedule.proof.gap < 1e-3


def test_the_cases_do_reward_it() -> None:
    """Without branching the relaxation burns: otherwise the test above shows nothing."""
    burnt = []
    for name in NAMES:
        site, inputs = case(name)
        burnt.append(solve(Problem(site, inputs)).proof.rounds > 1)
    assert sum(burnt) >= 4


def test_many_steps_that_burn_are_branched_at_once() -> None:
    site = park(load(), grid(export_kw=500, tariff=hourly_tariff(np.full(24, -0.1), feed_in=0.9)), *stores(1))
    schedule = solve(Problem(site, given(site, hours(24), {("load", "demand_kw"): 20.0})))
    assert audit(schedule).violations == ()
    assert schedule.proof.rounds <= 4


@pytest.mark.parametrize(("seconds", "waits"), [(60.0, False), (0.1, True)])
def test_time_for_solvers_is_that_of_all_rounds_and_each_has_its_share(seconds: float, waits: bool) -> None:
    site, inputs = case("negative prices")
    told: list[float | None] = []

    def slow(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
        told.append(limits.seconds)
        time.sleep(0.1)
        return run(matrices, replace(limits, seconds=None), **named)

    schedule = solve(Problem(site, inputs), Limits(seconds=seconds), run=slow)
    given_s = np.array(told, float)
    assert schedule.proof.rounds > 1
    assert given_s[0] == pytest.approx(seconds, abs=0.05)
    if waits:
        assert given_s[1:] == pytest.approx(0.3 * seconds)
    else:
        assert given_s[-1] <= given_s[0] - 0.1
    told.clear()
    solve(Problem(site, inputs), run=slow)
    assert set(told) == {None}


@dataclass(frozen=True)
class Asked:
    """One call of the solver: whole columns, whether settled beforehand, the point it began from, what came back."""

    settled: bool
    also_integer: np.ndarray
    start: np.ndarray | None
    answer: Answer


@dataclass
class Watched:
    """The solver, with all that it was asked; ``altered`` may change an answer on its way back."""

    calls: list[Asked] = field(default_factory=list)
    altered: Callable[[Asked], Answer] = lambda asked: asked.answer

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: np.ndarray | None = None,
    ) -> Answer:
        whole = matrices.integer
        settled = bool(whole.any() and (matrices.col_lower[whole] == matrices.col_upper[whole]).all())
        answer = run(matrices, limits, also_integer=also_integer, start=start)
        asked = Asked(settled, np.zeros(0, int) if also_integer is None else also_integer, start, answer)
        self.calls.append(asked)
        return self.altered(asked)

    @property
    def rounds(self) -> list[Asked]:
        return [asked for asked in self.calls if not asked.settled]

    @property
    def moves(self) -> list[Asked]:
        return [asked for asked in self.calls if asked.settled]


def with_unit(commitment: Any = "exact") -> Problem:
    """Imports are paid for, so stores burn; a unit stands by, so there are whole numbers to find first."""
    site = park(load(), grid(import_kw=150, tariff=tariff(-0.1)), unit(min_kw=20, start_cost=2.0), *stores(2))
    inputs = given(site, hours(8), {("load", "demand_kw"): np.linspace(10, 40, 8)})
    return Problem(site, inputs, Mode(commitment))


WIDE = Limits(gap=0.02)  # wider than what burning is worth in that park, 0.65 %
NARROW = Limits(gap=1e-4)


def test_flows_are_moved_apart_around_the_whole_numbers_that_were_found() -> None:
    problem, watched = with_unit(), Watched()
    schedule = solve(problem, WIDE, run=watched)
    assert [len(watched.rounds), len(watched.moves)] == [1, 2]
    (first,), (sided, moved) = watched.rounds, watched.moves
    assert moved.start is not None, "from where every switch stands for its greater flow"
    np.testing.assert_array_equal(moved.start, sided.answer.x)
    assert moved.answer.objective < sided.answer.objective
    whole = problem.compiled.matrices().integer
    np.testing.assert_allclose(moved.answer.x[whole], first.answer.x[whole], atol=1e-9)
    assert np.unique(moved.also_integer).size == 2 * 8  # every step of both stores, not only those that burnt
    assert both_ways_kw(schedule) < 1e-3
    assert audit(schedule).violations == ()
    # The move costs something, and the bound is not the move's own but that of the search with all whole numbers free.
    assert first.answer.objective < moved.answer.objective
    assert schedule.proof.objective == moved.answer.objective
    assert schedule.proof.bound == first.answer.bound
    assert schedule.proof.rounds == 2


def test_a_move_that_costs_more_than_the_gap_is_what_the_next_round_begins_from() -> None:
    watched = Watched()
    schedule = solve(with_unit(), NARROW, run=watched)
    assert len(watched.rounds) > 1
    assert watched.moves
    first, second = watched.rounds[:2]
    assert first.start is None
    assert second.start is not None
    np.testing.assert_array_equal(second.start, watched.moves[1].answer.x)
    assert second.answer.objective <= watched.moves[1].answer.objective
    assert schedule.proof.gap <= NARROW.gap
    assert schedule.proof.objective == pytest.approx(watched.rounds[-1].answer.objective)
    assert both_ways_kw(schedule) < 1e-3


def test_switches_for_the_greater_flow_are_enough_where_that_costs_no_more_than_the_gap() -> None:
    watched = Watched()
    schedule = solve(with_unit(), Limits(gap=0.2), run=watched)
    assert [len(watched.rounds), len(watched.moves)] == [1, 1]
    assert watched.moves[0].answer.objective == schedule.proof.objective
    assert both_ways_kw(schedule) < 1e-3
    assert audit(schedule).violations == ()


def test_a_search_from_there_that_fails_leaves_that_point() -> None:
    def once(asked: Asked) -> Answer:
        if asked.settled and asked.start is not None:
            raise SolveError("HiGHS stopped without a plan: Time limit reached")
        return asked.answer

    watched = Watched(altered=once)
    schedule = solve(with_unit(), WIDE, run=watched)
    second = watched.rounds[1]
    np.testing.assert_array_equal(second.start, watched.moves[0].answer.x)
    assert both_ways_kw(schedule) < 1e-3


def _of_kinds() -> list[Problem]:
    """And one of plant whose losses grow, at prices that reward burning: a stack, a converter, the connection."""
    flow = battery("flow", power_loss_share=0.06) | {"kind": "flow_battery"}
    link = {"kind": "converter", "name": "link", "bus": "main", "dc_bus": "dc", "rated_kw": 60.0, "no_load_kw": 0.5}
    buses = [{"name": "main"}, {"name": "dc", "current": "dc"}]
    prices = hourly_tariff(np.where(np.arange(STEPS) % 3 == 0, 0.3, -0.1))
    direct = load("direct") | {"bus": "dc"}
    site = park(grid(export_kw=50, tariff=prices), load(), direct, link | {"loss_per_kw": 0.02}, flow, buses=buses)
    series = {("load", "demand_kw"): np.linspace(10, 40, STEPS), ("direct", "demand_kw"): np.linspace(40, 5, STEPS)}
    return [Problem(*case(name)) for name in NAMES] + [Problem(site, given(site, hours(STEPS), series))]


@pytest.mark.parametrize("problem", _of_kinds(), ids=[*NAMES, "losses that grow"])
def test_a_switch_is_up_where_the_first_flow_is_and_down_where_the_second_is(problem: Problem) -> None:
    """What :func:`dispatch.solve.solve` takes for granted when it sets switches by flows."""
    solve(problem)
    seen = 0
    for part in problem.parts.values():
        for pair in part.exclusive:
            first, second, switch = pair.first.value, pair.second.value, pair.switch.value
            assert (switch[first > 1e-3] > 1e-9).all()
            assert (switch[second > 1e-3] < 1 - 1e-9).all()
            seen += int((np.maximum(first, second) > 1e-3).sum())
    assert seen


def test_a_move_that_has_no_point_leaves_it_to_branching() -> None:
    def none(asked: Asked) -> Answer:
        if asked.settled:
            raise SolveError("HiGHS stopped without a plan: Infeasible")
        return asked.answer

    watched = Watched(altered=none)
    schedule = solve(with_unit(), WIDE, run=watched)
    assert len(watched.moves) >= 1
    assert len(watched.rounds) > 1
    assert all(asked.start is None for asked in watched.rounds)
    assert both_ways_kw(schedule) < 1e-3
    assert audit(schedule).passed


def test_a_move_that_drives_the_flows_of_another_kind_together_is_not_taken() -> None:
    """At first only the batteries burn; held apart, they leave it to the capacitor, whose switch no move made whole."""
    capacitor = battery("capacitor", energy_kwh=5) | {"kind": "supercapacitor"}
    plant = [grid(import_kw=150, tariff=tariff(-0.1)), unit(min_kw=20, start_cost=2.0), *stores(2), capacitor]
    site = park(load(), *plant)
    problem = Problem(site, given(site, hours(8), {("load", "demand_kw"): np.linspace(10, 40, 8)}))
    other = problem.compiled.columns(problem.parts["supercapacitor"].exclusive[0].switch).ravel()
    best = run(problem.compiled.matrices(), NARROW, also_integer=_switches(problem))
    first = run(problem.compiled.matrices(), NARROW, also_integer=other)

    def without_capacitor(asked: Asked) -> Answer:
        return first if asked is watched.calls[0] else asked.answer

    watched = Watched(altered=without_capacitor)
    schedule = solve(problem, WIDE, run=watched)
    assert watched.moves
    assert len(watched.rounds) > 1
    assert audit(schedule).violations == ()
    assert schedule.proof.bound <= best.objective + 1e-6


def _switches(problem: Problem) -> np.ndarray:
    pairs = [pair for part in problem.parts.values() for pair in part.exclusive]
    return np.concatenate([problem.compiled.columns(pair.switch).ravel() for pair in pairs])


def test_without_whole_numbers_to_keep_nothing_is_moved() -> None:
    site, inputs = case("one negative price all day")
    for problem in (Problem(site, inputs), with_unit("convex")):
        watched = Watched()
        schedule = solve(problem, WIDE, run=watched)
        assert watched.moves == []
        assert both_ways_kw(schedule) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_with_whole_numbers_the_optimum_is_that_of_all_switches_at_once(name: str) -> None:
    """Rounds and moves are a shortcut: making every switch whole from the start is the definition."""
    site, inputs = case(name)
    site = park(*(asset.model_dump(mode="json") for asset in site.assets), unit("standby", min_kw=5, max_kw=12))
    problem = Problem(site, inputs)
    best = run(problem.compiled.matrices(), Limits(gap=0.0), also_integer=_switches(problem))
    schedule = solve(problem, Limits(gap=1e-3))
    assert schedule.proof.bound <= best.objective + 1e-6
    assert best.objective - 1e-6 <= schedule.proof.objective <= best.objective + 1e-3 * abs(best.objective) + 1e-6


def test_burning_that_wanders_from_store_to_store_ends_when_all_of_the_kind_are_whole() -> None:
    """A relaxation may burn in any store left to it: here always in the first, so one a round is branched."""
    count = 14  # one a round would take more rounds than there are
    full = [battery(f"b{i}", energy_kwh=20, start_fill=0.9) for i in range(count)]
    site = park(load(), grid(import_kw=900, tariff=tariff(-0.1)), *full)
    problem = Problem(site, given(site, hours(2), {("load", "demand_kw"): 10.0}))
    switch = problem.compiled.columns(problem.parts["battery"].exclusive[0].switch)

    def one_at_a_time(
        matrices: Matrices, limits: Limits, *, also_integer: np.ndarray | None = None, start: np.ndarray | None = None
    ) -> Answer:
        told = np.zeros(0, int) if also_integer is None else also_integer
        loose = np.flatnonzero(~np.isin(switch, told).any(axis=1))
        watched.append(switch.shape[0] - loose.size)
        return run(matrices, limits, also_integer=np.union1d(told, switch[loose[1:]].ravel()), start=start)

    watched: list[int] = []
    schedule = solve(problem, run=one_at_a_time)
    assert watched == [0, 1, 2, 3, 4, 5, count]
    assert both_ways_kw(schedule) < 1e-3
    assert audit(schedule).violations == ()
