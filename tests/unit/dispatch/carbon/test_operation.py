"""Operations read off schedules: what each kind is to carbon, and what stores, fleets and pipes hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.carbon.carriers import traced
from dispatch.carbon.operation import Conventions, Operation, Side, Stock, Unit
from dispatch.carbon.tracing import Flows
from dispatch.errors import AlignmentError, DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.carbon.operations import operation, unit

DEMAND = ("load", "demand_kw")
DIRTY = grid(carbon_intensity_kg_per_kwh=0.5, export_kw=1e4, tariff=tariff(0.2, feed_in=0.05))


def planned(site: Site, series: dict[tuple[str, str], Any], steps: int = 4, **more: Any) -> Schedule:
    return solve(Problem(site, given(site, hours(steps), series, **more)))


def roles(site: Site, schedule: Schedule) -> dict[str, str]:
    return {u.name: u.role for u in Operation.from_schedule(site, schedule).units}


def require_whole(site: Site, schedule: Schedule, scenario: int = 0) -> None:
    """Emissions are the plan's; meters add up to them."""
    ran = Operation.from_schedule(site, schedule, scenario)
    assert ran.emitted_kg.sum() == pytest.approx(float(schedule.co2_kg[scenario]), rel=1e-12, abs=1e-9)
    for losses in ("apart", "borne"):
        ledger = traced(ran, losses)  # type: ignore[arg-type]
        assert ledger.residual < 1e-9
        gained = sum(float(np.diff(one.carbon_kg).sum()) for one in ledger.stores.values())
        ends = [m.role != "store" for m in ledger.meters]
        assert ledger.carbon_kg[ends].sum() + gained == pytest.approx(float(schedule.co2_kg[scenario]), rel=1e-9)


def test_kinds_are_what_their_ports_tell() -> None:
    site = park(
        DIRTY,
        load(),
        load("radiators", bus="heat"),
        battery(),
        {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100},
        {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50},
        {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "yard", "rating_kw": 100},
        {"kind": "reserve", "name": "reserve", "required_kw": 1},
        load("yard_load", bus="yard"),
        buses=[{"name": "main"}, {"name": "yard"}, {"name": "heat", "carrier": "heat"}],
    )
    series = {DEMAND: 30.0, ("radiators", "demand_kw"): 20.0, ("yard_load", "demand_kw"): 5.0}
    schedule = planned(site, series | {("pv", "available_kw"): np.array([0, 80, 100, 0.0])})
    assert roles(site, schedule) == {
        "pcc": "connection", "load": "sink", "radiators": "sink", "yard_load": "sink", "battery": "store",
        "pv": "source", "pump": "conversion", "cable": "link",
    }  # fmt: skip
    require_whole(site, schedule)


def test_each_scenario_is_its_own_operation() -> None:
    site = park(DIRTY, load(), battery())
    series = {DEMAND: np.array([[30.0, 60, 10, 5], [60.0, 20, 90, 5]])}
    schedule = planned(site, series, scenarios=2)
    for scenario in (0, 1):
        require_whole(site, schedule, scenario)


def test_a_data_hall_uses_its_power_and_its_heat_is_left_over() -> None:
    hall = {"kind": "data_centre", "name": "hall", "bus": "main", "heat_bus": "heat", "capacity_kw": 200.0,
            "overhead": [{"it_kw": 200, "overhead_kw": 0}], "waste_heat_share": 0.5}  # fmt: skip
    site = park(DIRTY, hall, load("radiators", bus="heat"))
    schedule = planned(site, {("hall", "demand_kw"): 100.0, ("radiators", "demand_kw"): 30.0})
    ledger = traced(Operation.from_schedule(site, schedule))
    assert ledger.of("hall")[1] == pytest.approx(np.full(4, 50.0))
    assert ledger.of("radiators")[0] == pytest.approx(np.full(4, 30.0))
    assert ledger.of("radiators")[1] == pytest.approx(np.zeros(4))
    require_whole(site, schedule)


