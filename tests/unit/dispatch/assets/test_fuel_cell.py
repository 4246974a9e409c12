"""Fuel cells: electricity, heat by c_b, and the lowest load."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.assets.fuel_cell import FuelCell
from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import load
from tests.unit.dispatch.assets.hydrogen_parks import priced, problem
from tests.unit.dispatch.assets.test_hydrogen_tank import tank


def fuel_cell(**fields: Any) -> dict[str, Any]:
    base = {"kind": "fuel_cell", "name": "cell", "bus": "main", "hydrogen_bus": "h2", "heat_bus": "heat"}
    return base | {"electric_kw": 100} | fields


FULL = tank(start_fill=1.0, end_penalty_per_kwh=0.01)


def test_half_becomes_electricity_and_four_tenths_heat() -> None:
    built = problem(
        priced(0.9, import_kw=1e-6), fuel_cell(), FULL, load("works"), load("warm", bus="heat"), works=80, warm=64
    )
    for schedule in (solve(built), rule_based(built)):
        assert schedule.asset("cell", "hydrogen_kw") == pytest.approx([160])
        assert schedule.asset("cell", "electricity_kw") == pytest.approx([80])
        assert schedule.asset("cell", "heat_kw") == pytest.approx([64])
        assert audit(schedule).violations == ()
        assert schedule.per_step("supply_kw") == pytest.approx([0]), "it gives back what was supplied before"


def test_heat_that_nobody_takes_is_let_off_and_it_needs_no_bus_for_it() -> None:
    built = problem(
        priced(0.9, import_kw=1e-6), fuel_cell(), FULL, load("works"), load("warm", bus="heat"), works=80, warm=10
    )
    assert solve(built).asset("cell", "heat_spilled_kw") == pytest.approx([54])
    built = problem(priced(0.9, import_kw=1e-6), fuel_cell(heat_bus=None), FULL, load("works"), works=80)
    schedule = solve(built)
    assert schedule.asset("cell", "electricity_kw") == pytest.approx([80])
    assert audit(schedule).violations == ()


def test_below_its_lowest_load_the_grid_serves_or_it_is_off() -> None:
    built = problem(priced(2.0), fuel_cell(heat_bus=None, min_load_fraction=0.3), FULL, load("works"), works=20)
    schedule = solve(built)
    assert schedule.asset("cell", "on") == pytest.approx([0])
    assert schedule.money == pytest.approx([40])
    built = problem(priced(2.0), fuel_cell(heat_bus=None, min_load_fraction=0.2), FULL, load("works"), works=20)
    assert solve(built).money == pytest.approx([0], abs=1e-6)


def test_more_than_goes_in_is_refused() -> None:
    with pytest.raises(ValidationError, match="raise electricity_per_heat"):
        FuelCell.model_validate(fuel_cell(electric_efficiency=0.6, electricity_per_heat=0.8))
