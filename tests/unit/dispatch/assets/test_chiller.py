"""Electric chillers: cold in proportion to power, on its own bus."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff

CHILLER = {"kind": "chiller", "name": "chiller", "bus": "main", "cold_bus": "cold", "electric_kw": 20}


def test_cold_costs_its_electricity_and_stops_at_the_rating() -> None:
    site = park(grid(tariff=tariff(0.3)), CHILLER | {"energy_efficiency_ratio": 4}, load("cool", bus="cold"))
    problem = Problem(site, given(site, hours(3), {("cool", "demand_kw"): [40.0, 0, 100]}))
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("chiller", "power_kw") == pytest.approx([10, 0, 20], abs=1e-6)
        assert schedule.asset("chiller", "cold_kw") == pytest.approx([40, 0, 80], abs=1e-6)
        assert schedule.asset("cool", "shed_kw") == pytest.approx([0, 0, 20], abs=1e-6)
        assert schedule.money[0] == pytest.approx(0.3 * 30)
        assert audit(schedule).violations == ()


@pytest.mark.parametrize("fields", [{"energy_efficiency_ratio": 0}, {"electric_kw": 0}, {"electric_kw": -1}])
def test_a_chiller_of_nothing_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        park(CHILLER | fields)


TABLE = [{"outdoor_degc": 20, "energy_efficiency_ratio": 5}, {"outdoor_degc": 40, "energy_efficiency_ratio": 3}]


def course(*values: float) -> list[dict[str, object]]:
    return [{"datetime": f"2024-03-01T0{hour}:00Z", "value": value} for hour, value in enumerate(values)]


def test_the_ratio_is_read_off_at_the_outdoor_temperature_and_held_beyond_the_table() -> None:
    outdoor = course(10.0, 20.0, 32.0, 40.0, 45.0)
    site = park(CHILLER | {"efficiency_table": TABLE, "outdoor_degc": outdoor})
    assert site.assets[0].per_input(hours(5))["cold"] == pytest.approx([5, 5, 3.8, 3, 3])


def test_a_ratio_may_be_a_series_of_its_own() -> None:
    site = park(grid(), CHILLER | {"energy_efficiency_ratio": course(4.0, 5.0)}, load("cool", bus="cold"))
    plan = solve(Problem(site, given(site, hours(2), {("cool", "demand_kw"): 20.0})))
    assert plan.asset("chiller", "power_kw") == pytest.approx([5, 4])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"efficiency_table": TABLE}, "efficiency_table and outdoor_degc go together"),
        ({"outdoor_degc": 20}, "efficiency_table and outdoor_degc go together"),
        ({"efficiency_table": TABLE[::-1], "outdoor_degc": 20}, "must rise in outdoor_degc"),
        ({"efficiency_table": TABLE, "outdoor_degc": 20, "energy_efficiency_ratio": 4}, "two ways to say one thing"),
    ],
)
def test_a_table_without_its_temperature_or_out_of_order_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        park(CHILLER | fields)
