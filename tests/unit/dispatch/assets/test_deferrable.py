"""Work that may wait: runs within windows, energy without a profile, and plans done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.deferrable import Deferrable
from dispatch.audit import audit
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from dispatch.tables import missed
from tests.parks import given, grid, hours, park, tariff
from tests.unit.dispatch.assets.templates import hourly_tariff

PRICE = [0.5, 0.1, 0.3, 0.2, 0.2, 0.4]


def work(**fields: Any) -> dict[str, Any]:
    return {"kind": "deferrable", "name": "work", "bus": "main"} | fields


def built(
    horizon: Horizon | None = None, state: Any = None, prices: Any = PRICE, pcc: Any = None, **fields: Any
) -> Problem:
    site = park(work(**fields), grid(tariff=hourly_tariff(prices)) | (pcc or {}))
    return Problem(site, given(site, horizon or hours(6), {}, state={"work": state} if state else None))


def test_a_run_starts_where_its_profile_is_cheapest() -> None:
    # By hand: starts at 0..4 cost 1.1, .5, .8, .6, .8: 2·.1 + 1·.3 = .5.
    problem = built(profile_kw=[2, 1])
    plan = solve(problem)
    assert audit(plan).violations == ()
    assert plan.asset("work", "power_kw") == pytest.approx([0, 2, 1, 0, 0, 0])
    assert plan.money[0] == pytest.approx(0.5)
    early = rule_based(problem)
    assert early.asset("work", "power_kw") == pytest.approx([2, 1, 0, 0, 0, 0])
    assert audit(early).violations == ()


def test_several_runs_follow_each_other_and_never_overlap() -> None:
    # Two runs of two hours at 1 kW: starts (1, 3) cost .4 + .4; (0, 2), (2, 4) and others more.
    plan = solve(built(profile_kw=[1, 1], runs=2))
    assert plan.asset("work", "starts") == pytest.approx([0, 1, 0, 1, 0, 0])
    assert plan.money[0] == pytest.approx(0.8)
    assert audit(plan).violations == ()


def test_a_profile_is_resampled_to_the_steps_of_the_horizon() -> None:
    half = built(hours(4, step_h=0.5), prices=[0.1] * 6, profile_kw=[4, 2], profile_step_h=0.25)
    power = solve(half).asset("work", "power_kw")
    assert power[power > 0] == pytest.approx([3])
    long = built(hours(2, step_h=2.0), prices=[0.1] * 6, profile_kw=[6], profile_step_h=1.0)
    assert solve(long).asset("work", "power_kw").max() == pytest.approx(3), "an hour in a step of two"
    edges = np.array(["2024-03-01T00:00", "2024-03-01T00:30", "2024-03-01T02:00", "2024-03-01T03:00"], "datetime64[s]")
    uneven = built(Horizon(edges, "UTC"), prices=[0.1, 0.1, 0.9], profile_kw=[4, 2])
    plan = solve(uneven)
    # From the start: half an hour at 4, then (.5 h · 4 + 1 h · 2) / 1.5 h.
    assert plan.asset("work", "power_kw") == pytest.approx([4, (0.5 * 4 + 1 * 2) / 1.5, 0])
    assert audit(plan).violations == ()


def test_a_run_ends_within_its_window() -> None:
    plan = solve(built(profile_kw=[2, 1], window={"daily": "02:00-05:00"}))
    # 2·.3 + .2 = .8 from 2 on, 2·.2 + .2 = .6 from 3 on; from 1 on it would be cheaper still.
    assert plan.asset("work", "power_kw") == pytest.approx([0, 0, 0, 2, 1, 0])
    moments = {"start": "2024-03-01T02:00Z", "end": "2024-03-01T04:00Z"}
    plan = solve(built(profile_kw=[2, 1], window=moments))
    assert plan.asset("work", "power_kw") == pytest.approx([0, 0, 2, 1, 0, 0])
    assert audit(plan).violations == ()


def test_a_window_over_midnight_and_one_that_ends_after_the_horizon() -> None:
    night = {"daily": "22:00-02:00"}
    plan = solve(
        built(hours(6, "2024-03-01T21:00"), prices=[0.1] * 2 + [0.2] * 20 + [0.5, 0.4], profile_kw=[1], window=night)
    )
    assert plan.asset("work", "power_kw") == pytest.approx([0, 0, 0, 1, 0, 0]) or plan.money[0] == pytest.approx(0.1)
    assert audit(plan).violations == ()
    plan = solve(built(hours(3, "2024-03-01T21:00"), prices=[0.1] * 24, profile_kw=[1], window=night))
    assert plan.asset("work", "power_kw") == pytest.approx([0, 0, 0]), "it is due in a later plan"
    assert plan.penalty[0] == pytest.approx(0)


def test_every_day_has_its_own_runs() -> None:
    problem = built(hours(48), prices=[0.1] * 24, profile_kw=[1], runs=2, window={"daily": "08:00-12:00"})
    for plan in (solve(problem), rule_based(problem)):
        starts = plan.asset("work", "starts")
        assert [starts[8:12].sum(), starts[32:36].sum(), starts.sum()] == pytest.approx([2, 2, 4])
        assert audit(plan).violations == ()


def test_what_is_dearer_than_its_penalty_is_skipped() -> None:
    skipped = solve(built(profile_kw=[2, 1], skip_penalty_per_kwh=0.1))
    assert skipped.asset("work", "power_kw") == pytest.approx([0] * 6)
    assert skipped.penalty[0] == pytest.approx(0.3)
    assert missed(skipped) == ["work: 3.0 kWh of its work not done in time"]
    assert audit(skipped).violations == ()
    done = solve(built(profile_kw=[2, 1], skip_penalty_per_kwh=0.2))
    assert missed(done) == []
    assert (done.money[0], done.penalty[0]) == (pytest.approx(0.5), pytest.approx(0))


def test_a_window_too_short_for_a_run_leaves_it_skipped() -> None:
    plan = solve(built(profile_kw=[1, 1], window={"daily": "02:00-03:00"}))
    assert plan.penalty[0] == pytest.approx(2 * 1000)
    assert audit(plan).violations == ()


def test_energy_without_a_profile_is_taken_when_it_is_cheap_and_needs_no_binaries() -> None:
    # 7 kWh at up to 3 kW: 3 at .1, 3 at .2, 1 at .2.
    problem = built(energy_kwh=7, max_kw=3)
    plan = solve(problem)
    assert plan.money[0] == pytest.approx(0.3 + 0.8)
    assert audit(plan).violations == ()
    assert not problem.compiled.matrices().integer.any()
    band = solve(built(energy_kwh=7, max_kw=3, min_kw=1))
    # One kW in each of six hours is 1.7, the seventh goes to the cheapest hour.
    assert band.money[0] == pytest.approx(sum(PRICE) + 0.1)
    steady = rule_based(built(energy_kwh=7, max_kw=3, min_kw=1))
    assert steady.asset("work", "free_kw") == pytest.approx([2, 1, 1, 1, 1, 1])
    assert audit(steady).violations == ()
    early = rule_based(problem)
    assert early.asset("work", "free_kw") == pytest.approx([3, 3, 1, 0, 0, 0])
    assert audit(early).violations == ()


def test_a_run_under_way_goes_on_and_what_was_done_is_not_done_again() -> None:
    plan = solve(built(profile_kw=[4, 3, 2], runs=2, state={"underway_h": 1.0, "runs_done": 1.0}))
    power = plan.asset("work", "power_kw")
    assert power[:2] == pytest.approx([3, 2])
    assert plan.asset("work", "starts").sum() == 1
    assert audit(plan).violations == ()
    rest = solve(built(energy_kwh=7, max_kw=3, state={"done_kwh": 5.0}))
    assert rest.asset("work", "free_kw").sum() == pytest.approx(2)


def test_the_next_window_starts_with_what_is_under_way() -> None:
    problem = built(profile_kw=[2, 1, 1], runs=2)
    found = solve(problem).kinds["deferrable"]
    starts = np.array([[0, 1, 0, 0, 0, 0]], float)
    state = Deferrable.carry(found.rows, problem.inputs, dict(found.series) | {"starts": starts}, 2)
    assert state == {"work": {"runs_done": 1.0, "done_kwh": 0.0, "underway_h": 1.0}}
    state = Deferrable.carry(found.rows, problem.inputs, dict(found.series) | {"starts": starts}, 5)
    assert state["work"]["underway_h"] == 0.0


def test_the_day_after_has_runs_of_its_own() -> None:
    problem = built(hours(48), prices=[0.1] * 24, profile_kw=[1], runs=2, window={"daily": "08:00-12:00"})
    found = solve(problem).kinds["deferrable"]
    state = Deferrable.carry(found.rows, problem.inputs, found.series, 34)
    assert state["work"]["runs_done"] == found.series["starts"][0, 32:34].sum()


def test_without_power_a_run_is_not_begun() -> None:
    schedule = rule_based(built(profile_kw=[9, 9], pcc={"import_kw": 5}))
    assert audit(schedule).violations == ()
    assert schedule.asset("work", "power_kw") == pytest.approx([0] * 6)
    schedule = rule_based(built(energy_kwh=7, max_kw=9, pcc={"import_kw": 5}))
    assert schedule.asset("work", "free_kw") == pytest.approx([5, 0, 0, 0, 0, 0], abs=1e-6)
    rest = safe_state(built(profile_kw=[1, 1]))
    assert rest.asset("work", "power_kw") == pytest.approx([0] * 6)
    assert audit(rest).violations == ()


def test_starts_are_one_decision_for_all_scenarios() -> None:
    site = park(work(profile_kw=[1]), grid(tariff=hourly_tariff(PRICE)))
    plan = solve(Problem(site, given(site, hours(6), {}, scenarios=3)))
    assert plan.kinds["deferrable"].series["starts"].shape == (1, 6)
    assert plan.kinds["deferrable"].series["power_kw"].shape == (3, 6)
    assert audit(plan).violations == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "either profile_kw"),
        ({"profile_kw": [1], "energy_kwh": 3, "max_kw": 1}, "either profile_kw"),
        ({"energy_kwh": 3, "max_kw": 1, "min_kw": 2}, "max_kw 1 must be above min_kw 2"),
        ({"profile_kw": [0, 0]}, "zero throughout"),
        ({"profile_kw": [1], "window": {"daily": "25:00-3"}}, "is not hours like '08:00-18:00'"),
        ({"profile_kw": [1], "window": {"daily": "08:00-08:00"}}, "ends when it starts"),
        ({"profile_kw": [1], "window": {}}, "needs daily hours"),
        ({"profile_kw": [1], "window": {"daily": "08:00-09:00", "end": "2024-03-01T02:00Z"}}, "one of the two"),
        (
            {"profile_kw": [1], "window": {"start": "2024-03-01T02:00Z", "end": "2024-03-01T02:00Z"}},
            "must be after start",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        park(work(**fields))


def relaxed(problem: Problem) -> float:
    matrices = problem.compiled.matrices()
    return run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits()).objective


def test_starts_are_tight_where_energy_alone_is_paid_and_searched_for_where_the_peak_is() -> None:
    by_energy = built(profile_kw=[2, 1], runs=2)
    assert relaxed(by_energy) == pytest.approx(solve(by_energy).proof.objective)
    by_peak = built(profile_kw=[2, 2], pcc={"tariff": tariff(0.0, demand=1.0)})
    plan = solve(by_peak)
    assert relaxed(by_peak) < 0.7 * plan.proof.objective, "a start in parts has a lower peak"
    assert sorted(np.round(plan.asset("work", "starts"), 6)) == [0, 0, 0, 0, 0, 1]
    assert plan.asset("work", "power_kw").max() == pytest.approx(2)
    assert audit(plan).violations == ()
