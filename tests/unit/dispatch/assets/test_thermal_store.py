"""Tanks: shift heat or cold, lose some standing, and change nothing by rule."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff


def tank(**fields: Any) -> dict[str, Any]:
    base = {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 100, "charge_kw": 100}
    return base | {"discharge_kw": 100, "start_fill": 0.0, "loss_fraction_per_h": 0.0} | fields


def site_of(carrier: str, **fields: Any) -> Site:
    out = {"heat": "heat_pump", "cold": "chiller"}[carrier]
    maker = {"kind": out, "name": "maker", "bus": "main", f"{carrier}_bus": carrier, "electric_kw": 20}
    if out == "chiller":
        maker["energy_efficiency_ratio"] = 5
    pcc = grid(tariff=hourly_tariff([0.1, 0.5]))
    return park(pcc, maker, load("user", bus=carrier), tank(bus=carrier, **fields))


def problem(site: Site) -> Problem:
    return Problem(site, given(site, hours(2), {("user", "demand_kw"): 50.0}))


def test_cold_is_made_while_power_is_cheap() -> None:
    schedule = solve(problem(site_of("cold")))
    assert schedule.asset("maker", "power_kw") == pytest.approx([20, 0], abs=1e-6)
    assert schedule.asset("tank", "stored_kwh") == pytest.approx([50, 0], abs=1e-6)
    assert schedule.money[0] == pytest.approx(20 * 0.1)
    assert audit(schedule).passed


def test_what_stands_is_lost_in_part() -> None:
    schedule = solve(problem(site_of("cold", loss_fraction_per_h=0.2)))
    # 50 kWh in, 40 left an hour later; the other 10 are made at the dear hour, 2 kW.
    assert schedule.asset("tank", "discharge_kw") == pytest.approx([0, 40], abs=1e-6)
    assert schedule.money[0] == pytest.approx(20 * 0.1 + 2 * 0.5)


@pytest.mark.parametrize(
    ("fields", "levels"), [({}, [0, 0]), ({"start_fill": 0.5, "loss_fraction_per_h": 0.1}, [45, 40.5])]
)
def test_by_rule_a_tank_stands(fields: dict[str, float], levels: list[float]) -> None:
    schedule = rule_based(problem(site_of("heat", **fields)))
    assert schedule.asset("tank", "stored_kwh") == pytest.approx(levels)
    assert audit(schedule).passed


def test_by_rule_a_tank_makes_up_its_losses_and_the_pump_follows() -> None:
    schedule: Schedule = rule_based(problem(site_of("heat", min_fill=0.5, start_fill=0.5, loss_fraction_per_h=0.1)))
    assert schedule.asset("tank", "charge_kw") == pytest.approx([5, 5])
    assert schedule.asset("maker", "heat_kw") == pytest.approx([55, 55])
    assert audit(schedule).passed
