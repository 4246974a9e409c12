"""Supercapacitors: what they hold ready, and that the rest of their band trades like any store."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.assets.supercapacitor import Supercapacitor
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
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


def smoothing(price: list[float], **fields: Any) -> Schedule:
    """40 kW of change at one standard deviation, kept free for six minutes."""
    lossless = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "ramp_factor": 3.0, "fast_reserve_minutes": 6.0}
    return plan(price, **(lossless | {"ramp_sigma_kw": 40.0, "energy_kwh": 50.0, "charge_kw": 200} | fields))


def test_three_standard_deviations_of_change_are_kept_free_with_their_energy() -> None:
    # 120 kW for a tenth of an hour: 12 kWh below and above.
    empty, full = smoothing([0.5], start_fill=0.5), smoothing([-0.5], start_fill=0.5)
    assert empty.asset("bank", "ramp_reserve_kw") == pytest.approx([120])
    assert empty.asset("bank", "stored_kwh") == pytest.approx([12])
    assert full.asset("bank", "stored_kwh") == pytest.approx([50 - 12])
    # Power: 200 - 120 kW are left for trade.
    large = smoothing([0.5], start_fill=0.5, energy_kwh=1000, discharge_kw=200)
    assert large.asset("bank", "discharge_kw") == pytest.approx([80])


def test_what_changes_more_at_noon_takes_more_at_noon() -> None:
    sigma = [
        {"start": "2024-03-01T00:00Z", "end": "2024-03-01T01:00Z", "value": 0.0},
        {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "value": 40.0},
    ]
    schedule = smoothing([0.5, 0.4], start_fill=0.5, ramp_sigma_kw=sigma)
    assert schedule.asset("bank", "ramp_reserve_kw") == pytest.approx([0, 120])
    assert schedule.asset("bank", "stored_kwh") == pytest.approx([12, 12]), "held when the step begins"


def test_what_cannot_be_kept_free_is_short_at_its_price() -> None:
    scarce = smoothing([0.0], start_fill=0.5, charge_kw=100, discharge_kw=100)
    assert scarce.asset("bank", "ramp_short_kw") == pytest.approx([20])
    assert scarce.penalty[0] == pytest.approx(20)
    solved = scarce.kinds["supercapacitor"]
    missed = Supercapacitor.missed(solved.rows, scarce.inputs, solved.series)
    assert missed == ["bank: up to 20.0 kW of power for changes of wind and PV not kept free, for 1 h"]
    # 12 kWh sold for 6 against 120 kW short at .01.
    cheap = smoothing([0.5], start_fill=0.5, ramp_penalty_per_kwh=0.01)
    assert cheap.asset("bank", "stored_kwh") == pytest.approx([0], abs=1e-6)
    assert cheap.penalty[0] == pytest.approx(1.2)


def test_reserve_that_the_site_asks_for_comes_on_top() -> None:
    asked = {"kind": "reserve", "name": "up", "direction": "up", "required_kw": 900.0, "duration_minutes": 6}
    bank = {"kind": "supercapacitor", "name": "bank", "bus": "main", "energy_kwh": 500, "charge_kw": 300}
    bank |= {
        "discharge_kw": 300,
        "start_fill": 0.5,
        "end_fill_min": 0.0,
        "ramp_sigma_kw": 50,
        "ramp_penalty_per_kwh": 900,
    }
    site = park(load(), grid(), bank, asked)
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0})))
    assert audit(schedule).violations == ()
    # It charges so as to stop when called: no kW is promised twice.
    net = schedule.asset("bank", "discharge_kw") - schedule.asset("bank", "charge_kw")
    assert schedule.asset("bank", "ramp_reserve_kw") == pytest.approx([150])
    assert net + schedule.asset("bank", "reserve_up_kw") == pytest.approx([300 - 150])


def test_no_change_keeps_nothing_and_a_negative_one_is_refused() -> None:
    assert "ramp_reserve_kw" not in smoothing([0.5], ramp_sigma_kw=0.0).kinds["supercapacitor"].series
    with pytest.raises(DataError, match="ramp_sigma_kw of 'bank' is -1 kW"):
        smoothing([0.5], ramp_sigma_kw=-1.0)
