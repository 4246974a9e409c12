"""By-product gas: burnt for use before any is bought, else flared, its carbon counted once."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, point_signal, problem, supply

BOILER = {
    "kind": "gas_boiler",
    "name": "boiler",
    "fuel_bus": "gas",
    "heat_bus": "heat",
    "heat_kw": 200,
    "efficiency": 1.0,
}


def furnace(**fields: Any) -> dict[str, Any]:
    base = {"kind": "byproduct_gas", "name": "furnace", "bus": "gas", "offered_kw": 50, "max_kw": 100}
    return base | {"co2_kg_per_kwh": 0.9, "flare_co2_kg_per_kwh": 1.0} | fields


def test_it_is_burnt_before_gas_is_bought_and_the_flare_takes_the_rest() -> None:
    made = problem(furnace(), BOILER, supply("gas", 0.04, co2_kg_per_kwh=0.2), grid(), demand={"heat": [80.0, 20]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("furnace", "taken_kw") == pytest.approx([50, 20])
        assert schedule.asset("furnace", "unused_kw") == pytest.approx([0, 30], abs=1e-6)
        assert schedule.money[0] == pytest.approx(30 * 0.04)
        assert schedule.co2_kg[0] == pytest.approx(70 * 0.9 + 30 * 1.0 + 30 * 0.2)
        assert audit(schedule).violations == ()


def test_with_nobody_to_burn_it_all_of_it_is_flared() -> None:
    plan = solve(problem(furnace(), grid(), demand={"heat": [0.0, 0]}))
    assert plan.co2_kg[0] == pytest.approx(100.0)
    assert audit(plan).violations == ()


def test_a_price_of_carbon_makes_it_replace_other_heat_even_at_a_cost() -> None:
    """Taking a kWh costs .05 and saves .1 kg: at 600 a tonne it saves .06 of carbon beside the .02 of bought heat."""
    dear = furnace(cost_per_kwh=0.05)
    for price, taken in ((0, 0), (600, 50)):
        made = problem(dear, BOILER, supply("heat", 0.02), grid(), demand={"heat": [80.0]},
                       objective={"carbon_price_per_t": price})  # fmt: skip
        assert solve(made).asset("furnace", "taken_kw") == pytest.approx([taken], abs=1e-6)


def test_its_course_is_that_of_the_process() -> None:
    made = problem(furnace(offered_kw=point_signal(10, 120)), BOILER, grid(), demand={"heat": [80.0, 150]})
    plan = solve(made)
    assert plan.asset("furnace", "taken_kw") == pytest.approx([10, 100])
    assert plan.asset("furnace", "unused_kw") == pytest.approx([0, 20], abs=1e-6)
