"""Absorption chillers: cold out of heat, at seven tenths."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, hourly_tariff, point_signal, problem, supply, tariff


def chiller(**fields: Any) -> dict[str, Any]:
    base = {"kind": "absorption_chiller", "name": "it", "heat_bus": "hot", "cold_bus": "cold", "cold_kw": 70}
    return base | fields


def test_cold_is_seven_tenths_of_its_heat_and_the_rating_is_that_of_cold() -> None:
    made = problem(chiller(), supply("hot", 0.05), grid(), demand={"cold": [35.0, 0, 90]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("it", "heat_kw") == pytest.approx([50, 0, 100], abs=1e-6)
        assert schedule.asset("cold_load", "shed_kw") == pytest.approx([0, 0, 20], abs=1e-6)
        assert schedule.money[0] == pytest.approx(150 * 0.05)
        assert audit(schedule).violations == ()


def test_its_pumps_draw_electricity() -> None:
    made = problem(
        chiller(bus="main", pump_fraction=0.02), supply("hot", 0.0), grid(tariff=tariff(0.3)), demand={"cold": [35.0]}
    )
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("pcc", "import_kw") == pytest.approx([1.0])
        assert schedule.money[0] == pytest.approx(0.3)


def test_without_a_bus_for_them_its_pumps_are_not_counted() -> None:
    made = problem(chiller(pump_fraction=0.02), supply("hot", 0.0), grid(), demand={"cold": [35.0]})
    assert solve(made).asset("pcc", "import_kw") == pytest.approx([0], abs=1e-6)


def test_the_electric_chiller_takes_over_while_electricity_is_cheap() -> None:
    """Heat at .05 / .7 = .0714 per cold, electricity at .1 / 5 = .02 and .5 / 5 = .1."""
    other = {"kind": "chiller", "name": "other", "bus": "main", "cold_bus": "cold", "electric_kw": 50}
    price = grid(tariff=hourly_tariff([0.1, 0.5]))
    plan = solve(problem(chiller(), other, supply("hot", 0.05), price, demand={"cold": [70.0, 70]}))
    assert plan.asset("it", "cold_kw") == pytest.approx([0, 70], abs=1e-6)
    assert plan.money[0] == pytest.approx(70 / 5 * 0.1 + 100 * 0.05)


def test_its_coefficient_may_change_in_time() -> None:
    made = problem(
        chiller(coefficient_of_performance=point_signal(0.5, 0.7)),
        supply("hot", 0.05),
        grid(),
        demand={"cold": [35.0, 35]},
    )
    assert solve(made).asset("it", "heat_kw") == pytest.approx([70, 50])
