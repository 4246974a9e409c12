"""Quotas: bought, sold, offset, priced by steps, carried over a month, on cases done by hand and against the ladder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.accounts.carbon_check import carbon_money
from dispatch.audit import audit
from dispatch.carbon.ladder import ladder
from dispatch.carbon_wanted.settings import ACCOUNT
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff, unit


def site(quota: dict[str, Any], **fields: Any) -> Site:
    """Import at .1 per kWh and 1 kg; a unit at .2 and nothing: a tonne saved costs 100."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=1.0)
    return park(load(), pcc, unit(cost_per_kwh=0.2, max_kw=1e4), carbon={"quota": quota}, **fields)


def problem(quota: dict[str, Any], demand: Any = 1000.0, steps: int = 1, **named: Any) -> Problem:
    made = site(quota)
    start = named.pop("start", "2024-03-01T00:00")
    return Problem(made, given(made, hours(steps, start), {("load", "demand_kw"): demand}, **named))


def planned(quota: dict[str, Any], demand: Any = 1000.0, **named: Any) -> Schedule:
    return solve(problem(quota, demand, **named))


def of(schedule: Schedule, name: str) -> list[float]:
    return [float(v) for v in schedule.carbon.quota[name].sum(axis=-1)]


OWN = {"free_t": 0.4, "per": "horizon"}


@pytest.mark.parametrize(("price", "emitted"), [(99.0, 1000.0), (101.0, 0.0)])
def test_what_lacks_is_bought_until_saving_is_cheaper(price: float, emitted: float) -> None:
    trading = {"buy_price_per_t": price, "sell_price_per_t": price}
    schedule = planned(OWN | {"trading": trading})
    assert schedule.co2_kg == pytest.approx([emitted], abs=1e-6)
    paid = price * (emitted / 1000 - 0.4)
    assert schedule.carbon.money == pytest.approx([paid])
    assert schedule.money == pytest.approx([0.1 * emitted + 0.2 * (1000 - emitted) + paid]), "carbon's cost is money"
    assert schedule.proof.objective == pytest.approx(schedule.money[0])
    assert audit(schedule).passed


def test_between_two_prices_the_quota_is_used_up_and_nothing_traded() -> None:
    schedule = planned(OWN | {"trading": {"buy_price_per_t": 150.0, "sell_price_per_t": 50.0}})
    assert schedule.co2_kg == pytest.approx([400.0])
    assert of(schedule, "bought_t") == pytest.approx([0.0], abs=1e-6)
    assert of(schedule, "sold_t") == pytest.approx([0.0], abs=1e-6)


def test_offsets_stand_for_their_share_of_the_obligation_and_no_more() -> None:
    quota = OWN | {
        "trading": {"buy_price_per_t": 90.0, "sell_price_per_t": 0.0},
        "offsets": {"price_per_t": 30.0, "share_max": 0.1},
    }
    schedule = planned(quota)
    assert of(schedule, "offsets_t") == pytest.approx([0.1])
    assert of(schedule, "bought_t") == pytest.approx([0.5])
    assert schedule.carbon.money == pytest.approx([0.5 * 90 + 0.1 * 30])
    dear = planned(quota | {"offsets": {"price_per_t": 95.0}})
    assert of(dear, "offsets_t") == pytest.approx([0.0], abs=1e-6)
    assert site(quota).carbon.quota.offsets.share_max == 0.1
    assert site(quota | {"offsets": {"price_per_t": 1.0}}).carbon.quota.offsets.share_max == 0.05


def test_a_price_by_steps_stops_at_the_step_that_is_dearer_than_saving() -> None:
    """60, 90, 120 per t, .2 t each: saving costs 100, so the plan emits quota and two steps."""
    quota = OWN | {"steps": {"price_per_t": 60.0, "interval_t": 0.2, "growth": 0.5}}
    schedule = planned(quota)
    assert schedule.co2_kg == pytest.approx([800.0])
    assert schedule.carbon.money == pytest.approx([0.2 * 60 + 0.2 * 90])
    assert audit(schedule).passed
    below = planned(quota, 300.0)
    assert below.carbon.money == pytest.approx([-0.1 * 60]), "below the quota a tonne earns the first price"


def test_each_scenario_has_its_own_recourse_and_risk_counts_it() -> None:
    quota = OWN | {"trading": {"buy_price_per_t": 90.0, "sell_price_per_t": 20.0}}
    demand = np.array([[300.0], [1000.0]])
    schedule = planned(quota, demand, scenarios=2)
    assert of(schedule, "bought_t") == pytest.approx([0.0, 0.6], abs=1e-6)
    assert of(schedule, "sold_t") == pytest.approx([0.1, 0.0], abs=1e-6)
    assert schedule.carbon.money == pytest.approx([-2.0, 54.0])
    made = site(quota, objective={"cvar_weight": 1.0, "cvar_level": 0.5, "carbon_price_per_t": 1.0}, wishes=[])
    careful = solve(Problem(made, given(made, hours(1), {("load", "demand_kw"): demand}, scenarios=2)))
    assert careful.proof.objective == pytest.approx(155.0)


