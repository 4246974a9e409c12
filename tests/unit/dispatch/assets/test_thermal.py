"""Thermal units: limit cases, cases done by hand, and published commitments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, unit

PUBLISHED = ("basic", "min_up_time", "min_up_time_counted_before", "min_down_time", "start_up_cost")
EXPORT = {"export_kw": 1e3}


def plan(*units: dict[str, Any], demand: Any = 0.0, steps: Horizon | None = None, **options: Any) -> Schedule:
    """Units beside a connection with import at .2 and export at .1 per kWh."""
    site = park(load(), grid(**EXPORT, **options), *units)
    return solve(Problem(site, given(site, steps or hours(4), {("load", "demand_kw"): demand})))


def published_units(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The case's units in kW. PyPSA takes a unit as on before for one hour, unless the case says otherwise."""
    units = []
    for name in ("coal", "gas"):
        u = case[name]
        up = u.get("up_time_before_h", 0 if "down_time_before_h" in u else 1)
        fields = {
            "min_kw": 1e3 * u["p_nom"] * u["p_min_pu"],
            "max_kw": 1e3 * u["p_nom"],
            "cost_per_kwh": u["marginal_cost"] / 1e3,
            "start_cost": u.get("start_up_cost", 0),
            "min_up_h": u.get("min_up_time_h", 0),
            "min_down_h": u.get("min_down_time_h", 0),
            "on_before_h": up,
            "off_before_h": u.get("down_time_before_h", 1),
        }
        units.append(unit(name, **fields))
    return units


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_commitment_is_found(name: str, shared: Path) -> None:
    case = json.loads((shared / "golden" / "commitment.json").read_text(encoding="utf-8"))[name]
    demand = 1e3 * np.array(case["load"])
    site = park(load(), *published_units(case))
    schedule = solve(Problem(site, given(site, hours(demand.size), {("load", "demand_kw"): demand})))
    assert audit(schedule).passed
    for member, powers in case.get("expect", {}).items():
        assert schedule.asset(member, "power_kw") == pytest.approx(1e3 * np.array(powers), abs=1)
    if "expect_objective" in case:
        assert schedule.money[0] == pytest.approx(case["expect_objective"], rel=1e-4)


def test_cost_start_and_carbon_of_a_run_done_by_hand() -> None:
    engine = unit(
        min_kw=20,
        max_kw=60,
        cost_per_kwh=0.1,
        no_load_cost_per_h=1,
        start_cost=4,
        co2_kg_per_kwh=0.4,
        no_load_co2_kg_per_h=2,
    )
    schedule = plan(engine, demand=[0.0, 60, 60, 10])
    # Export earns nothing. Two hours save 2 · 60 · (.2 − .1) = 12 for 4 + 2 of start and idling; a third hour
    # at 20 kW would cost 2 + 1 to save 2.
    assert schedule.asset("unit", "power_kw") == pytest.approx([0, 60, 60, 0], abs=1e-6)
    assert schedule.money[0] == pytest.approx(4 + 2 + 12 + 10 * 0.2)
    assert schedule.co2_kg[0] == pytest.approx(0.4 * 120 + 2 * 2)
    assert audit(schedule).passed


def test_a_unit_without_minimum_or_limits_is_a_plain_generator() -> None:
    schedule = plan(unit(max_kw=50), demand=[10, 80.0, 0, 50])
    assert schedule.asset("unit", "power_kw") == pytest.approx([10, 50, 0, 50], abs=1e-6)


def test_one_step() -> None:
    for start_cost, power in ((1.0, 50.0), (9.0, 0.0)):
        schedule = plan(unit(min_kw=50, max_kw=50, start_cost=start_cost, min_up_h=8), demand=50.0, steps=hours(1))
        assert schedule.asset("unit", "power_kw") == pytest.approx([power], abs=1e-6)
        assert audit(schedule).passed


def test_ramps_count_the_time_between_the_middles_of_unequal_steps() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 3600, 5400, 9000, 16200]).astype("timedelta64[s]")
    engine = unit(max_kw=500, ramp_up_kw_per_h=40, start_up_kw=10)
    schedule = plan(engine, demand=500.0, steps=Horizon(edges, "UTC"))
    # Steps of 1, ½, 1 and 2 h: their middles are ¾, ¾ and 1½ h apart.
    assert schedule.asset("unit", "power_kw") == pytest.approx([10, 40, 70, 130])