def cogeneration() -> tuple[Site, Schedule]:
    site = park(
        grid(carbon_intensity_kg_per_kwh=0.5, export_kw=0),
        load(),
        load("radiators", bus="heat"),
        {"kind": "fuel_supply", "name": "gas", "bus": "gas", "max_kw": 1000, "price_per_kwh": 0.01,
         "co2_kg_per_kwh": 0.2},
        {"kind": "chp", "name": "engine", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 40,
         "efficiency": 0.4, "power_to_heat": 0.8, "power_loss": 0.0},
        buses=[{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}],
    )  # fmt: skip
    return site, planned(site, {DEMAND: 100.0, ("radiators", "demand_kw"): 30.0})


def test_cogeneration_is_shared_by_energy_or_by_the_fuel_that_each_would_take() -> None:
    site, schedule = cogeneration()
    require_whole(site, schedule)
    power, heat = (schedule.asset("engine", name) for name in ("power_kw", "heat_kw"))
    assert power.min() > 1
    fuel = schedule.co2_kg[0] - 0.5 * (100 - power).sum()
    ways = {"energy": (1.0, 1.0), "efficiency": (1 / 0.35, 1 / 0.8)}
    for way, (of_power, of_heat) in ways.items():
        ran = Operation.from_schedule(site, schedule, conventions=Conventions(cogeneration=way))  # type: ignore[arg-type]
        wanted = fuel * of_heat * heat.sum() / (of_heat * heat.sum() + of_power * power.sum())
        assert traced(ran).of("radiators")[1].sum() == pytest.approx(wanted)


def test_co2_as_a_feedstock_is_no_energy_beside_other_outputs() -> None:
    assert Conventions().weight("co2", frozenset({"co2", "hydrogen"})) == 0.0
    assert Conventions().weight("co2", frozenset({"co2"})) == 1.0


def test_stores_hold_what_the_schedule_says_by_the_rule_of_their_carrier() -> None:
    tank = {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 80, "charge_kw": 40,
            "discharge_kw": 40, "loss_fraction_per_h": 0.01, "start_fill": 0.5}  # fmt: skip
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50}
    site = park(DIRTY, load(), battery(), tank, pump, load("radiators", bus="heat"))
    schedule = planned(site, {DEMAND: 10.0, ("radiators", "demand_kw"): np.array([5, 30, 5, 5.0])})
    stocks = {u.name: u.stock for u in Operation.from_schedule(site, schedule).units if u.stock is not None}
    assert {name: stock.rule for name, stock in stocks.items()} == {"battery": "carry", "tank": "tank"}
    assert stocks["tank"].energy_kwh[0] == 40.0
    assert stocks["tank"].energy_kwh[1:] == pytest.approx(schedule.asset("tank", "stored_kwh"))
    assert stocks["tank"].retention == pytest.approx(np.full(4, 0.99))
    carried = Operation.from_schedule(site, schedule, conventions=Conventions(stores={"heat": "carry"}))
    assert {u.stock.rule for u in carried.units if u.stock is not None} == {"carry"}
    require_whole(site, schedule)


def test_ice_is_charged_with_the_power_that_freezes_it() -> None:
    ice = {"kind": "ice_store", "name": "ice", "bus": "cold", "electric_bus": "main", "energy_kwh": 100,
           "charge_kw": 40, "discharge_kw": 50, "chill_kw": 35, "energy_efficiency_ratio": 4,
           "freezing_loss_fraction": 0.25, "loss_fraction_per_h": 0, "start_fill": 0, "end_fill_min": 0}  # fmt: skip
    demand = {("freezer", "demand_kw"): np.array([10.0, 50.0]), DEMAND: 1.0}
    site = park(grid(carbon_intensity_kg_per_kwh=0.5), load(), ice, load("freezer", bus="cold"))
    schedule = planned(site, demand, 2)
    require_whole(site, schedule)
    stock = next(u.stock for u in Operation.from_schedule(site, schedule).units if u.stock is not None)
    frozen = schedule.asset("ice", "charge_kw") > 1e-6
    assert stock.passing.tolist() == (~frozen).astype(float).tolist()
    conventions = Conventions(stores={"cold": "carry"})
    ledger = traced(Operation.from_schedule(site, schedule, conventions=conventions))
    assert ledger.of("freezer")[1].sum() == pytest.approx(0.5 * schedule.asset("ice", "power_kw").sum())


