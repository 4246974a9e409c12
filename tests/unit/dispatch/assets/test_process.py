"""What the rest of the product knows of conversions and of plant that burns fuel: deviations, tables, comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.explain.whatif import options
from dispatch.planning.comparison import follow
from dispatch.planning.stored_value import store_values
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests import parks
from tests.parks import battery
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, problem, supply, tariff

BOILER = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 100}
CHP = {"kind": "chp", "name": "chp", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 80}
PUMP = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 20}
GAS = supply("gas", 0.04)
COP = 8.77 - 0.15 * 33 + 0.000734 * 33**2


@pytest.mark.parametrize(
    ("asset", "asked"),
    [
        (BOILER, [{"heat_kw": 0.0}, {"heat_kw": 100.0}]),
        (CHP, [{"load_kw": 0.0}, {"load_kw": 80.0}]),
        (PUMP, [{"power_kw": 0.0}, {"power_kw": 20.0}]),
    ],
)
def test_a_committed_plant_can_be_asked_for_its_rated_flow(
    asset: dict[str, Any], asked: list[dict[str, float]]
) -> None:
    made = problem(asset | {"min_load_fraction": 0.3}, GAS, supply("heat", 0.5), grid(), demand={"heat": [50.0]})
    assert list(options(made, solve(made), asset["name"])) == asked


def followed(made: Problem, came: dict[str, Any]) -> Any:
    plan = solve(made)
    series = {**made.inputs.series, **{(f"{bus}_load", "demand_kw"): np.atleast_2d(v) for bus, v in came.items()}}
    made.update(Inputs(made.horizon, 1, series))
    return plan, follow(made, plan)


def test_the_published_load_of_a_chp_is_followed_whatever_heat_is_wanted() -> None:
    """Planned at full load for dear power; led by heat it would have given 50."""
    made = problem(CHP, BOILER, GAS, grid(tariff=tariff(0.4)), demand={"main": [100.0], "heat": [50.0]})
    plan, done = followed(made, {"heat": [50.0], "main": [110.0]})
    assert plan.asset("chp", "load_kw") == pytest.approx([80])
    assert done.asset("chp", "load_kw") == pytest.approx([80])
    assert done.asset("pcc", "import_kw") == pytest.approx(110 - done.asset("chp", "power_kw"))
    assert audit(done).violations == ()


def test_a_conversion_without_a_state_follows_what_came() -> None:
    plan, done = followed(problem(BOILER, GAS, grid(), demand={"heat": [50.0]}), {"heat": [60.0]})
    assert plan.asset("boiler", "heat_kw") == pytest.approx([50])
    assert done.asset("boiler", "heat_kw") == pytest.approx([60])


@pytest.mark.parametrize(("gas", "worth"), [(0.04, 0.04 / 0.93), (0.1, 0.3 / COP)])
def test_a_kwh_of_heat_in_store_is_worth_the_cheaper_of_the_boilers_gas_and_the_pumps_electricity(
    gas: float, worth: float
) -> None:
    tank = battery("tank", kind="thermal_store", bus="heat", discharge_efficiency=1.0)
    made = problem(BOILER, PUMP, tank, GAS | {"price_per_kwh": gas}, grid(tariff=tariff(0.3)), demand={"heat": [50.0]})
    assert store_values(made.site, made.inputs) == pytest.approx({"tank": worth})


def test_what_one_plant_cannot_give_the_next_one_makes_before_a_load_sheds() -> None:
    """The rules draw 40 through the exchanger, of which 10 are there: the pump makes up for it, the grid for that."""
    waste = {"kind": "waste_heat", "name": "kiln", "bus": "hot", "offered_kw": 10, "max_kw": 10}
    plate = {"kind": "heat_exchanger", "name": "plate", "hot_bus": "hot", "heat_bus": "heat", "hot_kw": 80}
    made = problem(plate, waste, PUMP, grid(), demand={"heat": [40.0]})
    rules = rule_based(made)
    assert rules.asset("heat_load", "shed_kw") == pytest.approx([0], abs=1e-6)
    assert rules.asset("pump", "heat_kw") == pytest.approx([30])
    assert audit(rules).violations == ()


def test_with_too_little_electricity_the_pump_gives_way_and_the_other_load_is_served() -> None:
    made = problem(PUMP, grid(import_kw=25), demand={"heat": [80.0], "main": [20.0]})
    rules = rule_based(made)
    assert rules.asset("pump", "power_kw") == pytest.approx([5])
    assert rules.asset("main_load", "shed_kw") == pytest.approx([0], abs=1e-6)
    assert audit(rules).violations == ()


def test_starts_and_loads_of_one_kind_are_apart_by_member() -> None:
    """Two boilers with minimum loads at a demand for one and for both; the smaller start cost runs alone."""
    cheap, dear = BOILER | {"min_load_fraction": 0.3, "start_cost": 1.0}, BOILER | {"start_cost": 3.0}
    made = problem(
        cheap, dear | {"name": "other", "min_load_fraction": 0.3}, GAS, grid(tariff=hourly_tariff([0.1, 0.1])),
        demand={"heat": [60.0, 160]},
    )  # fmt: skip
    plan = solve(made)
    assert np.round(plan.asset("boiler", "on")) == pytest.approx([1, 1])
    assert np.round(plan.asset("other", "on")) == pytest.approx([0, 1])
    assert plan.money[0] == pytest.approx(4 + 220 / 0.93 * 0.04)


def test_in_the_rules_what_cannot_stop_in_one_scenario_goes_on_in_all() -> None:
    """It falls by 32.3 an hour: the first scenario could stop in the third (57.7, 25.5), the second not (86, 53.8)."""
    slow = BOILER | {"min_load_fraction": 0.2, "ramp_fraction_per_h": 0.3, "on_before_h": 5, "input_before_kw": 90.0}
    made = problem(slow, GAS, grid(), demand={"heat": [0.0, 0, 0]})
    high = np.array([[0.0, 0, 0], [80.0, 0, 0]])
    series = {key: high if key[1] == "demand_kw" else v for key, v in made.inputs.series.items()}
    rules = rule_based(Problem(made.site, Inputs(made.horizon, 2, series)))
    assert rules.kinds["gas_boiler"].series["on"] == pytest.approx(np.ones((2, 3)))
    assert "runs although it is off" not in [v.what for v in audit(rules).violations]


@pytest.mark.parametrize(
    ("cold_kw", "large_kw", "small_kw"),
    # Shares by rating are 2/5 and 3/5: of 180 kW too little for both,
    # of 260 kW for the large one, which alone can give it.
    [(180, 0.0, 90.0), (260, 52.0, 0.0), (100, 0.0, 0.0)],
)
def test_in_the_rules_one_chiller_serves_what_two_have_too_little_of(
    cold_kw: float, large_kw: float, small_kw: float
) -> None:
    chiller = {"kind": "chiller", "bus": "main", "cold_bus": "cold", "min_load_fraction": 0.5}
    large = chiller | {"name": "large", "electric_kw": 80, "energy_efficiency_ratio": 5}  # 200 to 400 kW of cold
    small = chiller | {"name": "small", "electric_kw": 120, "energy_efficiency_ratio": 2}  # 120 to 240 kW
    site = parks.park(parks.load(), parks.grid(), large, small, {"kind": "load", "name": "process", "bus": "cold"})
    known = {("load", "demand_kw"): 0.0, ("process", "demand_kw"): float(cold_kw)}
    found = rule_based(Problem(site, parks.given(site, parks.hours(2), known)))
    assert found.asset("large", "power_kw") == pytest.approx(large_kw)
    assert found.asset("small", "power_kw") == pytest.approx(small_kw)
    assert found.asset("process", "shed_kw") == pytest.approx(cold_kw - 5 * large_kw - 2 * small_kw)


def test_of_two_equal_chillers_the_first_serves_what_is_too_little_for_both() -> None:
    chiller = {"kind": "chiller", "bus": "main", "cold_bus": "cold", "electric_kw": 100, "min_load_fraction": 0.5,
               "energy_efficiency_ratio": 4}  # fmt: skip
    twins = [chiller | {"name": name} for name in ("first", "second")]
    site = parks.park(parks.load(), parks.grid(), *twins, {"kind": "load", "name": "process", "bus": "cold"})
    known = {("load", "demand_kw"): 0.0, ("process", "demand_kw"): 240.0}
    found = rule_based(Problem(site, parks.given(site, parks.hours(2), known)))
    assert found.asset("first", "power_kw") == pytest.approx(60)
    assert found.asset("second", "power_kw") == pytest.approx(0)
    assert found.asset("process", "shed_kw") == pytest.approx(0)
