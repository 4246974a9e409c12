"""What report, certificate, tables and explanations say of caps, quota and certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.explain.explanation import explain_unmet
from dispatch.explain.naming import columns, rows
from dispatch.plan import Plan
from dispatch.presentation.emission_answers import balance_mwh
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.report.data import ReportData
from dispatch.report.page import render
from dispatch.solve import solve
from dispatch.tables import schedule_table
from tests.parks import given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.planned import planned

SUN = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100}
CARBON: dict[str, Any] = {
    "quota": {
        "free_t": 5.0,
        "emitted_to_date_t": 4.99,
        "trading": {"buy_price_per_t": 90.0, "sell_price_per_t": 80.0},
        "offsets": {"price_per_t": 60.0, "share_max": 0.001},
    },
    "certificates": {"held_mwh": 0.5, "sell_price_per_mwh": 5.0},
}
WISHES = [{"emissions_max_t": 0.05, "over": "hour", "penalty_per_t": 900.0}, {"carbon_free_min": 0.2}]


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Bought at .1 and .6 kg; a unit without emissions saves a tonne for 450 less what that costs in the market."""
    pcc = grid(tariff=tariff(0.1, 0.0), carbon_intensity_kg_per_kwh=0.6, export_kw=100)
    site = park(load(), pcc, SUN, unit(cost_per_kwh=0.37, max_kw=10), carbon=CARBON, wishes=WISHES)
    demand = np.array([[50.0, 50, 100, 120], [40, 40, 100, 130]])
    series = {("load", "demand_kw"): demand, ("roof", "available_kw"): 10.0}
    inputs: Inputs = given(site, hours(4), series, scenarios=2)
    return planned(site, inputs)


@pytest.fixture(scope="module")
def data(plan: Plan) -> ReportData:
    return report_data(plan)


def test_the_plan_is_proved(plan: Plan) -> None:
    assert plan.audit.passed


def test_money_lines_add_up_to_the_total(data: ReportData) -> None:
    money = dict(data.money)
    assert {"carbon: allowances bought", "carbon: offsets", "green certificates"} <= set(money)
    total = money.pop("total")
    assert sum(money.values()) == pytest.approx(total, abs=0.05)
    assert money["green certificates"] == pytest.approx(-5 * 0.5, abs=0.01), "own ones are kept for the hours"
    anyway = money["carbon: what the month costs without this plan, taken off"]
    assert anyway == pytest.approx(80 * (0.01 + 0.00499) - 60 * 0.00499, abs=0.01)


def test_wishes_are_told_with_what_a_tonne_is_worth(data: ReportData) -> None:
    told = {text: (outcome, kept) for text, outcome, kept in data.wishes}
    outcome, kept = told["emissions of at most 0.05 t per hour"]
    assert not kept
    assert outcome.startswith("over by ")
    assert outcome.endswith("kg; over all scenarios a tonne more is worth up to 900.00 EUR")
    assert told["carbon-free energy of at least 20% per horizon"][0].startswith("short by ")


def test_the_account_is_an_answer_with_its_tables(data: ReportData) -> None:
    answer = next(a for a in data.answers if a.title.startswith("Carbon"))
    caps, quota, certificates = answer.tables
    assert len(caps.rows) == 4
    assert [row[3] for row in caps.rows] == pytest.approx([0, 0, 0, (0.6 * 100 - 50) / 1000])
    saved = 0.27 / 0.6 * 1000 - 0.999 * 90 - 0.001 * 60
    assert [row[4] for row in caps.rows] == pytest.approx([0, 0, saved, 900], abs=1e-3)
    assert [row[0] for row in quota.rows] == ["month of the start"]
    by_name = dict(zip(quota.columns, quota.rows[0], strict=True))
    needed = float(by_name["Before and expected [t]"]) + float(by_name["This plan [t]"]) - 5.0  # type: ignore[arg-type]
    given_ = float(by_name["Allowances bought [t]"]) + float(by_name["Offsets bought [t]"])  # type: ignore[arg-type]
    assert given_ == pytest.approx(needed, abs=1e-5)
    balance = {str(name): float(value) for name, value in certificates.rows}  # type: ignore[arg-type]
    assert balance["in stock at the end"] == pytest.approx(0.0, abs=1e-6)
    assert balance["sold"] == pytest.approx(0.5)
    assert "Carbon: caps, quota, certificates" in render(data)


def test_clean_power_is_told_from_what_may_be_claimed(data: ReportData) -> None:
    said = "certificates that are sold, bought or registered as offsets do not move"
    assert sum(said in note for note in data.notes) == 1
    plain = park(load(), grid(carbon_intensity_kg_per_kwh=0.5))
    made = planned(plain, given(plain, hours(2), {("load", "demand_kw"): 20.0}))
    assert not any(said in note for note in report_data(made).notes)


