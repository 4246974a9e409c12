"""Flow batteries: pumps, losses that bend, and what happens where burning energy pays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.asset import Mode, Rows
from dispatch.assets.flow_battery import FlowBattery
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "end_penalty_per_kwh": 0.0, "start_fill": 0.0}


def flow(**fields: Any) -> dict[str, Any]:
    return battery("flow", kind="flow_battery") | {"power_loss_share": 0.0} | PLAIN | fields


def plan(price: list[float], mode: str = "exact", scenarios: int = 1, **fields: Any) -> Schedule:
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), flow(**fields))
    inputs = given(site, hours(len(price)), {("load", "demand_kw"): 0.0}, scenarios=scenarios)
    problem = Problem(site, inputs, Mode(mode))  # type: ignore[arg-type]
    assert audit(rule_based(problem)).violations == ()
    schedule = solve(problem)
    assert audit(schedule).violations == ()
    return schedule


def relaxed(price: list[float], **fields: Any) -> float:
    """The optimum with everything whole left free."""
    site = park(load(), grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)), flow(**fields))
    matrices = Problem(site, given(site, hours(len(price)), {("load", "demand_kw"): 0.0})).compiled.matrices()
    return run(replace(matrices, integer=np.zeros_like(matrices.integer)), Limits()).objective


def test_without_its_losses_it_is_a_battery() -> None:
    schedule = plan([0.1, 0.1, 0.3, 0.3])
    assert schedule.asset("flow", "stored_kwh") == pytest.approx([50, 100, 50, 0])
    assert schedule.money[0] == pytest.approx(100 * (0.1 - 0.3))
    assert "running" not in schedule.kinds["flow_battery"].series


def test_a_cycle_done_by_hand() -> None:
    # 50 kW in lose .2 · 50: 40 kWh. Out, 37.5 kW take 37.5 + 5.625 and 25 kW take 25 + 2.5: 35 kW take 40.
    schedule = plan([0.1, 0.5], power_loss_share=0.2)
    assert schedule.asset("flow", "stored_kwh") == pytest.approx([40, 0], abs=1e-6)
    assert schedule.asset("flow", "discharge_kw") == pytest.approx([0, 35], abs=1e-6)
    assert schedule.money[0] == pytest.approx(50 * 0.1 - 35 * 0.5)
    assert schedule.proof.rounds == 1, "tight: content is worth something"


def test_losses_that_bend_spread_the_same_energy_over_hours() -> None:
    # Half power for two hours loses half as much as full power for one.
    schedule = plan([0.1, 0.1, 0.5, 0.5], power_loss_share=0.2, energy_kwh=45.0)
    assert schedule.asset("flow", "charge_kw")[:2] == pytest.approx([25, 25], abs=1e-6)
    assert schedule.asset("flow", "stored_kwh")[1] == pytest.approx(45)


@pytest.mark.parametrize("mode", ["exact", "convex"])
def test_where_burning_pays_the_parts_are_put_in_order(mode: str) -> None:
    # 60 kWh of room for two hours that pay for what is taken: full power once (40 kWh), then what 20 kWh take in order,
    # 12.5 + 8.125/.85. Dear parts first would take 27.9 kW there.
    schedule = plan([-0.5, -0.5], mode, power_loss_share=0.2, energy_kwh=60.0)
    assert sorted(schedule.asset("flow", "charge_kw")) == pytest.approx([12.5 + 8.125 / 0.85, 50])
    assert schedule.money[0] == pytest.approx(-0.5 * (62.5 + 8.125 / 0.85))
    assert schedule.proof.rounds > 1, "the relaxation was not tight and was branched on"


def test_the_content_follows_the_curve_and_the_curve_the_square() -> None:
    member = FlowBattery.model_validate(flow(power_loss_share=0.3))
    moves = FlowBattery.movement(Rows((member,), 1, ("main",)), hours(1))
    for power in np.linspace(0, 50, 23):
        lost = power - moves.gained(0, np.array([power]))[0]
        assert 0.3 * power**2 / 50 - 1e-9 <= lost <= 0.3 * power**2 / 50 + 0.3 * 50 / 64 + 1e-9
        assert moves.to_gain(0, moves.gained(0, np.array([power]))) == pytest.approx(power)
        assert moves.to_drain(0, moves.drained(0, np.array([power]))) == pytest.approx(power)


def test_pumps_run_with_the_stack_and_draw_from_the_bus() -> None:
    schedule = plan([0.1, 0.2, 0.5], pump_kw=5.0)
    assert schedule.asset("flow", "running") == pytest.approx([1, 0, 1])
    assert schedule.money[0] == pytest.approx(55 * 0.1 - 45 * 0.5)
    assert schedule.asset("pcc", "import_kw") == pytest.approx([55, 0, 0], abs=1e-6)


def test_pumps_on_or_off_are_tight_at_full_power_and_searched_for_below() -> None:
    fields = {"pump_kw": 10.0, "energy_kwh": 50.0}
    assert relaxed([0.1, 0.5], **fields) == pytest.approx(plan([0.1, 0.5], **fields).money[0])
    # Ten kWh at a fifth of its power: the relaxation pays a fifth of the pumps and thinks that a cycle pays.
    fields = {"pump_kw": 10.0, "energy_kwh": 10.0}
    assert relaxed([0.1, 0.5], **fields) == pytest.approx(12 * 0.1 - 8 * 0.5)
    for mode in ("exact", "convex"):
        assert plan([0.1, 0.5], mode, **fields).money[0] == pytest.approx(0, abs=1e-6)


def test_pumps_may_run_for_nothing_where_that_pays() -> None:
    schedule = plan([-0.5], pump_kw=5.0, start_fill=1.0)
    assert schedule.asset("flow", "running") == pytest.approx([1])
    assert schedule.money[0] == pytest.approx(-2.5)


def test_one_plan_serves_all_scenarios() -> None:
    price = [0.1, -0.5, 0.5]
    one, three = (plan(price, scenarios=s, power_loss_share=0.2, pump_kw=2.0) for s in (1, 3))
    assert three.money == pytest.approx([one.money[0]] * 3)


def test_the_library_entry_loses_a_third_in_a_round_trip() -> None:
    store = flow(charge_efficiency=0.87, discharge_efficiency=0.87, power_loss_share=0.05, pump_kw=1.0, energy_kwh=41.0)
    schedule = plan([0.1, 9.0], **{k: v for k, v in store.items() if k not in ("kind", "name", "bus")})
    net = schedule.kinds["flow_battery"].power_kw["electricity"][0]
    assert -net[1] / net[0] == pytest.approx(0.65, abs=0.02)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"power_loss_share": 0.5}, "power_loss_share 0.5 must be below half of charge_efficiency, 0.5"),
        ({"charge_limit": [{"fill": 0.8, "share": 1.0}, {"fill": 1.0, "share": 0.3}]}, "does not depend on fill"),
        ({"pump_kw": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_flow_battery_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        park(load(), flow(**fields))
