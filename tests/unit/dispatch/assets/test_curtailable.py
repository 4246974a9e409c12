"""Curtailable demand: shares, hours of a day, notice, what comes back, and plans done by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.assets.curtailable import Curtailable
from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.ladder.fallback import safe_state
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from tests.parks import given, grid, hours, park
from tests.unit.dispatch.assets.templates import hourly_tariff

PRICE = [0.2, 0.2, 0.9, 0.8, 0.2, 0.2]


def built(
    prices: Any = PRICE, horizon: Horizon | None = None, state: Any = None, demand: Any = 100.0, **fields: Any
) -> Problem:
    pcc = {key: fields.pop(key) for key in ("import_kw",) if key in fields}
    asset = {"kind": "curtailable", "name": "shop", "bus": "main", "share": 0.3} | fields
    site = park(asset, grid(tariff=hourly_tariff(prices), **pcc))
    inputs = given(
        site, horizon or hours(len(prices)), {("shop", "demand_kw"): demand}, state={"shop": state} if state else None
    )
    return Problem(site, inputs)


def planned(problem: Problem) -> Schedule:
    plan = solve(problem)
    assert audit(plan).violations == ()
    return plan


def test_what_is_dearer_than_its_price_is_curtailed() -> None:
    problem = built(price_per_kwh=0.5)
    plan = planned(problem)
    assert plan.asset("shop", "reduced_kw") == pytest.approx([0, 0, 30, 30, 0, 0])
    assert plan.money[0] == pytest.approx(100 * 0.8 + 70 * 1.7 + 60 * 0.5)
    assert not problem.compiled.matrices().integer.any(), "without a limit of hours it is linear"
    assert planned(built(price_per_kwh=0.5, share=0.0)).asset("shop", "served_kw") == pytest.approx([100] * 6)


def test_hours_of_a_day_are_limited_and_the_relaxation_would_spread_them() -> None:
    problem = built([0.9] * 6, price_per_kwh=0.5, max_h_per_day=1.0, demand=[100, 100, 200, 100, 100, 100])
    plan = planned(problem)
    assert plan.asset("shop", "reduced_kw") == pytest.approx([0, 0, 60, 0, 0, 0])
    # Where the limit is no whole number of steps the relaxation uses up the rest.
    problem = built(price_per_kwh=0.5, max_h_per_day=1.5)
    plan = planned(problem)
    assert plan.asset("shop", "reduced_kw") == pytest.approx([0, 0, 30, 0, 0, 0])
    matrices = problem.compiled.matrices()
    relaxed = run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits())
    assert relaxed.objective == pytest.approx(plan.proof.objective - 15 * 0.3)
    tight = built(price_per_kwh=0.5, max_h_per_day=1.0).compiled.matrices()
    whole = planned(built(price_per_kwh=0.5, max_h_per_day=1.0)).proof.objective
    assert run(replace(tight, integer=np.zeros_like(tight.integer)), Limits()).objective == pytest.approx(whole)


def test_each_day_has_its_hours_and_the_first_those_that_are_left() -> None:
    horizon = hours(30, "2024-03-01T20:00")
    plan = planned(built([0.9] * 24, horizon, price_per_kwh=0.5, max_h_per_day=2.0, state={"used_h": 1.0}))
    active = plan.asset("shop", "curtailing")
    assert [active[:4].sum(), active[4:28].sum(), active[28:].sum()] == pytest.approx([1, 2, 2])


def test_a_share_comes_back_in_time_where_it_is_cheapest() -> None:
    # 30 kWh at .9 cost .5 + .8 (of it comes back) times the price of the cheapest hour within two: .3.
    plan = planned(built([0.2, 0.9, 0.5, 0.3, 0.1, 0.1], price_per_kwh=0.1, rebound_share=0.8, rebound_h=2.0))
    assert plan.asset("shop", "reduced_kw")[1] == pytest.approx(30)
    # Hour 2 is curtailed as well (.5 > .1 + .8 · .1); what is owed of hour 1 comes back in hour 3, of hour 2 in hour 4.
    assert plan.asset("shop", "rebound_kw")[3] == pytest.approx(24)
    assert plan.asset("shop", "owed_kwh")[-1] == pytest.approx(0, abs=1e-9)


def test_what_comes_back_is_limited_in_power() -> None:
    plan = planned(built(price_per_kwh=0.1, rebound_share=1.0, rebound_h=6.0, rebound_kw=10.0))
    assert plan.asset("shop", "rebound_kw").max() == pytest.approx(10)
    # Two hours are left after the dear ones: 20 kWh can come back, so no more is curtailed.
    assert plan.asset("shop", "reduced_kw").sum() == pytest.approx(20)


def test_what_is_owed_from_before_comes_back() -> None:
    plan = planned(built([0.5, 0.5, 0.1, 0.1], state={"owed_kwh": 12.0}, rebound_h=2.0, share=0.0))
    assert plan.asset("shop", "rebound_kw")[:2].sum() == pytest.approx(12)
    late = planned(built([0.5, 0.5, 0.1, 0.1], state={"owed_kwh": 12.0}, rebound_h=2.0, rebound_kw=2.0, share=0.0))
    assert late.asset("shop", "rebound_kw") == pytest.approx([2, 2, 2, 2]), "it cannot come back faster"


def test_without_notice_only_what_was_announced_is_curtailed() -> None:
    plan = planned(built([0.9] * 4, price_per_kwh=0.1, notice_h=2.0))
    assert plan.asset("shop", "reduced_kw") == pytest.approx([0, 0, 30, 30])
    problem = built([0.9] * 4, price_per_kwh=0.1, notice_h=2.0)
    found = planned(problem).kinds["curtailable"]
    state = Curtailable.carry(found.rows, problem.inputs, found.series, 2)["shop"]
    later = planned(built([0.9] * 4, hours(2, "2024-03-01T02:00"), state=state, price_per_kwh=0.1, notice_h=2.0))
    assert later.asset("shop", "reduced_kw") == pytest.approx([30, 30])


def test_the_next_window_knows_hours_and_debt() -> None:
    problem = built(price_per_kwh=0.1, rebound_share=0.5, max_h_per_day=2.0)
    found = planned(problem).kinds["curtailable"]
    state = Curtailable.carry(found.rows, problem.inputs, found.series, 4)["shop"]
    assert state["used_h"] == pytest.approx(2)
    assert state["owed_kwh"] == pytest.approx(found.series["owed_kwh"][0, 3])
    day = built([0.2] * 24, hours(26), price_per_kwh=0.1, max_h_per_day=2.0)
    found = planned(day).kinds["curtailable"]
    assert Curtailable.carry(found.rows, day.inputs, found.series, 24)["shop"]["used_h"] == 0.0


def test_what_is_owed_keeps_its_date_from_window_to_window() -> None:
    fields = {"price_per_kwh": 0.1, "rebound_share": 1.0, "rebound_h": 3.0}
    problem = built([0.9, 0.2, 0.2, 0.2, 0.1, 0.1], share=0.3, **fields)
    found = planned(problem).kinds["curtailable"]
    # What is curtailed in hour 0 must be back three hours after its end, before the cheapest hour.
    assert found.series["reduced_kw"][0, 0] == pytest.approx(30)
    state = Curtailable.carry(found.rows, problem.inputs, found.series, 1)["shop"]
    due = np.datetime64("2024-03-01T04:00", "s").astype(int)
    assert state == {f"owed_kwh:{due}": pytest.approx(30), "owed_kwh": pytest.approx(30), "used_h": 0.0}
    prices = [0.9, 0.2, 0.2, 0.2, 0.1, 0.1]
    for hour in (1, 2, 3):
        later = planned(built(prices, hours(6 - hour, f"2024-03-01T0{hour}:00"), state=state, share=0.0, **fields))
        assert later.asset("shop", "rebound_kw")[: 4 - hour].sum() == pytest.approx(30), "no window puts it off"


def test_without_a_plan_nothing_is_curtailed_and_what_is_lacking_is_shed() -> None:
    schedule = rule_based(built(import_kw=80, state={"owed_kwh": 5.0}, demand=60.0))
    assert schedule.asset("shop", "served_kw") == pytest.approx([65, 60, 60, 60, 60, 60])
    assert audit(schedule).violations == ()
    weak = rule_based(built(import_kw=80))
    assert weak.asset("shop", "shed_kw") == pytest.approx([20] * 6)
    assert audit(weak).violations == ()
    assert audit(safe_state(built())).violations == ()


def test_reactive_power_and_negative_demand_are_those_of_a_load() -> None:
    problem = built(power_factor=0.9)
    assert problem.site.assets[0].kvar_per_kw == pytest.approx(math.tan(math.acos(0.9)))
    with pytest.raises(DataError, match="demand of 'shop' is negative"):
        built(demand=-1.0)


def test_whether_it_curtails_is_one_decision_for_all_scenarios() -> None:
    asset = {"kind": "curtailable", "name": "shop", "bus": "main", "max_h_per_day": 1.0, "price_per_kwh": 0.1}
    site = park(asset, grid(tariff=hourly_tariff(PRICE)))
    demand = np.array([[100.0] * 6, [50.0] * 6])
    plan = solve(Problem(site, given(site, hours(6), {("shop", "demand_kw"): demand}, scenarios=2)))
    series = plan.kinds["curtailable"].series
    assert series["curtailing"].shape == (1, 6)
    assert series["reduced_kw"][:, 2] == pytest.approx([20, 10])
    assert audit(plan).violations == ()
