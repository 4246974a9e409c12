"""Batteries out in the weather: what cold leaves of power, content and efficiency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

TABLE = [
    {"degc": -20.0, "power_share": 0.6, "capacity_share": 0.8, "efficiency_share": 0.9},
    {"degc": 20.0, "power_share": 1.0, "capacity_share": 1.0, "efficiency_share": 1.0},
]
PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0, "temperature_table": TABLE}


def plan(price: list[float], **fields: Any) -> Schedule:
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), battery(**PLAIN, **fields))
    inputs = given(site, hours(len(price)), {("load", "demand_kw"): 0.0})
    problem = Problem(site, inputs, Mode("exact"))
    assert audit(rule_based(problem)).violations == ()
    schedule = solve(problem)
    assert audit(schedule).violations == ()
    return schedule


def hourly(*degc: float) -> list[dict[str, Any]]:
    return [
        {"start": f"2024-03-01T{h:02}:00Z", "end": f"2024-03-01T{h + 1:02}:00Z", "value": t} for h, t in enumerate(degc)
    ]


@pytest.mark.parametrize(("degc", "share"), [(-40.0, 0.6), (-20.0, 0.6), (0.0, 0.8), (20.0, 1.0), (60.0, 1.0)])
def test_power_is_straight_between_points_and_level_beyond_them(degc: float, share: float) -> None:
    assert plan([-0.5], ambient_degc=degc, start_fill=0.0).asset("battery", "charge_kw") == pytest.approx([50 * share])


def test_power_and_efficiency_follow_the_temperature_of_each_step() -> None:
    schedule = plan([-0.5, -0.5, 0.9], ambient_degc=hourly(-20, 20, 0), start_fill=0.2)
    assert schedule.asset("battery", "charge_kw") == pytest.approx([30, 50, 0], abs=1e-6)
    assert schedule.asset("battery", "discharge_kw") == pytest.approx([0, 0, 40], abs=1e-6)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([20 + 27, 97, 97 - 40 / 0.95])


def test_the_coldest_step_decides_what_is_usable() -> None:
    warm, cold = (plan([0.5] * 4, ambient_degc=t, start_fill=1.0) for t in (20.0, -20.0))
    assert warm.asset("battery", "stored_kwh")[-1] == pytest.approx(0, abs=1e-6)
    assert cold.asset("battery", "stored_kwh")[-1] == pytest.approx(20), "a fifth stays in the cells"
    one_cold = plan([0.5] * 4, ambient_degc=hourly(20, 20, 20, -20), start_fill=1.0)
    assert one_cold.asset("battery", "stored_kwh")[-1] == pytest.approx(20)


def test_what_stands_below_the_usable_part_is_neither_emptied_nor_forced_up() -> None:
    schedule = plan([0.5, 0.5], ambient_degc=-20.0, start_fill=0.1)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([10, 10])
    assert schedule.proof.quality == "optimal"
    filled = plan([-0.5, 0.5], ambient_degc=-20.0, start_fill=0.1)
    assert filled.asset("battery", "stored_kwh") == pytest.approx([10 + 27, 10]), "back to where it stood, not below"


def test_a_flat_table_and_none_are_the_same() -> None:
    flat = [p | {"power_share": 1.0, "capacity_share": 1.0, "efficiency_share": 1.0} for p in TABLE]
    price = [0.1, -0.2, 0.5, 0.3]
    money = []
    for table in ((), flat):
        site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price)), battery(temperature_table=table))
        money.append(solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): 0.0}))).money[0])
    assert money[0] == pytest.approx(money[1])


def test_another_day_is_another_temperature_without_compiling_anew() -> None:
    days = [
        {"start": "2024-03-01T00:00Z", "end": "2024-03-02T00:00Z", "value": -20.0},
        {"start": "2024-03-02T00:00Z", "end": "2024-03-03T00:00Z", "value": 20.0},
    ]
    store = battery(**PLAIN, ambient_degc=days, start_fill=0.0)
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff([-0.5], feed_in=1.0)), store)
    problem = Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0}))
    assert solve(problem).asset("battery", "charge_kw") == pytest.approx([30])
    problem.update(given(site, hours(1, "2024-03-02T00:00"), {("load", "demand_kw"): 0.0}))
    assert solve(problem).asset("battery", "charge_kw") == pytest.approx([50])


def test_reserve_in_the_cold_counts_the_powers_that_are_left() -> None:
    asked = {"kind": "reserve", "name": "up", "direction": "up", "required_kw": 90.0, "duration_minutes": 30}
    store = battery(**PLAIN, ambient_degc=-20.0, start_fill=1.0)
    site = park(load(), grid(tariff=hourly_tariff([0.1])), store, asked)
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0})))
    assert audit(schedule).violations == ()
    # It may also stop charging, but a full store does not charge: 30 kW of discharge are all it has.
    assert schedule.asset("battery", "reserve_up_kw") == pytest.approx([30])


def test_what_is_kept_for_an_outage_counts_from_what_the_cold_leaves_usable() -> None:
    # 20 kW of critical load for two hours at an efficiency of .9, above the 20 kWh that stay in the cells.
    outage = {"kind": "outage", "name": "blackout", "survival_h": 2.0, "loads": ["load"], "critical_share": 0.5}
    store = battery(**PLAIN, ambient_degc=-20.0, start_fill=1.0, end_fill_min=0.0)
    falling = grid(export_kw=1e3, tariff=hourly_tariff([0.6, 0.5, 0.4, 0.3, 0.2, 0.1]))
    site = park(falling, load(), store, outage)
    schedule = solve(Problem(site, given(site, hours(6), {("load", "demand_kw"): 40.0})))
    assert audit(schedule).violations == ()
    assert schedule.asset("battery", "stored_kwh")[3] == pytest.approx(20 + 40 / 0.9)


def test_the_library_has_a_sodium_ion_battery_that_keeps_85_percent_in_the_cold(tmp_path: Any) -> None:
    text = """
name: zhanjiang
time_zone: UTC
currency: CNY
latitude_deg: 21.2
longitude_deg: 110.4
buses: [{name: main}]
assets:
  - {kind: battery, name: na, bus: main, use: na_ion_2025, energy_kwh: 40 MWh, charge_kw: 10 MW, discharge_kw: 10 MW,
     ambient_degc: -20}
  - {kind: load, name: load, bus: main}
"""
    (tmp_path / "park.yaml").write_text(text, encoding="utf-8")
    (store,) = [a for a in load_site(tmp_path).assets if a.name == "na"]
    round_trip = store.charge_efficiency * store.discharge_efficiency  # type: ignore[attr-defined]
    assert round_trip > 0.92
    assert store.left("capacity_share", hours(1)) == pytest.approx(np.array([0.85]))  # type: ignore[attr-defined]
    assert not store.verified


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"temperature_table": [TABLE[1], TABLE[0]]}, "points of rising degc, found 20, -20"),
        ({"temperature_table": TABLE, "fast_reserve_kw": 30.0}, "below the power that temperature_table leaves"),
        ({"temperature_table": [TABLE[0] | {"capacity_share": 0.0}]}, "greater than 0"),
    ],
)
def test_a_table_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), battery(**fields))
