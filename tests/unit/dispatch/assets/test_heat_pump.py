"""Heat pumps: the coefficient of performance, limits, and plans done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
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
    site = park(pump(origin=origin, source_degc=source, sink_degc=sink))
    assert site.assets[0].per_input(hours(1))["heat"] == pytest.approx([cop], abs=1e-3)


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
