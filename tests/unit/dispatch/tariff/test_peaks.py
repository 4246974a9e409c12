"""Billed peaks: several components, ratchet, coincident hours, the rebate for high use, capacity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dispatch.audit import audit
from dispatch.errors import DataError
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits, run
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.tariff.billing import both, demand, energy, money_of, month, problem, tariff, terms

DAY = demand(10.0, name="day", calendar={"hours": ["08:00-20:00"]})
NIGHT = demand(4.0, name="night")
RATCHET = demand(10.0, ratchet={"fraction": 0.8, "months": 3})
REBATE = demand(40.0, rebate={"kwh_per_kva_month": 260, "factor": 0.9})


def events(*starts: str) -> list[dict[str, str]]:
    return [{"start": f"{s}:00Z", "end": f"{s[:-2]}30:00Z"} for s in starts]


def test_every_component_has_a_peak_of_its_own() -> None:
    load_kw = np.where(np.isin(np.arange(24), (9, 10)), 50.0, 80.0)
    load_kw[8:20] = 50.0
    pcc = {"tariff": terms(DAY, NIGHT)}
    for schedule in both(problem(pcc, load_kw=load_kw, steps=hours(24))):
        assert schedule.money[0] == pytest.approx(10 * 50 + 4 * 80)
    carried = pcc | {"month_to_date_peak_kw": {"day": 45.0}, "expected_peak_kw": {"night": 70.0}}
    for schedule in both(problem(carried, load_kw=load_kw, steps=hours(24))):
        assert schedule.money[0] == pytest.approx(10 * 5 + 4 * 10)
    state = {"month_to_date_peak_kw:day": 48.0, "month_to_date_peak_kw:night": 81.0}
    for schedule in both(problem(carried, load_kw=load_kw, steps=hours(24), **state)):
        assert schedule.money[0] == pytest.approx(10 * 2)


@pytest.mark.parametrize(
    ("past", "billed"), [((), 50), ((100.0,), 80), ((0.0, 0.0, 100.0), 80), ((0.0, 0.0, 0.0, 100.0), 50)]
)
def test_the_ratchet_looks_back_its_number_of_months(past: tuple[float, ...], billed: float) -> None:
    made = tariff(RATCHET)
    assert money_of(made, month(), 50.0, past_peaks_kw={"demand": past}) == pytest.approx(10 * billed)
    pcc = {"tariff": terms(RATCHET), "past_peaks_kw": past}
    for schedule in both(problem(pcc, load_kw=90.0)):
        assert schedule.money[0] == pytest.approx(10 * (90 - max(0.8 * max(past[:3], default=0), 0)))


def test_peaks_of_winter_alone_may_hold_the_ratchet_up() -> None:
    winter = demand(10.0, ratchet={"fraction": 1.0, "months": 11, "of_months": [12, 1, 2]})
    # Horizon in March: the newest past month is February, then January, December, November.
    for past, billed in (((0.0, 0.0, 0.0, 90.0), 50), ((0.0, 0.0, 90.0), 90)):
        assert money_of(tariff(winter), month(), 50.0, past_peaks_kw={"demand": past}) == pytest.approx(10 * billed)


def test_a_peak_of_this_month_holds_up_the_next_one_in_the_same_horizon() -> None:
    load_kw = np.array([100.0, 100, 50, 50])
    steps = hours(4, "2024-03-31T22:00")
    for schedule in both(problem({"tariff": terms(RATCHET)}, load_kw=load_kw, steps=steps)):
        assert schedule.money[0] == pytest.approx(10 * (100 + 80))
    made = tariff(RATCHET)
    assert money_of(made, steps, load_kw) == pytest.approx(1800)
    # The peak that will be billed anyway this month holds up the next one as well.
    pcc = {"tariff": terms(RATCHET), "expected_peak_kw": 90.0}
    for schedule in both(problem(pcc, load_kw=load_kw, steps=steps)):
        assert schedule.money[0] == pytest.approx(10 * (100 - 90))


@drawn(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_ratchet_never_lowers_a_bill(seed: int) -> None:
    r = np.random.default_rng(seed)
    steps = hours(24 * 70, "2024-01-15T00:00")
    use, past = r.uniform(0, 100, steps.steps), {"demand": tuple(r.uniform(0, 150, 3))}
    with_it = demand(10.0, ratchet={"fraction": float(r.uniform(0.1, 1)), "months": int(r.integers(1, 12))})
    without = money_of(tariff(demand(10.0)), steps, use)
    assert money_of(tariff(with_it), steps, use, past_peaks_kw=past) >= without - 1e-9


def test_a_coincident_peak_counts_only_the_hours_that_the_grid_names() -> None:
    named = [{"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z"}]
    named += [{"start": "2024-03-01T03:00Z", "end": "2024-03-01T04:00Z"}]
    highest = {"name": "cp", "basis": "coincident", "price_per_kw_month": 6.0, "events": named, "source": "test"}
    load_kw = np.array([90.0, 30, 90, 60])
    for schedule in both(problem({"tariff": terms(highest)}, load_kw=load_kw)):
        assert schedule.money[0] == pytest.approx(6 * 60)
    for schedule in both(problem({"tariff": terms(highest), "month_to_date_peak_kw": 50}, load_kw=load_kw)):
        assert schedule.money[0] == pytest.approx(6 * 10)
    mean = highest | {"of_events": "mean"}
    for schedule in both(problem({"tariff": terms(mean)}, load_kw=load_kw)):
        assert schedule.money[0] == pytest.approx(6 * 45)
    late = highest | {"events": [*named, {"start": "2024-03-20T01:00Z", "end": "2024-03-20T03:00Z"}]}
    for schedule in both(problem({"tariff": terms(late | {"of_events": "mean"})}, load_kw=load_kw)):
        assert schedule.money[0] == pytest.approx(6 * (30 + 60) / 4), "the mean is over all events of the month"


def test_a_coincident_hour_that_begins_inside_a_step_is_refused() -> None:
    named = [{"start": "2024-03-01T01:30Z", "end": "2024-03-01T02:30Z"}]
    cp = {"name": "cp", "basis": "coincident", "price_per_kw_month": 6.0, "events": named, "source": "test"}
    with pytest.raises(DataError, match="coincident component 'cp' begins or ends inside the step"):
        problem({"tariff": terms(cp)})
    for schedule in both(problem({"tariff": terms(cp | {"of_events": "mean"})}, load_kw=[0.0, 40, 60, 0])):
        assert schedule.money[0] == pytest.approx(6 * 50)


def test_the_published_rebate_for_high_use(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text(encoding="utf-8"))["T13_tariff"]
    made = tariff(demand(case["demand_price"], rebate={"kwh_per_kva_month": 260, "factor": 0.9}))
    steps = month("2024-04-01T00:00", 30)
    for use_kwh, money in case["month_kWh_bill"].items():
        use = np.full(steps.steps, (float(use_kwh) - case["max_demand_kW"]) / (steps.steps - 1))
        use[100] = case["max_demand_kW"]
        assert money_of(made, steps, use, contracted_kva=case["kva"]) == pytest.approx(money, abs=0.01)


@pytest.mark.parametrize(
    ("to_date", "day", "factor"), [(0, 0, 1.0), (258, 0, 0.9), (256, 0, 1.0), (200, 2.0, 0.9), (200, 1.0, 1.0)]
)
def test_the_rebate_counts_the_month_so_far_and_what_is_expected(to_date: float, day: float, factor: float) -> None:
    # 100 kVA: 26 000 kWh are needed; the horizon uses 240 kWh. 30.83 days of the month follow it.
    pcc = {"tariff": terms(REBATE), "contracted_kva": 100.0, "month_to_date_kwh": 100.0 * to_date}
    pcc |= {"expected_day_kwh": 100.0 * day}
    sure = 100 * to_date + 30.8333 * 100 * day >= 26000
    for schedule in both(problem(pcc, load_kw=60.0)):
        assert schedule.money[0] == pytest.approx(40 * 60 * factor), sure


def test_a_rebate_that_is_sure_already_lowers_what_is_paid_anyway() -> None:
    pcc = {"tariff": terms(REBATE), "contracted_kva": 100.0, "expected_peak_kw": 50.0}
    for schedule in both(problem(pcc | {"month_to_date_kwh": 26000.0}, load_kw=60.0)):
        assert schedule.money[0] == pytest.approx(0.9 * 40 * 10)
    # Reached by the plan itself, it also lowers the 50 kW that were to be paid without it.
    for schedule in both(problem(pcc | {"month_to_date_kwh": 25900.0}, load_kw=60.0)):
        assert schedule.money[0] == pytest.approx(0.9 * 40 * 60 - 40 * 50)


def test_it_can_pay_to_use_more_to_reach_the_rebate() -> None:
    # 20 kWh are missing. A store without an end wish takes them for .1 each and saves 4 a kW.
    pcc = {"tariff": terms(energy(0.1), REBATE), "contracted_kva": 100.0, "month_to_date_kwh": 25740.0}
    store = battery(start_fill=0.0, end_penalty_per_kwh=0.0, charge_efficiency=1.0)
    built = problem(pcc, store, load_kw=60.0)
    plan = solve(built)
    assert audit(plan).violations == ()
    assert plan.asset("pcc", "import_kw").sum() == pytest.approx(260, abs=1e-3)
    assert plan.money[0] == pytest.approx(0.1 * 260 + 0.9 * 40 * 65, rel=1e-4)
    recovered = solve(problem(pcc, store, load_kw=60.0, mode="convex"))
    assert audit(recovered).violations == ()
    assert recovered.proof.bound <= plan.proof.objective + 1e-6


def test_the_rebate_is_decided_in_each_scenario() -> None:
    pcc = {"tariff": terms(REBATE), "contracted_kva": 100.0, "month_to_date_kwh": 25800.0}
    schedule = solve(problem(pcc, load_kw=np.array([[40.0] * 4, [60.0] * 4]), scenarios=2))
    assert audit(schedule).violations == ()
    assert schedule.money == pytest.approx([40 * 40, 0.9 * 40 * 60])


def test_a_ratchet_and_a_rebate_on_one_component() -> None:
    both_of_them = REBATE | {"ratchet": {"fraction": 1.0, "months": 2}}
    pcc = {"tariff": terms(both_of_them), "contracted_kva": 100.0, "past_peaks_kw": (80.0,)}
    for schedule in both(problem(pcc | {"month_to_date_kwh": 25900.0}, load_kw=60.0)):
        assert schedule.money[0] == pytest.approx(-0.1 * 40 * 80)


def test_capacity_is_paid_by_the_contracted_kva_whatever_is_used() -> None:
    made = tariff({"name": "capacity", "basis": "capacity", "price_per_kva_month": 28.0, "source": "test"})
    assert money_of(made, month(), 0.0, contracted_kva=5000) == pytest.approx(140_000)
    by_demand = tariff(demand(40.0))
    # Above 70 % use of the transformer the price by kVA is the cheaper one.
    cheaper = [
        money_of(by_demand, month(), kw) < money_of(made, month(), kw, contracted_kva=5000) for kw in (3400, 3600)
    ]
    assert cheaper == [True, False]


def test_a_rolling_plan_keeps_its_problem_across_months() -> None:
    pcc = {"tariff": terms(energy(0.1), REBATE | {"ratchet": {"fraction": 0.5, "months": 2}}), "contracted_kva": 100.0}
    site = park(load(), grid(**pcc), battery())
    load_kw = {("load", "demand_kw"): 30 + 40 * np.sin(np.arange(24)) ** 2}
    built = Problem(site, given(site, hours(24, "2024-03-15T00:00"), load_kw))
    for start in ("2024-03-31T12:00", "2024-04-01T00:00"):
        state = {"pcc": {"month_to_date_kwh:demand": 25800.0, "past_peaks_kw:demand:1": 120.0}}
        built.update(given(site, hours(24, start), load_kw, state=state))
        again, fresh = solve(built), solve(Problem(site, built.inputs))
        assert audit(again).violations == ()
        assert again.money == pytest.approx(fresh.money, rel=2e-4, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"tariff": terms(REBATE)}, "contracted_kva is missing: component 'demand'"),
        ({"tariff": terms(DAY, NIGHT), "month_to_date_peak_kw": 3}, "one peak cannot be that of 2 demand components"),
        (
            {"tariff": terms(DAY), "expected_peak_kw": {"dya": 3}},
            "expected_peak_kw names 'dya', but the tariff",
        ),
        ({"tariff": terms(DAY), "month_to_date_kwh": {"day": 3}}, "the tariff has no energy component"),
        ({"tariff": terms(DAY), "month_to_date_kwh": 3}, "month_to_date_kwh bears on nothing"),
    ],
)
def test_numbers_that_belong_to_no_component_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        park(load(), grid(**fields))


def test_a_state_with_one_peak_for_several_components_is_refused() -> None:
    with pytest.raises(DataError, match="one month_to_date_peak_kw cannot be that of day, night"):
        problem({"tariff": terms(DAY, NIGHT)}, month_to_date_peak_kw=4.0)


def test_who_reaches_the_threshold_has_the_rebate_whatever_the_search_leaves_open() -> None:
    """A gap of the search may be larger than the rebate; the bill knows nothing of gaps."""
    pcc = {"tariff": terms(REBATE), "contracted_kva": 100.0, "month_to_date_kwh": 25900.0}
    built = problem(pcc, load_kw=60.0)
    matrices = built.compiled.matrices()
    without = built.compiled.columns(built.variable("grid_connection", "rebate_reached")).ravel()
    matrices.col_upper[without] = 0.0
    built.take(run(matrices, Limits()).x)
    # 100 kWh are missing: without the rebate no more than those may be imported, and the rest goes unserved.
    assert built.variable("load", "shed_kw").value.sum() == pytest.approx(4 * 60 - 100)
