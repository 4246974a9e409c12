"""Batteries: limit cases, cases done by hand, and the published gap of the relaxation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}


def plan(
    store: dict[str, Any], price: Any, steps: Horizon | None = None, mode: str = "exact", **state: float
) -> Schedule:
    """A store alone beside a connection that buys and sells at one price per hour."""
    pcc = grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0))
    site = park(load(), pcc, store)
    steps = steps or hours(len(price))
    inputs = given(site, steps, {("load", "demand_kw"): 0.0}, state={"battery": state} if state else None)
    return solve(Problem(site, inputs, Mode(mode)))  # type: ignore[arg-type]


def gap_case(shared: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    case = json.loads((shared / "golden" / "carbon.json").read_text(encoding="utf-8"))["T17_relaxation_gap"]
    store = battery(energy_kwh=1000, charge_kw=1000, discharge_kw=1000, start_fill=0.0)
    return case, store | {"charge_efficiency": 0.9, "discharge_efficiency": 0.9, "end_penalty_per_kwh": 0.0}


def test_negative_prices_are_not_used_to_burn_energy(shared: Path) -> None:
    case, store = gap_case(shared)
    price = np.array(case["prices"]) / 1e3
    exact, convex = plan(store, price), plan(store, price, mode="convex")
    assert exact.money[0] == pytest.approx(case["milp"], abs=1e-3)
    assert audit(exact).passed
    # The published relaxation lets both powers be full at once. One direction at a time in power and in content closes
    # the gap in steps of an hour; in shorter ones, which fill a smaller part of the store, part of it is left.
    assert case["relaxed"] < convex.proof.bound <= case["milp"] + 1e-3
    assert convex.money[0] == pytest.approx(case["milp"], abs=1e-3)
    quarters = hours(12, step_h=0.25)
    convex, exact = plan(store, price, quarters, "convex"), plan(store, price, quarters)
    assert convex.proof.bound <= exact.money[0] + 1e-6
    assert audit(convex).passed
    assert exact.proof.rounds > 1, "a switch is branched on where the relaxation used both flows"
    assert audit(exact).passed
    assert exact.money[0] <= case["milp"] + 1e-3, "finer steps can follow the plan of the coarse ones"


def test_a_lossless_cycle_done_by_hand() -> None:
    # Two hours of 50 kW in at .1, two hours out at .3.
    schedule = plan(battery(start_fill=0.0, **PLAIN), [0.1, 0.1, 0.3, 0.3])
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([50, 100, 50, 0])
    assert schedule.money[0] == pytest.approx(100 * (0.1 - 0.3))


def test_losses_and_wear_decide_whether_a_cycle_pays() -> None:
    store = battery(start_fill=0.0, charge_efficiency=0.9, discharge_efficiency=0.8, end_penalty_per_kwh=0.0)
    assert plan(store, [0.1, 0.13]).money[0] == pytest.approx(0, abs=1e-6)  # .72 · .13 < .1
    sold = 50 * 0.9 * 0.8
    assert plan(store, [0.1, 0.2]).money[0] == pytest.approx(50 * 0.1 - sold * 0.2)
    worn = plan(store | {"wear_cost_per_kwh": 0.05}, [0.1, 0.2])
    assert worn.money[0] == pytest.approx(50 * 0.1 - sold * (0.2 - 0.05))
    assert plan(store | {"wear_cost_per_kwh": 0.07}, [0.1, 0.2]).money[0] == pytest.approx(0, abs=1e-6)


def test_standing_loss_follows_the_length_of_the_step() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 900, 4500, 11700]).astype("timedelta64[s]")
    store = battery(start_fill=1.0, loss_fraction_per_h=0.1, charge_kw=1e-6, discharge_kw=1e-6, **PLAIN)
    schedule = plan(store, [0.0] * 4, Horizon(edges, "UTC"))
    assert schedule.asset("battery", "stored_kwh") == pytest.approx(100 * 0.9 ** np.array([0.25, 1.25, 3.25]), abs=1e-4)


def test_unequal_steps_move_power_times_length() -> None:
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 900, 3600]).astype("timedelta64[s]")
    schedule = plan(
        battery(start_fill=0.0, end_fill_min=1.0, **{**PLAIN, "end_penalty_per_kwh": 9.0}), [0.1], Horizon(edges, "UTC")
    )
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([12.5, 50])


@pytest.mark.parametrize(("fill", "price", "content"), [(0.0, [0.5], 0.0), (1.0, [-0.5], 100.0)])
def test_an_empty_store_gives_nothing_and_a_full_one_takes_nothing(
    fill: float, price: list[float], content: float
) -> None:
    schedule = plan(battery(start_fill=fill, **PLAIN), price)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([content])
    assert schedule.money[0] == pytest.approx(0)


def test_the_level_at_the_end_is_a_wish_with_a_price() -> None:
    # Discharging earns .3 per kWh and costs the penalty per kWh missing; the start level is the default wish.
    for penalty, left in ((0.2, 0.0), (0.4, 50.0)):
        store = battery(start_fill=0.5, **{**PLAIN, "end_penalty_per_kwh": penalty})
        schedule = plan(store, [0.3])
        assert schedule.asset("battery", "stored_kwh") == pytest.approx([left], abs=1e-6)
        assert schedule.penalty[0] == pytest.approx(penalty * (50 - left))
        assert schedule.money[0] == pytest.approx(-0.3 * (50 - left)), "a penalty is no money"


def test_a_reserve_keeps_power_and_the_energy_behind_it() -> None:
    store = battery(start_fill=0.5, fast_reserve_kw=10, fast_reserve_minutes=30, **PLAIN)
    low, high = plan(store, [0.3, 0.3]), plan(store, [-0.3, -0.3])
    assert low.asset("battery", "discharge_kw").max() == pytest.approx(40)
    assert low.asset("battery", "stored_kwh")[-1] == pytest.approx(5)
    assert high.asset("battery", "charge_kw").max() == pytest.approx(40)
    assert high.asset("battery", "stored_kwh")[-1] == pytest.approx(95)


@pytest.mark.parametrize(("start", "levels"), [(0.05, [55, 60]), (1.0, [50, 40])])
def test_a_start_outside_the_band_comes_back_as_soon_as_it_can(start: float, levels: list[float]) -> None:
    store = battery(min_fill=0.6, max_fill=0.8, charge_kw=50, discharge_kw=50, **PLAIN)
    if start == 1.0:
        store |= {"min_fill": 0.2, "max_fill": 0.4}
    # The price asks for the opposite of what the band does.
    schedule = plan(store, [0.9, 0.9] if start < 0.5 else [-0.9, -0.9], start_fill=start)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx(levels)
    assert audit(schedule).passed


def test_the_state_of_a_solve_goes_before_the_configuration() -> None:
    schedule = plan(battery(start_fill=0.2, **PLAIN), [0.3], start_fill=0.4)
    assert schedule.asset("battery", "discharge_kw") == pytest.approx([40])


def test_the_rule_stores_surplus_and_gives_it_back() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(load(), grid(), roof, battery(start_fill=0.0, **PLAIN))
    series = {("load", "demand_kw"): 20.0, ("roof", "available_kw"): [60.0, 100, 0, 0]}
    schedule = rule_based(Problem(site, given(site, hours(4), series)))
    assert schedule.asset("battery", "charge_kw") == pytest.approx([40, 50, 0, 0])
    assert schedule.asset("battery", "discharge_kw") == pytest.approx([0, 0, 20, 20])
    assert schedule.asset("roof", "curtailed_kw") == pytest.approx([0, 30, 0, 0])
    assert audit(schedule).passed


@pytest.mark.parametrize(("fill", "charged"), [(0.0, [20.0, 0.0]), (1.0, [-20.0, 0.0])])
def test_the_rule_brings_a_store_back_into_its_band(fill: float, charged: list[float]) -> None:
    store = battery(min_fill=0.2, max_fill=0.8, start_fill=fill, **PLAIN)
    site = park(load(), grid(export_kw=50), store)
    schedule = rule_based(Problem(site, given(site, hours(2), {("load", "demand_kw"): 0.0})))
    net = schedule.asset("battery", "charge_kw") - schedule.asset("battery", "discharge_kw")
    assert net == pytest.approx(charged)
    assert audit(schedule).passed


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"min_fill": 0.8, "max_fill": 0.8}, "min_fill 0.8 must be below max_fill 0.8"),
        ({"fast_reserve_kw": 50}, "fast_reserve_kw must be below"),
        ({"charge_efficiency": 0.0}, "greater than 0"),
        ({"energy_kwh": 0}, "greater than 0"),
    ],
)
def test_a_store_that_cannot_be_is_refused(fields: dict[str, float], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), battery(**fields))
