"""Bought fuel: price in time, limits of an hour and of a day, carbon that counts or does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.config.references import reference_problems
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.unit.dispatch.assets.thermal_parks import grid, point_signal, problem, supply


def tank(**fields: Any) -> dict[str, Any]:
    base = {"kind": "thermal_store", "name": "tank", "bus": "heat", "energy_kwh": 100, "charge_kw": 100}
    return base | {"discharge_kw": 100, "start_fill": 0, "end_fill_min": 0, "loss_fraction_per_h": 0} | fields


def test_it_costs_its_price_of_the_hour() -> None:
    made = problem(supply("heat", point_signal(0.1, 0.3), co2_kg_per_kwh=0.2), grid(), demand={"heat": [10.0, 20]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.money[0] == pytest.approx(10 * 0.1 + 20 * 0.3)
        assert schedule.co2_kg[0] == pytest.approx(30 * 0.2)
        assert audit(schedule).violations == ()


def test_renewable_fuel_emits_nothing_that_counts() -> None:
    made = problem(supply("heat", 0.1, co2_kg_per_kwh=0.2, renewable=True), grid(), demand={"heat": [10.0]})
    assert solve(made).co2_kg[0] == pytest.approx(0)


def test_a_store_moves_it_to_the_cheap_hour_within_the_limit_of_an_hour() -> None:
    """Of 70 for the second hour, 50 less the first hour's 10 can be bought before."""
    made = problem(supply("heat", point_signal(0.1, 0.3), max_kw=50), tank(), grid(), demand={"heat": [10.0, 70]})
    plan = solve(made)
    assert plan.asset("heat_supply", "bought_kw") == pytest.approx([50, 30])
    assert plan.money[0] == pytest.approx(5 + 9)


def test_the_limit_of_a_day_holds_for_each_local_day() -> None:
    """From 22:00 in UTC: two hours of the first day, of which 30 kWh are gone already, and two of the next."""
    made = problem(
        supply("heat", 0.1, max_day_kwh=70, day_to_date_kwh=30),
        grid(),
        demand={"heat": [30.0] * 4},
        start="2024-03-01T22:00",
    )
    for schedule in (solve(made), rule_based(made)):
        bought = schedule.asset("heat_supply", "bought_kw")
        assert bought[:2].sum() == pytest.approx(40)
        assert bought[2:].sum() == pytest.approx(60)
        assert audit(schedule).violations == ()


def test_days_are_those_of_the_local_clock() -> None:
    """The four hours from 22:00 in UTC are one day in Shanghai and two in London."""
    for zone, bought in (("Asia/Shanghai", 50), ("Europe/London", 100)):
        limited = supply("heat", 0.1, max_day_kwh=50)
        made = problem(limited, grid(), demand={"heat": [30.0] * 4}, start="2024-03-01T22:00", zone=zone)
        assert solve(made).asset("heat_supply", "bought_kw").sum() == pytest.approx(bought)


def test_what_a_day_has_taken_is_carried_into_the_next_window() -> None:
    made = problem(supply("heat", 0.1), grid(), demand={"heat": [10.0, 20, 30, 40]}, start="2024-03-01T22:00")
    plan = solve(made)
    rows, series = made.rows["fuel_supply"], plan.kinds["fuel_supply"].series
    cls = type(rows.members[0])
    carried = [cls.carry(rows, made.inputs, series, n)["heat_supply"]["day_to_date_kwh"] for n in (1, 2, 3, 4)]
    assert carried == pytest.approx([10, 0, 30, 70])


def test_two_supplies_share_by_price_in_the_plan() -> None:
    cheap = supply("heat", 0.05, max_kw=30)
    made = problem(cheap, supply("heat", 0.2) | {"name": "dear"}, grid(), demand={"heat": [50.0]})
    assert solve(made).asset("dear", "bought_kw") == pytest.approx([20])
    rules = rule_based(made)
    assert audit(rules).violations == ()
    assert rules.asset("heat_supply", "bought_kw") <= np.array([30 + 1e-6])


def test_electricity_is_not_bought_here() -> None:
    raw = {"buses": [{"name": "main"}], "assets": [supply("main")], "latitude_deg": 0, "longitude_deg": 0}
    (found,) = reference_problems(raw)
    assert found.message == "bus 'main' carries electricity"


def test_more_than_the_day_allows_before_the_start_leaves_nothing() -> None:
    made = problem(supply("heat", 0.1, max_day_kwh=20, day_to_date_kwh=30), grid(), demand={"heat": [30.0]})
    for schedule in (solve(made), rule_based(made)):
        assert schedule.asset("heat_supply", "bought_kw") == pytest.approx([0], abs=1e-6)
        assert audit(schedule).violations == ()
