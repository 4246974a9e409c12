"""Loads: served as they come, shed as the last resort."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff


def test_what_cannot_be_served_is_shed_and_is_no_money() -> None:
    site = park(load(value_of_lost_load_per_kwh=50), grid(import_kw=30, tariff=tariff(0.2)))
    problem = Problem(site, given(site, hours(2, step_h=0.5), {("load", "demand_kw"): [20.0, 50]}))
    for schedule in (solve(problem), rule_based(problem)):
        assert schedule.asset("load", "served_kw") == pytest.approx([20, 30])
        assert schedule.asset("load", "shed_kw") == pytest.approx([0, 20], abs=1e-9)
        assert schedule.money[0] == pytest.approx(0.2 * (10 + 15))
        assert schedule.penalty[0] == pytest.approx(50 * 10)
        assert audit(schedule).violations == ()


def test_the_load_that_is_worth_least_is_shed_first() -> None:
    site = park(
        load("vital", value_of_lost_load_per_kwh=900), load("idle", value_of_lost_load_per_kwh=5), grid(import_kw=60)
    )
    series = {("vital", "demand_kw"): 50.0, ("idle", "demand_kw"): 50.0}
    schedule = solve(Problem(site, given(site, hours(1), series)))
    assert schedule.asset("vital", "shed_kw") == pytest.approx([0], abs=1e-9)
    assert schedule.asset("idle", "shed_kw") == pytest.approx([40])


@pytest.mark.parametrize("value", [0.1, 0.3])
def test_a_load_worth_less_than_its_power_is_not_served(value: float) -> None:
    site = park(load(value_of_lost_load_per_kwh=value), grid(tariff=tariff(0.2)))
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 10.0})))
    assert schedule.asset("load", "served_kw") == pytest.approx([10.0 if value > 0.2 else 0.0], abs=1e-9)


def test_no_demand_and_one_step() -> None:
    site = park(load(), grid())
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0})))
    assert schedule.money[0] == pytest.approx(0)
    assert audit(schedule).passed


def test_each_scenario_has_its_own_demand() -> None:
    site = park(load(), grid(tariff=tariff(1.0)))
    demand = np.array([[1.0, 2], [3, 4], [5, 6]])
    schedule = solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): demand}, scenarios=3)))
    assert schedule.money == pytest.approx([3, 7, 11])
    served = np.array([schedule.asset("load", "served_kw", s) for s in range(3)])
    assert served == pytest.approx(demand)


@pytest.mark.parametrize(("power_factor", "kvar"), [(1.0, 0.0), (0.8, 0.75), (0.6, 4 / 3)])
def test_reactive_power_follows_from_the_power_factor(power_factor: float, kvar: float) -> None:
    assert park(load(power_factor=power_factor)).assets[0].kvar_per_kw == pytest.approx(kvar)