def test_a_fleet_is_a_pool_only_where_it_gives_back() -> None:
    visit = {"arrival": "2024-03-01T00:00+00:00", "departure": "2024-03-01T04:00+00:00", "capacity_kwh": 60,
             "arrival_kwh": 30, "departure_kwh": 30, "charge_kw": 20, "discharge_kw": 20}  # fmt: skip
    fleet = {"kind": "ev_fleet", "name": "cars", "bus": "main", "sessions": [visit], "wear_cost_per_kwh": 0.0}
    dear = grid(carbon_intensity_kg_per_kwh=0.5, import_kw=60)
    site = park(dear, load(), fleet)
    demand = np.array([10.0, 70.0, 10.0, 10.0])
    schedule = planned(site, {DEMAND: demand})
    given_back = schedule.asset("cars", "discharge_kw")
    assert given_back.max() > 1
    cars = next(u for u in Operation.from_schedule(site, schedule).units if u.name == "cars")
    assert cars.stock is not None
    assert cars.stock.kept
    assert cars.stock.energy_kwh.min() == pytest.approx(0.0, abs=1e-9)
    require_whole(site, schedule)
    slow = park(dear, load(), fleet | {"sessions": [visit | {"discharge_kw": 0}]})
    charged = planned(slow, {DEMAND: 10.0})
    assert all(u.stock is None for u in Operation.from_schedule(slow, charged).units)


def pipe_park(**fields: Any) -> Site:
    pipe = {"kind": "pipe", "name": "pipe", "bus": "heat", "far_bus": "far", "capacity_kw": 100, "loss_fraction": 0.1}
    return park(
        DIRTY,
        load(),
        {"kind": "electric_boiler", "name": "boiler", "bus": "main", "heat_bus": "heat", "electric_kw": 200,
         "efficiency": 1.0},
        pipe | fields,
        load("rooms", bus="far"),
        buses=[{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "far", "carrier": "heat"}],
    )  # fmt: skip


def test_a_pipe_with_a_delay_is_a_queue_and_one_without_a_link() -> None:
    demand = {DEMAND: 1.0, ("rooms", "demand_kw"): np.array([9.0, 18.0, 27.0, 9.0])}
    direct, slow = pipe_park(), pipe_park(delay_h=1, under_way_kwh=[10.0])
    at_once = planned(direct, demand)
    assert roles(direct, at_once)["pipe"] == "link"
    require_whole(direct, at_once)
    later = planned(slow, demand)
    pipe = next(u for u in Operation.from_schedule(slow, later).units if u.name == "pipe")
    assert pipe.stock is not None
    assert pipe.stock.rule == "queue"
    assert pipe.stock.energy_kwh[:2] == pytest.approx([10.0, later.asset("pipe", "forward_kw")[0]])
    require_whole(slow, later)


def test_gas_that_is_flared_burdens_nobody_who_burns_the_rest() -> None:
    gas = {"kind": "byproduct_gas", "name": "coke", "bus": "gas", "offered_kw": 100, "max_kw": 100,
           "co2_kg_per_kwh": 0.2, "flare_co2_kg_per_kwh": 0.3}  # fmt: skip
    site = park(
        gas, load("stoves", bus="gas"), DIRTY, load(), buses=[{"name": "main"}, {"name": "gas", "carrier": "gas"}]
    )
    schedule = planned(site, {("stoves", "demand_kw"): 40.0, DEMAND: 1.0})
    ledger = traced(Operation.from_schedule(site, schedule))
    assert ledger.of("stoves")[1].sum() == pytest.approx(4 * 40 * 0.2)
    assert ledger.of("coke: own")[1].sum() == pytest.approx(4 * 60 * 0.3)
    require_whole(site, schedule)


