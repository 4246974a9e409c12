"""Wear by depth of cycles: the published costs, cycles done by hand, and what the next window is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.asset import Mode, Rows
from dispatch.assets.battery import Battery
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.stores.ageing import rainflow
from dispatch.stores.wear import DepthWear
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0}
# With φ = .001 δ² and R = 1000, four segments cost 1/4, 3/4, 5/4 and 7/4 per kWh.
SQUARE = {"replacement_cost_per_kwh": 1000, "stress_coefficient": 1e-3, "stress_exponent": 2.0, "segments": 4}


def plan(price: Any, state: dict[str, float] | None = None, scenarios: int = 1, **fields: Any) -> Schedule:
    store = battery(**{**PLAIN, "wear": SQUARE, **fields})
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), store)
    series = {("load", "demand_kw"): np.zeros((scenarios, len(price)))}
    inputs = given(site, hours(len(price)), series, scenarios, {"battery": state} if state else None)
    schedule = solve(Problem(site, inputs))
    assert audit(schedule).violations == ()
    return schedule


def test_the_published_costs_of_four_segments() -> None:
    wear = DepthWear(replacement_cost_per_kwh=800, segments=4)
    assert wear.costs_per_kwh(0.95) == pytest.approx([0.106, 0.326, 0.552, 0.781], abs=5e-4)


def test_the_cost_of_a_full_cycle_is_that_of_its_depth() -> None:
    wear = DepthWear(replacement_cost_per_kwh=800, segments=7)
    assert np.mean(wear.costs_per_kwh(1.0)) == pytest.approx(800 * 5.24e-4)


@pytest.mark.parametrize(("spread", "depth"), [(0.2, 0), (0.5, 25), (1.0, 50), (1.5, 75), (2.0, 100)])
def test_a_spread_of_prices_pays_for_cycles_down_to_a_depth(spread: float, depth: float) -> None:
    schedule = plan([0.0, spread], start_fill=1.0, charge_kw=100, discharge_kw=100)
    assert schedule.asset("battery", "stored_kwh")[-1] == pytest.approx(100 - depth, abs=1e-6)
    steps = depth / 25
    assert schedule.money[0] == pytest.approx(-depth * spread + 25 * 0.25 * steps**2, abs=1e-6)


def test_shallow_cycles_with_pauses_are_cheaper_than_one_deep_one() -> None:
    # Twice 25 kWh out of full, with time to refill for nothing in between; or 50 kWh at once.
    twice = plan([0.5, 0.0, 0.5], start_fill=1.0, charge_kw=25, discharge_kw=25)
    once = plan([0.5, 0.5], start_fill=1.0, charge_kw=25, discharge_kw=25)
    assert twice.money[0] == pytest.approx(2 * 25 * (0.25 - 0.5))
    assert once.money[0] == pytest.approx(25 * (0.25 - 0.5)), "the second 25 kWh would cost .75"


def test_it_stands_beside_the_price_per_kwh_discharged() -> None:
    both = plan([0.0, 0.6], start_fill=1.0, wear_cost_per_kwh=0.1)
    assert both.money[0] == pytest.approx(25 * (0.25 + 0.1 - 0.6))


def test_what_the_window_before_discharged_counts_for_the_depth_of_this_one() -> None:
    # 75 kWh held: with nothing told, the next 25 are the first of a cycle; told that 25 went out, they are the second.
    fresh, later = plan([0.5], start_fill=0.75), plan([0.5], {"segment_1_fill": 0.0, **_fills(0.25, 0.25, 0.25)})
    assert fresh.asset("battery", "discharge_kw") == pytest.approx([50 / 2])
    assert later.asset("battery", "stored_kwh") == pytest.approx([75]), "the second segment costs .75"


def _fills(*others: float) -> dict[str, float]:
    return {"start_fill": sum(others), **{f"segment_{j}_fill": fill for j, fill in enumerate(others, 2)}}


def test_a_seam_changes_nothing() -> None:
    price = [0.0, 1.0, 0.3, 1.4, 0.0, 1.2]
    whole = plan(price, start_fill=1.0)
    assert whole.asset("battery", "discharge_kw").sum() > 100
    solved = whole.kinds["battery"]
    state = Battery.carry(solved.rows, whole.inputs, solved.series, 3)["battery"]
    state["start_fill"] = whole.asset("battery", "stored_kwh")[2] / 100
    rest = plan([*price[3:]], state)
    assert rest.asset("battery", "stored_kwh") == pytest.approx(whole.asset("battery", "stored_kwh")[3:], abs=1e-6)
    wear = solved.cost_step[0, 3:].sum()
    assert rest.kinds["battery"].cost_step.sum() == pytest.approx(wear)


@pytest.mark.parametrize(("fill", "segments"), [(0.6, [0.1, 0.25, 0.25]), (0.4, [0.0, 0.15, 0.25])])
def test_a_content_that_differs_from_what_was_carried_is_put_right_at_the_cheap_end(
    fill: float, segments: list[float]
) -> None:
    # .25 in the second and third segment were carried; the meter says .6, or .4.
    state = {"start_fill": fill, "segment_2_fill": 0.25, "segment_3_fill": 0.25}
    schedule = plan([0.0], state, charge_kw=1e-6, discharge_kw=1e-6)
    held = [schedule.asset("battery", f"segment_{j}_kwh")[0] / 100 for j in (1, 2, 3)]
    assert held == pytest.approx(segments, abs=1e-6)


def test_members_may_count_their_wear_each_in_its_own_way() -> None:
    wears = [SQUARE, None, {**SQUARE, "segments": 2}]
    stores = [battery(f"b{i}", **PLAIN, wear=w, start_fill=1.0) for i, w in enumerate(wears)]
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff([0.6], feed_in=1.0)), *stores)
    schedule = solve(Problem(site, given(site, hours(1), {("load", "demand_kw"): 0.0})))
    assert audit(schedule).violations == ()
    out = [schedule.asset(f"b{i}", "discharge_kw").sum() for i in range(3)]
    assert out == pytest.approx([25, 50, 50])  # of two segments the first costs .5


@settings(max_examples=15)
@drawn(st.integers(0, 2**32 - 1))
def test_a_plan_pays_what_its_powers_cost_at_least_and_no_less_than_their_rainflow_cycles(seed: int) -> None:
    price = np.random.default_rng(seed).uniform(0, 3, 12)
    schedule = plan(price, start_fill=0.5, discharge_efficiency=0.9)
    solved = schedule.kinds["battery"]
    member, series = solved.rows.members[0], solved.series
    # The same powers, out of the cheapest segments first.
    problem = Problem(*_again(schedule))
    walked = type(member).walked(
        problem.rows["battery"], schedule.inputs, series["charge_kw"] - series["discharge_kw"], back=False
    )
    least = sum(
        cost * 0.9 * walked[f"segment_{j}_out_kwh"].sum() for j, cost in enumerate(member.wear.costs_per_kwh(0.9), 1)
    )
    paid = float(solved.cost_step.sum())
    assert paid == pytest.approx(least, abs=1e-5)
    fill = np.concatenate([[0.5], series["stored_kwh"][0] / 100])
    falls = [c for c in rainflow(fill) if c.count == 1] + _half_falls(fill)
    cycled = sum(member.wear.stress_coefficient * c**2 for c in (f.depth for f in falls)) * 1000 * 100
    assert paid >= cycled - 1e-6


def _half_falls(fill: Any) -> list[Any]:
    """Half cycles that go down: in the model a cycle is paid for when it discharges."""
    turned = [c for c in rainflow(fill) if c.count == 0.5]
    position, out = fill[0], []
    for cycle in turned:  # half cycles come out in the order of the history, each from where the one before ended
        falls = abs(position - (cycle.mean + cycle.depth / 2)) < 1e-9
        out += [cycle] if falls else []
        position = cycle.mean - cycle.depth / 2 if falls else cycle.mean + cycle.depth / 2
    return out


def _again(schedule: Schedule) -> tuple[Any, Any]:
    rows: Rows[Any] = schedule.kinds["battery"].rows
    others = [m for kind in schedule.kinds.values() for m in kind.rows.members]
    site = park(*[m.model_dump() for m in others])
    assert rows.members[0] in site.assets
    return site, replace(schedule.inputs)


def test_scenarios_share_their_segments_where_they_share_their_powers() -> None:
    schedule = plan([0.0, 1.0, 0.2, 1.4], scenarios=3)
    for j in range(1, 5):
        held = schedule.kinds["battery"].series[f"segment_{j}_kwh"]
        assert held == pytest.approx(np.tile(held[:1], (3, 1)), abs=1e-6)
    assert schedule.money == pytest.approx(np.full(3, schedule.money[0]))


def test_the_rules_of_every_scenario_pay_for_their_own_cycles() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(load(), grid(), roof, battery(**PLAIN, wear=SQUARE, start_fill=0.5))
    series = {("load", "demand_kw"): 10.0, ("roof", "available_kw"): np.array([[0, 0, 50.0], [60.0, 0, 0]])}
    problem = Problem(site, given(site, hours(3), series, 2), Mode())
    schedule = rule_based(problem)
    assert audit(schedule).violations == ()
    assert schedule.kinds["battery"].cost_step.sum(axis=1) == pytest.approx([20 * 0.25, 20 * 0.25])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"stress_exponent": 0.9}, "greater than or equal to 1"),
        ({"segments": 0}, "greater than or equal to 1"),
        ({"replacement_cost_per_kwh": 0}, "greater than 0"),
    ],
)
def test_wear_that_cannot_be_is_refused(fields: dict[str, float], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), battery(wear={**SQUARE, **fields}))