def test_a_quota_of_the_horizon_says_so() -> None:
    quota = {"free_t": 0.01, "per": "horizon", "trading": {"buy_price_per_t": 90.0}}
    site = park(load(), grid(carbon_intensity_kg_per_kwh=0.5), carbon={"quota": quota})
    made = planned(site, given(site, hours(2), {("load", "demand_kw"): 20.0}))
    answer = next(a for a in report_data(made).answers if a.title.startswith("Carbon"))
    (row,) = answer.tables[0].rows
    assert row[0] == "the horizon"
    assert row[1:] == pytest.approx((0.0, 0.02, 0.01, 0.01, 0.0), abs=1e-6)  # before, this, free, bought, sold


def test_certificates_balance(plan: Plan) -> None:
    found = {name: values[0] for name, values in balance_mwh(plan.schedule.carbon, plan.horizon.hours).items()}
    came = found["in stock at the start"] + found["issued for own generation"] + found["bought"]
    went = found["sold"] + found["registered as offsets"] + found["used for claims"] + found["kept with own generation"]
    assert came - went == pytest.approx(found["in stock at the end"], abs=1e-9)


def test_the_certificate_holds_the_account_and_the_shadow_price(plan: Plan) -> None:
    said: Any = plan.certificate["carbon"]
    prices = said["caps"]["emissions of at most 0.05 t per hour"]["shadow_carbon_price_per_t"]
    assert prices == pytest.approx(plan.schedule.shadow_price_per_t["emissions of at most 0.05 t per hour"])
    assert said["quota_expected"]["money"] == pytest.approx(float(plan.schedule.carbon.quota["money"].mean()), rel=1e-6)
    assert said["certificates_expected"]["issued_mwh"] == pytest.approx(0.04)
    bare = park(load(), grid())
    without = planned(bare, given(bare, hours(1), {("load", "demand_kw"): 1.0}))
    assert without.certificate["carbon"] is None


def test_the_table_has_the_price_of_the_window_of_each_step(plan: Plan) -> None:
    table = schedule_table(plan.schedule, "EUR")
    name = "site.shadow_carbon_price_per_t: emissions of at most 0.05 t per hour"
    (prices,) = plan.schedule.shadow_price_per_t.values()
    assert table.column(name).to_numpy() == pytest.approx(prices)
    assert table.schema.field(name).metadata == {b"unit": b"EUR/t"}


def test_other_scenarios_that_miss_a_cap_are_told_in_its_unit(plan: Plan) -> None:
    texts = [finding.text for finding in findings(plan)]
    assert any(
        "emissions of at most 0.05 t per hour: missed in 1 of 1 scenarios" in t and t.endswith("kg") for t in texts
    )


def test_a_cap_that_cannot_be_kept_is_explained_in_the_words_of_the_file() -> None:
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.6)
    site = park(load(), pcc, unit(cost_per_kwh=0.2, max_kw=20), wishes=[{"emissions_max_t": 0.01, "over": "day"}])
    problem = Problem(site, given(site, hours(2), {("load", "demand_kw"): 50.0}))
    (found,) = explain_unmet(problem, solve(problem))
    lines = list(found.lines(problem.horizon, "EUR"))
    assert lines[0] == "emissions of at most 0.01 t per day: 26 kg"
    assert any("or accept it: as things are, at least 26 kg are missed" in line for line in lines)
    assert any("unit" in line for line in lines), "its limit stands in the way"


def test_rows_and_columns_of_the_account_have_names(plan: Plan) -> None:
    assert plan.problem is None
    problem = Problem(plan.site, plan.schedule.inputs)
    matrices = problem.compiled.matrices()
    cols = columns(problem)
    known = {named.what for named in cols.names if named.kind == "site"}
    assert {"allowances bought", "allowances sold", "offsets bought", "certificates sold, by hour"} <= known
    limits = rows(problem, matrices, cols)
    assert {"emissions of at most 0.05 t per hour"} <= {named.what for named in limits.names}


def test_a_plan_without_duals_says_so() -> None:
    site = park(load(), grid(carbon_intensity_kg_per_kwh=0.6), wishes=[{"emissions_max_t": 0.01}])
    inputs = given(site, hours(1), {("load", "demand_kw"): 50.0})
    schedule = replace(solve(Problem(site, inputs)), cap_price_per_t={})
    answer = next(a for a in report_data(planned(site, inputs, schedule=schedule)).answers)
    assert answer.tables[0].rows[0][-1] is None
