"""Combined heat and power: the polygon, on and off, fuel at no load, reserve, and where the relaxation is tight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.replay.plant import decisions, executed
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, problem, relaxed, supply, tariff

GAS = supply("gas", 0.041, co2_kg_per_kwh=0.198)  # .1 per kWh of load
BOILER = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 500}
BOILER |= {"efficiency": 0.5}  # .082 per kWh of heat


def chp(**fields: Any) -> dict[str, Any]:
    base = {"kind": "chp", "name": "chp", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 117}
    return base | fields


def built(price: float, power: Any, heat: Any, *others: dict[str, Any], **fields: Any) -> Any:
    pcc = grid(tariff=tariff(price))
    return problem(chp(**fields), BOILER, GAS, pcc, *others, demand={"main": power, "heat": heat})


def test_dear_power_runs_it_at_full_load_and_its_heat_costs_power() -> None:
    """117 of load; 50 of heat take 8.5 of power; the rest of 200 is bought."""
    made = built(0.3, [200.0], [50.0])
    plan = solve(made)
    assert plan.asset("chp", "power_kw") == pytest.approx([108.5])
    assert plan.asset("chp", "heat_kw") == pytest.approx([50])
    assert plan.asset("chp", "fuel_kw") == pytest.approx([117 / 0.41])
    assert plan.money[0] == pytest.approx(11.7 + 91.5 * 0.3)
    assert plan.co2_kg[0] == pytest.approx(117 / 0.41 * 0.198), "carbon of its gas, once"
    assert audit(plan).violations == ()


def test_heat_is_at_most_its_power_over_the_back_pressure_ratio() -> None:
    """At 117 of load the corner is Q = P = 100; with power at .3 the other 20 of heat come from the boiler."""
    plan = solve(built(0.3, [200.0], [120.0]))
    assert plan.asset("chp", "heat_kw") == pytest.approx([100])
    assert plan.asset("chp", "power_kw") == pytest.approx([100])
    assert plan.asset("boiler", "heat_kw") == pytest.approx([20])


def test_at_a_low_price_of_power_it_stands_still() -> None:
    """A kWh of heat takes 1.17 of load, .117, and brings .02 of power: .097, more than the boiler's .082."""
    plan = solve(built(0.02, [200.0], [50.0]))
    assert plan.asset("chp", "load_kw") == pytest.approx([0], abs=1e-6)
    assert plan.money[0] == pytest.approx(200 * 0.02 + 50 * 0.082)


def test_at_a_price_between_it_follows_heat_at_back_pressure() -> None:
    """At .05 heat costs .067 against .082; load beyond that would cost .1 for .05."""
    plan = solve(built(0.05, [200.0], [50.0]))
    assert plan.asset("chp", "heat_kw") == pytest.approx([50])
    assert plan.asset("chp", "power_kw") == pytest.approx([50])
    assert plan.money[0] == pytest.approx(5.85 + 150 * 0.05)


def test_the_rules_lead_it_by_heat() -> None:
    rules = rule_based(built(0.3, [200.0], [50.0]))
    assert rules.asset("chp", "heat_kw") == pytest.approx([50])
    assert rules.asset("chp", "power_kw") == pytest.approx([50])
    assert audit(rules).violations == ()


def test_heat_that_nobody_takes_is_taken_off_the_engine_that_runs_however_large_the_one_beside_it() -> None:
    """40 of 80 planned are wanted: an idle engine of 1000 has no part in giving way."""
    idle = chp(name="idle", max_kw=1000)
    made = built(0.3, [200.0], [40.0], idle)
    planned = {"chp": {"load_kw": np.array([[117.0], [0.0]]), "heat_kw": np.array([[80.0], [0.0]])}}
    done = executed(made, planned)
    assert audit(done).violations == ()
    assert done.asset("chp", "heat_kw") == pytest.approx([40])
    assert done.asset("idle", "load_kw") == pytest.approx([0])


def test_an_engine_gives_its_heat_beside_its_power() -> None:
    plan = solve(built(0.3, [200.0], [50.0], power_loss=0.0))
    assert plan.asset("chp", "power_kw") == pytest.approx([117])
    assert plan.asset("chp", "heat_kw") == pytest.approx([50])


def test_no_heat_one_step_and_linear_without_whole_numbers() -> None:
    made = built(0.3, [50.0], [0.0])
    assert not made.compiled.matrices().integer.any()
    assert solve(made).asset("chp", "power_kw") == pytest.approx([50])


