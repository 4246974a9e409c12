"""Heat pumps: the coefficient of performance, limits, and plans done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.assets.heat_pump import HeatPump
from dispatch.audit import audit
from dispatch.config.heat_references import heat_problems
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff


def pump(**fields: Any) -> dict[str, Any]:
    return {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 20} | fields


def built(demand: Any, *others: dict[str, Any], **fields: Any) -> Problem:
    site = park(grid(tariff=tariff(0.3)), pump(**fields), load("warm", bus="heat"), *others)
    return Problem(site, given(site, hours(np.size(demand)), {("warm", "demand_kw"): demand}))


def cop_of(**fields: Any) -> float:
    (made,) = park(pump(**fields)).assets
    assert isinstance(made, HeatPump)
    return float(np.asarray(made.per_input(hours(1))["heat"])[0])


@pytest.mark.parametrize(
    ("origin", "source", "sink", "cop"),
    [
        # Δ = 35 K: the two values of Staffell et al. 2012.
        ("ground", 10.0, 45.0, 4.419),
        ("air", 10.0, 45.0, 3.347),
        # Held above 15 K: 8.77 − .15 · 15 + .000734 · 225.
        ("ground", 40.0, 45.0, 6.685),
        ("ground", 50.0, 45.0, 6.685),
    ],
)
def test_the_coefficient_of_performance(origin: str, source: float, sink: float, cop: float) -> None:
    assert cop_of(origin=origin, source_degc=source, sink_degc=sink) == pytest.approx(cop, abs=1e-3)


def test_heat_costs_its_electricity() -> None:
    problem = built([44.19, 0.0, 10.0], origin="ground", source_degc=10, sink_degc=45)
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("pump", "power_kw") == pytest.approx([10, 0, 10 / 4.419], rel=1e-3)
        assert schedule.money[0] == pytest.approx(0.3 * (10 + 10 / 4.419), rel=1e-3)
        assert audit(schedule).violations == ()


def test_beyond_its_rating_heat_is_shed() -> None:
    problem = built([100.0], source_degc=10, sink_degc=45)
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("pump", "power_kw") == pytest.approx([20])
        assert schedule.asset("warm", "shed_kw") == pytest.approx([100 - 20 * 4.419], abs=0.02)
        assert audit(schedule).violations == ()


def test_the_rules_draw_no_more_than_the_connection_gives() -> None:
    site = park(grid(import_kw=5), pump(), load("warm", bus="heat"))
    schedule = rule_based(Problem(site, given(site, hours(1), {("warm", "demand_kw"): 80.0})))
    assert schedule.asset("pump", "power_kw") == pytest.approx([5])
    assert schedule.asset("warm", "shed_kw")[0] > 0
    assert audit(schedule).violations == ()


def test_two_pumps_share_the_demand_by_their_ratings_in_the_rules_and_by_cost_in_the_plan() -> None:
    problem = built([50.0], pump(name="old", origin="air", electric_kw=10))
    rules, plan = rule_based(problem), solve(problem)
    assert rules.asset("pump", "heat_kw") == pytest.approx([50 * 20 / 30])
    assert rules.asset("old", "heat_kw") == pytest.approx([50 * 10 / 30])
    assert plan.asset("old", "power_kw") == pytest.approx([0], abs=1e-6)
    assert plan.money[0] < rules.money[0]


def test_the_coefficient_follows_the_temperatures_of_the_hour() -> None:
    """Air at 10 and −5 °C, flow at 45 and 40 °C: lifts of 35 and 45 K."""
    points = [{"datetime": f"2024-03-01T0{hour}:00Z", "value": value} for hour, value in enumerate((10.0, -5.0))]
    flow = [{"datetime": f"2024-03-01T0{hour}:00Z", "value": value} for hour, value in enumerate((45.0, 40.0))]
    plan = solve(built([33.47, 26.4075], origin="air", source_degc=points, sink_degc=flow))
    assert plan.asset("pump", "power_kw") == pytest.approx(
        [10, 26.4075 / (6.81 - 0.121 * 45 + 0.00063 * 45**2)], rel=1e-3
    )


def test_a_minimum_load_keeps_it_off_below() -> None:
    """A quarter of 20 kW at 4.419 is 22.1 of heat: 10 are left to the old pump at 3.347."""
    old = pump(name="old", origin="air", electric_kw=10, source_degc=10, sink_degc=45)
    problem = built([10.0, 44.19], old, source_degc=10, sink_degc=45, min_load_fraction=0.25)
    plan = solve(problem)
    assert plan.asset("pump", "power_kw") == pytest.approx([0, 10], abs=1e-3)
    assert plan.asset("old", "power_kw") == pytest.approx([10 / 3.347, 0], abs=1e-3)
    assert audit(plan).violations == ()


def test_a_temperature_that_is_unknown_in_a_step_is_an_error_with_its_name() -> None:
    late = [{"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "value": 5.0}]
    with pytest.raises(DataError, match="source temperature of 'pump' is unknown at 2024-03-01T00:00"):
        built([10.0, 10.0], source_degc=late)


@pytest.mark.parametrize(
    ("origin", "source", "sink", "cop"),
    [
        # At 60 K, where the fits end: 6.81 − .121 · 60 + .00063 · 3600 and 8.77 − .15 · 60 + .000734 · 3600.
        ("air", -10.0, 50.0, 1.818),
        ("ground", -10.0, 50.0, 2.4124),
        # Above, the same share of Carnot's: 60/80 and 60/100 of it (the parabolas say 1.162 and 1.11, and rise).
        ("air", -20.0, 60.0, 1.818 * 0.75),
        ("ground", 10.0, 110.0, 2.4124 * 0.6),
        # 1.818 · 60/150 = .727: no worse than a heater (the parabola says 2.835, Carnot's is 2.62).
        ("air", -30.0, 120.0, 1.0),
        # .6 · (−38 + 273.15)/50 = 2.8218, of which the fit of 50 K says 3.105.
        ("ground", -88.0, -38.0, 2.8218),
    ],
)
def test_beyond_the_fit_the_share_of_carnot_holds(origin: str, source: float, sink: float, cop: float) -> None:
    assert cop_of(origin=origin, source_degc=source, sink_degc=sink) == pytest.approx(cop, abs=1e-4)


@pytest.mark.parametrize("origin", ["ground", "air"])
@pytest.mark.parametrize("sink", [20.0, 60.0, 120.0])
def test_a_longer_lift_never_gives_more_heat_and_carnot_is_never_reached(origin: str, sink: float) -> None:
    lifts = np.arange(1.0, 180.0)
    found = np.array([cop_of(origin=origin, source_degc=sink - lift, sink_degc=sink) for lift in lifts])
    assert (np.diff(found) <= 1e-12).all()
    assert (found <= np.maximum(0.6 * (sink + 273.15) / lifts, 1)).all()
    assert (found >= 1).all()


@pytest.mark.parametrize(
    ("fields", "cop"),
    [
        ({"coefficient_of_performance": 3.7}, 3.7),
        # .5 · 393.15/60: heat of 60 °C to 120 °C.
        ({"second_law_efficiency": 0.5, "source_degc": 60, "sink_degc": 120}, 3.27625),
        ({"second_law_efficiency": 0.5}, 0.5 * 318.15 / 33),
        # Held above 15 K: .5 · 333.15/15.
        ({"second_law_efficiency": 0.5, "source_degc": 55, "sink_degc": 60}, 11.105),
        ({"second_law_efficiency": 0.2, "source_degc": -30, "sink_degc": 120}, 1.0),
    ],
)
def test_an_industrial_machine_is_described_by_its_own_numbers(fields: dict[str, Any], cop: float) -> None:
    assert cop_of(**fields) == pytest.approx(cop)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"coefficient_of_performance": 3, "origin": "air"}, "coefficient_of_performance says what origin would"),
        ({"coefficient_of_performance": 3, "second_law_efficiency": 0.5}, "says what second_law_efficiency would"),
        ({"coefficient_of_performance": 3, "source_degc": 5, "sink_degc": 60}, "source_degc and sink_degc would"),
        ({"second_law_efficiency": 0.5, "origin": "ground"}, "second_law_efficiency says what origin would decide"),
        ({"coefficient_of_performance": 0.9}, "0.9 must be at least 1: what it draws becomes heat too"),
        ({"source_bus": "kiln"}, "source_bus needs source_degc"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        park(pump(**fields))


def lifted(offered_kw: float, **fields: Any) -> Problem:
    """A pump with a COP of 4 between a kiln's heat and 100 kW of demand, beside heat at .5 a kWh."""
    buses = [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "warm", "carrier": "heat"}]
    kiln = {"kind": "waste_heat", "name": "kiln", "bus": "warm", "offered_kw": offered_kw, "max_kw": 1000}
    boiler = {"kind": "electric_boiler", "name": "boiler", "bus": "main", "heat_bus": "heat", "electric_kw": 500}
    lifts = pump(electric_kw=200, source_bus="warm", coefficient_of_performance=4, **fields)
    site = park(
        grid(tariff=tariff(0.3)), kiln, lifts, boiler | {"efficiency": 1}, load("rooms", bus="heat"), buses=buses
    )
    return Problem(site, given(site, hours(1), {("rooms", "demand_kw"): 100.0}))


