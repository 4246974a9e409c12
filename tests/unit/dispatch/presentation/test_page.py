"""A plan as the report shows it: balances that add up, tables that sum, findings a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.audit import Audit
from dispatch.network.check import GridProof
from dispatch.part import Violation
from dispatch.plan import Plan
from dispatch.planning.comparison import Outcome
from dispatch.presentation.findings import findings
from dispatch.presentation.page import _method, report_data
from dispatch.problem import Problem
from dispatch.report.data import Balance, ReportData
from dispatch.solve import solve
from grid_models.limits import Breach, Limits
from grid_models.power_flow import Flows
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.planned import planned

BUSES = [
    {"name": "main"},
    {"name": "yard"},
    {"name": "far"},
    {"name": "heat", "carrier": "heat"},
    {"name": "cold", "carrier": "cold"},
]
STEPS = 6


def cable(name: str, bus: str, far_bus: str) -> dict[str, Any]:
    return {"kind": "cable", "name": name, "bus": bus, "far_bus": far_bus, "rating_kw": 500}


ASSETS: tuple[Mapping[str, Any], ...] = (
    load(),
    load("workshop", bus="yard"),
    load("radiators", bus="heat"),
    load("freezer", bus="cold"),
    {"kind": "wind", "name": "wind", "bus": "yard", "rated_kw": 150},
    {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100},
    {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50},
    {"kind": "chiller", "name": "chiller", "bus": "yard", "cold_bus": "cold", "electric_kw": 50},
    {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 80, "charge_kw": 40, "discharge_kw": 40},
    battery(wear_cost_per_kwh=0.01, end_fill_min=0.9),
    unit(
        min_kw=20,
        max_kw=25,
        cost_per_kwh=0.25,
        start_cost=3,
        co2_kg_per_kwh=0.7,
        on_before_h=1,
        min_up_h=3,
        power_before_kw=20,
    ),
    cable("cable_1", "main", "yard"),
    cable("cable_2", "yard", "far"),
    grid(import_kw=300, export_kw=50, tariff=tariff(0.2, 0.05, demand=2.0), carbon_intensity_kg_per_kwh=0.4),
)


def series(seed: int = 1, steps: int = STEPS) -> dict[tuple[str, str], Any]:
    r = np.random.default_rng(seed)
    demands = {(n, "demand_kw"): r.uniform(20, 60, steps) for n in ("load", "workshop", "radiators", "freezer")}
    return demands | {(n, "available_kw"): r.uniform(0, 40, steps) for n in ("wind", "pv")}


@pytest.fixture(scope="module")
def plan() -> Plan:
    site = park(
        *ASSETS, buses=BUSES, title="Works of the test", wishes=[{"clean_share_min": 0.99, "penalty_per_kwh": 0.001}]
    )
    known = series(2)
    actual = {name: known[name, quantity] for name, quantity in known}
    return planned(site, given(site, hours(STEPS), series()), actual=actual)


@pytest.fixture(scope="module")
def data(plan: Plan) -> ReportData:
    return report_data(plan)


def total(lines: Any) -> np.ndarray:
    return np.sum([line.values for line in lines], axis=0, initial=0.0)  # type: ignore[no-any-return]


def by_bus(data: ReportData) -> dict[str, Balance]:
    return {balance.bus: balance for balance in data.balances}


def test_supply_equals_use_at_every_step_of_every_group_of_buses(data: ReportData):
    assert list(by_bus(data)) == ["main + yard + far", "heat", "cold"]
    for balance in data.balances:
        assert total(balance.supply) == pytest.approx(total(balance.use), abs=0.2), balance.bus
        assert total(balance.supply).min() > 10
        assert min(min(line.values) for line in (*balance.supply, *balance.use)) >= 0
    assert [b.carrier for b in data.balances] == ["electricity", "heat", "cold"]


def test_every_asset_that_does_something_stands_on_the_right_side(plan: Plan, data: ReportData):
    sides = {bus: ({line.name for line in b.supply}, {line.name for line in b.use}) for bus, b in by_bus(data).items()}
    supply, use = sides["main + yard + far"]
    assert {"wind", "pv", "unit", "pcc"} <= supply
    assert {"load", "workshop", "pump", "chiller", "battery"} <= use
    assert {"cable_1", "cable_2"} & (supply | use) == set(), "inside the group"
    assert sides["heat"][0] >= {"pump"}
    assert sides["heat"][1] >= {"radiators"}
    assert sides["cold"] == ({"chiller"}, {"freezer"})
    shown = set().union(*(s | u for s, u in sides.values()))
    assert shown >= {a.name for a in plan.site.assets if a.kind not in ("cable", "thermal_store")}


def test_a_small_balance_is_the_assets_own_numbers(plan: Plan, data: ReportData):
    freezer = next(line for line in by_bus(data)["cold"].use if line.name == "freezer")
    assert freezer.values == pytest.approx(plan.outlook.inputs.series["freezer", "demand_kw"][0], abs=1e-4)


@pytest.mark.parametrize(
    ("cables", "groups"),
    [
        ([], ["main", "yard", "far"]),
        ([("main", "yard")], ["main + yard", "far"]),
        ([("yard", "far"), ("main", "yard")], ["main + yard + far"]),
        ([("main", "far"), ("yard", "far")], ["main + yard + far"]),
        ([("main", "yard"), ("yard", "far"), ("far", "main")], ["main + yard + far"]),
    ],
)
def test_buses_joined_by_cables_are_shown_as_one(cables: list[tuple[str, str]], groups: list[str]):
    joined = [cable(f"cable_{i}", *ends) for i, ends in enumerate(cables)]
    pairs = [[grid(name=f"pcc_{b}", bus=b), load(f"load_{b}", bus=b)] for b in ("main", "yard", "far")]
    site = park(*joined, *(asset for pair in pairs for asset in pair), buses=BUSES)
    inputs = given(site, hours(2), {(f"load_{b}", "demand_kw"): 10.0 for b in ("main", "yard", "far")})
    shown = report_data(planned(site, inputs))
    electric = [b for b in shown.balances if b.carrier == "electricity"]
    assert sorted("+".join(sorted(b.bus.split(" + "))) for b in electric) == sorted(
        "+".join(sorted(g.split(" + "))) for g in groups
    )
    for balance in electric:
        assert total(balance.supply) == pytest.approx(total(balance.use), abs=0.2)
        assert total(balance.use).sum() == pytest.approx(20 * len(balance.bus.split(" + ")), abs=0.2)


def test_money_and_carbon_sum_to_their_totals(plan: Plan, data: ReportData):
    for table, stated in ((data.money, plan.schedule.money[0]), (data.carbon, plan.schedule.co2_kg[0])):
        *parts, (name, whole) = table
        assert name == "total"
        assert whole == pytest.approx(stated, abs=0.06)
        assert sum(value for _, value in parts) == pytest.approx(whole, abs=0.2)
    names = [name for name, _ in data.money]
    assert {"pcc: energy", "pcc: demand charge added by this day", "unit", "battery"} <= set(names)
    assert dict(data.money)["pcc: demand charge added by this day"] == pytest.approx(
        2 * max(plan.schedule.asset("pcc", "import_kw")), abs=0.01
    )
    assert dict(data.carbon)["unit"] == pytest.approx(0.7 * plan.schedule.asset("unit", "power_kw").sum(), abs=0.1)


def test_stores_begin_at_what_they_held(plan: Plan, data: ReportData):
    stores = {store.name: store for store in data.stores}
    assert list(stores) == ["tank", "battery"]
    assert stores["battery"].stored_kwh[0] == 50
    assert stores["battery"].stored_kwh[1:] == pytest.approx(plan.schedule.asset("battery", "stored_kwh"), abs=1e-4)
    assert (stores["battery"].min_kwh, stores["battery"].max_kwh) == (0, 100)
    assert len(stores["tank"].stored_kwh) == STEPS + 1


def test_what_was_carried_in_is_where_a_store_begins_and_what_its_wish_says():
    site = park(load(), grid(), battery(max_fill=0.8))
    inputs = given(site, hours(2), {("load", "demand_kw"): 5.0}, state={"battery": {"start_fill": 0.3}})
    shown = report_data(planned(site, inputs))
    assert shown.stores[0].stored_kwh[0] == 30
    assert shown.wishes == (("battery: at least 30% full at the end", "kept", True),)


def test_wishes_that_cannot_be_kept_say_by_how_much(plan: Plan, data: ReportData):
    text = "clean share of at least 99% per day"
    outcome, kept = next((o, k) for t, o, k in data.wishes if t == text)
    assert not kept
    assert outcome == f"short by {plan.schedule.wish_short_kwh[text][0].sum():,.0f} kWh"
    slow = park(load(), grid(), battery(charge_kw=5, end_fill_min=1.0))
    shown = report_data(planned(slow, given(slow, hours(4), {("load", "demand_kw"): 5.0})))
    missing = 50 - 4 * 5 * 0.9193
    assert shown.wishes == (("battery: at least 100% full at the end", f"short by {missing:.1f} kWh", False),)


def test_set_points_are_what_an_operator_follows(plan: Plan, data: ReportData):
    shown = {line.name: line for line in data.setpoints}
    assert shown["unit.on"].unit == "on/off"
    assert shown["pcc.import_kw"].values == pytest.approx(plan.schedule.asset("pcc", "import_kw"), abs=1e-4)
    assert {"battery.charge_kw", "battery.discharge_kw", "pump.power_kw", "wind.power_kw"} <= set(shown)
    assert not any(name.endswith(("switch", "stored_kwh", "peak_kw")) for name in shown)


def test_prices_carbon_and_comparison_are_those_of_the_plan(plan: Plan, data: ReportData):
    assert data.import_price == (0.2,) * STEPS
    assert data.export_price == (0.05,) * STEPS
    assert data.carbon_intensity_kg_per_kwh == (0.4,) * STEPS
    assert [m.name for m in data.comparison] == [o.name for o in plan.outcomes]
    assert data.comparison[0].cost == pytest.approx(plan.outcomes[0].cost, abs=0.01)
    assert len(data.comparison) == 5
    assert data.site == "Works of the test"
    assert data.day == "Friday 01 March 2024"


def test_demand_that_is_not_served_is_said_in_the_comparison_and_found():
    row = _method(Outcome("rules", "central forecast", 1, 1, 0, 0, 0, 0, 12.34))
    assert row.basis == "central forecast; 12.3 kWh of demand not served"
    site = park(load(), grid(import_kw=30))
    found = planned(site, given(site, hours(3), {("load", "demand_kw"): np.array([20, 45, 35.0])}))
    assert [(f.severity, f.text) for f in findings(found)] == [
        ("warning", "load: 20.0 kWh of demand not served, most at 01:00 (15 kW)")
    ]


def test_what_was_left_out_and_so_counts_as_zero_is_said():
    silent = {"kind": "grid_connection", "name": "pcc", "bus": "main", "import_kw": 100, "tariff": tariff(demand=9.0)}
    site = park(load(), silent)
    texts = [f.text for f in findings(planned(site, given(site, hours(1), {("load", "demand_kw"): 1.0})))]
    assert texts == [
        "pcc: no carbon intensity of imports given, so they count as free of carbon",
        "pcc: no peak of the month given: this plan pays the whole month's demand charge for its own peak",
    ]


def test_what_goes_unserved_or_amiss_in_other_scenarios_is_said():
    wish = {"clean_share_min": 0.5, "over": "horizon"}
    site = park(load(), grid(import_kw=30), wishes=[wish])
    demand = np.array([[20.0, 20], [45, 20], [35, 60]])
    texts = [
        f.text for f in findings(planned(site, given(site, hours(2), {("load", "demand_kw"): demand}, scenarios=3)))
    ]
    assert "load: demand not served in 2 of 2 scenarios, at most 35.0 kWh" in texts
    assert "clean share of at least 50% per horizon: missed in 2 of 2 scenarios, at most by 30 kWh" in texts


def test_times_in_findings_can_be_found_on_days_and_hours_that_repeat():
    berlin = park(load(), grid(import_kw=30), time_zone="Europe/Berlin")

    def text(start: str, count: int, step: int) -> str:
        at = hours(count, start, "Europe/Berlin")
        demand = np.where(np.arange(count) == step, 50.0, 20.0)
        return next(iter(findings(planned(berlin, given(berlin, at, {("load", "demand_kw"): demand}))))).text

    assert "most at 02:00 CEST (" in text("2024-10-26T22:00", 25, 2)
    assert "most at 02:00 CET (" in text("2024-10-26T22:00", 25, 3)
    assert "most at 02 March 03:00 (" in text("2024-02-29T23:00", 48, 27)


def test_typical_numbers_are_said_to_be_so():
    unsure = tariff()
    unsure["components"][0] |= {"verified": False, "source": "a guess"}
    site = park(load(verified=False), grid(tariff=unsure))
    found = list(findings(planned(site, given(site, hours(1), {("load", "demand_kw"): 1.0}))))
    assert [f.text for f in found] == [
        "load: typical numbers, not verified for this plant (no source given)",
        "pcc, tariff energy: not verified (a guess)",
    ]
    assert {f.severity for f in found} == {"info"}


def proof(breaches: tuple[Breach, ...] = (), stopped: str = "") -> GridProof:
    """Buses of two levels, one of them dead, a branch without a rating, and a last step without a solution."""
    nan = np.full((2, 2), np.nan)
    vm = np.array([[1.08, np.nan], [1.01, np.nan], [0.97, np.nan], [np.nan, np.nan]])
    loading = np.array([[0.5, np.nan], [np.nan, np.nan]])
    solved = np.array([True, False])
    flows = Flows(("hv", "a", "b", "dead"), ("line", "bare"), vm, loading, nan, nan, *nan[:1].repeat(3, axis=0), solved)
    limits = Limits(np.array([0.9, 0.95, 0.95, 0.95]), np.array([1.1, 1.05, 1.05, 1.05]), np.ones(2))
    return GridProof(flows, breaches, len(breaches), 1, float("nan"), limits, stopped)


def on_network(**fields: Any) -> Plan:
    site = park(load(), grid(), grid={"network": "x", "bus_of": {"main": "b"}})
    return planned(site, given(site, hours(2), {("load", "demand_kw"): 1.0}), grid=proof(**fields))


def test_voltages_are_those_of_the_parks_level_and_missing_stays_missing():
    band = report_data(on_network()).voltage
    assert band is not None
    assert (band.lowest_pu[0], band.highest_pu[0]) == (0.97, 1.01), "not the 1.08 of the level above"
    assert (band.lower_limit_pu, band.upper_limit_pu) == (0.95, 1.05)
    assert band.loading_max_pu[0] == 0.5
    assert np.isnan([band.lowest_pu[1], band.highest_pu[1], band.loading_max_pu[1]]).all()
    assert band.own_bus[0].name == "main"
    assert band.own_bus[0].values[0] == 0.97


def test_violations_of_the_network_come_first_and_none_is_dropped_silently():
    breaches = tuple(Breach("b", "voltage_low", 0, 0.94, 0.95, "p.u.", 0.01) for _ in range(53))
    found = list(findings(on_network(breaches=breaches, stopped="no more rounds")))
    assert found[0].text == "b: voltage low at 00:00, 0.9400 p.u. (limit 0.9500, over by 0.0100)"
    assert [f.text for f in found[50:52]] == ["network: 3 more violations", "network: no more rounds"]
    assert "do not hold the network's limits" in found[52].text, "the baselines are not held to what bent the plan"
    assert [f.severity for f in found] == ["violation"] * 51 + ["warning", "info"]


def test_a_failed_audit_and_a_lower_rung_are_findings(plan: Plan):
    broken = Violation("unit", "output above maximum", 3, 11.0, 10.0, "kW", when="00:45")
    lower = replace(plan.schedule.proof, quality="rule_based", reason="no solver", relaxed=("a limit",))
    changed = replace(
        plan, audit=Audit(1, (broken,) * 51), schedule=replace(plan.schedule, proof=lower)
    )  # fmt: skip
    texts = [(f.severity, f.text) for f in findings(changed)]
    assert texts[0] == ("violation", "audit: unit: output above maximum at 00:45: 11 kW, limit 10 kW")
    assert texts[50:53] == [
        ("violation", "audit: 1 more violations"),
        ("warning", "the plan is on the rung 'rule based': no solver"),
        ("warning", "relaxed: a limit"),
    ]


def test_what_is_shown_is_the_published_path_of_several_scenarios():
    site = park(*ASSETS, buses=BUSES)
    several = {key: np.vstack([values, series(5)[key], series(6)[key]]) for key, values in series().items()}
    inputs = given(site, hours(STEPS), several, scenarios=3)
    schedule = solve(Problem(site, inputs))
    shown = report_data(planned(site, inputs, schedule=schedule))
    for balance in shown.balances:
        assert total(balance.supply) == pytest.approx(total(balance.use), abs=0.2)
    wind = next(line for line in shown.setpoints if line.name == "wind.power_kw")
    assert wind.values == pytest.approx(schedule.asset("wind", "power_kw", 0), abs=1e-4)
    assert dict(shown.money)["total"] == pytest.approx(schedule.money[0], abs=0.01)
    assert any("3 scenarios" in note for note in shown.notes)


def test_what_fleets_and_other_loads_leave_undone_is_a_warning_and_what_they_did_is_not():
    bus = {"name": "bus_7", "arrival": "00:00", "departure": "02:00", "charge_kw": 10, "needed_kwh": 30}
    swap = {"kind": "swap_station", "name": "swaps", "bus": "main", "batteries": 2, "battery_kwh": 50, "charge_kw": 20}
    oven = {"kind": "deferrable", "name": "oven", "bus": "main", "profile_kw": [9] * 3}
    cells = {"kind": "sleeping_load", "name": "cells", "bus": "main", "count": 8, "traffic": 2.5, "cell_capacity": 1.0}
    site = park(
        load(),
        grid(),
        {"kind": "ev_fleet", "name": "depot", "bus": "main", "sessions": [bus]},
        oven | {"window": {"daily": "01:00-03:00"}},
        swap | {"swaps_per_h": 5.0, "battery_charge_kw": 10, "start_full": 1},
        cells | {"awake_kw": 1.0},
        {"kind": "hvac", "name": "rooms", "bus": "main", "resistance_degc_per_kw": 4.0, "capacity_kwh_per_degc": 4.0}
        | {"heat_kw": 0.1, "ambient_degc": 0.0, "start_degc": 18.0},
    )
    inputs = given(site, hours(4), {("load", "demand_kw"): 10.0})
    found = {f.text.partition(":")[0]: f.severity for f in findings(planned(site, inputs)) if "typical" not in f.text}
    for name in ("depot", "oven", "swaps", "rooms"):
        assert found[name] == "warning", name
    assert found["cells"] == "info"
