"""What a plan is worth: figures by hand, decisions that are kept, and what perfect foresight guarantees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.objective import clean_share
from dispatch.planning.comparison import Outcome, compare, follow, outcome
from dispatch.planning.stored_value import store_values
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.ruling import Ruling
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

GAP = 1e-4  # to which a search with integers is run
PV = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100}


def lossless(**fields: Any) -> dict[str, Any]:
    return battery(**{"charge_efficiency": 1.0, "discharge_efficiency": 1.0} | fields)


def figures(site: Site, inputs: Inputs, schedule: Schedule | None = None) -> Outcome:
    schedule = schedule or solve(Problem(site, inputs))
    return outcome("plan", "test", schedule, store_values(site, inputs))


def by_name(outcomes: tuple[Outcome, ...]) -> dict[str, Outcome]:
    return {o.name: o for o in outcomes}


def test_what_a_store_holds_more_than_at_the_start_is_worth_the_imports_it_saves():
    # 50 kWh bought at .2 and kept cost 10, and save 50 · .9 kWh of imports at the mean price of .2 later.
    site = park(load(), grid(), lossless(start_fill=0.5, end_fill_min=1.0, discharge_efficiency=0.9))
    found = figures(site, given(site, hours(4), {("load", "demand_kw"): 0.0}))
    assert found.bill == pytest.approx(50 * 0.2)
    assert found.cost == pytest.approx(50 * 0.2 - 50 * 0.9 * 0.2)


def test_what_a_store_holds_less_than_at_the_start_is_no_gain():
    site = park(load(), grid(), lossless(start_fill=0.5, end_fill_min=0.0))
    found = figures(site, given(site, hours(4), {("load", "demand_kw"): 20.0}))
    assert found.bill == pytest.approx((4 * 20 - 50) * 0.2)
    assert found.cost == pytest.approx(4 * 20 * 0.2)


def test_the_content_of_a_tank_is_worth_the_electricity_that_makes_it():
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 50}
    tank = {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 100, "charge_kw": 50,
            "discharge_kw": 50, "start_fill": 0.0, "end_fill_min": 1.0, "loss_fraction_per_h": 0.0}  # fmt: skip
    site = park(load(), grid(), pump, tank)
    inputs = given(site, hours(4), {("load", "demand_kw"): 0.0})
    cop = 8.77 - 0.150 * 33 + 0.000734 * 33**2  # 12 → 45 degC
    assert store_values(site, inputs) == {"tank": pytest.approx(0.2 / cop)}
    found = figures(site, inputs)
    assert found.bill == pytest.approx(100 / cop * 0.2)
    assert found.cost == pytest.approx(0, abs=1e-6)


def test_content_carried_in_counts_from_what_was_carried():
    site = park(load(), grid(), lossless(start_fill=0.5, end_fill_min=0.0))
    inputs = given(site, hours(2), {("load", "demand_kw"): 5.0}, state={"battery": {"start_fill": 0.08}})
    found = figures(site, inputs)
    assert found.bill == pytest.approx((10 - 8) * 0.2)
    assert found.cost == pytest.approx(10 * 0.2)


@pytest.mark.parametrize(("clean_fraction", "expected"), [(0.0, 0.4), (0.5, 0.7), (1.0, 1.0)])
def test_clean_share_is_clean_supply_over_all_supply(clean_fraction: float, expected: float):
    site = park(load(), PV, grid(clean_fraction=clean_fraction, carbon_intensity_kg_per_kwh=0.5))
    series = {("load", "demand_kw"): 100.0, ("pv", "available_kw"): np.array([80, 0, 60, 20.0])}
    found = figures(site, given(site, hours(4), series))
    assert found.clean_share == pytest.approx(expected)
    assert found.co2_kg == pytest.approx(240 * 0.5)
    assert found.peak_import_kw == pytest.approx(100)
    assert (found.curtailed_kwh, found.shed_kwh) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))


def test_unequal_steps_weigh_by_their_length():
    assert clean_share(np.array([10.0, 0.0]), np.array([10.0, 10.0]), np.array([0.25, 0.75])) == pytest.approx(0.75)
    assert np.isnan(clean_share(np.zeros(2), np.zeros(2), np.ones(2))), "nothing used: no share"


def test_curtailed_and_unserved_energy_are_counted():
    site = park(load(), PV, grid(import_kw=50))
    series = {("load", "demand_kw"): np.array([10, 80.0]), ("pv", "available_kw"): np.array([40, 0.0])}
    found = figures(site, given(site, hours(2, step_h=0.5), series))
    assert found.curtailed_kwh == pytest.approx(15)
    assert found.shed_kwh == pytest.approx(15)


def test_what_a_direct_line_neither_brings_nor_sells_is_curtailed():
    """Of 100 and 40 kW 30 kW are used and as much as 20 kW sold: 50 kW are lost in the first hour."""
    farm = {"kind": "direct_line", "name": "farm", "bus": "main", "technology": "wind", "rated_kw": 100,
            "loads": ["load"], "export_kw": 20, "export_price_per_kwh": 0.1, "export_share_max": 1.0}  # fmt: skip
    site = park(load(), farm, grid(import_kw=50))
    series = {("load", "demand_kw"): 30.0, ("farm", "available_kw"): np.array([100, 40.0])}
    found = figures(site, given(site, hours(2), series))
    assert found.curtailed_kwh == pytest.approx(50)
    ruled = rule_based(Problem(site, given(site, hours(2), series)))
    assert figures(site, given(site, hours(2), series), ruled).curtailed_kwh == pytest.approx(50)


def committed_park(**connection: Any) -> Site:
    return park(
        load(),
        grid(import_kw=70, **connection),
        lossless(end_fill_min=0.5),
        unit(min_kw=30, start_cost=5, min_up_h=2),
    )


def scenarios_of(site: Site, seed: int = 0, count: int = 3) -> Inputs:
    demand = 60 + 50 * np.random.default_rng(seed).random((count, 8))
    return given(site, hours(8), {("load", "demand_kw"): demand}, scenarios=count)


def test_following_keeps_published_units_and_battery_powers_and_the_grid_takes_the_rest():
    site = committed_park()
    plan = solve(Problem(site, scenarios_of(site), Mode("exact")))
    came = given(site, hours(8), {("load", "demand_kw"): plan.inputs.series["load", "demand_kw"][:1] + 3.0})
    followed = follow(Problem(site, came), plan)
    assert audit(followed).passed
    assert plan.asset("unit", "on").any()
    assert plan.asset("battery", "discharge_kw").any()
    kept = (("unit", "on"), ("unit", "power_kw"), ("battery", "charge_kw"), ("battery", "discharge_kw"))
    for asset, series in kept:
        assert followed.asset(asset, series) == pytest.approx(plan.asset(asset, series), abs=1e-6)
    before, after = (s.asset("pcc", "import_kw") + s.asset("load", "shed_kw") for s in (plan, followed))
    assert after - before == pytest.approx([3.0] * 8)
    assert after.max() > before.max(), "the limit of the connection sheds what it cannot bring"


def test_a_published_discharge_that_is_not_there_is_said_to_break_a_limit():
    site = committed_park()
    plan = solve(Problem(site, scenarios_of(site)))
    demand = {("load", "demand_kw"): plan.inputs.series["load", "demand_kw"][:1]}
    emptier = given(site, hours(8), demand, state={"battery": {"start_fill": 0.0}})
    rows = by_name(compare(site, plan, emptier))
    assert "breaks a limit: battery: content differs from its powers" in rows["plan as executed"].basis
    assert "breaks" not in rows["perfect foresight"].basis


def test_a_unit_that_what_came_cannot_use_is_said_to_break_a_limit():
    site = park(load(), grid(import_kw=10), unit(min_kw=60, min_up_h=2))
    plan = solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): np.array([5.0, 80, 80, 5])})))
    rows = by_name(compare(site, plan, given(site, hours(4), {("load", "demand_kw"): 5.0})))
    assert "breaks a limit: bus main: does not balance" in rows["plan as executed"].basis
    assert rows["perfect foresight"].bill == pytest.approx(4 * 5 * 0.2)


def test_a_day_that_no_solve_settles_leaves_the_other_rows():
    site = park(load(), grid(), unit(min_kw=60, min_up_h=9, on_before_h=1, power_before_kw=60))
    inputs = given(site, hours(4), {("load", "demand_kw"): 80.0})
    found = compare(site, solve(Problem(site, inputs)), given(site, hours(4), {("load", "demand_kw"): 5.0}))
    assert [o.name for o in found] == [
        "plan",
        "rules of the park",
        "plan as executed",
        "rules of the park, executed",
    ]
    assert ["breaks a limit" in o.basis for o in found] == [False, False, True, True]


def random_park(seed: int) -> tuple[Site, Inputs, Inputs]:
    r = np.random.default_rng(seed)
    site = park(
        load(),
        PV,
        grid(import_kw=120, export_kw=r.choice([0, 40]), tariff=tariff(0.2, 0.05, demand=r.choice([0.0, 0.5]) or None),
             carbon_intensity_kg_per_kwh=0.4, expected_peak_kw=50),
        battery(end_fill_min=r.choice([0.2, 0.5, 0.9]), wear_cost_per_kwh=0.01),
        unit(min_kw=20, max_kw=60, cost_per_kwh=0.15, start_cost=2, min_up_h=2, co2_kg_per_kwh=0.7),
        objective={"carbon_price_per_t": r.choice([0, 80])},
        wishes=[{"clean_share_min": 0.6}] if r.random() < 0.5 else [],
    )  # fmt: skip

    def world() -> dict[tuple[str, str], Any]:
        return {("load", "demand_kw"): r.uniform(20, 110, 12), ("pv", "available_kw"): r.uniform(0, 90, 12)}

    return site, given(site, hours(12), world()), given(site, hours(12), world())


@pytest.mark.parametrize("seed", range(8))
def test_no_way_to_run_the_day_has_a_lower_objective_than_perfect_foresight(seed: int):
    site, forecast, came = random_park(seed)
    plan = solve(Problem(site, forecast))
    problem = Problem(site, came)
    best = solve(problem)
    rows = by_name(compare(site, plan, came))
    ways = {"plan as executed": follow(problem, plan), "rules of the park, executed": rule_based(problem)}
    assert audit(ways["rules of the park, executed"]).passed
    for name, other in ways.items():
        assert ("breaks a limit" in rows[name].basis) != audit(other).passed
    # What breaks a limit, such as a battery's discharge with no load left to take it, is no point of the problem.
    held = {name: other for name, other in ways.items() if audit(other).passed}
    for other in held.values():
        assert best.proof.objective <= other.proof.objective + GAP * abs(best.proof.objective) + 1e-6
    # What compare() shows: dearer by no more than what the objective counts beside money, and leftover content.
    values = store_values(site, forecast)
    shown = rows["perfect foresight"]
    assert shown.bill == pytest.approx(best.money[0], abs=1e-6)
    for name, other in held.items():
        beside = [site.objective.carbon_price_per_t / 1000 * s.co2_kg[0] + s.penalty[0] for s in (best, other)]
        stock = [values["battery"] * s.asset("battery", "stored_kwh")[-1] for s in (best, other)]
        slack = beside[1] - beside[0] + stock[1] - stock[0] + GAP * abs(best.proof.objective)
        assert shown.cost <= rows[name].cost + slack + 1e-4


def test_money_alone_may_speak_against_foresight_when_rules_leave_a_store_fuller():
    """Nothing pays for surplus that cannot be sold, so the optimum may leave it; the adjusted cost does count it."""
    site = park(load(), PV, grid(), lossless(start_fill=0.0, wear_cost_per_kwh=0.01, end_fill_min=0.0))
    series = {("load", "demand_kw"): 10.0, ("pv", "available_kw"): 30.0}
    inputs = given(site, hours(2), series)
    rows = by_name(compare(site, solve(Problem(site, inputs)), inputs))
    best, rules = rows["perfect foresight"], rows["rules of the park, executed"]
    assert best.bill == pytest.approx(rules.bill)
    assert rules.cost == pytest.approx(rules.bill - 40 * 0.2)
    assert rules.cost <= best.cost


def test_rows_come_in_order_and_plan_equals_foresight_when_the_forecast_comes_true():
    site = committed_park()
    inputs = scenarios_of(site, count=1)
    plan = solve(Problem(site, inputs))
    assert [o.name for o in compare(site, plan, None)] == ["plan", "rules of the park"]
    rows: Mapping[str, Outcome] = by_name(compare(site, plan, inputs))
    assert list(rows) == [
        "plan",
        "rules of the park",
        "plan as executed",
        "rules of the park, executed",
        "perfect foresight",
    ]
    for name in ("plan as executed", "perfect foresight"):
        assert rows[name].cost == pytest.approx(rows["plan"].cost, rel=2 * GAP)
    assert rows["rules of the park, executed"].cost == pytest.approx(rows["rules of the park"].cost)


def test_fuel_is_saved_before_wind_is_lost():
    """A unit that a plan keeps on gives what it can leave, and only the rest is curtailed."""
    wind = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 100}
    site = park(load(), unit(min_kw=20, max_kw=100), wind)
    inputs = given(site, hours(2), {("load", "demand_kw"): np.array([60.0, 120.0]), ("wind", "available_kw"): 50.0})
    planned = {"thermal": {"committed": np.ones((1, 2)), "above_min_kw": np.full((1, 2), 40.0)}}
    done = rule_based(Problem(site, inputs), planned)
    assert done.asset("wind", "power_kw") == pytest.approx([40, 50])
    assert done.asset("unit", "power_kw") == pytest.approx([20, 70])  # the hour that lacks hides no surplus


def test_what_was_curtailed_is_given_once_it_lacks():
    rows = Problem(site := park(load(), grid(), PV), inputs := given(
        site, hours(1), {("load", "demand_kw"): 0.0, ("pv", "available_kw"): 50.0})).rows["pv"]  # fmt: skip
    cls = type(rows.members[0])
    assert cls.settle(rows, inputs, Ruling(np.array([[-30.0]])), {"power_kw": np.array([[10.0]])})["power_kw"] == 40
    assert cls.settle(rows, inputs, Ruling(np.array([[-90.0]])), {"power_kw": np.array([[10.0]])})["power_kw"] == 50
    assert cls.settle(rows, inputs, Ruling(np.array([[4.0]])), {"power_kw": np.array([[10.0]])})["power_kw"] == 6


def test_a_unit_that_a_plan_wants_on_and_that_has_too_little_to_do_is_off_and_pays_no_start():
    # Planned: 200 kW of cold by the chiller at its least, 40 kW · 5. What came, 180 kW, is below that.
    large = {"kind": "chiller", "name": "large", "bus": "main", "cold_bus": "cold", "electric_kw": 80, "start_cost": 3,
             "energy_efficiency_ratio": 5, "min_load_fraction": 0.5}  # fmt: skip
    bought = {"kind": "fuel_supply", "name": "bought", "bus": "cold", "price_per_kwh": 0.1}
    site = park(load(), grid(), large, bought, {"kind": "load", "name": "process", "bus": "cold"})
    known = {("load", "demand_kw"): 0.0}
    planned = solve(Problem(site, given(site, hours(4), known | {("process", "demand_kw"): 200.0})))
    assert planned.asset("large", "on").tolist() == [1, 1, 1, 1]
    came = Problem(site, given(site, hours(4), known | {("process", "demand_kw"): 180.0}))
    found = follow(came, planned)
    assert audit(found).passed
    assert found.asset("large", "on").tolist() == [0, 0, 0, 0]
    assert found.asset("bought", "bought_kw") == pytest.approx(180)
    assert found.money[0] == pytest.approx(4 * 180 * 0.1)
