"""Methanol synthesis: its three inputs, and the lowest load."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import load
from tests.unit.dispatch.assets.hydrogen_parks import cell, priced, problem
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR


def synthesis(**fields: Any) -> dict[str, Any]:
    base = {"kind": "methanol_synthesis", "name": "loop", "bus": "main", "hydrogen_bus": "h2", "co2_bus": "co2"}
    return base | {"methanol_bus": "meoh", "methanol_kw": 1000} | fields


def chain(asked: float, max_kg_per_h: float = 500, **fields: Any) -> Problem:
    air = {"kind": "co2_supply", "name": "air", "bus": "co2", "max_kg_per_h": max_kg_per_h, "price_per_t": 100}
    ship = load("ship", bus="meoh", value_of_lost_load_per_kwh=2)
    return problem(priced(0.1), cell(electric_kw=9000, **LINEAR), synthesis(**fields), air, ship, ship=asked)


def test_a_mwh_takes_what_the_table_says() -> None:
    built = chain(1000)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("loop", "hydrogen_kw") == pytest.approx([1138])
        assert schedule.asset("loop", "carbon_dioxide_kg_per_h") == pytest.approx([248])
        assert schedule.asset("air", "supplied_kg_per_h") == pytest.approx([248])
        assert schedule.asset("loop", "electricity_kw") == pytest.approx([271])
        # Hydrogen at 50 kWh/kg, and .248 t of carbon dioxide at 100.
        assert schedule.money == pytest.approx([0.1 * (1138 / 33.33 * 50 + 271) + 24.8])
        assert audit(schedule).violations == ()


def test_it_makes_no_more_than_carbon_dioxide_lasts_for() -> None:
    built = chain(1000, max_kg_per_h=124)
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("loop", "methanol_kw") == pytest.approx([500], rel=1e-4)
        assert audit(schedule).violations == ()


def test_below_three_tenths_it_is_off() -> None:
    schedule = solve(chain(250))
    assert schedule.asset("loop", "on") == pytest.approx([0])
    assert schedule.asset("ship", "shed_kw") == pytest.approx([250])
    assert solve(chain(300)).asset("loop", "methanol_kw") == pytest.approx([300])
