"""Expected cost, risk, carbon price, and wishes, on cases done by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.objective import clean_share
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def bought(energies: list[float], weights: list[float] | None = None, **objective: Any) -> Schedule:
    """One step, one scenario for each energy; everything is bought at 1 per kWh, so cost = energy."""
    site = park(load(), grid(tariff=tariff(1.0)), objective=objective)
    series = {("load", "demand_kw"): np.array(energies)[:, None]}
    problem = Problem(site, given(site, hours(1), series, scenarios=len(energies)))
    if weights:
        problem.update(weights=np.array(weights))
    return solve(problem)


def test_the_expected_cost_is_weighted_by_probability() -> None:
    assert bought([10, 20, 60]).proof.objective == pytest.approx(30)
    assert bought([10, 20, 60], [2, 1, 1]).proof.objective == pytest.approx(25), "weights are brought to a sum of 1"


@pytest.mark.parametrize(("level", "tail"), [(0.0, 30.0), (0.5, 45.0), (0.75, 60.0), (0.9, 60.0)])
def test_the_mean_of_the_tail_by_hand(level: float, tail: float) -> None:
    """All four; the worst two, (30 + 60)/2; the worst one; less than one."""
    costs = [10.0, 20, 30, 60]
    assert bought(costs, cvar_weight=1.0, cvar_level=level).proof.objective == pytest.approx(tail)
    mixed = bought(costs, cvar_weight=0.3, cvar_level=level).proof.objective
    assert mixed == pytest.approx(0.7 * 30 + 0.3 * tail)


def test_at_full_weight_the_plan_states_its_tail_and_the_bound_stays_below_it() -> None:
    """(40 + 100) / 2 of the worst 40 %; the bound is that of .9999 of it and .0001 of the mean, 40."""
    proof = bought([10, 20, 30, 40, 100], cvar_weight=1.0, cvar_level=0.6).proof
    assert proof.objective == pytest.approx(70, abs=1e-6)
    assert proof.bound == pytest.approx(69.997, abs=1e-5)
    assert proof.gap == pytest.approx(0.003 / 70, rel=1e-2)
    assert proof.quality == "optimal"
    nearly = bought([10, 20, 30, 40, 100], cvar_weight=0.9, cvar_level=0.6).proof
    assert (nearly.objective, nearly.gap) == (pytest.approx(67, abs=1e-6), pytest.approx(0, abs=1e-9))


def test_a_scenario_on_the_edge_of_the_tail_counts_in_part() -> None:
    # Worst 40 % of four equal scenarios: all of 60 (.25) and .15 of the 30: (15 + 4.5) / .4.
    risk = bought([10, 20, 30, 60], cvar_weight=1.0, cvar_level=0.6).proof.objective
    assert risk == pytest.approx((0.25 * 60 + 0.15 * 30) / 0.4)
    weighted = bought([10, 60], [9, 1], cvar_weight=1.0, cvar_level=0.8).proof.objective
    assert weighted == pytest.approx((0.1 * 60 + 0.1 * 10) / 0.2)


@pytest.mark.parametrize(("risk", "committed"), [(0.0, 0.0), (1.0, 1.0)])
def test_caution_buys_insurance(risk: float, committed: float) -> None:
    """A unit on in all scenarios costs 20 and saves 100 kWh at .8 in the one of ten that needs it."""
    engine = unit(min_kw=0, max_kw=100, cost_per_kwh=0.2, no_load_cost_per_h=20)
    site = park(load(), grid(tariff=tariff(1.0)), engine, objective={"cvar_weight": risk, "cvar_level": 0.9})
    demand = np.zeros((10, 1))
    demand[3] = 100
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): demand}, scenarios=10), Mode()))
    assert schedule.asset("unit", "on") == pytest.approx([committed])
    assert schedule.proof.objective == pytest.approx([10.0, 40.0][int(risk)])
    assert audit(schedule).passed


def test_the_risk_of_a_fixed_schedule_is_that_of_its_own_costs() -> None:
    site = park(load(), grid(tariff=tariff(1.0)), objective={"cvar_weight": 1.0, "cvar_level": 0.5})
    demand = np.array([10.0, 20, 30, 60])[:, None]
    problem = Problem(site, given(site, hours(1), {("load", "demand_kw"): demand}, scenarios=4))
    assert rule_based(problem).proof.objective == pytest.approx(45)
    assert solve(problem).proof.objective == pytest.approx(45)


def test_at_full_caution_a_scenario_outside_the_tail_is_still_served_well() -> None:
    prices = [0.1, 0.1, 0.1, 0.5]
    series = {
        ("load", "demand_kw"): np.array([[10.0] * 4, [90.0] * 4]),
        ("pcc", "import_price_per_kwh"): np.array(prices),
    }
    costs = {}
    for weight in (0.0, 1.0):
        site = park(load(), grid(), battery(), objective={"cvar_weight": weight, "cvar_level": 0.5})
        problem = Problem(site, given(site, hours(4), series, scenarios=2), Mode(shared=False))
        costs[weight] = solve(problem).money[0]
    assert costs[1.0] == pytest.approx(costs[0.0])


@pytest.mark.parametrize(("money", "cost"), [(1.0, 8.5), (2.0, 6.75), (0.0, 3.5)])
def test_the_running_cost_is_money_and_carbon_as_the_plan_weighs_them(money: float, cost: float) -> None:
    """50 kWh at .1 and .7 kg: 5 in money, 3.5 of carbon at 100 per t, which count half where money counts twice."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7)
    site = park(load(), pcc, objective={"money": money, "carbon_price_per_t": 100})
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0})))
    assert schedule.running_cost(site.objective) == pytest.approx(cost)
    assert schedule.proof.objective == pytest.approx(cost * (money or 1.0))
    if money:
        assert schedule.price_per_kwh is not None
        assert schedule.price_per_kwh[0, 0] == pytest.approx(cost / 50)


