"""What is agreed beside the tariff: limits at certain hours, green power with take or pay, demand response."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.errors import ContractError, DataError
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.solve import solve
from dispatch.tariff.agreements import bill_response
from dispatch.tariff.bill import Clock
from dispatch.tariff.calendar import Days
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.tariff.billing import both, demand, energy, problem, terms, tier

FLAT = terms(energy(0.5))
GREEN = {"name": "wind_ppa", "price_per_kwh": 0.1}
EVENT = {
    "name": "call",
    "start": "2024-03-01T01:00Z",
    "end": "2024-03-01T03:00Z",
    "baseline_kw": 100.0,
    "committed_kw": 30.0,
    "price_per_kwh": 2.0,
    "penalty_per_kwh": 1.0,
}


def test_an_export_limit_holds_in_its_hours_and_follows_its_signal() -> None:
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
    signal = [{"start": "2024-03-01T02:00Z", "end": "2024-03-01T03:00Z", "value": 40}]
    signal += [{"start": "2024-03-01T03:00Z", "duration": "PT1H", "value": 0}]
    limits = [
        {"direction": "export", "limit_kw": 10, "calendar": {"hours": ["01:00-02:00"]}},
        {"direction": "export", "limit_kw": signal, "calendar": {"hours": ["02:00-04:00"]}},
    ]
    made = terms(energy(0.5), energy(0.2, direction="export", name="sold"))
    site = park(load(), grid(export_kw=60, tariff=made, limits=limits), roof)
    for schedule in both(
        Problem(site, given(site, hours(4), {("load", "demand_kw"): 0.0, ("roof", "available_kw"): 90}))
    ):
        assert schedule.asset("pcc", "export_kw") == pytest.approx([60, 10, 40, 0], abs=1e-6)


def test_an_import_limit_moves_a_store() -> None:
    limits = [{"direction": "import", "limit_kw": 20, "calendar": {"hours": ["02:00-04:00"]}}]
    plan = solve(problem({"tariff": FLAT, "limits": limits}, battery(), load_kw=40.0))
    assert audit(plan).violations == ()
    assert plan.asset("pcc", "import_kw")[2:].max() <= 20 + 1e-6


def test_green_power_is_bought_where_the_wish_for_clean_power_asks_for_it() -> None:
    pcc = grid(tariff=FLAT, green_power=[GREEN | {"share_max": 0.8}])
    wish = {"clean_share_min": 0.5, "penalty_per_kwh": 5.0}
    site = park(load(), pcc, wishes=[wish])
    plan = solve(Problem(site, given(site, hours(4), {("load", "demand_kw"): 50.0})))
    assert audit(plan).violations == ()
    assert plan.asset("pcc", "green_0_kw").sum() == pytest.approx(100)
    assert plan.money[0] == pytest.approx(200 * 0.5 + 100 * 0.1)
    assert plan.per_step("unclean_kw").sum() == pytest.approx(100)
    nobody = park(load(), pcc)
    assert solve(Problem(nobody, given(nobody, hours(4), {("load", "demand_kw"): 50.0}))).money[0] == pytest.approx(100)


def test_power_whose_certificates_are_sold_is_not_clean() -> None:
    contract = GREEN | {"share_min": 1.0, "certificates_kept": 0.25}
    for schedule in both(problem({"tariff": FLAT, "green_power": [contract]}, load_kw=40.0)):
        assert schedule.per_step("unclean_kw") == pytest.approx([30.0] * 4)
        assert schedule.money[0] == pytest.approx(160 * 0.6)


@pytest.mark.parametrize(
    ("to_date", "cost"),
    [
        # 80 kWh must be taken in the month. Taken or not they are paid, so they replace .5 of the tariff each.
        (0, 160 * 0.5 - 80 * 0.5),
        # Nothing is owed any more: what is taken costs .6 and saves .5, so nothing is.
        (80, 160 * 0.5),
        (50, 160 * 0.5 - 30 * 0.5),
    ],
)
def test_take_or_pay_is_taken_as_far_as_it_is_paid_anyway(to_date: float, cost: float) -> None:
    contract = {"name": "ppa", "price_per_kwh": 0.6, "replaces_energy_price": True, "take_kwh_month": 80}
    pcc = {"tariff": FLAT, "green_power": [contract]}
    plan = solve(problem(pcc, load_kw=40.0, **{"month_to_date_kwh:ppa": to_date}))
    assert audit(plan).violations == ()
    assert plan.money[0] == pytest.approx(cost)
    assert audit(rule_based(problem(pcc, load_kw=40.0, **{"month_to_date_kwh:ppa": to_date}))).violations == ()


def test_contracts_follow_their_profile_and_together_do_not_exceed_the_import() -> None:
    profile = [{"datetime": f"2024-03-01T0{h}:00Z", "value": v} for h, v in enumerate((0, 10, 30, 5))]
    cheap = {"name": "cheap", "price_per_kwh": 0.2, "replaces_energy_price": True, "max_kw": profile}
    other = {"name": "other", "price_per_kwh": 0.3, "replaces_energy_price": True}
    for schedule in both(problem({"tariff": FLAT, "green_power": [cheap, other]}, load_kw=20.0)):
        assert schedule.asset("pcc", "green_0_kw") == pytest.approx([0, 10, 20, 5], abs=1e-5)
        assert schedule.asset("pcc", "green_1_kw") == pytest.approx([20, 10, 0, 15], abs=1e-5)
        assert schedule.money[0] == pytest.approx(35 * 0.2 + 45 * 0.3)


def test_a_sold_reduction_is_paid_and_what_is_short_forfeits_payment_and_penalty() -> None:
    pcc = {"tariff": FLAT, "demand_response": [EVENT]}
    for load_kw, short in ((60.0, 0.0), (70.0, 0.0), (80.0, 10.0), (120.0, 50.0)):
        for schedule in both(problem(pcc, load_kw=load_kw)):
            money = 4 * load_kw * 0.5 - 2 * 30 * 2.0 + 2 * short * 3.0
            assert schedule.money[0] == pytest.approx(money)
            assert schedule.asset("pcc", "response_short_kw") == pytest.approx([0, short, short, 0], abs=1e-6)


def test_the_bill_counts_the_part_of_each_step_that_lies_in_an_event() -> None:
    """Half-hour steps; one event from 00:15 to 01:00, another from 01:30 to 01:40."""
    call = EVENT | {"start": "2024-03-01T00:15Z", "end": "2024-03-01T01:00Z"}
    later = EVENT | {"name": "later", "start": "2024-03-01T01:30Z", "end": "2024-03-01T01:40Z", "price_per_kwh": 6.0}
    pcc = park(grid(demand_response=[call, later]), load()).assets[0]
    imported = np.array([80.0, 60.0, 500.0, 75.0])
    money = bill_response(pcc, Clock(hours(4, step_h=0.5), Days()), imported)
    # 10, 0 and 5 kW short of 70 kW, for a quarter, half and a sixth of an hour.
    first = -2.0 * (20 / 4 + 30 / 2) + 1.0 * 10 / 4
    second = -6.0 * 25 / 6 + 1.0 * 5 / 6
    assert money == pytest.approx(first + second)


def test_a_store_delivers_the_reduction() -> None:
    plan = solve(problem({"tariff": FLAT, "demand_response": [EVENT]}, battery(), load_kw=90.0))
    assert audit(plan).violations == ()
    assert plan.asset("pcc", "import_kw")[1:3] == pytest.approx([70, 70], abs=1e-4)


@pytest.mark.parametrize("net_kw", [70.0, 0.0, -15.0, 120.0])
def test_what_was_sold_to_a_market_is_given_whatever_it_costs(net_kw: float) -> None:
    sold = {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "net_import_kw": net_kw}
    store = battery(energy_kwh=200, charge_kw=150, discharge_kw=150)
    plan = solve(problem({"tariff": FLAT, "export_kw": 50, "import_kw": 200, "awarded": [sold]}, store, load_kw=90.0))
    assert audit(plan).violations == ()
    assert plan.asset("pcc", "import_kw")[1] - plan.asset("pcc", "export_kw")[1] == pytest.approx(net_kw, abs=1e-4)


def test_of_what_was_sold_a_step_that_is_not_sold_all_through_is_free_and_two_at_once_are_refused() -> None:
    sold = {"start": "2024-03-01T01:30Z", "end": "2024-03-01T03:00Z", "net_import_kw": 70.0}
    plan = solve(problem({"tariff": FLAT, "awarded": [sold]}, battery(), load_kw=90.0))
    assert plan.asset("pcc", "import_kw")[2] == pytest.approx(70.0, abs=1e-4)
    with pytest.raises(ValueError, match="two hold at 2024-03-01T02:00:00"):
        problem({"tariff": FLAT, "awarded": [sold, sold | {"start": "2024-03-01T02:00Z"}]}, load_kw=90.0)


def test_what_was_sold_and_cannot_be_given_is_named_by_the_relaxed_plan() -> None:
    sold = {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "net_import_kw": 150.0}
    found = climb(problem({"tariff": FLAT, "awarded": [sold]}, load_kw=90.0))
    assert found.schedule.proof.quality == "relaxed"
    assert any("net import below what was sold" in text for text in found.schedule.proof.relaxed)


def test_a_window_that_covers_part_of_a_step_counts_with_that_part() -> None:
    event = EVENT | {"start": "2024-03-01T01:30Z"}
    for schedule in both(problem({"tariff": FLAT, "demand_response": [event]}, load_kw=80.0)):
        assert schedule.money[0] == pytest.approx(160 - 1.5 * 30 * 2 + 1.5 * 10 * 3)


def test_two_events_in_one_step_are_refused() -> None:
    later = EVENT | {"name": "next", "start": "2024-03-01T02:30Z", "end": "2024-03-01T04:00Z"}
    first = EVENT | {"end": "2024-03-01T02:30Z"}
    with pytest.raises(DataError, match="'next' of 'pcc' shares a step with another event"):
        problem({"tariff": FLAT, "demand_response": [first, later]})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"demand_response": [EVENT, EVENT | {"name": "two"}]}, "'call' and 'two' overlap"),
        ({"demand_response": [EVENT | {"committed_kw": 200}]}, "committed_kw 200 is above baseline_kw 100"),
        ({"green_power": [GREEN | {"share_min": 0.5, "share_max": 0.2}]}, "share_min 0.5 is above share_max 0.2"),
        ({"green_power": [GREEN | {"share_min": 0.5, "max_kw": 3}]}, "has share_min .* or max_kw"),
        ({"green_power": [GREEN, GREEN]}, "'wind_ppa' names two contracts or components"),
        (
            {"green_power": [GREEN | {"share_min": 0.6}, GREEN | {"name": "b", "share_min": 0.6}]},
            "share_min of all green_power adds up to 1.2",
        ),
    ],
)
def test_contracts_that_mean_nothing_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        park(load(), grid(tariff=FLAT, **fields))


def test_contracts_in_scenarios() -> None:
    pcc = {"tariff": FLAT, "green_power": [GREEN | {"share_min": 0.2}], "demand_response": [EVENT]}
    load_kw = np.array([[60.0] * 4, [90.0] * 4])
    schedule = solve(problem(pcc, load_kw=load_kw, scenarios=2))
    assert audit(schedule).violations == ()
    assert schedule.money == pytest.approx([solve(problem(pcc, load_kw=row)).money[0] for row in load_kw])


def test_connections_with_different_tariffs_and_contracts_stand_side_by_side() -> None:
    blocks = tier((40.0, 0.6), (None, 0.1))
    rebate = demand(4.0, rebate={"kwh_per_kva_month": 10, "factor": 0.5}, ratchet={"fraction": 0.5, "months": 2})
    rich = grid(import_kw=40, contracted_kva=9, tariff=terms(energy(0.0), blocks, rebate), green_power=[GREEN])
    poor = grid(name="second", tariff=terms(energy(0.5), demand(1.0), demand(2.0, name="other")))
    sold = grid(name="third", import_kw=1, tariff=terms(energy(9.0)), demand_response=[EVENT])
    site = park(load(), rich, poor, sold)
    load_kw = np.array([[50.0] * 4, [90.0] * 4])
    built = Problem(site, given(site, hours(4), {("load", "demand_kw"): load_kw}, scenarios=2))
    plan = solve(built)
    assert audit(plan).violations == ()
    assert audit(rule_based(built)).violations == ()
    # Forty kilowatts over the first: 40 at .6 and 120 at .1, demand at half price; the rest over the second.
    first = 40 * 0.6 + 120 * 0.1 + 0.5 * 4 * 40 - 2 * 30 * 2.0
    assert plan.money == pytest.approx([first + 4 * k * 0.5 + 3 * k for k in (10, 50)], rel=1e-5)


def test_sites_of_one_structure_share_a_compiled_problem_with_blocks_and_contracts() -> None:
    def site(price: float, edge: float) -> Any:
        made = terms(energy(0.0), tier((edge, price), (None, price / 2)), demand(price))
        return park(load(), grid(tariff=made, green_power=[GREEN | {"share_min": edge / 100}]), name=f"site_{edge:g}")

    load_kw = {("load", "demand_kw"): 30.0}
    first, second = site(0.3, 50.0), site(0.8, 90.0)
    template = Problem(first, given(first, hours(4), load_kw), template=True)
    for each in (first, second):
        template.update(given(each, hours(4), load_kw), site=each)
        plan = solve(template)
        assert audit(plan).violations == ()
        assert plan.money[0] == pytest.approx(solve(Problem(each, template.inputs)).money[0])
    made = terms(energy(0.0), tier((5.0, 0.1), (None, 0.2)), demand(1.0))
    growing = park(load(), grid(tariff=made, green_power=[GREEN]))
    with pytest.raises(ContractError, match="structure differs"):
        template.update(given(growing, hours(4), load_kw), site=growing)
