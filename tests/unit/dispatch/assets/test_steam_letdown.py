"""Pressure let-down: from steam down to a lower level or to heat."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, problem, supply


def valve(**fields: Any) -> dict[str, Any]:
    return {"kind": "steam_letdown", "name": "valve", "steam_bus": "steam", "heat_bus": "heat", "steam_kw": 80} | fields


def test_steam_becomes_heat_with_its_efficiency_and_no_more_than_its_rating() -> None:
    made = problem(valve(efficiency=0.9), supply("steam", 0.05), grid(), demand={"heat": [45.0, 0, 90]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("valve", "steam_kw") == pytest.approx([50, 0, 80], abs=1e-6)
        assert schedule.asset("heat_load", "shed_kw") == pytest.approx([0, 0, 18], abs=1e-6)
        assert schedule.money[0] == pytest.approx(130 * 0.05)
        assert audit(schedule).violations == ()


def test_one_boiler_serves_steam_and_through_the_valve_heat() -> None:
    """(30 + 49 / .98) / .93 of gas at .04."""
    boiler = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "steam", "heat_kw": 200}
    made = problem(valve(), boiler, supply("gas", 0.04), grid(), demand={"steam": [30.0], "heat": [49.0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.money[0] == pytest.approx(80 / 0.93 * 0.04)
        assert audit(schedule).violations == ()


def test_steam_to_steam_of_a_higher_level_is_refused() -> None:
    buses = [{"name": n, "carrier": "steam", "temperature_degc": t} for n, t in (("steam", 160), ("heat", 190))]
    raw = {"buses": buses, "assets": [valve()], "latitude_deg": 0, "longitude_deg": 0}
    (found,) = reference_problems(raw)
    assert found.message == "'heat' at 190 °C is hotter than 'steam' at 160 °C: no heat flows that way by itself"
