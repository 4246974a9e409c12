"""Supercapacitors: what they hold ready, and that the rest of their band trades like any store."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import rule_based, solve
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff


def plan(price: list[float], **fields: Any) -> Schedule:
    bank = {"kind": "supercapacitor", "name": "bank", "bus": "main", "energy_kwh": 20, "charge_kw": 300}
    bank |= {"discharge_kw": 300, "end_penalty_per_kwh": 0.0, "loss_fraction_per_h": 0.0} | fields
    site = park(load(), grid(export_kw=500, tariff=hourly_tariff(price)), bank)
    problem = Problem(site, given(site, hours(len(price)), {("load", "demand_kw"): 0.0}))
    assert audit(rule_based(problem)).violations == ()
    schedule = solve(problem)
    assert audit(schedule).violations == ()
    return schedule


def test_the_reserve_leaves_energy_for_its_time_in_both_directions() -> None:
    # 240 kW for one minute: 4 kWh at the bus, 4/.975 out of the stock, 4 · .975 into it.
    low = plan([0.5], fast_reserve_kw=240, fast_reserve_minutes=1, start_fill=0.5)
    high = plan([-0.5], fast_reserve_kw=240, fast_reserve_minutes=1, start_fill=0.5)
    assert low.asset("bank", "stored_kwh") == pytest.approx([4 / 0.975])
    assert high.asset("bank", "stored_kwh") == pytest.approx([20 - 4 * 0.975])


def test_the_power_beside_the_reserve_trades() -> None:
    schedule = plan([0.1, 0.5], fast_reserve_kw=290, fast_reserve_minutes=0, start_fill=0.0)
    assert schedule.asset("bank", "charge_kw") == pytest.approx([10, 0], abs=1e-6)
    assert schedule.asset("bank", "discharge_kw") == pytest.approx([0, 10 * 0.975**2])


def test_self_discharge_is_larger_than_a_batterys() -> None:
    standing = plan([0.0, 0.0], loss_fraction_per_h=0.01, start_fill=1.0, charge_kw=1e-6, discharge_kw=1e-6)
    assert standing.asset("bank", "stored_kwh") == pytest.approx([19.8, 19.602], abs=1e-5)
