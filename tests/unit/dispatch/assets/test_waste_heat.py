"""Waste heat: free, taken or let off, forecast or given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, hours, load, park
from tests.unit.dispatch.assets.thermal_parks import grid, point_signal, problem, supply, tariff


def heat(**fields: Any) -> dict[str, Any]:
    return {"kind": "waste_heat", "name": "kiln", "bus": "heat", "offered_kw": 50, "max_kw": 60} | fields


def test_it_is_used_before_bought_heat_and_the_rest_is_let_off() -> None:
    made = problem(heat(), supply("heat", 0.05), grid(), demand={"heat": [80.0, 20, 0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("kiln", "taken_kw") == pytest.approx([50, 20, 0], abs=1e-6)
        assert schedule.asset("kiln", "unused_kw") == pytest.approx([0, 30, 50], abs=1e-6)
        assert schedule.money[0] == pytest.approx(30 * 0.05)
        assert audit(schedule).violations == ()


def test_what_is_offered_may_change_and_the_largest_flow_holds() -> None:
    made = problem(heat(offered_kw=point_signal(30, 90)), grid(), demand={"heat": [100.0, 100]})
    assert solve(made).asset("kiln", "taken_kw") == pytest.approx([30, 60])


def test_its_pumps_draw_electricity_where_they_have_a_bus() -> None:
    made = problem(heat(electric_bus="main", pump_fraction=0.02), grid(tariff=tariff(0.3)), demand={"heat": [50.0, 10]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("kiln", "pump_kw") == pytest.approx([1, 0.2])
        assert schedule.money[0] == pytest.approx(1.2 * 0.3)
        assert audit(schedule).violations == ()


def test_dear_pumping_leaves_it_where_it_is() -> None:
    pumped = heat(electric_bus="main", pump_fraction=0.2)
    plan = solve(problem(pumped, supply("heat", 0.05), grid(tariff=tariff(0.3)), demand={"heat": [50.0]}))
    assert plan.asset("kiln", "taken_kw") == pytest.approx([0], abs=1e-6)


def test_without_a_given_course_it_is_forecast() -> None:
    site = park(heat(offered_kw=None), grid(), load("warm", bus="heat"))
    (need,) = site.assets[0].needs
    assert (need.quantity, need.kind) == ("available_kw", "load")
    assert heat_of(site).needs == ()
    series = {("warm", "demand_kw"): 80.0, ("kiln", "available_kw"): np.array([40.0, -1.0])}
    plan = solve(Problem(site, given(site, hours(2), series)))
    assert plan.asset("kiln", "taken_kw") == pytest.approx([40, 0], abs=1e-6), "a forecast below zero is none"
    assert audit(plan).violations == ()


def heat_of(site: Any) -> Any:
    return type(site.assets[0]).model_validate(heat())


def test_pumps_without_a_bus_and_two_sources_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs an electric_bus"):
        problem(heat(pump_fraction=0.02), grid(), demand={"heat": [50.0]})
    with pytest.raises(ValidationError, match="two ways to say one thing"):
        problem(heat(history={"file": "x.csv", "column": "a"}), grid(), demand={"heat": [50.0]})


def test_a_heat_pump_lifts_it_to_where_it_is_hot_enough() -> None:
    """From 30 to 60 °C: COP 8.77 − .15 · 30 + .000734 · 900 = 4.9306 from the source's side; heat 49.306 per 10 kW."""
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 10}
    made = problem(pump | {"source_degc": 30, "sink_degc": 60}, grid(), demand={"heat": [60.0]})
    assert solve(made).asset("pump", "heat_kw") == pytest.approx([49.306])
