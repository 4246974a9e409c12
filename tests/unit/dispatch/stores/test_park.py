"""A depot with every sort of store and vehicle: planned, ruled, rested, rolled and reported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.ladder.fallback import last_good, safe_state
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.tables import schedule_table
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.planned import planned

STEPS = 24
SUN = np.clip(300 * np.sin((np.arange(STEPS) - 6) / 12 * np.pi), 0, None)
PRICE = [0.3] * 6 + [0.6] * 4 + [0.15] * 5 + [0.7] * 6 + [0.3] * 3


def depot(**grid_fields: Any) -> Site:
    store = {"energy_kwh": 200, "charge_kw": 60, "discharge_kw": 60}
    cold = [
        {"degc": -20, "power_share": 0.7, "capacity_share": 0.85},
        {"degc": 20, "power_share": 1, "capacity_share": 1},
    ]
    bus = {"arrival": "18:00", "departure": "05:30", "charge_kw": 50, "arrival_kwh": 60, "departure_kwh": 260}
    car = {"arrival": "08:15", "departure": "17:00", "charge_kw": 11, "discharge_kw": 11, "arrival_kwh": 20}
    car |= {"departure_kwh": 40, "capacity_kwh": 60}
    swap = {"kind": "swap_station", "name": "swap", "bus": "main", "batteries": 8, "battery_kwh": 280}
    swap |= {"charge_kw": 400, "battery_charge_kw": 100, "swaps_per_h": 0.5, "start_full": 4}
    return park(
        load(),
        grid(import_kw=900, export_kw=300, tariff=hourly_tariff(PRICE, feed_in=0.3)) | grid_fields,
        {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 300},
        battery("na", **store, temperature_table=cold, ambient_degc=-10),
        battery("vrfb", kind="flow_battery", **store, pump_kw=2),
        battery("sc", kind="supercapacitor", energy_kwh=10, charge_kw=200, discharge_kw=200, ramp_sigma_kw=20),
        {"kind": "ev_fleet", "name": "buses", "bus": "main", "sessions": [bus] * 3},
        {"kind": "ev_fleet", "name": "cars", "bus": "main", "sessions": [car] * 4, "aggregate": True},
        swap,
    )


def inputs(site: Site, start: str = "2024-03-01T00:00", scenarios: int = 1, state: Any = None) -> Inputs:
    series = {("load", "demand_kw"): 80.0, ("pv", "available_kw"): SUN}
    return given(site, hours(STEPS, start), series, scenarios, state)


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    site = depot()
    return solve(Problem(site, inputs(site)))


def test_the_plan_passes_and_earns_more_than_the_rules(schedule: Schedule) -> None:
    assert audit(schedule).violations == ()
    site = depot()
    ruled = rule_based(Problem(site, inputs(site)))
    assert audit(ruled).violations == ()
    assert schedule.money[0] + schedule.penalty[0] < ruled.money[0] + ruled.penalty[0]


@pytest.mark.parametrize("import_kw", [900, 120, 5])
def test_rules_rest_and_the_plan_before_pass_with_little_power_too(schedule: Schedule, import_kw: float) -> None:
    site = depot(import_kw=import_kw)
    problem = Problem(site, inputs(site, "2024-03-02T00:00"))
    for made in (rule_based(problem), last_good(problem, schedule), safe_state(problem)):
        assert audit(made).violations == ()
    assert made.asset("buses", "charge_kw").max() < 1e-6, "at rest"


def test_a_relaxed_commitment_is_recovered_with_its_gap() -> None:
    site = depot()
    made = solve(Problem(site, inputs(site), Mode("convex")))
    assert audit(made).violations == ()
    assert made.proof.gap < 0.02


def test_the_next_day_starts_where_this_one_ends(schedule: Schedule) -> None:
    site, state = depot(), {}
    for solved in schedule.kinds.values():
        state |= type(solved.rows.members[0]).carry(solved.rows, schedule.inputs, solved.series, STEPS)
    assert set(state) >= {"na", "vrfb", "sc", "buses", "cars", "swap"}
    assert len(state["buses"]) == 3, "those that stay overnight, each with what it holds"
    assert state["cars"] == {}
    later = solve(Problem(site, inputs(site, "2024-03-02T00:00", state=state)))
    assert audit(later).violations == ()
    assert later.asset("buses", "unserved_kwh").sum() == pytest.approx(0, abs=1e-3)


def test_several_scenarios_have_one_plan_for_stores_and_vehicles() -> None:
    site = depot()
    made = solve(Problem(site, inputs(site, scenarios=2)))
    assert audit(made).violations == ()
    for kind in ("battery", "flow_battery", "supercapacitor", "ev_fleet", "swap_station"):
        rows, charge = made.kinds[kind].rows, made.kinds[kind].series["charge_kw"]
        assert charge[: len(rows.members)] == pytest.approx(charge[len(rows.members) :])


def test_report_and_tables_show_it_and_say_what_is_left_undone(schedule: Schedule) -> None:
    site = depot()
    plan = planned(site, inputs(site), schedule=schedule)
    assert report_data(plan).stores
    assert "cars.charge_kw" in schedule_table(schedule, "EUR").column_names
    short = depot(import_kw=5)
    scarce = planned(short, inputs(short))
    told = [finding.text for finding in findings(scarce)]
    assert any("vehicles leave without" in text for text in told)
    assert any("swaps not served" in text for text in told)
