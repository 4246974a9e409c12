"""What cannot be: irreducible sets of limits, and fixes that are applied and really work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_array

import dispatch.explain.diagnosis as diagnosing
from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.explain import explain_unmet, why_no_plan
from dispatch.explain.diagnosis import Diagnosis
from dispatch.explain.fields import FieldChange
from dispatch.explain.fixes import Fix
from dispatch.explain.linear import feasible, without_rows
from dispatch.explain.unmet import unmet
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Matrices
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def scarce() -> tuple[Site, dict[tuple[str, str], Any]]:
    site = park(
        load(),
        battery(start_fill=0.2),
        unit(min_kw=20, min_up_h=2),
        grid(import_kw=60),
        wishes=[{"clean_share_min": 0.5}],
    )
    return site, {("load", "demand_kw"): [50, 60, 220, 200, 50, 40]}


def must_run(**fields: Any) -> tuple[Site, dict[tuple[str, str], Any]]:
    site = park(load(), unit(min_kw=120, max_kw=200, min_up_h=3, on_before_h=1), *fields.get("more", ()))
    return site, {("load", "demand_kw"): [50, 60, 220, 200, 50, 40]}


def small_minimum() -> tuple[Site, dict[tuple[str, str], Any]]:
    site = park(load(), unit(min_kw=120, max_kw=300, min_up_h=1))
    return site, {("load", "demand_kw"): [150, 60, 220, 200, 150, 140]}


def posed(case: tuple[Site, dict[tuple[str, str], Any]], mode: Mode | None = None) -> Problem:
    site, series = case
    return Problem(site, given(site, hours(6), series), mode)


def still_missing(site: Site, inputs: Inputs, asset: str) -> float:
    problem = Problem(site, replace(inputs, series=dict(inputs.series) | site.known_series(inputs.horizon)))
    schedule = solve(problem)
    assert audit(schedule).passed
    return sum(u.missing_kwh.max() for u in unmet(problem, schedule) if asset in u.assets)


def test_unserved_demand_is_explained_with_hour_amount_and_the_cheapest_fix() -> None:
    problem = posed(scarce())
    schedule = solve(problem)
    found = next(e for e in explain_unmet(problem, schedule) if e.unmet and e.unmet.assets == ("load",))
    lines = list(found.lines(problem.horizon, "EUR"))
    assert (
        lines[0]
        == "load: demand that is not served: 10 kWh of electricity at bus main, at 02:00–03:00, most at 02:00 (10 kW)"
    )
    assert {m.named.asset for m in found.members} == {"battery", "pcc", "unit"}
    assert all(m.steps == (2,) for m in found.members)
    # By hand: 220 = 60 + 100 + 50 + 10. A kWh of the unit costs .1, one of the grid .2.
    assert [str(fix) for fix in found.fixes] == [
        "raise max_kw of unit from 100 to 110 kW (+10 kW)",
        "raise import_kw of pcc from 60 to 70 kW (+10 kW)",
    ]
    assert found.fixes[0].cost < found.fixes[1].cost
    for fix in found.fixes:
        assert still_missing(problem.site, problem.inputs, "load") > 9
        assert still_missing(fix.apply(problem.site), problem.inputs, "load") < 0.1
        short = fix.changes[0]
        assert isinstance(short, FieldChange)
        nearly = replace(short, after=short.before + 0.99 * (short.after - short.before))
        assert still_missing(Fix((nearly,), 0).apply(problem.site), problem.inputs, "load") > 0.01


@pytest.mark.parametrize("case", [scarce, small_minimum])
def test_no_member_of_a_set_can_be_left_out(case: Callable[[], Any]) -> None:
    problem = posed(case())
    schedule = solve(problem)
    wish = next(u for u in unmet(problem, schedule) if u.assets == ("load",))
    irreducible(Diagnosis(problem, wish, schedule))


@pytest.mark.parametrize("more", [(), (grid(import_kw=10),)])
def test_no_member_can_be_left_out_where_there_is_no_plan_at_all(more: tuple[Any, ...]) -> None:
    irreducible(Diagnosis(posed(must_run(more=more))))


def irreducible(diagnosis: Diagnosis) -> None:
    assert diagnosis.set
    demanded = diagnosis.demanded(diagnosis.base)
    rows = np.concatenate([m.rows for m in diagnosis.set])
    assert feasible(without_rows(demanded, np.setdiff1d(diagnosis.soft, rows))) == "no"
    for member in diagnosis.set:
        rest = np.setdiff1d(rows, member.rows)
        assert feasible(without_rows(demanded, np.setdiff1d(diagnosis.soft, rest))) == "yes", member.named


def test_a_search_that_ends_on_its_limit_has_proved_nothing() -> None:
    """Rows of random numbers that no choice of columns halves: thousands of nodes show it, one does not."""
    random = np.random.default_rng(0)
    rows = random.integers(0, 100, (4, 30)).astype(float)
    half, none, one = rows.sum(axis=1) // 2, np.zeros(30), np.ones(30)
    split = Matrices(none, 0.0, csc_array(rows), half, half, none, one, np.ones(30, bool))
    assert feasible(split, nodes=1) == "unknown"
    assert feasible(replace(split, integer=np.zeros(30, bool))) == "yes"
    assert feasible(replace(split, row_lower=-one[:4], row_upper=-one[:4])) == "no"


def test_a_set_that_was_not_proved_irreducible_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = posed(must_run())
    said = "a search ended on its limit: some of these may not stand in the way"
    right = why_no_plan(problem)
    assert said not in right.lines(problem.horizon, "EUR")
    monkeypatch.setattr(diagnosing, "feasible", lambda _: "unknown")
    found = why_no_plan(problem)
    # Nothing is left out of what contradicts unless it is known to contradict without it.
    assert {m.named for m in right.members} < {m.named for m in found.members}
    assert said in found.lines(problem.horizon, "EUR")


def test_a_unit_that_must_run_above_the_demand_of_an_island() -> None:
    problem = posed(must_run())
    with pytest.raises(SolveError):
        solve(problem)
    found = why_no_plan(problem)
    assert [(m.named.asset, m.named.what) for m in found.members] == [("unit", "on at its lower limit")]
    fix, sooner = found.fixes
    change = fix.changes[0]
    assert isinstance(change, FieldChange)
    assert (change.asset, change.field) == ("unit", "min_kw")
    assert str(sooner) == "lower min_up_h of unit from 3 to 1 h"  # it then stands, and more is left unserved
    assert sooner.short_kwh > fix.short_kwh
    assert 48 < change.after <= 50
    assert audit(solve(posed((fix.apply(problem.site), must_run()[1])))).passed
    assert "lower min_kw of unit from 120" in found.text(problem.horizon, "EUR")


def test_a_limit_of_zero_is_raised_by_what_it_lacks() -> None:
    problem = posed(must_run(more=(grid(import_kw=10),)))
    found = why_no_plan(problem)
    assert {m.named.what for m in found.members} == {"on at its lower limit", "export at its upper limit"}
    texts = [str(fix) for fix in found.fixes]
    assert "lower min_kw of unit from 120 to 50 kW (-70 kW)" in texts
    assert "raise export_kw of pcc from 0 to 70 kW (+70 kW)" in texts
    by_cost = [f.cost for f in found.fixes if f.short_kwh < 41]
    assert len(by_cost) == 2
    assert by_cost == sorted(by_cost)
    for fix in found.fixes:
        assert audit(solve(posed((fix.apply(problem.site), must_run()[1])))).passed


def test_a_minimum_output_that_only_whole_units_make_a_limit() -> None:
    problem = posed(small_minimum())
    schedule = solve(problem)
    (found,) = explain_unmet(problem, schedule)
    assert [str(fix) for fix in found.fixes] == ["lower min_kw of unit from 120 to 60 kW (-60 kW)"]


def test_a_commitment_that_cannot_be() -> None:
    site, series = must_run(more=(grid(import_kw=10, export_kw=500),))
    problem = posed((site, series | {("unit", "commitment"): [0, 1, 1, 1, 1, 1]}), Mode("given"))
    with pytest.raises(SolveError):
        solve(problem)
    found = why_no_plan(problem)
    assert {m.named.what for m in found.members} == {"on at its lower limit", "on as given"}
    text = found.text(problem.horizon, "EUR")
    assert "unit: on as given (00:00–01:00, would have to change at 00:00–01:00)" in text


def test_what_holds_has_nothing_to_explain() -> None:
    site = park(load(), grid(import_kw=100))
    problem = posed((site, {("load", "demand_kw"): [10, 10, 10, 10, 10, 10]}))
    assert explain_unmet(problem, solve(problem)) == []
    with pytest.raises(SolveError, match="nothing contradicts"):
        why_no_plan(problem)


def test_a_store_that_burns_what_is_too_much_is_no_way_out() -> None:
    """Charging and discharging at once would lose energy; only what holds with one of them counts as a fix."""
    engine = unit("engine", min_kw=700, max_kw=900, on_before_h=1, min_up_h=5, power_before_kw=700)
    site = park(load(), battery(), engine, grid(import_kw=400))
    problem = Problem(site, given(site, hours(12), {("load", "demand_kw"): np.full(12, 80.0)}))

    def exporting(export_kw: float) -> Problem:
        there = park(load(), battery(), engine, grid(import_kw=400, export_kw=export_kw))
        return Problem(there, given(there, problem.horizon, {("load", "demand_kw"): np.full(12, 80.0)}))

    found = why_no_plan(problem)
    # 620 kW are too much for four hours, of which the store takes its empty 50 kWh at 95 %: 606.8 kW are left.
    texts = [str(fix) for fix in found.fixes]
    assert texts == ["lower min_up_h of engine from 5 to 1 h", "raise export_kw of pcc from 0 to 607 kW (+607 kW)"]
    for fix in found.fixes:
        there = fix.apply(site)
        series = dict(problem.inputs.series) | there.known_series(problem.horizon)
        assert audit(solve(Problem(there, replace(problem.inputs, series=series)))).passed
    # What burning makes of it: with 605 kW the relaxation has a point, and no plan has.
    less = exporting(605.0)
    assert feasible(less.compiled.matrices()) == "yes"
    with pytest.raises(SolveError):
        solve(less)


def test_a_clean_share_is_lowered_to_what_can_be_kept() -> None:
    pv = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100}
    site = park(load(), pv, grid(import_kw=600), wishes=[{"clean_share_min": 0.5}])
    series = {("load", "demand_kw"): [100, 100, 100, 100, 100, 100], ("pv", "available_kw"): [0, 50, 80, 20, 0, 0]}
    problem = posed((site, series))
    schedule = solve(problem)
    (found,) = explain_unmet(problem, schedule)
    assert found.unmet is not None
    assert found.unmet.text(problem.horizon) == "clean share of at least 50% per day: 150 kWh"
    fix = next(f for f in found.fixes if not isinstance(f.changes[0], FieldChange))
    assert str(fix) == "lower clean_share_min from 0.5 to 0.25"
    again = posed((fix.apply(site), series))
    assert not unmet(again, solve(again))


def test_a_wish_that_could_be_kept_at_a_price_says_the_price() -> None:
    site = park(load(value_of_lost_load_per_kwh=0.15), grid(import_kw=500, tariff=tariff(0.2)))
    problem = posed((site, {("load", "demand_kw"): [10, 10, 10, 10, 10, 10]}))
    (found,) = explain_unmet(problem, solve(problem))
    assert found.extra_cost == pytest.approx(60 * 0.2)
    assert not found.members
    assert "it could be met for 12.00 EUR more" in found.text(problem.horizon, "EUR")


def test_two_contradictions_are_mended_together() -> None:
    site = park(
        load(),
        unit("first", min_kw=80, max_kw=100, min_up_h=2, on_before_h=1),
        unit("second", min_kw=80, max_kw=100, min_up_h=2, on_before_h=1),
    )
    series = {("load", "demand_kw"): [50, 190, 190, 190, 190, 190]}
    problem = posed((site, series))
    found = why_no_plan(problem)
    assert len(found.fixes) == 1
    assert {c.asset for c in found.fixes[0].changes if isinstance(c, FieldChange)} == {"first", "second"}
    assert audit(solve(posed((found.fixes[0].apply(site), series)))).passed


def test_the_wish_of_a_store_at_the_end() -> None:
    site = park(
        battery(start_fill=0.1, end_fill_min=0.9, charge_efficiency=0.95, loss_fraction_per_h=0),
        load(),
        grid(import_kw=20),
    )
    problem = posed((site, {("load", "demand_kw"): [20, 20, 20, 10, 20, 20]}))
    (found,) = explain_unmet(problem, solve(problem))
    lines = found.text(problem.horizon, "EUR")
    assert "battery: content missing at the end: 70.5 kWh" in lines
    assert "lower end_fill_min of battery from 0.9 to 0.195" in lines
    assert "raise import_kw of pcc" in lines


def test_the_slope_of_a_field_is_that_of_the_optimum() -> None:
    problem = posed(scarce())
    schedule = solve(problem)
    wish = next(u for u in unmet(problem, schedule) if u.assets == ("load",))
    diagnosis = Diagnosis(problem, wish, schedule)
    assert diagnosis.least is not None
    assert diagnosis.least.objective == pytest.approx(10)
    raised = diagnosis.twin.slope(diagnosis.base, diagnosis.least, FieldChange("pcc", "import_kw", 60.0, 60.0))
    assert raised == pytest.approx(-1)


def test_scenarios_are_counted() -> None:
    site = park(load(), grid(import_kw=60))
    inputs = given(site, hours(2), {("load", "demand_kw"): np.array([[50.0, 50], [50, 80], [70, 50]])}, 3)
    problem = Problem(site, inputs)
    (found,) = explain_unmet(problem, solve(problem))
    assert found.unmet is not None
    assert "(in 2 of 3 scenarios)" in found.unmet.text(problem.horizon)
    assert str(found.fixes[0]) == "raise import_kw of pcc from 60 to 80 kW (+20 kW)"


def test_a_plan_of_rules_is_explained_too() -> None:
    problem = posed(scarce())
    ruled = rule_based(problem)
    assert [e for e in explain_unmet(problem, ruled) if e.unmet and e.unmet.assets == ("load",)]


def test_a_fix_that_the_plan_would_not_take_by_itself_says_so() -> None:
    site = park(load(value_of_lost_load_per_kwh=0.15), grid(import_kw=5, tariff=tariff(0.2)))
    problem = posed((site, {("load", "demand_kw"): [10, 10, 10, 10, 10, 10]}))
    (found,) = explain_unmet(problem, solve(problem))
    (fix,) = found.fixes
    assert str(fix) == "raise import_kw of pcc from 5 to 10 kW (+5 kW)"
    assert not fix.taken
    assert fix.cost == pytest.approx(60 * 0.2)
    assert "where the plan still finds missing it cheaper" in found.text(problem.horizon, "EUR")
