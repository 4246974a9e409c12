"""Equal units share their load in a plan, where limits, reserve and money stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.units.sharing import shared
from tests.parks import given, grid, hours, load, park, unit

DEMAND = np.array([600.0, 640, 612, 650, 630, 601, 655, 620])
PAIR = ("one", "two")


def genset(name: str, **fields: Any) -> dict[str, Any]:
    running = {"on_before_h": 5, "power_before_kw": 300, "min_up_h": 2, "start_cost": 20}
    return unit(name, min_kw=150, max_kw=500) | running | fields


def posed(*assets: Any, demand: Any = DEMAND, scenarios: int = 1, **fields: Any) -> Problem:
    site = park(load(), *assets, **fields)
    series = {("load", "demand_kw"): demand}
    return Problem(site, given(site, hours(np.shape(demand)[-1], step_h=0.25), series, scenarios))


def powers(schedule: Schedule, scenario: int = 0) -> np.ndarray:
    return np.array([schedule.asset(name, "power_kw", scenario) for name in PAIR])


def test_equal_units_give_half_each_for_the_same_money() -> None:
    """A kWh costs .1, whoever gives it: Σ demand · .25 h · .1."""
    problem = posed(genset("one"), genset("two"))
    schedule = climb(problem).schedule
    assert powers(schedule) == pytest.approx(np.tile(DEMAND / 2, (2, 1)))
    assert schedule.money[0] == pytest.approx(DEMAND.sum() * 0.25 * 0.1)
    assert audit(schedule).violations == ()
    left = powers(solve(problem))
    assert np.ptp(left, axis=0).max() > 100, "without sharing they are far apart"


def test_in_every_scenario() -> None:
    demand = np.vstack([DEMAND, DEMAND[::-1] + 30])
    schedule = climb(posed(genset("one"), genset("two"), demand=demand, scenarios=2)).schedule
    for scenario in (0, 1):
        assert powers(schedule, scenario) == pytest.approx(np.tile(demand[scenario] / 2, (2, 1)))
    assert audit(schedule).violations == ()


@pytest.mark.parametrize("other", [{"cost_per_kwh": 0.11}, {"max_kw": 450}, {"ramp_up_kw_per_h": 4000}])
def test_units_that_are_not_equal_are_left(other: dict[str, Any]) -> None:
    schedule = climb(posed(genset("one"), genset("two", **other))).schedule
    assert np.ptp(powers(schedule), axis=0).max() > 50


def test_a_unit_with_a_limit_of_its_own_is_left() -> None:
    groups = [{"name": "feeder", "assets": ["one"], "max_export_kw": 200}]
    schedule = climb(posed(genset("one"), genset("two"), groups=groups, demand=np.full(4, 640.0))).schedule
    assert powers(schedule)[0].max() < 200 + 1e-6
    assert audit(schedule).violations == ()


def test_a_ramp_into_the_first_shared_step_is_kept() -> None:
    """One comes from 450, two from 150 kW, and neither may move faster than 50 kW from step to step."""
    slow = {"ramp_up_kw_per_h": 200, "ramp_down_kw_per_h": 200}
    pair = (genset("one", **slow), genset("two", **slow))
    site = park(load(), *pair)
    state = {"one": {"power_before_kw": 450.0}, "two": {"power_before_kw": 150.0}}
    asked = given(site, hours(8, step_h=0.25), {("load", "demand_kw"): np.full(8, 600.0)}, state=state)
    schedule = climb(Problem(site, asked)).schedule
    assert schedule.proof.quality == "optimal"
    assert abs(powers(schedule)[:, 0] - [450, 150]).max() <= 50 + 1e-6


def test_reserve_is_shared_too() -> None:
    asked = {"kind": "reserve", "name": "spinning", "required_kw": 300.0}
    problem = posed(genset("one"), genset("two"), asked, grid(import_kw=1.0))
    schedule = climb(problem).schedule
    held = np.array([schedule.asset(name, "reserve_up_kw") for name in PAIR])
    assert np.ptp(held, axis=0) == pytest.approx(np.zeros(8), abs=1e-6)
    assert np.ptp(powers(schedule), axis=0) == pytest.approx(np.zeros(8), abs=1e-6)
    assert audit(schedule).violations == ()


def test_after_a_start_and_before_a_stop_each_keeps_its_own_limits() -> None:
    """Two starts and stops at 150 kW at the most: between its first and its last step both give 320 kW."""
    fields = {"start_up_kw": 150, "shut_down_kw": 150, "min_up_h": 0, "start_cost": 0, "no_load_cost_per_h": 10}
    demand = np.array([400.0, 640, 640, 640, 640, 400])
    running = {"two": {"on_before_h": 0.0, "off_before_h": 9.0}, "one": {"on_before_h": 9.0}}
    site = park(load(), genset("one", **fields), genset("two", **fields))
    asked = given(site, hours(6, step_h=0.25), {("load", "demand_kw"): demand}, state=running)
    schedule = climb(Problem(site, asked)).schedule
    assert schedule.proof.quality == "optimal"
    assert powers(schedule) == pytest.approx(np.array([[400, 490, 320, 320, 490, 400], [0, 150, 320, 320, 150, 0]]))


CURVE = [{"power_kw": p, "cost_per_h": c} for p, c in ((150, 50), (350, 100), (500, 145))]


def test_units_on_a_curve_share_what_costs_the_same() -> None:
    """Below 350 kW each a kWh costs .25: 600 kW for an hour are 100 + .25 · 300 money."""
    curved = {"cost_per_kwh": None, "cost_curve": CURVE}
    schedule = climb(posed(genset("one", **curved), genset("two", **curved), demand=np.full(4, 600.0))).schedule
    assert schedule.proof.quality == "optimal"
    assert powers(schedule) == pytest.approx(np.full((2, 4), 300))
    assert schedule.money[0] == pytest.approx(175)


def test_where_sharing_would_cost_something_else_nothing_moves() -> None:
    """500 and 200 kW cost 145 + 62.5; 350 kW each 200."""
    curved = {"cost_per_kwh": None, "cost_curve": CURVE}
    problem = posed(genset("one", **curved), genset("two", **curved), demand=np.full(1, 700.0))
    power, nothing = np.array([[500.0], [200.0]]), np.zeros((2, 1))
    series = {"power_kw": power, "above_min_kw": power - 150, "on": nothing + 1, "start": nothing, "stop": nothing}
    assert shared(problem.rows["thermal"], problem.inputs, series, frozenset()) == {}


def test_what_an_outage_counts_on_is_left_as_it_is() -> None:
    """What a unit raises in an outage starts from its own load, which the plan states beside it."""
    blackout = {"kind": "outage", "name": "blackout", "survival_h": 0.5, "loads": ["load"], "critical_share": 1.0}
    slow = {"ramp_up_kw_per_h": 400, "ramp_down_kw_per_h": 1000}
    problem = posed(genset("one", **slow), genset("two", **slow), blackout, grid(import_kw=300.0))
    schedule = climb(problem).schedule
    assert schedule.proof.attempts == ()
    assert np.ptp(powers(schedule), axis=0).max() > 50
