"""Planned outages as causes, and demand of every carrier among what is not met."""

from __future__ import annotations

import numpy as np

from dispatch.explain import Priced, explain_unmet
from dispatch.explain.fields import FieldChange
from dispatch.explain.hour import deeds
from dispatch.presentation.findings import findings
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.planned import planned

OFF = [{"start": "2024-03-01T02:00Z", "end": "2024-03-01T04:00Z"}]


def dark() -> tuple[Problem, Schedule]:
    """100 kW for four hours, the last two without the grid; a battery without losses holds 30 kWh."""
    store = battery(energy_kwh=30, charge_efficiency=1, discharge_efficiency=1, start_fill=1, end_fill_min=0)
    site = park(load(), store, grid(import_kw=500, planned_outages=OFF))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [100.0] * 4}))
    return problem, solve(problem)


def test_demand_that_an_outage_leaves_unserved_is_put_down_to_it() -> None:
    problem, schedule = dark()
    (found,) = explain_unmet(problem, schedule)
    text = found.text(problem.horizon, "EUR")
    # Two hours of 100 kW less the 30 kWh of the battery.
    assert "demand that is not served: 170 kWh of electricity at bus main, at 02:00–04:00" in text
    assert "pcc: import, switched off by a planned outage (03:00–04:00, 85 kW too little)" in text
    assert "import at its upper limit" not in text
    limits = {str(b.named): b.worth for b in Priced(problem, schedule).limits()}
    assert set(limits["pcc: import, switched off by a planned outage"]) == {2, 3}
    assert "pcc: import at its upper limit" not in limits


def test_the_report_names_the_outage_beside_what_is_not_served() -> None:
    problem, schedule = dark()
    said = [
        finding.text
        for finding in findings(planned(problem.site, problem.inputs, schedule=schedule))
        if "not served" in finding.text
    ]
    assert len(said) == 1
    assert said[0].endswith("; pcc switched off by a planned outage")


def test_demand_of_every_carrier_is_told_before_anything_else_and_nothing_is_left_out() -> None:
    """Little heat and cold, much content that is missing in three stores."""
    tanks = [
        {
            "kind": "thermal_store",
            "name": f"tank_{n}",
            "bus": "heat",
            "energy_kwh": 900,
            "charge_kw": 9,
            "discharge_kw": 9,
        }
        for n in range(3)
    ]
    stores = [tank | {"start_fill": 0, "end_fill_min": 0.9 - n / 10} for n, tank in enumerate(tanks)]
    # One price each, so that none of them is told together with another.
    stores = [store | {"end_penalty_per_kwh": 5.0 + n} for n, store in enumerate(stores)]
    loads = load("radiators", bus="heat"), load("freezer", bus="cold"), load("hall")
    site = park(*loads, *stores, grid(import_kw=95))
    demand = {"radiators": 1.0, "freezer": 2.0, "hall": 100.0}
    series = {(name, "demand_kw"): [power] * 4 for name, power in demand.items()}
    problem = Problem(site, given(site, hours(4), series))
    found = explain_unmet(problem, solve(problem))
    assert [e.unmet.assets[0] for e in found if e.unmet] == [
        "hall",
        "freezer",
        "radiators",
        "tank_0",
        "tank_1",
        "tank_2",
    ]
    first = [next(e.lines(problem.horizon, "EUR")) for e in found]
    assert "20 kWh of electricity at bus main" in first[0]
    assert "8 kWh of cold at bus cold" in first[1]
    assert "4 kWh of heat at bus heat" in first[2]
    assert [e.is_searched for e in found] == [True, True, True, False, False, False]
    assert len(list(found[-1].lines(problem.horizon, "EUR"))) == 1


def test_a_change_is_told_without_a_power_of_ten() -> None:
    change = FieldChange("li", "energy_kwh", 2_000.0, 1_213_903.4)
    assert str(change) == "raise energy_kwh of li from 2,000 to 1,213,900 kWh (+1,212,000 kWh)"
    assert str(FieldChange("li", "charge_kw", 30.0, 20.5)) == "lower charge_kw of li from 30 to 20.5 kW (-9.5 kW)"


def test_plant_that_is_out_of_service_says_so_and_nothing_of_what_it_would_be_worth() -> None:
    """Out in the second of two hours asked for; in the first it is held by its power."""
    out = [{"start": "2024-03-01T01:00", "end": "2024-03-01T02:00", "reason": "new cells"}]
    site = park(
        load(),
        battery("store", end_fill_min=0.0, charge_kw=10, discharge_kw=10, out_of_service=out),
        grid(import_kw=500),
    )
    problem = Problem(site, given(site, hours(3), {("load", "demand_kw"): 100.0}))
    point = Priced(problem, solve(problem))
    (deed,) = deeds(point, np.array([0, 1]), "store")
    assert deed.reason("EUR").startswith("out of service 01:00–02:00 (new cells)")
    (deed,) = deeds(point, np.array([0]), "store")
    assert deed.out == ""
    assert "a kWh kept is worth" in deed.reason("EUR")
