"""Reserve of units on: what their ramp reaches in the time there is, and caps of their own; plans done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from tests.parks import given, hours, load, park, unit
from tests.unit.dispatch.search.fleets import fleet

# 60 kW/h: 10 kW in ten minutes.
SLOW: dict[str, Any] = {"min_kw": 10, "max_kw": 200, "on_before_h": 10, "power_before_kw": 50}
SLOW |= {"ramp_up_kw_per_h": 60, "ramp_down_kw_per_h": 60}
FORMS = [Mode("exact"), Mode("exact", formulation="plain")]


def sold(**fields: Any) -> dict[str, Any]:
    return {"kind": "reserve_product", "name": "sold", "offer_kw": 1000, "price_per_kwh": 0.05} | fields


def problem(demand: Any, *plant: dict[str, Any], step_h: float = 1.0, mode: Mode | None = None) -> Problem:
    site = park(load(value_of_lost_load_per_kwh=100.0), *plant)
    return Problem(site, given(site, hours(np.size(demand), step_h=step_h), {("load", "demand_kw"): demand}), mode)


@pytest.mark.parametrize("mode", FORMS)
@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("minutes", [60, 15, 5])
def test_what_a_ramp_reaches_in_time_does_not_depend_on_the_step(minutes: int, direction: str, mode: Mode) -> None:
    asked = sold(direction=direction, activation_minutes=10, block_hours=1)
    plan = solve(problem(np.full(120 // minutes, 50.0), unit(**SLOW), asked, step_h=minutes / 60, mode=mode))
    assert plan.asset("sold", "sold_kw") == pytest.approx([10] * (120 // minutes))
    assert plan.money[0] == pytest.approx(2 * (50 * 0.1 - 10 * 0.05))
    assert audit(plan).violations == ()


@pytest.mark.parametrize(("minutes", "most"), [(60, 60.0), (15, 15.0), (5, 5.0)])
def test_without_a_time_it_is_one_step(minutes: int, most: float) -> None:
    plan = solve(problem(np.full(120 // minutes, 50.0), unit(**SLOW), sold(block_hours=1), step_h=minutes / 60))
    assert plan.asset("sold", "sold_kw") == pytest.approx([most] * (120 // minutes))


@pytest.mark.parametrize("mode", FORMS)
def test_plan_and_reserve_share_one_ramp(mode: Mode) -> None:
    """From 50 to 80 kW within an hour is 30 of 60 kW/h: the other half of the ramp is 5 kW in ten minutes."""
    up = sold(activation_minutes=10, block_hours=1)
    plan = solve(problem([50.0, 80, 80], unit(**SLOW), up, mode=mode))
    assert plan.asset("sold", "sold_kw") == pytest.approx([10, 5, 10])
    down = sold(activation_minutes=10, block_hours=1, direction="down")
    plan = solve(problem([50.0, 20, 20], unit(**SLOW), down, mode=mode))
    assert plan.asset("sold", "sold_kw") == pytest.approx([10, 5, 10])
    assert audit(plan).violations == ()


def test_the_shortest_time_of_all_that_ask_counts() -> None:
    site = park(
        load(), unit(**SLOW), sold(activation_minutes=30), sold(name="fast", activation_minutes=5), sold(name="x")
    )
    assert site.activation_h == pytest.approx(5 / 60)
    plan = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0})))
    assert plan.asset("unit", "reserve_up_kw") == pytest.approx([5])


@pytest.mark.parametrize("mode", FORMS)
def test_caps_of_units_make_the_price(mode: Mode) -> None:
    """Kirschen & Strbac's example of reserve: 250 MW up beside 450 of load, units 2 and 3 offer at most 160 and 190.

    Unit 1 gives its 250 without reserve. Of the other 200, unit 2 may give what leaves 60 of its 230 as reserve beside
    the 190 of unit 3, 170, and unit 3 the last 30: 2·250 + 17·170 + 20·30. One more is unit 3's.
    """
    units = [("1", 2.0, 250, 0), ("2", 17.0, 230, 160), ("3", 20.0, 240, 190), ("4", 28.0, 250, 0)]
    plant = [
        unit(f"u{n}", max_kw=most, cost_per_kwh=cost, must_run=True, on_before_h=9, reserve_max_kw=cap)
        for n, cost, most, cap in units
    ]
    asked = {"kind": "reserve", "name": "asked", "required_kw": 250, "penalty_per_kwh": 100, "duration_minutes": 10}
    plan = solve(problem([450.0], *plant, asked, mode=mode))
    assert plan.money[0] == pytest.approx(3990)
    assert [plan.asset(f"u{n}", "power_kw")[0] for n, *_ in units] == pytest.approx([250, 170, 30, 0], abs=1e-6)
    assert plan.asset("u3", "reserve_up_kw") == pytest.approx([190])
    assert audit(plan).violations == ()
    more = solve(problem([451.0], *plant, asked, mode=mode))
    assert more.money[0] - plan.money[0] == pytest.approx(20)


@pytest.mark.parametrize("minutes", [10.0, 120.0])
@pytest.mark.parametrize("seed", range(4))
def test_both_forms_of_fleets_that_start_and_stop_have_one_optimum(seed: int, minutes: float) -> None:
    made = fleet(seed, units=4)
    assets = [
        asset.model_copy(update={"activation_minutes": minutes}) if asset.kind == "reserve" else asset
        for asset in made.site.assets
    ]
    site = made.site.model_copy(update={"assets": tuple(assets)})
    plans = [solve(Problem(site, made.inputs, mode), Limits(gap=1e-7)) for mode in FORMS]
    assert plans[1].proof.objective == pytest.approx(plans[0].proof.objective, rel=1e-6)
    assert all(audit(plan).violations == () for plan in plans)


def test_cogeneration_keeps_to_time_and_cap_too() -> None:
    """.5 of 100 kW an hour: 12.5 kW in a quarter of an hour, of which the cap leaves 8."""
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}]
    fuel = {"kind": "fuel_supply", "name": "fuel", "bus": "gas", "price_per_kwh": 0.05}
    for fields, most in (({}, 12.5), ({"reserve_max_kw": 8}, 8.0)):
        chp = {"kind": "chp", "name": "chp", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 100}
        chp |= {"ramp_fraction_per_h": 0.5} | fields
        site = park(load(), chp, fuel, sold(activation_minutes=15), buses=buses)
        plan = solve(Problem(site, given(site, hours(2, step_h=0.5), {("load", "demand_kw"): 50.0})))
        assert plan.asset("sold", "sold_kw") == pytest.approx([most, most])
        assert audit(plan).violations == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"reserve_max_kw": 4}, "reserve above its own limit"), ({}, "reserve above what its ramp reaches in time")],
)
def test_the_audit_notices_more_reserve_than_there_is(fields: dict[str, Any], said: str) -> None:
    plan = solve(problem([50.0, 50], unit(**SLOW | fields), sold(activation_minutes=10)))
    made = plan.kinds["thermal"]
    more = replace(made, series={**made.series, "reserve_up_kw": made.series["reserve_up_kw"] + 0.5})
    found = audit(replace(plan, kinds={**plan.kinds, "thermal": more})).violations
    assert said in {violation.what for violation in found}


def test_a_template_finds_what_a_problem_of_its_own_finds() -> None:
    plant = unit(**SLOW | {"reserve_max_kw": 8, "min_up_h": 2, "start_up_kw": 40, "shut_down_kw": 40})
    built = problem([50.0, 80, 20, 0], plant, sold(activation_minutes=10, block_hours=1))
    alike = Problem(built.site, built.inputs, template=True)
    assert solve(alike).proof.objective == pytest.approx(solve(built).proof.objective, rel=1e-6)
