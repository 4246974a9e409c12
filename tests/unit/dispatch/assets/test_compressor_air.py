"""Compressed air by the work it can do, and the heat of its cooling."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, problem, supply, tariff

GRID = grid(tariff=tariff(0.2))


def screw(**fields: Any) -> dict[str, Any]:
    base = {"kind": "compressor_air", "name": "screw", "bus": "main", "air_bus": "air", "electric_kw": 100}
    return base | {"efficiency": 0.5} | fields


def test_air_is_half_of_its_electricity_and_stops_at_the_rating() -> None:
    made = problem(screw(), GRID, demand={"air": [20.0, 0, 60]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("screw", "power_kw") == pytest.approx([40, 0, 100], abs=1e-6)
        assert schedule.asset("air_load", "shed_kw") == pytest.approx([0, 0, 10], abs=1e-6)
        assert audit(schedule).violations == ()


def test_its_heat_replaces_bought_heat_and_what_nobody_takes_is_let_off() -> None:
    made = problem(screw(heat_bus="heat"), GRID, supply("heat", 0.1), demand={"air": [20.0, 20], "heat": [40.0, 10]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("screw", "heat_kw") == pytest.approx([28, 10])
        assert schedule.asset("screw", "heat_spilled_kw") == pytest.approx([0, 18], abs=1e-6)
        assert schedule.money[0] == pytest.approx(80 * 0.2 + 12 * 0.1)
        assert audit(schedule).violations == ()


def test_heat_alone_is_not_worth_running_it_for_where_air_has_nowhere_to_go() -> None:
    made = problem(screw(heat_bus="heat"), GRID, demand={"air": [0.0], "heat": [40.0]})
    assert solve(made).asset("screw", "power_kw") == pytest.approx([0], abs=1e-6)


def test_without_a_bus_for_its_heat_there_is_none() -> None:
    plan = solve(problem(screw(), GRID, demand={"air": [20.0]}))
    assert plan.asset("screw", "heat_kw") == pytest.approx([0], abs=1e-9)
