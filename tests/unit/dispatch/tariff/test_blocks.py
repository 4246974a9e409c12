"""Energy in blocks: prices that grow or fall, by month and by day, with use before and expected after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.asset import Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.tariff.billing import both, energy, money_of, problem, tariff, terms, tier

RISING = ((100.0, 0.1), (300.0, 0.2), (None, 0.5))
FALLING = ((100.0, 0.5), (300.0, 0.2), (None, 0.1))
MIXED = ((100.0, 0.2), (300.0, 0.5), (None, 0.1))


@pytest.mark.parametrize("blocks", [RISING, FALLING, MIXED])
@pytest.mark.parametrize("use_kw", [10.0, 25.0, 60.0, 200.0])
def test_each_kwh_costs_what_its_block_does(blocks: Any, use_kw: float) -> None:
    total = 4 * use_kw
    by_hand, lower = 0.0, 0.0
    for upper, price in blocks:
        end = min(total, upper or np.inf)
        by_hand += price * max(end - lower, 0)
        lower = upper or np.inf
    for schedule in both(problem({"tariff": terms(tier(*blocks))}, load_kw=use_kw)):
        assert schedule.money[0] == pytest.approx(by_hand)
    assert money_of(tariff(tier(*blocks)), hours(4), use_kw) == pytest.approx(by_hand)


@pytest.mark.parametrize(("to_date", "expected"), [(0, 4.0), (90, 0.1 * 10 + 0.2 * 30), (500, 40 * 0.5)])
def test_what_the_month_has_used_already_fills_the_first_blocks(to_date: float, expected: float) -> None:
    pcc = {"tariff": terms(tier(*RISING))}
    for schedule in both(problem(pcc, load_kw=10.0, month_to_date_kwh=to_date)):
        assert schedule.money[0] == pytest.approx(expected)
    for schedule in both(problem(pcc | {"month_to_date_kwh": to_date}, load_kw=10.0)):
        assert schedule.money[0] == pytest.approx(expected)


def test_a_month_that_will_end_in_the_dearest_block_makes_every_kwh_dear_today() -> None:
    # The horizon ends at 04:00 on 1 March: 30 days and 20 hours of 24 kWh a day are still to come.
    pcc = {"tariff": terms(tier(*RISING)), "expected_day_kwh": 24.0}
    for schedule in both(problem(pcc, load_kw=10.0)):
        assert schedule.money[0] == pytest.approx(40 * 0.5)


def test_a_new_month_begins_with_its_first_block() -> None:
    pcc = {"tariff": terms(tier(*RISING)), "month_to_date_kwh": 1000.0}
    steps = hours(4, "2024-03-31T22:00")
    for schedule in both(problem(pcc, load_kw=10.0, steps=steps)):
        assert schedule.money[0] == pytest.approx(20 * 0.5 + 20 * 0.1)


def test_daily_blocks_begin_again_at_local_midnight() -> None:
    steps = hours(4, "2024-03-10T14:00", "Asia/Shanghai")  # 22:00 to 02:00
    pcc = {"tariff": terms(tier((30.0, 0.1), (None, 1.0), per="day"))}
    for schedule in both(problem(pcc, load_kw=20.0, steps=steps)):
        assert schedule.money[0] == pytest.approx(2 * (30 * 0.1 + 10 * 1.0))
    for schedule in both(problem(pcc, load_kw=20.0, steps=steps, **{"month_to_date_kwh:blocks": 25.0})):
        assert schedule.money[0] == pytest.approx(5 * 0.1 + 35 * 1.0 + 30 * 0.1 + 10 * 1.0)


def test_a_store_moves_energy_into_the_next_months_cheap_block() -> None:
    pcc = {"tariff": terms(tier((40.0, 0.1), (None, 0.5)))}
    store = battery(charge_efficiency=1, discharge_efficiency=1, end_penalty_per_kwh=0.0, start_fill=0.0)
    plan = solve(problem(pcc, store, load_kw=[5.0, 5, 30, 30], steps=hours(4, "2024-03-31T22:00")))
    assert audit(plan).passed
    assert plan.asset("pcc", "import_kw").sum() == pytest.approx(70)
    assert plan.money[0] == pytest.approx(70 * 0.1)


def test_exports_in_blocks_earn_less_and_less_or_more_and_more() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    for blocks in (((50.0, 0.3), (None, 0.1)), ((50.0, 0.1), (None, 0.3))):
        pcc = {"export_kw": 100, "tariff": terms(energy(0.5), tier(*blocks, direction="export"))}
        site = park(load(), grid(**pcc), roof)
        inputs = given(site, hours(2), {("load", "demand_kw"): 10.0, ("roof", "available_kw"): 60.0})
        for schedule in both(Problem(site, inputs)):
            assert schedule.money[0] == pytest.approx(-(50 * blocks[0][1] + 50 * blocks[1][1]))


def test_falling_prices_are_branched_and_the_convex_mode_recovers_them() -> None:
    pcc = {"tariff": terms(tier(*FALLING))}
    store = battery(start_fill=0.2)
    exact, recovered = (solve(problem(pcc, store, load_kw=60.0, mode=mode)) for mode in ("exact", "convex"))
    assert audit(recovered).violations == (), "no kWh stands in half a block"
    assert recovered.proof.bound <= exact.proof.objective + 1e-6 <= recovered.proof.objective + 1e-3
    assert problem(pcc).compiled.matrices().integer.any()
    rising = problem({"tariff": terms(tier(*RISING))})
    assert not rising.compiled.matrices().integer.any(), "growing prices need no binaries"


@pytest.mark.parametrize("blocks", [RISING, FALLING])
def test_scenarios_fill_blocks_each_by_itself(blocks: Any) -> None:
    load_kw = np.array([[10.0] * 4, [60.0] * 4])
    schedule = solve(problem({"tariff": terms(tier(*blocks))}, load_kw=load_kw, scenarios=2))
    assert audit(schedule).passed
    alone = [solve(problem({"tariff": terms(tier(*blocks))}, load_kw=row)).money[0] for row in load_kw]
    assert schedule.money == pytest.approx(alone)


def test_the_problem_of_one_day_is_solved_again_on_any_other() -> None:
    blocks = tier(*FALLING, per="day")
    monthly = tier(*RISING, name="monthly")
    site = park(load(), grid(tariff=terms(blocks, monthly)))
    load_kw = {("load", "demand_kw"): 30.0}
    built = Problem(site, given(site, hours(24, "2024-03-15T00:00"), load_kw))
    for start in ("2024-03-15T07:00", "2024-03-31T12:00", "2024-04-01T00:00"):
        steps = hours(24, start)
        built.update(given(site, steps, load_kw, state={"pcc": {"month_to_date_kwh:monthly": 120.0}}))
        again = solve(built)
        assert audit(again).passed
        fresh = solve(Problem(site, built.inputs))
        assert again.money == pytest.approx(fresh.money)


SOLVES = settings(max_examples=15)


@SOLVES
@drawn(st.integers(0, 2**32 - 1))
def test_two_blocks_of_one_price_are_a_flat_tariff(seed: int) -> None:
    r = np.random.default_rng(seed)
    price, edge, load_kw = r.uniform(0.05, 0.5), r.uniform(1, 400), r.uniform(0, 100, 6)
    store = battery(start_fill=0.2)
    plans = [
        solve(problem({"tariff": made}, store, load_kw=load_kw, steps=hours(6)))
        for made in (terms(energy(price)), terms(tier((edge, price), (None, price))))
    ]
    assert plans[0].money[0] == pytest.approx(plans[1].money[0], rel=1e-5, abs=1e-5)


@SOLVES
@drawn(st.integers(0, 2**32 - 1))
def test_the_money_of_a_plan_is_its_bill(seed: int) -> None:
    r = np.random.default_rng(seed)
    edges = np.sort(r.uniform(20, 400, 2))
    prices = r.uniform(0.05, 0.5, 3)
    blocks = tier((edges[0], prices[0]), (edges[1], prices[1]), (None, prices[2]))
    made = terms(energy(r.uniform(-0.1, 0.1)), blocks, energy(0.05, direction="export", name="sold"))
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    site = park(load(), grid(export_kw=50, tariff=made), battery(), roof)
    series = {("load", "demand_kw"): r.uniform(0, 90, 6), ("roof", "available_kw"): r.uniform(0, 80, 6)}
    plan = solve(Problem(site, given(site, hours(6), series), Mode("exact")))
    assert audit(plan).violations == ()
    flows = plan.asset("pcc", "import_kw"), plan.asset("pcc", "export_kw")
    connection = plan.kinds["grid_connection"]
    billed = money_of(site.assets[1].tariff, hours(6), *flows)  # type: ignore[attr-defined]
    assert connection.cost_step.sum() + connection.cost_period.sum() == pytest.approx(billed, abs=1e-3)


def test_a_number_without_a_name_is_of_the_months_imports_alone() -> None:
    made = terms(energy(0.1), tier(*RISING), tier(*RISING, name="daily", per="day"), energy(0.2, name="in"))
    made["components"].append(tier(*FALLING, name="sold", direction="export"))
    green = [{"name": "ppa", "price_per_kwh": 0.1, "take_kwh_month": 50}]
    pcc = grid(tariff=made, green_power=green, month_to_date_kwh=70.0, expected_day_kwh=24.0)
    connection: Any = park(load(), pcc).assets[1]
    for carried in (connection.carried(), connection.carried({"month_to_date_kwh": 70.0})):
        assert carried.energy_kwh == {"blocks": 70, "daily": 0, "sold": 0, "ppa": 0}
        assert carried.expected_day_kwh == {"blocks": 24, "daily": 24, "sold": 0, "ppa": 0}
    assert connection.carried({"month_to_date_kwh:ppa": 3.0}).energy_kwh["ppa"] == 3


def test_a_block_that_a_horizon_cannot_reach_is_decided_before_the_search() -> None:
    made = terms(tier((1000.0, 0.5), (2000.0, 0.2), (None, 0.1)))
    built = problem({"tariff": made, "import_kw": 100.0, "month_to_date_kwh": 900.0}, load_kw=10.0)
    size = GridConnection.signals(built.rows["grid_connection"], built.inputs)["import_size_kwh"][0, :3]
    assert size == pytest.approx([100, 301, 0]), "four hours at 100 kW, and a kWh of slack"