def test_network_losses_that_a_plan_pays_for_are_a_loss() -> None:
    site = park(DIRTY, load())
    schedule = planned(site, {DEMAND: 10.0})
    pcc = schedule.kinds["grid_connection"]
    more = replace(pcc, power_kw={"electricity": pcc.power_kw["electricity"] + 1}, co2_step_kg=pcc.co2_step_kg + 0.5)
    paid = replace(schedule, kinds={**schedule.kinds, "grid_connection": more}, loss_kw=np.ones((1, 4)),
                   losses_at="main", co2_kg=schedule.co2_kg + 2)  # fmt: skip
    ran = Operation.from_schedule(site, paid)
    assert traced(ran).of("network losses")[1].sum() == pytest.approx(2.0)
    assert "network losses" not in [m.name for m in traced(ran, "borne").meters]
    require_whole(site, paid)


def test_what_a_low_rung_leaves_unbalanced_is_a_meter_of_its_own() -> None:
    site = park(DIRTY, load())
    problem = Problem(site, given(site, hours(2), {DEMAND: 10.0}))
    schedule = rule_based(problem)
    loads = schedule.kinds["load"]
    less = replace(loads, power_kw={"demand": loads.power_kw["demand"] * np.array([0.5, 2.0])})
    ran = Operation.from_schedule(site, replace(schedule, kinds={**schedule.kinds, "load": less}))
    ledger = traced(ran)
    assert ledger.of("not balanced")[1] == pytest.approx([2.5, 0.0])
    assert ledger.residual < 1e-12


def test_arrays_that_do_not_fit_are_refused_with_their_place() -> None:
    good = unit("load", "sink", port=("main", [-1.0, -1.0]))
    nan = Unit("x", "k", "sink", {"port": Side("main", np.array([0.0, np.nan]))}, np.zeros(2))
    with pytest.raises(DataError, match="unit 'x', power at 'port': no number in step 1; missing is never zero"):
        operation([nan])
    with pytest.raises(DataError, match="unit 'load', port 'port': no bus 'main'; there are yard"):
        operation([good], {"yard": "electricity"})
    with pytest.raises(DataError, match="two units are called 'load'"):
        operation([good, good])
    with pytest.raises(AlignmentError, match=r"unit 'load', power at 'port': \(2,\); accepted: \(3,\)"):
        operation([good], horizon=hours(3))
    short = replace(good, stock=Stock(np.zeros(2), np.ones(2), np.zeros(2)))
    with pytest.raises(AlignmentError, match=r"unit 'load', content: \(2,\); accepted: \(3,\)"):
        operation([short])
    own = replace(good, own_kg=np.array([1.0, np.inf]))
    with pytest.raises(DataError, match="unit 'load', own emissions: no number in step 1"):
        operation([own])
    flows = Flows.sent(3, [0], [1], [[1.0, 1.0]], [[1.0, 1.0]])
    with pytest.raises(AlignmentError, match="flows between 3 nodes over 2 steps; accepted: 1 buses over 2"):
        Operation(hours(2), {"main": "electricity"}, (good,), flows)


def test_inputs_are_not_needed_beyond_the_schedule() -> None:
    """What a store starts with comes from the state where one is carried in."""
    site = park(DIRTY, load(), battery())
    inputs: Inputs = given(site, hours(2), {DEMAND: 10.0}, state={"battery": {"start_fill": 0.25}})
    ran = Operation.from_schedule(site, solve(Problem(site, inputs)))
    stock = next(u.stock for u in ran.units if u.stock is not None)
    assert stock.energy_kwh[0] == pytest.approx(25.0)
