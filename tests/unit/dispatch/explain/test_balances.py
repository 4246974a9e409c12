"""A carrier that cannot be balanced is named: bus, hours, how much is missing or too much, and what would mend it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.explain import explain_unmet, why_no_plan
from dispatch.explain.balances import imbalances
from dispatch.explain.diagnosis import Diagnosis
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park

BUSES = [
    {"name": "main"},
    {"name": "gas", "carrier": "gas"},
    {"name": "h2", "carrier": "hydrogen"},
    {"name": "boil", "carrier": "steam"},
]
SUPPLY = {"kind": "fuel_supply", "name": "supply", "bus": "gas", "price_per_kwh": 0.05}


def electrolyser(**fields: Any) -> dict[str, Any]:
    """Hydrogen at 60 % of what it draws, at least 20 kW while it runs."""
    base = {"kind": "pem_electrolyser", "name": "stack", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 100.0}
    curve = [{"load": 1.0, "kg_per_mwh": 18.0018}]
    return base | {"min_load": 0.2, "curve": curve, "can_stand_by": False, "on_before_h": 5.0} | fields


def boiler(**fields: Any) -> dict[str, Any]:
    base = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "boil", "heat_kw": 100.0}
    return base | {"min_load_fraction": 0.5, "on_before_h": 5.0} | fields


def tank(**fields: Any) -> dict[str, Any]:
    base = {"kind": "hydrogen_tank", "name": "tank", "bus": "h2", "energy_kwh": 20.0, "charge_kw": 20.0}
    return base | {"discharge_kw": 20.0, "min_fill": 0.0, "start_fill": 0.8} | fields


def site(*more: dict[str, Any]) -> Site:
    loads = load("filling", bus="h2"), load("press", bus="boil")
    return park(grid(), SUPPLY, *loads, *more, buses=BUSES)


def posed(what: Site, filling: Any, press: Any, scenarios: int = 1) -> Problem:
    series = {("filling", "demand_kw"): filling, ("press", "demand_kw"): press}
    return Problem(what, given(what, hours(4, "2024-03-01T06:00"), series, scenarios))


def told(built: Problem) -> list[str]:
    return list(why_no_plan(built).lines(built.horizon, "EUR"))


def test_hydrogen_that_nobody_takes_is_named_with_bus_hour_and_power() -> None:
    built = posed(site(electrolyser(must_run=True), tank(), boiler()), [12.0, 6, 2, 12], 60.0)
    lines = told(built)
    # 12 kW at least; the tank takes 4 of the 6 and 10 kWh that are left over at 07:00 and 08:00.
    assert lines[1].startswith("hydrogen cannot be balanced at bus h2: ")
    assert "kW too much at" in lines[1]
    assert ", 12 kWh at 07:00–09:00" in lines[1]
    assert any("stack" in line for line in lines if line.startswith("because of"))
    assert any(line.startswith("fix 1: ") for line in lines)


def test_its_cheapest_fix_is_tried_and_works() -> None:
    built = posed(site(electrolyser(must_run=True), tank(), boiler()), [12.0, 6, 2, 12], 60.0)
    explanation = why_no_plan(built)
    costs = [fix.cost for fix in explanation.fixes]
    assert costs == sorted(costs)
    mended = posed(explanation.fixes[0].apply(built.site), [12.0, 6, 2, 12], 60.0)
    schedule = solve(mended)
    assert audit(schedule).violations == ()
    found = Diagnosis(mended)
    assert not found.contradictory
    assert imbalances(found) == []


def test_steam_that_nobody_takes() -> None:
    built = posed(site(electrolyser(), tank(), boiler(must_run=True)), 0.0, [80.0, 20, 30, 80])
    assert told(built)[1] == ("steam cannot be balanced at bus boil: 30 kW too much at 07:00, 50 kWh at 07:00–09:00")


def test_of_two_buses_both_are_named_the_larger_first() -> None:
    built = posed(site(electrolyser(must_run=True), boiler(must_run=True)), 10.0, 20.0)
    carriers = [one.carrier for one in why_no_plan(built).imbalances]
    assert carriers == ["steam", "hydrogen"]
    lines = told(built)
    assert lines[1] == "steam cannot be balanced at bus boil: 30 kW too much at 06:00, 120 kWh at 06:00–10:00"
    assert lines[2] == "hydrogen cannot be balanced at bus h2: 2 kW too much at 06:00, 8 kWh at 06:00–10:00"


def test_the_scenario_with_the_most_is_told() -> None:
    press = np.array([[60.0, 60, 60, 60], [60, 35, 60, 60]])
    built = posed(site(boiler(must_run=True)), 0.0, press, scenarios=2)
    assert told(built)[1] == "steam cannot be balanced at bus boil: 15 kW too much at 07:00, 15 kWh at 07:00–08:00"


@pytest.mark.parametrize(
    ("filling", "press", "words"),
    [
        ([50.0, 80, 50, 50], 60.0, "filling: demand that is not served: 6 kWh of hydrogen at bus h2, at 07:00–08:00"),
        (10.0, [60.0, 60, 130, 60], "press: demand that is not served: 30 kWh of steam at bus boil, at 08:00–09:00"),
    ],
)
def test_what_lacks_is_told_with_carrier_and_bus(filling: Any, press: Any, words: str) -> None:
    built = posed(site(electrolyser(), tank(start_fill=0.2), boiler(min_load_fraction=0.2)), filling, press)
    (found,) = explain_unmet(built, solve(built))
    lines = list(found.lines(built.horizon, "EUR"))
    assert lines[0].startswith(words)
    assert any("raise" in line for line in lines if line.startswith("fix 1"))