WHOLE = {"min_load_fraction": 0.5, "no_load_fuel_kw": 20.0}


def test_the_hull_is_tight_where_demand_lets_it_run_anywhere_in_the_polygon() -> None:
    """Full load in the first step, off in the second; fuel at no load is paid for whole steps only."""
    pcc = grid(tariff=hourly_tariff([0.3, 0.02]))
    made = problem(chp(**WHOLE), BOILER, GAS, pcc, demand={"main": [200.0, 200], "heat": [50.0, 50]})
    plan = solve(made)
    assert plan.proof.objective == pytest.approx(relaxed(made))
    assert plan.asset("chp", "on") == pytest.approx([1, 0], abs=1e-6)
    assert plan.money[0] == pytest.approx(11.7 + 20 * 0.041 + 91.5 * 0.3 + 200 * 0.02 + 50 * 0.082)


def test_a_demand_below_its_minimum_is_relaxed_and_whole_numbers_catch_it() -> None:
    """30 of power are less than half of 117, and nothing can be exported: it is off and power is bought."""
    made = built(0.3, [30.0], [0.0], **WHOLE)
    assert relaxed(made) < 30 * 0.3 - 1
    plan = solve(made)
    assert plan.asset("chp", "on") == pytest.approx([0], abs=1e-6)
    assert plan.money[0] == pytest.approx(9.0)
    assert audit(plan).violations == ()


def test_fuel_at_no_load_makes_two_half_loads_dearer_than_one_full() -> None:
    made = built(0.3, [117.0], [0.0], chp(name="twin", no_load_fuel_kw=20.0), no_load_fuel_kw=20.0)
    plan = solve(made)
    assert plan.money[0] == pytest.approx(11.7 + 20 * 0.041)
    on = [plan.asset(name, "on")[0] for name in ("chp", "twin")]
    assert sorted(np.round(on)) == [0, 1]


def asked(way: str, kw: float) -> dict[str, Any]:
    return {"kind": "reserve", "name": way, "direction": way, "required_kw": kw, "penalty_per_kwh": 5}


def test_reserve_upwards_is_what_it_holds_below_its_maximum() -> None:
    plan = solve(built(0.3, [200.0], [50.0], asked("up", 30.0)))
    assert plan.asset("chp", "load_kw") == pytest.approx([87])
    assert audit(plan).violations == ()


def test_reserve_downwards_keeps_to_the_back_pressure_line() -> None:
    """To fall by 40 at 100 of heat its load would be 157; at 117 there is room for heat of 77 / 1.17."""
    plan = solve(built(0.3, [200.0], [100.0], asked("down", 40.0)))
    assert plan.asset("chp", "heat_kw") == pytest.approx([77 / 1.17])
    assert audit(plan).violations == ()


@pytest.mark.parametrize(("clean", "unclean"), [(True, 0.0), (False, 50.0)])
def test_its_power_counts_as_clean_with_renewable_fuel_alone(clean: bool, unclean: float) -> None:
    plan = solve(built(0.3, [50.0], [0.0], clean=clean))
    assert plan.per_step("supply_kw") == pytest.approx([50])
    assert plan.per_step("unclean_kw") == pytest.approx([unclean], abs=1e-6)


def test_a_ramp_holds_for_its_load() -> None:
    plan = solve(built(0.3, [200.0] * 2, [0.0] * 2, ramp_fraction_per_h=0.25, load_before_kw=10.0))
    assert plan.asset("chp", "load_kw") == pytest.approx([10 + 29.25, 10 + 58.5])


def test_it_gives_more_power_before_a_peak_rises_that_is_paid_for() -> None:
    """Led by heat it gives 50 of 200, and 150 are imported, which is the month's peak. What comes is 230."""
    pcc = grid(tariff=tariff(0.05, demand=30.0), expected_peak_kw=150)
    expected, came = (problem(chp(), BOILER, GAS, pcc, demand={"main": [kw], "heat": [50.0]}) for kw in (200.0, 230.0))
    plan = solve(expected)
    assert plan.asset("pcc", "import_kw") == pytest.approx([150])
    done = executed(came, decisions(expected, plan))
    assert audit(done).violations == ()
    assert done.asset("pcc", "import_kw") == pytest.approx([150])
    assert done.asset("chp", "power_kw") == pytest.approx([80])
