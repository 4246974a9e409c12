"""Reserve from stores: offers done by hand, and every offer of any plan called and delivered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

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


def asked(direction: str, kw: float, minutes: float = 60.0, **fields: Any) -> dict[str, Any]:
    base = {"kind": "reserve", "name": direction, "direction": direction, "required_kw": kw}
    return base | {"duration_minutes": minutes} | fields


def plan(
    price: Any, *products: dict[str, Any], steps: Horizon | None = None, scenarios: int = 1, **fields: Any
) -> Schedule:
    site = park(
        load(),
        grid(export_kw=1e4, tariff=hourly_tariff(price, feed_in=1.0)),
        battery(**{**PLAIN, **fields}),
        *products,
    )
    steps = steps or hours(len(price))
    series = {("load", "demand_kw"): np.zeros((scenarios, steps.steps))}
    schedule = solve(Problem(site, given(site, steps, series, scenarios)))
    assert audit(schedule).violations == ()
    return schedule


def short(schedule: Schedule, name: str) -> Any:
    return schedule.asset(name, "reserve_short_kw")


def test_a_site_that_asks_for_none_has_none_of_its_variables() -> None:
    site = park(load(), grid(), battery())
    problem = Problem(site, given(site, hours(2), {("load", "demand_kw"): 0.0}))
    assert problem.parts["battery"].reserve_up_kw is None
    assert not [name for name in problem.parts["battery"].series if "reserve" in name or "less" in name]
    one = park(load(), grid(), battery(), asked("up", 5))
    names = Problem(one, given(one, hours(2), {("load", "demand_kw"): 0.0})).parts["battery"].series
    assert {"less_charge_kw", "more_discharge_kw"} <= set(names)
    assert "more_charge_kw" not in names


def test_energy_stays_behind_it_for_as_long_as_a_call_lasts() -> None:
    # 30 kW for two hours at an efficiency of .8: 75 kWh may not be sold, whatever the price.
    schedule = plan([0.9], asked("up", 30, 120), start_fill=0.95, discharge_efficiency=0.8)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([75])
    assert schedule.asset("battery", "discharge_kw") == pytest.approx([20 * 0.8])
    assert short(schedule, "up").sum() == 0


def test_power_stays_beside_it() -> None:
    schedule = plan([0.9], asked("up", 30, 1), start_fill=1.0)
    assert schedule.asset("battery", "discharge_kw") == pytest.approx([20])


def test_to_stop_charging_is_reserve_and_needs_no_energy() -> None:
    # Charging 50 kW from empty: 50 up by stopping, and not a kWh in stock at the start.
    schedule = plan([-0.1, -0.1], asked("up", 50, 60), start_fill=0.0)
    assert schedule.asset("battery", "charge_kw") == pytest.approx([50, 50])
    assert short(schedule, "up") == pytest.approx([0, 0], abs=1e-6)


def test_stopping_and_discharging_add_up_to_both_ratings() -> None:
    schedule = plan([-0.1, -0.1], asked("up", 120, 30), start_fill=0.4, energy_kwh=200)
    assert schedule.asset("battery", "charge_kw") == pytest.approx([50, 50])
    # The call of the last hour goes on beyond it, where no charge is left to stop.
    assert short(schedule, "up") == pytest.approx([20, 70])


def test_room_stays_for_reserve_downwards() -> None:
    # 30 kW for two hours at an efficiency of .8 need 48 kWh of room.
    schedule = plan([-0.9], asked("down", 30, 120), start_fill=0.5, charge_efficiency=0.8)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([52])


def test_a_discharge_that_can_stop_is_reserve_downwards() -> None:
    schedule = plan([0.9, 0.0], asked("down", 50, 30), start_fill=1.0)
    assert schedule.asset("battery", "discharge_kw")[0] == pytest.approx(50)
    assert short(schedule, "down")[0] == pytest.approx(0)
    assert schedule.asset("battery", "less_discharge_kw")[0] > 1, "a full store cannot charge"


def test_a_dear_shortfall_is_avoided_and_a_cheap_one_is_paid() -> None:
    for penalty, missing in ((5.0, 0.0), (0.01, 40.0)):
        schedule = plan([0.5], asked("up", 40, 60, penalty_per_kwh=penalty), start_fill=0.4)
        assert short(schedule, "up") == pytest.approx([missing], abs=1e-6)
        assert schedule.penalty[0] == pytest.approx(penalty * missing, abs=1e-6)


def test_the_longest_product_counts_for_every_store() -> None:
    schedule = plan([0.9], asked("up", 20, 30), asked("down", 5, 120), start_fill=1.0, max_fill=1.0)
    assert schedule.asset("battery", "stored_kwh")[-1] >= 40 - 1e-6


def test_a_store_below_its_band_offers_what_it_can_without_falling_further() -> None:
    schedule = plan([0.1, 0.1], asked("up", 20, 60), start_fill=0.1, min_fill=0.3, charge_kw=40)
    assert schedule.asset("battery", "stored_kwh") == pytest.approx([30, 30], abs=20)
    assert schedule.proof.quality == "optimal"


def test_without_a_plan_nothing_is_held_ready() -> None:
    site = park(load(), grid(), battery(), asked("up", 5))
    schedule = rule_based(Problem(site, given(site, hours(2), {("load", "demand_kw"): 1.0})))
    assert audit(schedule).violations == ()
    assert short(schedule, "up") == pytest.approx([5, 5])


def some_plan(seed: int, kw: float) -> Schedule:
    """Prices, efficiencies, limits by fill, loss, durations and unequal steps from the seed."""
    r = np.random.default_rng(seed)
    lengths = r.choice([900, 1800, 3600], 12)
    edges = np.datetime64("2024-03-01T00:00", "s") + np.concatenate([[0], np.cumsum(lengths)]).astype("timedelta64[s]")
    limits = {
        "charge_limit": [{"fill": 0.6, "share": 1.0}, {"fill": 1.0, "share": 0.2}],
        "discharge_limit": [{"fill": 0.0, "share": 0.3}, {"fill": 0.3, "share": 1.0}],
    }
    fields = {
        "start_fill": r.uniform(0.1, 0.9),
        "min_fill": r.choice([0.0, 0.1]),
        "charge_efficiency": r.uniform(0.7, 1.0),
        "discharge_efficiency": r.uniform(0.7, 1.0),
        "end_penalty_per_kwh": 0.1,
        **(limits if r.random() < 0.5 else {}),
    }
    minutes = float(r.choice([15, 40, 60, 150]))
    products = [asked(d, kw, minutes, penalty_per_kwh=20.0) for d in ("up", "down")]
    return plan(r.uniform(-0.2, 0.6, 13), *products, steps=Horizon(edges, "UTC"), **fields)


@settings(max_examples=20)
@drawn(st.integers(0, 2**32 - 1), st.floats(0, 60))
def test_more_reserve_is_never_cheaper(seed: int, kw: float) -> None:
    less, more = some_plan(seed, kw / 2), some_plan(seed, kw)
    assert more.proof.objective >= less.proof.bound - 1e-6


@settings(max_examples=20)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from([1, -1]), st.floats(0, 0.999))
def test_a_call_at_any_moment_is_delivered_for_its_whole_duration(seed: int, sign: int, when: float) -> None:
    schedule = some_plan(seed, 40.0)
    solved, horizon = schedule.kinds["battery"], schedule.inputs.horizon
    member, lasting = solved.rows.members[0], solved.rows.reserve_h
    series = {name: values[0] for name, values in solved.series.items()}
    offer = series["reserve_up_kw"] if sign > 0 else -series["reserve_down_kw"]
    begin = when * horizon.edge_h[-1]
    now, tick = 0.0, 1 / 240
    level = member.start_fill * member.energy_kwh
    while now < min(begin + lasting, horizon.edge_h[-1]) - tick:
        step = int(np.searchsorted(horizon.edge_h, now + 1e-9) - 1)
        called = begin <= now
        net = series["discharge_kw"][step] - series["charge_kw"][step] + called * offer[step]
        fill = level / member.energy_kwh
        for flow, limit, rated in (
            (net, member.discharge_limit, member.discharge_kw),
            (-net, member.charge_limit, member.charge_kw),
        ):
            share = np.interp(fill, [p.fill for p in limit], [p.share for p in limit]) if limit else 1.0
            assert flow <= rated * share + 0.5
        level += tick * (-net / member.discharge_efficiency if net > 0 else -net * member.charge_efficiency)
        now += tick
        assert member.min_fill * member.energy_kwh - 0.5 <= level <= member.max_fill * member.energy_kwh + 0.5


def test_scenarios_share_what_is_held_ready() -> None:
    schedule = plan([0.1, 0.5, 0.2], asked("up", 20), asked("down", 20), scenarios=3)
    assert schedule.kinds["battery"].series["more_discharge_kw"].shape[0] == 1
    assert schedule.kinds["battery"].reserve_up_kw.shape[0] == 3
    loose = solve(Problem(*_separate(), Mode("exact", shared=False)))
    assert audit(loose).violations == ()


def _separate() -> tuple[Any, Any]:
    site = park(load(), grid(), battery(), asked("down", 20))
    return site, given(site, hours(3), {("load", "demand_kw"): np.ones((2, 3))}, 2)
