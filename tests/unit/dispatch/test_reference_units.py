"""The unit that holds the voltage of an island is on while no connection is: in plans, rules, audits and reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.explain.explanation import why_no_plan
from dispatch.ladder.climb import climb, unsolved
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.problem import Problem, structure
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.units.commitment import OFF_ALONE
from tests.parks import battery, given, grid, hours, load, park, unit
from tests.unit.dispatch.assets.thermal_parks import supply

OUT = {"start": "2024-03-01T02:00+00:00", "end": "2024-03-01T04:00+00:00"}
CHEAP = unit("cheap", max_kw=200)
GAS = supply("gas", 0.2)


def engine(**fields: Any) -> dict[str, Any]:
    return unit("engine", min_kw=20, cost_per_kwh=0.5) | fields


def fired(kind: str, **fields: Any) -> dict[str, Any]:
    base = {"kind": kind, "name": "engine", "bus": "main", "fuel_bus": "gas", "max_kw": 100, "min_load_fraction": 0.2}
    return base | fields


CHP = fired("chp", heat_bus="heat")
CO_FIRING = fired("co_firing", ammonia_bus="gas")
CELL = {"kind": "fuel_cell", "name": "engine", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 100}
CELL |= {"min_load_fraction": 0.2, "min_up_h": 1.0}
HYDROGEN = supply("h2", 0.3)
WARM = {"kind": "pem_electrolyser", "name": "engine", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 50}
TAKEN = {"kind": "product_offtake", "name": "sale", "bus": "h2", "product": "hydrogen", "max_kg_per_h": 1000}


def posed(
    *assets: Any, reference: str | None = "engine", demand: Any = 100.0, scenarios: int = 1, **pcc: Any
) -> Problem:
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}]
    buses += [{"name": "gas", "carrier": "gas"}, {"name": "h2", "carrier": "hydrogen"}]
    on: dict[str, Any] = {"network": "x", "bus_of": {"main": "y"}}
    on |= {"island": {"reference": reference, "rated_kw": 100}} if reference else {}
    connection = grid(**({"planned_outages": [OUT]} | pcc))
    site = park(load(), connection, *assets, buses=buses, grid=on)
    return Problem(site, given(site, hours(5), {("load", "demand_kw"): demand}, scenarios))


def test_it_runs_in_the_hours_without_a_connection_and_in_no_others() -> None:
    """100 kW: five hours of the cheap one at .1 are 50; in two of them 20 kW of the engine cost 20 · (.5 − .1) more."""
    problem = posed(engine(), CHEAP)
    schedule = solve(problem)
    assert schedule.asset("engine", "power_kw") == pytest.approx([0, 0, 20, 20, 0], abs=1e-6)
    assert schedule.money[0] == pytest.approx(50 + 2 * 20 * 0.4)
    assert audit(schedule).violations == ()
    free = solve(posed(engine(), CHEAP, reference=None))
    assert free.money[0] == pytest.approx(50)


def test_one_connection_that_is_on_is_enough_and_without_any_it_runs_all_day() -> None:
    tie = grid(name="tie", import_kw=1.0)
    assert solve(posed(engine(), CHEAP, tie)).asset("engine", "on") == pytest.approx(np.zeros(5))
    site = posed(engine(), CHEAP).site
    alone = site.model_copy(update={"assets": tuple(a for a in site.assets if a.name != "pcc")})
    made = Problem(alone, given(alone, hours(5), {("load", "demand_kw"): 100.0}))
    assert solve(made).asset("engine", "on") == pytest.approx(np.ones(5))


@pytest.mark.parametrize(
    "assets", [(engine(),), (CHP, GAS), (CO_FIRING, GAS), (CELL, HYDROGEN)], ids=["thermal", "chp", "co_firing", "cell"]
)
@pytest.mark.parametrize("scenarios", [1, 2])
def test_of_every_kind_that_starts_and_stops(assets: Any, scenarios: int) -> None:
    problem = posed(*assets, CHEAP, scenarios=scenarios)
    plan = solve(problem)
    for schedule in (plan, rule_based(problem), last_good(problem, solve(posed(*assets, CHEAP, reference=None)))):
        for scenario in range(scenarios):
            assert schedule.asset("engine", "on", scenario)[2:4] == pytest.approx([1, 1]), schedule.proof.quality
        assert audit(schedule).violations == ()
    assert plan.asset("engine", "on") == pytest.approx([0, 0, 1, 1, 0])


@pytest.mark.parametrize("reference", [battery("engine"), fired("chp", heat_bus="heat", min_load_fraction=0.0)])
def test_stores_and_plant_that_is_always_on_are_left_as_they_are(reference: dict[str, Any]) -> None:
    plans = [solve(posed(reference, GAS, CHEAP, reference=name)) for name in ("engine", None)]
    assert plans[0].money == pytest.approx(plans[1].money)


def test_the_audit_counts_the_hours_that_it_is_off() -> None:
    schedule = solve(posed(engine(), CHEAP, reference=None))
    asked = posed(engine(), CHEAP).inputs
    found = audit(replace(schedule, inputs=asked)).violations
    assert [(v.asset, v.what, v.step) for v in found] == [("engine", OFF_ALONE, 2), ("engine", OFF_ALONE, 3)]


BLOCKED = {"min_down_h": 4.0, "off_before_h": 1.0}  # off until 03:00


def test_where_its_minimum_time_keeps_it_off_the_plan_says_so_and_how_to_mend_it() -> None:
    problem = posed(engine(**BLOCKED), CHEAP)
    climbed = climb(problem)
    schedule = climbed.schedule
    assert schedule.proof.quality == "relaxed"
    assert schedule.asset("engine", "on") == pytest.approx([0, 0, 0, 1, 0])
    assert climbed.audit.passed
    assert schedule.proof.relaxed == (f"engine: {OFF_ALONE} in 1 step, most at 02:00 by 1",)
    told = why_no_plan(problem).text(problem.horizon, "EUR")
    assert "engine: on to hold the voltage without a connection (02:00–03:00" in told
    assert "lower min_down_h of engine from 4 to 3 h" in told


@pytest.mark.parametrize("assets", [(CHP, GAS), (CELL, HYDROGEN), (WARM, TAKEN)], ids=["chp", "cell", "electrolyser"])
def test_a_minimum_time_leaves_a_plan_with_every_kind(assets: Any) -> None:
    climbed = climb(posed(assets[0] | BLOCKED, *assets[1:], CHEAP))
    assert climbed.schedule.proof.quality == "relaxed"
    assert climbed.schedule.asset("engine", "on")[2:4] == pytest.approx([0, 1])


def test_the_rule_keeps_it_on_where_nothing_lacks() -> None:
    problem = posed(engine(min_kw=0), demand=0.0)
    assert rule_based(problem).asset("engine", "on") == pytest.approx([0, 0, 1, 1, 0])


def test_where_the_island_cannot_take_its_least_the_plan_says_so_and_how_to_mend_it() -> None:
    problem = posed(engine(min_kw=80), CHEAP, demand=60.0)
    schedule = climb(problem).schedule
    assert schedule.proof.quality == "relaxed"
    assert schedule.asset("engine", "on") == pytest.approx(np.zeros(5))
    assert schedule.asset("load", "shed_kw") == pytest.approx(np.zeros(5), abs=1e-6)
    assert "lower min_kw of engine from 80 to 60 kW" in why_no_plan(problem).text(problem.horizon, "EUR")


@pytest.mark.parametrize("fields", [BLOCKED, {"min_kw": 80}])
def test_without_a_solver_there_is_an_answer_too(fields: dict[str, Any]) -> None:
    problem = posed(engine(**fields), CHEAP, demand=60.0)
    for climbed in (unsolved(problem, None, "no time"), unsolved(problem, before(problem), "no time")):
        assert climbed.audit.passed
        assert "engine: " + OFF_ALONE in "; ".join(climbed.schedule.proof.relaxed)
    followed = posed(engine(**BLOCKED), CHEAP)
    assert unsolved(followed, before(followed), "no time").schedule.proof.quality == "last_good"
    assert unsolved(posed(engine(**BLOCKED), CHEAP), None, "no time").schedule.proof.quality == "rule_based"
    off = safe_state(problem).asset("engine", "on")
    assert off == pytest.approx(np.zeros(5)), "units that may stop do"


def before(problem: Problem) -> Schedule:
    return climb(problem).schedule


def test_sites_of_one_structure_have_the_same_reference() -> None:
    one, none, other = (posed(engine(), CHEAP, reference=name).site for name in ("engine", None, "cheap"))
    assert structure(one) != structure(none)
    assert structure(one) != structure(other)
    made = Problem(one, posed(engine(), CHEAP).inputs, template=True)
    later = posed(engine(), CHEAP, planned_outages=[])
    made.update(later.inputs, site=later.site)
    assert solve(made).asset("engine", "on") == pytest.approx(np.zeros(5))
