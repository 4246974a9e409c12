"""Whatever rewards burning energy in stores: a plan that charges and discharges in turns, proved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.templates import hourly_tariff

STEPS = 12
SUN = np.clip(120 * np.sin(np.arange(STEPS) / STEPS * np.pi), 0, None)


def stores(count: int) -> list[dict[str, Any]]:
    return [battery(f"b{i}", energy_kwh=40 * (i + 1), charge_kw=30, discharge_kw=20 + 5 * i) for i in range(count)]


def case(name: str) -> tuple[Site, Inputs]:
    r = np.random.default_rng(3)
    series: dict[tuple[str, str], Any] = {("load", "demand_kw"): r.uniform(10, 40, STEPS)}
    pv = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 200}
    negative = -np.abs(r.uniform(0.05, 0.3, STEPS))
    # What a kind adds beside the stores, and what is wished.
    assets: dict[str, list[dict[str, Any]]] = {
        "negative prices": [grid(export_kw=300, tariff=hourly_tariff(negative))],
        "one negative price all day": [grid(import_kw=150, tariff=tariff(-0.1))],
        "a clean share": [grid(tariff=tariff(0.2)), pv],
        "surplus that cannot be curtailed": [
            grid(import_kw=1),
            unit(min_kw=35, max_kw=60, on_before_h=1, power_before_kw=40, min_up_h=48),
        ],
        "a reward for use": [grid(tariff=tariff(-0.01, demand=5.0)), pv],
        "carbon of imports below nothing": [grid(export_kw=200, carbon_intensity_kg_per_kwh=0.0, tariff=tariff(-0.02))],
    }
    if any(a["kind"] == "pv" for a in assets[name]):
        series["pv", "available_kw"] = SUN
    wishes = [{"clean_share_min": 0.95, "penalty_per_kwh": 4.0}] if name == "a clean share" else []
    site = park(*assets[name], load(), *stores(3), wishes=wishes)
    return site, given(site, hours(STEPS), series)


NAMES = [
    "negative prices",
    "one negative price all day",
    "a clean share",
    "surplus that cannot be curtailed",
    "a reward for use",
    "carbon of imports below nothing",
]


def both_ways_kw(schedule: Schedule) -> float:
    series = schedule.kinds["battery"].series
    return float(np.minimum(series["charge_kw"], series["discharge_kw"]).max())


@pytest.mark.parametrize("name", NAMES)
def test_every_case_ends_with_an_audited_plan_that_burns_nothing(name: str) -> None:
    site, inputs = case(name)
    schedule = solve(Problem(site, inputs))
    assert audit(schedule).violations == ()
    assert both_ways_kw(schedule) < 1e-3
    assert schedule.proof.gap < 1e-3


def test_the_cases_do_reward_it() -> None:
    """Without branching the relaxation burns: otherwise the test above shows nothing."""
    burnt = []
    for name in NAMES:
        site, inputs = case(name)
        burnt.append(solve(Problem(site, inputs)).proof.rounds > 1)
    assert sum(burnt) >= 4


def test_many_steps_that_burn_are_branched_at_once() -> None:
    site = park(load(), grid(export_kw=500, tariff=hourly_tariff(np.full(24, -0.1), feed_in=0.9)), *stores(1))
    schedule = solve(Problem(site, given(site, hours(24), {("load", "demand_kw"): 20.0})))
    assert audit(schedule).violations == ()
    assert schedule.proof.rounds <= 4