@pytest.mark.parametrize(("price_per_t", "power"), [(199.0, 0.0), (201.0, 50.0)])
def test_a_carbon_price_changes_the_plan_but_is_no_money(price_per_t: float, power: float) -> None:
    # .1 per kWh dearer, .5 kg per kWh cleaner: worth it from 200 per tonne.
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7)
    engine = unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.2)
    site = park(load(), pcc, engine, objective={"carbon_price_per_t": price_per_t})
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 50.0})))
    assert schedule.asset("unit", "power_kw") == pytest.approx([power], abs=1e-6)
    assert schedule.money[0] == pytest.approx(0.2 * power + 0.1 * (50 - power))
    assert schedule.co2_kg[0] == pytest.approx(0.2 * power + 0.7 * (50 - power))
    stated = schedule.money[0] + price_per_t / 1000 * schedule.co2_kg[0]
    assert schedule.proof.objective == pytest.approx(stated)


@pytest.mark.parametrize(("penalty", "power"), [(0.4, 0.0), (0.6, 60.0)])
def test_a_clean_share_is_reached_where_it_is_worth_its_price(penalty: float, power: float) -> None:
    """A kWh from biogas costs .5 more and closes one kWh of the shortfall of 60."""
    wish = {"clean_share_min": 0.6, "penalty_per_kwh": penalty}
    site = park(load(), grid(tariff=tariff(0.1)), unit(cost_per_kwh=0.6, clean=True), wishes=[wish])
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 100.0})))
    assert schedule.asset("unit", "power_kw") == pytest.approx([power], abs=1e-6)
    assert schedule.penalty[0] == pytest.approx(penalty * (60 - power))
    (short,) = schedule.wish_short_kwh.values()
    assert short == pytest.approx(np.array([[60 - power]]), abs=1e-6)


@pytest.mark.parametrize(("penalty", "power"), [(0.4, 0.0), (0.6, 80.0)])
def test_a_direct_share_counts_what_is_made_here_and_no_green_power(penalty: float, power: float) -> None:
    """A kWh from the own unit costs .5 more than one that is bought and closes one kWh of the shortfall of 80."""
    wish = {"direct_share_min": 0.8, "penalty_per_kwh": penalty}
    green = {"name": "ppa", "price_per_kwh": 0.0, "share_min": 1.0}
    site = park(load(), grid(tariff=tariff(0.1), green_power=[green]), unit(cost_per_kwh=0.6), wishes=[wish])
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 100.0})))
    assert schedule.asset("unit", "power_kw") == pytest.approx([power], abs=1e-6)
    assert schedule.penalty[0] == pytest.approx(penalty * (80 - power))
    (text,) = schedule.wish_short_kwh
    assert text == "direct share of at least 80% per day"


def test_a_clean_share_over_a_day_does_not_carry_into_the_next() -> None:
    wish = {"clean_share_min": 0.5, "penalty_per_kwh": 0.1}
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    day, whole = (
        park(load(), grid(tariff=tariff(0.1)), roof, wishes=[wish | {"over": over}]) for over in ("day", "horizon")
    )
    series = {("load", "demand_kw"): 10.0, ("roof", "available_kw"): np.where(np.arange(48) < 24, 10.0, 0.0)}
    first, second = (solve(Problem(s, given(s, hours(48), series))) for s in (day, whole))
    (by_day,), (by_horizon,) = first.wish_short_kwh.values(), second.wish_short_kwh.values()
    assert by_day == pytest.approx(np.array([[0, 120.0]]), abs=1e-6)
    assert by_horizon == pytest.approx(np.array([[0.0]]), abs=1e-6)


def test_a_clean_share_by_the_hour_is_not_made_up_for_in_another() -> None:
    """Ten hours of sun give more than half of the day's energy; each of the other fourteen stays 5 kWh short."""
    wish = {"clean_share_min": 0.5, "penalty_per_kwh": 0.1, "over": "hour"}
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(load(), grid(tariff=tariff(0.1)), roof, wishes=[wish])
    demand, sun = np.full(48, 10.0), np.where(np.arange(48) < 20, 10.0, 0.0)
    demand[:20] = 30.0
    horizon = hours(48, step_h=0.5)
    series = {("load", "demand_kw"): demand, ("roof", "available_kw"): 3 * sun}
    schedule = solve(Problem(site, given(site, horizon, series)))
    (short,) = schedule.wish_short_kwh.values()
    assert short == pytest.approx(np.array([[0.0] * 10 + [5.0] * 14]), abs=1e-6)


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    site = park(load(), grid(tariff=tariff(0.1)), time_zone="Europe/Berlin")
    horizon = Horizon.local_day(date(2026, 10, 25), "Europe/Berlin", 30)
    windows = site.windows(horizon, "hour")
    assert windows.shape == (25, 50)
    assert (windows.sum(axis=1) == 2).all()
    assert (np.diff(windows.argmax(axis=0)) >= 0).all(), "in the order of the clock"


def test_the_share_of_clean_supply() -> None:
    supply, unclean, lengths = np.array([10.0, 30]), np.array([0.0, 30]), np.array([2.0, 1.0])
    assert clean_share(unclean, supply, lengths) == pytest.approx(0.4)
    assert np.isnan(clean_share(np.zeros(2), np.zeros(2), lengths))