def test_a_start_may_be_followed_by_a_stop_where_the_step_is_as_long_as_the_minimum_up_time() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 900, 1800, 5400, 9000]).astype("timedelta64[s]")
    engine = unit(min_kw=30, max_kw=100, start_up_kw=30, shut_down_kw=30, min_up_h=1, cost_per_kwh=0.01)
    schedule = plan(engine, demand=[0, 0, 30.0, 0], steps=Horizon(edges, "UTC"))
    assert schedule.asset("unit", "power_kw") == pytest.approx([0, 0, 30, 0], abs=1e-6)


def test_a_run_at_the_end_may_go_on_beyond_the_horizon() -> None:
    schedule = plan(unit(min_kw=40, max_kw=40, min_up_h=24), demand=[0, 0, 0, 40.0])
    assert schedule.asset("unit", "on") == pytest.approx([0, 0, 0, 1])


def test_a_running_unit_must_ramp_down_to_its_shut_down_limit_before_it_stops() -> None:
    engine = unit(
        min_kw=10, cost_per_kwh=0.9, shut_down_kw=20, ramp_down_kw_per_h=30, on_before_h=9, power_before_kw=75
    )
    schedule = plan(engine)
    assert schedule.asset("unit", "power_kw") == pytest.approx([45, 15, 0, 0], abs=1e-6)


def test_on_unequal_steps_it_may_stop_as_soon_as_it_is_down() -> None:
    """By the ramp over the time between middles of steps, not by a count of steps as long as the first."""
    lengths = np.array([0, 60, 15, 15, 15, 15, 15, 15, 15, 15]) * 60
    edges = np.datetime64("2024-03-01T00:00", "s") + np.cumsum(lengths).astype("timedelta64[s]")
    engine = unit(
        min_kw=10, cost_per_kwh=0.9, shut_down_kw=30, ramp_down_kw_per_h=20, on_before_h=9, power_before_kw=80
    )
    schedule = plan(engine, steps=Horizon(edges, "UTC"))
    assert schedule.asset("unit", "power_kw") == pytest.approx([60, 47.5, 42.5, 37.5, 32.5, 27.5, 0, 0, 0], abs=1e-6)


def test_the_power_before_is_held_within_the_units_limits() -> None:
    """A unit said to have run, with no power given, ran at its minimum: plan and check see the same."""
    engine = unit(min_kw=40, max_kw=100, ramp_up_kw_per_h=10, on_before_h=3, start_cost=100)
    schedule = plan(engine, demand=100.0)
    assert schedule.asset("unit", "power_kw") == pytest.approx([50, 60, 70, 80])
    assert audit(schedule).passed


@pytest.mark.parametrize("before", [0.0, 1.0])
def test_minimum_times_count_from_before_the_horizon(before: float) -> None:
    dear = unit(min_kw=10, cost_per_kwh=0.9, min_up_h=3, on_before_h=1 + before, power_before_kw=10)
    assert plan(dear).asset("unit", "on").sum() == pytest.approx(2 - before)
    cheap = unit(cost_per_kwh=0.01, min_down_h=3, off_before_h=1 + before)
    assert plan(cheap, demand=50.0).asset("unit", "on").sum() == pytest.approx(2 + before)


def test_the_rule_brings_a_running_unit_down_and_stops_it() -> None:
    engine = unit(min_kw=10, ramp_down_kw_per_h=30, shut_down_kw=20, on_before_h=9, power_before_kw=75)
    site = park(load(), grid(**EXPORT), engine)
    schedule = rule_based(Problem(site, given(site, hours(4), {("load", "demand_kw"): 80.0})))
    assert schedule.asset("unit", "power_kw") == pytest.approx([45, 15, 0, 0])
    assert audit(schedule).passed


def test_a_convex_plan_is_whole_and_says_how_far_from_the_best_it_can_be() -> None:
    site = park(load(), grid(), unit(min_kw=50, max_kw=50, start_cost=3))
    inputs = given(site, hours(4), {("load", "demand_kw"): [20.0, 60, 20, 60]})
    exact, convex = (solve(Problem(site, inputs, Mode(m))) for m in ("exact", "convex"))
    assert convex.proof.quality == "convex_recovery"
    assert convex.proof.bound <= exact.proof.objective + 1e-6
    assert exact.proof.bound - 1e-6 <= convex.proof.objective
    assert convex.proof.gap == pytest.approx(1 - convex.proof.bound / convex.proof.objective)
    assert audit(convex).passed


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"min_kw": 101}, "min_kw 101 is above max_kw 100"),
        ({"min_kw": 50, "start_up_kw": 40}, "start_up_kw 40 is below min_kw 50"),
        ({"min_kw": 50, "shut_down_kw": 40}, "shut_down_kw 40 is below min_kw 50"),
    ],
)
def test_a_unit_that_could_never_run_is_refused(fields: dict[str, float], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), grid(), unit(**fields))