def test_no_more_heat_is_lifted_than_the_source_has() -> None:
    """5 kW at a COP of 4 are the evaporator's three quarters of 20/3 kW: 5/3 kW of electricity, the rest is boiled."""
    plan = solve(lifted(5.0))
    assert plan.asset("pump", "power_kw") == pytest.approx([5 / 3])
    assert plan.asset("pump", "heat_kw") == pytest.approx([20 / 3])
    assert plan.asset("pump", "source_kw") == pytest.approx([5])
    assert plan.asset("kiln", "taken_kw") == pytest.approx([5])
    assert plan.money[0] == pytest.approx(0.3 * (5 / 3 + 100 - 20 / 3))
    assert audit(plan).violations == ()


def test_a_source_with_enough_leaves_the_pump_to_its_demand() -> None:
    """100 kW of heat draw 25 of electricity and 75 of the kiln; without a plan no bus lacks either."""
    plan = solve(lifted(500.0))
    assert plan.asset("pump", "power_kw") == pytest.approx([25])
    assert plan.asset("kiln", "taken_kw") == pytest.approx([75])
    assert plan.money[0] == pytest.approx(7.5)
    for offered in (5.0, 500.0):
        assert audit(rule_based(lifted(offered))).violations == ()


def test_the_audit_notices_heat_that_no_source_gave() -> None:
    plan = solve(lifted(5.0))
    made = plan.kinds["heat_pump"]
    wrong = replace(made, series={**made.series, "source_kw": 0 * made.series["source_kw"]})
    found = audit(replace(plan, kinds={**plan.kinds, "heat_pump": wrong})).violations
    assert any("out of proportion" in violation.what for violation in found)


def test_a_source_hotter_than_its_bus_is_told() -> None:
    buses = [
        {"name": "main"},
        {"name": "heat", "carrier": "heat"},
        {"name": "warm", "carrier": "heat", "temperature_degc": "30 degC"},
    ]
    raw = {"buses": buses, "assets": [pump(source_bus="warm", source_degc=40)]}
    (found,) = heat_problems(raw)
    assert (found.path, found.message) == (
        "assets[0].source_degc",
        "heat at 40 °C is hotter than its bus 'warm' at 30 °C",
    )
    assert not [*heat_problems({"buses": buses, "assets": [pump(source_bus="warm", source_degc=30)]})]