def test_a_plan_pays_what_it_adds_to_the_months_account() -> None:
    """29 days of the month come after: 2 t so far, 29 expected, 30 free; the horizon's day takes it over the quota."""
    trading = {"buy_price_per_t": 60.0, "sell_price_per_t": 20.0}
    quota = {"free_t": 31.5, "emitted_to_date_t": 2.0, "expected_day_t": 1.0, "trading": trading}
    schedule = planned(quota, 1000 / 24, steps=24, start="2024-04-01T00:00")
    assert schedule.carbon.quota["before_t"][0] == pytest.approx([31.0, 0.0])
    assert schedule.carbon.money == pytest.approx([0.5 * 20 + 0.5 * 60]), "half a tonne less to sell, half to buy"
    assert audit(schedule).passed


def test_what_is_emitted_in_the_next_month_is_held_against_its_own_quota() -> None:
    trading = {"buy_price_per_t": 60.0, "sell_price_per_t": 60.0}
    quota = {"free_t": 10.0, "emitted_to_date_t": 9.0, "trading": trading}
    schedule = planned(quota, 100.0, steps=4, start="2024-03-31T22:00")
    assert schedule.carbon.quota["covered_t"][0] == pytest.approx([0.2, 0.2])
    assert schedule.carbon.quota["before_t"][0] == pytest.approx([9.0, 0.0])
    assert schedule.carbon.quota["free_t"][0] == pytest.approx([10.0, 10.0])
    assert schedule.carbon.money == pytest.approx([24.0])
    assert audit(schedule).passed


def test_what_is_expected_after_the_horizon_is_that_of_its_last_month() -> None:
    """22 hours of April's first day are over with the horizon: 29 days and 22 hours are left of it, none of March."""
    trading = {"buy_price_per_t": 60.0, "sell_price_per_t": 60.0}
    quota = {"free_t": 10.0, "emitted_to_date_t": 9.0, "expected_day_t": 0.1, "trading": trading}
    schedule = planned(quota, 100.0, steps=4, start="2024-03-31T22:00")
    assert schedule.carbon.quota["before_t"][0] == pytest.approx([9.0, 0.1 * (29 + 22 / 24)])
    assert audit(schedule).passed
    of_year = planned(quota | {"per": "year"}, 100.0, steps=4, start="2024-12-30T22:00")
    assert of_year.carbon.quota["before_t"][0] == pytest.approx([9.0 + 0.1 * 22 / 24, 0.0])
    assert audit(of_year).passed


@pytest.mark.parametrize(
    ("per", "start", "left_d"),
    [
        ("month", "2024-03-01T23:00", 29 - 1 / 24),  # from 3 March: 28 days of 24 h and one of 23
        ("month", "2024-10-01T22:00", 29 + 1 / 24),  # from 3 October: 28 of 24 and one of 25
        ("year", "2024-03-01T23:00", 304.0),  # both changes are still to come
        ("year", "2024-06-01T22:00", 212 + 1 / 24),  # from 3 June: the one in October
        ("month", "2024-03-30T23:00", 0.0),  # the short day itself, the month's last
        ("month", "2024-10-26T22:00", 4.0),  # the long day itself
    ],
)
def test_what_is_left_of_a_month_or_year_knows_that_clocks_change(per: str, start: str, left_d: float) -> None:
    """Days of 24 h, of which a short and a long day are 23 and 25 hours; the audit counts the same by itself."""
    trading = {"buy_price_per_t": 60.0, "sell_price_per_t": 60.0}
    quota = {"per": per, "free_t": 10.0, "emitted_to_date_t": 9.0, "expected_day_t": 1.0, "trading": trading}
    made = site(quota, time_zone="Europe/Berlin")
    steps = {"2024-03-30T23:00": 23, "2024-10-26T22:00": 25}.get(start, 24)
    schedule = solve(Problem(made, given(made, hours(steps, start, "Europe/Berlin"), {("load", "demand_kw"): 100.0})))
    assert schedule.carbon.quota["before_t"][0, 0] == pytest.approx(9.0 + left_d)
    assert audit(schedule).violations == ()


