"""Vehicles that are there at midnight: what they begin with, what they must hold at the end, energy bought once."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Inputs
from dispatch.assets.ev_fleet import EvFleet
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import given, grid, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

# 60 kWh on arrival, 240 wanted, 12 hours of stay: 180 kWh of content are 200 kWh at the bus by 0.9.
TRUCK = {
    "name": "t", "arrival": "18:00", "departure": "06:00", "charge_kw": 60.0, "arrival_kwh": 60.0,
    "needed_kwh": 180.0, "capacity_kwh": 282.0,
}  # fmt: skip
CHEAP_MORNING = [0.25] * 8 + [0.9] * 14 + [0.66] * 2
CHEAP_EVENING = [0.66] * 8 + [0.9] * 10 + [0.25] * 6


def fleet(**fields: Any) -> dict[str, Any]:
    truck = TRUCK | {k: fields.pop(k) for k in ("start_kwh", "discharge_kw") if k in fields}
    own = {"kind": "ev_fleet", "name": "cars", "bus": "main", "sessions": [truck], "wear_cost_per_kwh": 0.0}
    return own | {"charge_efficiency": 0.9, "discharge_efficiency": 0.9, "unserved_penalty_per_kwh": 8.0} | fields


def problem(price: list[float], days: int = 1, state: dict[str, Any] | None = None, **fields: Any) -> Problem:
    site = park(load(), grid(tariff=hourly_tariff(price)), fleet(**fields))
    span = Horizon.local_day(date(2024, 3, 1), "UTC", 60, days=days)
    return Problem(site, given(site, span, {("load", "demand_kw"): 0.0}, state=state))


def plan(price: list[float], days: int = 1, state: dict[str, Any] | None = None, **fields: Any) -> Schedule:
    made = problem(price, days, state, **fields)
    ruled = rule_based(made)
    assert audit(ruled).violations == ()
    if made.inputs.state == {} and not fields:
        assert ruled.asset("cars", "charge_kw").sum() == pytest.approx(200 * days), "by rule energy counts once, too"
    schedule = solve(made)
    assert audit(schedule).violations == ()
    return schedule


def bought(schedule: Schedule, first: int, last: int) -> float:
    return float(schedule.asset("cars", "charge_kw")[first:last].sum())


@pytest.mark.parametrize("days", [1, 2])
def test_a_night_is_bought_once_and_where_it_is_cheap(days: int) -> None:
    after = plan(CHEAP_MORNING, days)
    assert after.asset("cars", "charge_kw").sum() == pytest.approx(200 * days)
    assert after.money[0] == pytest.approx(200 * days * 0.25), "nothing of it at 0.66 before midnight"
    assert bought(after, 0, 6) == pytest.approx(200)
    before = plan(CHEAP_EVENING, days)
    assert before.money[0] == pytest.approx(200 * days * 0.25)
    assert bought(before, 18, 24) == pytest.approx(200)


def test_what_cannot_be_had_after_midnight_is_bought_before() -> None:
    # Six hours at 20 kW are 120 kWh of the 200; from 22:00 on at 0.66 come 40, before at 0.9 the last 40.
    schedule = plan(CHEAP_MORNING, chargers_kw=20.0)
    assert bought(schedule, 0, 6) == pytest.approx(120)
    assert schedule.money[0] == pytest.approx(120 * 0.25 + 40 * 0.66 + 40 * 0.9)


def test_a_fleet_in_sum_begins_and_ends_with_the_share_of_its_need() -> None:
    # 150 kWh at midnight, half of the way: 100 kWh at the bus on either side.
    for schedule in (plan(CHEAP_MORNING, aggregate=True), plan(CHEAP_MORNING, at_end="as_at_start")):
        assert bought(schedule, 0, 6) == pytest.approx(100)
        assert bought(schedule, 18, 24) == pytest.approx(100)


def test_a_level_that_is_known_stands_and_is_asked_for_again_at_the_end() -> None:
    state = {"cars": {"t@2024-02-29": 195.0}}
    for schedule in (plan(CHEAP_MORNING, start_kwh=195.0), plan(CHEAP_MORNING, state=state)):
        assert bought(schedule, 0, 6) == pytest.approx((240 - 195) / 0.9)
        assert bought(schedule, 18, 24) == pytest.approx((195 - 60) / 0.9)
    with pytest.raises(ValidationError, match="start_kwh 300 is more than it can hold, 282"):
        problem(CHEAP_MORNING, start_kwh=300.0)


def test_a_path_that_is_executed_owes_nothing_at_its_end_but_leaving_in_time() -> None:
    schedule = plan(CHEAP_MORNING, at_end="in_time")
    assert bought(schedule, 0, 6) == pytest.approx(100), "it begins with its share"
    assert bought(schedule, 18, 24) == pytest.approx(0, abs=1e-6)
    # With 30 kW the six hours after midnight bring 162 kWh of the 180: 18 must be there, 20 at the bus.
    slow = {"sessions": [TRUCK | {"charge_kw": 30.0}]}
    assert bought(plan(CHEAP_MORNING, at_end="in_time", **slow), 18, 24) == pytest.approx(20)


def test_the_check_shares_out_no_night_that_was_not_bought() -> None:
    schedule = plan(CHEAP_MORNING)
    solved = schedule.kinds["ev_fleet"]
    half = {n: v * (0.5 if n in ("charge_kw", "added_kwh") else 1.0) for n, v in solved.series.items()}
    found = EvFleet.check(solved.rows, schedule.inputs, half)
    # 90 kWh more must come by 06:00, which are 100 at the bus: the nearest sharing has them.
    assert {v.what for v in found} == {"no sharing among its vehicles gives this power"}
    assert sum(v.value for v in found) == pytest.approx(100)


def test_a_day_of_which_the_windows_join_hands_on_what_is_there_and_no_more() -> None:
    schedule = plan(CHEAP_MORNING)
    solved = schedule.kinds["ev_fleet"]
    carried = [EvFleet.carry(solved.rows, schedule.inputs, solved.series, n)["cars"] for n in (3, 6, 24)]
    assert [list(of) for of in carried] == [["t@2024-02-29"], [], ["t@2024-03-01"]]
    assert carried[2]["t@2024-03-01"] == pytest.approx(60)


def test_charge_goes_to_the_vehicle_that_needs_it() -> None:
    # One hour of 60 kW between two trucks that are both there beyond the end: none is filled beyond what it wants.
    full = TRUCK | {"name": "full", "departure_kwh": 240.0, "start_kwh": 240.0, "needed_kwh": None}
    site = park(load(), grid(), fleet(sessions=[full, TRUCK], at_end="in_time"))
    member = next(a for a in site.assets if isinstance(a, EvFleet))
    (rows,) = (r for kind, r in site.rows(1).items() if kind == "ev_fleet")
    span = Horizon(np.array(["2024-03-01T00:00:00", "2024-03-01T01:00:00"], "datetime64[s]"), "UTC")
    inputs = Inputs(span, 1, {})
    series = {"charge_kw": np.array([[60.0]]), "discharge_kw": np.zeros((1, 1)), "unserved_kwh": np.zeros((1, 1))}
    held = EvFleet.carry(rows, inputs, series, 1)[member.name]
    assert held == pytest.approx({"full@2024-02-29": 240.0, "t@2024-02-29": 150 + 54})
