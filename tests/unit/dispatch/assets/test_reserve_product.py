"""Reserve that is sold: by blocks on the clock, bounded by the offer and by what the plant can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.assets.reserve_product import ReserveProduct
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff, unit

ENGINE = unit(min_kw=20, max_kw=100, cost_per_kwh=0.1, on_before_h=5, power_before_kw=50)


def sold(**fields: Any) -> dict[str, Any]:
    base = {"kind": "reserve_product", "name": "frr", "offer_kw": 30, "price_per_kwh": 0.5, "block_hours": 4}
    return base | {"penalty_per_kwh": 2.0} | fields


def problem(product: dict[str, Any], steps: Horizon, load_kw: Any = 60.0, **state: float) -> Problem:
    site = park(load(), grid(export_kw=100, tariff=tariff(0.2)), ENGINE, product)
    states = {"frr": state} if state else None
    return Problem(site, given(site, steps, {("load", "demand_kw"): load_kw}, state=states))


def planned(built: Problem) -> Schedule:
    plan = solve(built)
    assert audit(plan).violations == ()
    return plan


def test_capacity_is_sold_as_far_as_it_is_offered_and_earns_its_price() -> None:
    plan = planned(problem(sold(), hours(8)))
    assert plan.asset("frr", "sold_kw") == pytest.approx([30] * 8)
    assert plan.money[0] == pytest.approx(8 * (60 * 0.1 - 30 * 0.5))


def test_a_block_is_sold_whole_or_as_far_as_its_worst_step_allows() -> None:
    # In the third hour the unit runs full for the load: reserve there costs .1 a kWh imported instead of made.
    load_kw = np.array([60.0, 60, 100, 60, 60, 60, 60, 60])
    cheap = planned(problem(sold(price_per_kwh=0.02), hours(8), load_kw))
    assert cheap.asset("frr", "sold_kw")[:4] == pytest.approx([0] * 4, abs=1e-6)
    assert cheap.asset("frr", "sold_kw")[4:] == pytest.approx([30] * 4)
    dear = planned(problem(sold(price_per_kwh=0.05), hours(8), load_kw))
    assert dear.asset("frr", "sold_kw") == pytest.approx([30] * 8)


def test_the_price_may_change_from_block_to_block() -> None:
    price = [{"datetime": f"2024-03-01T0{h}:00Z", "value": v} for h, v in ((0, -0.1), (4, 0.4))]
    plan = planned(problem(sold(price_per_kwh=price), hours(8)))
    assert plan.asset("frr", "sold_kw") == pytest.approx([0] * 4 + [30] * 4, abs=1e-6)


def test_a_block_that_has_begun_keeps_what_was_sold() -> None:
    steps = hours(6, "2024-03-01T02:00")
    plan = planned(problem(sold(held_kw=12), steps))
    assert plan.asset("frr", "sold_kw") == pytest.approx([12, 12, 30, 30, 30, 30])
    plan = planned(problem(sold(held_kw=12), steps, held_kw=45.0))
    assert plan.asset("frr", "sold_kw")[:2] == pytest.approx([45, 45]), "more than would be offered today"
    at_edge = planned(problem(sold(held_kw=12), hours(4)))
    assert at_edge.asset("frr", "sold_kw") == pytest.approx([30] * 4)


def test_what_cannot_be_held_is_fined_and_the_plan_still_stands() -> None:
    plan = planned(problem(sold(held_kw=500), hours(2, "2024-03-01T02:00")))
    # Idle at its 20 kW minimum the unit can raise by 80 kW.
    assert plan.asset("frr", "sold_short_kw") == pytest.approx([420, 420])
    energy = 20 * 0.1 + 40 * 0.2
    assert plan.money[0] == pytest.approx(2 * (energy - 80 * 0.5 + 420 * 2.0))


def test_without_a_plan_nothing_is_sold_and_what_was_sold_counts_as_short() -> None:
    schedule = rule_based(problem(sold(held_kw=10), hours(4, "2024-03-01T02:00")))
    assert audit(schedule).violations == ()
    assert schedule.asset("frr", "sold_kw") == pytest.approx([10, 10, 0, 0])
    assert schedule.asset("frr", "sold_short_kw") == pytest.approx([10, 10, 0, 0])


def test_downwards_the_site_holds_what_it_can_lower() -> None:
    plan = planned(problem(sold(direction="down", offer_kw=70), hours(4), load_kw=100.0))
    assert plan.asset("frr", "sold_kw") == pytest.approx([70] * 4)
    assert plan.asset("unit", "power_kw").min() >= 20 + 70 - 1e-6


@pytest.mark.parametrize(("steps", "held"), [(1, 30.0), (2, 0.0), (3, 30.0)])
def test_the_next_window_starts_with_what_the_block_has_sold(steps: int, held: float) -> None:
    built = problem(sold(), hours(8, "2024-03-01T02:00"), held_kw=30.0)
    found = planned(built).kinds["reserve_product"]
    assert ReserveProduct.carry(found.rows, built.inputs, found.series, steps) == {
        "frr": {"held_kw": pytest.approx(held)}
    }


def test_the_problem_is_solved_again_at_another_hour_of_the_clock() -> None:
    built = problem(sold(held_kw=5), hours(8))
    steps = hours(8, "2024-03-01T03:00")
    built.update(given(built.site, steps, {("load", "demand_kw"): 60.0}))
    assert planned(built).asset("frr", "sold_kw") == pytest.approx([5] + [30] * 7)