def test_offsets_stand_for_a_share_of_what_the_whole_month_emits() -> None:
    offsets = {"price_per_t": 30.0, "share_max": 0.1}
    quota = {"free_t": 8.0, "emitted_to_date_t": 9.0, "trading": {"buy_price_per_t": 90.0}, "offsets": offsets}
    schedule = planned(quota, 1000.0)
    assert of(schedule, "offsets_t") == pytest.approx([0.1 * 10.0])
    assert of(schedule, "bought_t") == pytest.approx([2.0 - 1.0])
    # Without the plan: 1 t lacks of 9, .9 of it offsets.
    assert schedule.carbon.money == pytest.approx([30 + 90 - (0.9 * 30 + 0.1 * 90)])
    assert audit(schedule).passed


def test_another_window_of_another_month_needs_no_other_problem() -> None:
    price = {"price_per_t": 20.0, "interval_t": 0.1, "growth": 2.0}
    quota = {"free_t": 10.0, "emitted_to_date_t": 9.95, "expected_day_t": 0.0, "steps": price}
    first = problem(quota, 100.0, 4, start="2024-03-31T22:00")
    there = replace(
        given(first.site, hours(4, "2024-04-01T00:00"), {("load", "demand_kw"): 100.0}),
        state={ACCOUNT: {"emitted_to_date_t": 9.9}},
    )
    first.update(there)
    schedule, anew = solve(first), solve(Problem(first.site, there))
    assert schedule.carbon.money == pytest.approx(anew.carbon.money)
    assert schedule.carbon.money == pytest.approx([0.1 * 20 + 0.1 * 20 + 0.1 * 60 + 0.1 * 100])
    assert audit(schedule).passed


@generated(
    demand=st.floats(0, 2000),
    free=st.floats(0, 1.5),
    price=st.floats(0, 90),
    interval=st.floats(0.05, 1),
    growth=st.floats(0, 1),
    offset=st.one_of(st.none(), st.tuples(st.floats(0, 150), st.floats(0, 0.3))),
)
@settings(max_examples=12, deadline=None)
def test_the_epigraph_is_the_ladder(
    demand: float, free: float, price: float, interval: float, growth: float, offset: tuple[float, float] | None
) -> None:
    """A fixed schedule and the optimum: the cost is that of the array API on the emissions that there are."""
    steps = {"price_per_t": price, "interval_t": interval, "growth": growth, "steps": 6}
    quota: dict[str, Any] = {"free_t": free, "per": "horizon", "steps": steps}
    if offset is not None:
        quota["offsets"] = {"price_per_t": offset[0], "share_max": offset[1]}
    made = problem(quota, demand)
    for schedule in (rule_based(made), solve(made)):
        said = schedule.carbon.quota
        offsets = said.get("offsets_t", np.zeros((1, 1)))
        excess = schedule.co2_kg / 1000 - free - offsets[:, 0]
        bought = 0.0 if offset is None else offset[0] * offsets[:, 0]
        expected = ladder(excess, price, interval, growth, 6) + bought
        assert said["money"] == pytest.approx(expected, abs=1e-5)
        assert carbon_money(schedule) == pytest.approx(expected, abs=1e-5)
        assert audit(schedule).passed
        # No other amount of offsets would have been cheaper.
        if offset is not None:
            others = np.linspace(0, offset[1] * schedule.co2_kg[0] / 1000, 50)
            there = ladder(schedule.co2_kg[0] / 1000 - free - others, price, interval, growth, 6) + offset[0] * others
            assert said["money"][0] <= there.min() + 1e-5


def test_rules_settle_their_position_as_cheaply_as_can_be() -> None:
    quota = OWN | {
        "trading": {"buy_price_per_t": 90.0, "sell_price_per_t": 80.0},
        "offsets": {"price_per_t": 30.0, "share_max": 0.5},
    }
    schedule = rule_based(problem(quota))
    emitted = schedule.co2_kg[0] / 1000
    assert of(schedule, "offsets_t") == pytest.approx([0.5 * emitted]), "cheaper than what an allowance sells for"
    assert audit(schedule).passed


@pytest.mark.parametrize("name", ["bought_t", "offsets_t", "covered_t", "money"])
def test_the_audit_notices_an_account_that_does_not_add_up(name: str) -> None:
    quota = OWN | {
        "trading": {"buy_price_per_t": 90.0, "sell_price_per_t": 0.0},
        "offsets": {"price_per_t": 30.0, "share_max": 0.1},
    }
    schedule = planned(quota)
    assert audit(schedule).passed
    wrong = {**schedule.carbon.quota, name: schedule.carbon.quota[name] + 0.2}
    carbon = replace(schedule.carbon, quota=wrong)
    money = schedule.money + 0.2 if name == "money" else schedule.money
    found = audit(replace(schedule, carbon=carbon, money=money))
    assert found.passed == (name == "covered_t"), "what is covered is counted anew"
