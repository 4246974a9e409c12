"""Why and what if: prices of limits and costs of deviating known by hand, irreducible sets, fixes that really work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.errors import DataError, SolveError
from dispatch.explain import Priced, binding, deviations, naming, what_if
from dispatch.explain.export import export, solver_log
from dispatch.explain.moments import clock, spans, steps_at
from dispatch.explain.whatif import told
from dispatch.notebook import Day
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import load as into_highs
from tests.parks import battery, given, grid, hours, load, park, tariff, unit


def two_prices() -> dict[str, Any]:
    """.1 in the first two hours, .3 after them."""
    calendars = (("cheap", 0.1, "00:00-02:00"), ("dear", 0.3, "02:00-24:00"))
    components = [
        {"name": n, "basis": "energy", "price_per_kwh": p, "calendar": {"hours": [h]}, "source": "test"}
        for n, p, h in calendars
    ]
    return {"name": "two", "currency": "EUR", "components": components}


def arbitrage(scenarios: int = 1, start_fill: float = 0.0, money: float = 1.0) -> tuple[Problem, Schedule]:
    store = battery(charge_efficiency=0.9, discharge_efficiency=0.9, start_fill=start_fill)
    site = park(load(), store, grid(import_kw=500, tariff=two_prices()), objective={"money": money})
    demand = np.full((scenarios, 4), 100.0)
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): demand}, scenarios))
    return problem, solve(problem)


# ---- prices of limits


@pytest.mark.parametrize(("scenarios", "money"), [(1, 1.0), (3, 1.0), (1, 2.0), (3, 2.0)])
def test_a_kw_of_charging_is_worth_what_it_brings_in_the_dear_hours(scenarios: int, money: float) -> None:
    """In money, whatever that weighs in the objective."""
    problem, schedule = arbitrage(scenarios, money=money)
    priced = Priced(problem, schedule)
    worth = {str(b.named): b.worth for b in priced.limits()}
    # A kW for a cheap hour costs .1 and brings .81 kWh at .3.
    each = pytest.approx(0.81 * 0.3 - 0.1)
    assert worth["battery: charge at its upper limit"] == {0: each, 1: each}
    # The empty store at the end is the one other limit: a kWh below it would be sold at .3, less its losses.
    assert set(worth) <= {"battery: charge at its upper limit", "battery: stored at its lower limit"}
    kept = priced.content_worth("battery")
    assert kept is not None
    assert kept[1:3] == pytest.approx(np.full(2, 0.9 * 0.3))
    assert priced.content_worth("load") is None
    assert schedule.price_per_kwh is not None
    assert schedule.price_per_kwh[:, 0] == pytest.approx(np.tile([0.1, 0.1, 0.3, 0.3], (scenarios, 1)))


def test_where_money_does_not_count_nothing_has_a_price_in_it() -> None:
    problem, schedule = arbitrage(money=0.0)
    assert schedule.price_per_kwh is None
    with pytest.raises(SolveError, match=r"objective\.money is 0: nothing has a price in money; accepted: above 0"):
        Priced(problem, schedule)
    with pytest.raises(DataError, match=r"objective\.money is 0"):
        Day(problem, schedule).prices()


def test_a_price_is_the_change_of_the_optimum_when_the_limit_is_moved() -> None:
    def wide(import_kw: float) -> Site:
        plant = (battery(wear_cost_per_kwh=0.01), unit(cost_per_kwh=0.5))
        return park(load(), *plant, grid(import_kw=import_kw, tariff=two_prices()))

    site, wider = wide(80), wide(80.1)
    series = {("load", "demand_kw"): [60, 70, 130, 90]}
    problem = Problem(site, given(site, hours(4), series))
    schedule = solve(problem)
    limit = next(b for b in Priced(problem, schedule).limits() if b.named.asset == "pcc")
    assert limit.named.what == "import at its upper limit"
    moved = solve(Problem(wider, given(wider, hours(4), series)))
    assert (schedule.proof.objective - moved.proof.objective) / 0.1 == pytest.approx(limit.total, rel=1e-4)


def at_a_reached_peak(reached_kw: float, demand_kw: Sequence[float] = (50, 50, 100, 100)) -> Problem:
    """A battery without losses, energy at .1 and then .3, and 40 for each kW above what the month has reached."""
    store = battery(charge_efficiency=1, discharge_efficiency=1, start_fill=0)
    prices = two_prices()
    prices["components"].append({"name": "peak", "basis": "demand", "price_per_kw_month": 40, "source": "test"})
    site = park(load(), store, grid(import_kw=500, tariff=prices, month_to_date_peak_kw=reached_kw))
    return Problem(site, given(site, hours(4), {("load", "demand_kw"): demand_kw}))


def test_a_peak_that_the_month_has_reached_is_worth_what_a_kw_more_of_it_saves_and_not_its_price() -> None:
    """Imports stand at 80 kW in the cheap hours: a kW more there brings 2 kWh from .3 to .1, not 40."""
    problem = at_a_reached_peak(80)
    schedule = solve(problem)
    imported = schedule.kinds["grid_connection"].series["import_kw"][0]
    assert imported[:2] == pytest.approx([80, 80])
    found = {b.named.what: b for b in Priced(problem, schedule).limits()}
    assert found["peak at what is billed anyway"].total == pytest.approx(2 * (0.3 - 0.1))
    assert spans(problem.horizon, found["peak at what is billed anyway"].worth) == "all along"
    assert found["import at the billed peak"].worth == {0: pytest.approx(0.2), 1: pytest.approx(0.2)}
    more = solve(at_a_reached_peak(80.5))
    difference = (schedule.proof.objective - more.proof.objective) / 0.5
    assert found["peak at what is billed anyway"].total == pytest.approx(difference, rel=1e-6)
    assert not any("has reached" in what for what in found)


@pytest.mark.parametrize("step", range(4))
def test_a_kwh_more_in_an_hour_at_a_reached_peak_costs_its_price(step: int) -> None:
    problem = at_a_reached_peak(80)
    schedule = solve(problem)
    demand = np.array([50.0, 50, 100, 100])
    demand[step] += 0.5
    more = solve(at_a_reached_peak(80, tuple(demand)))
    assert schedule.price_per_kwh is not None
    difference = (more.proof.objective - schedule.proof.objective) / 0.5
    assert schedule.price_per_kwh[0][0, step] == pytest.approx(difference, rel=1e-6)


def test_one_of_two_hours_at_a_peak_saves_nothing_and_both_together_its_price() -> None:
    """No battery: 100 kW twice, above the 80 that the month has reached."""
    prices = tariff(0.2, demand=40)
    site = park(load(), grid(import_kw=500, tariff=prices, month_to_date_peak_kw=80))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [50, 100, 100, 50]}))
    priced = Priced(problem, solve(problem))
    whole = {b.named.what: b.total for b in priced.limits()}
    assert whole["import at the billed peak"] == pytest.approx(40)
    assert priced.limits(np.array([1])) == []
    assert [b.total for b in priced.limits(np.array([1, 2]))] == [pytest.approx(40)]
    assert priced.limits(most=1) == priced.limits()[:1]


def test_what_defines_a_peak_is_no_limit() -> None:
    site = park(load(), grid(import_kw=500, tariff=tariff(0.2, demand=10), month_to_date_peak_kw=300))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [50, 60, 70, 50]}))
    assert Priced(problem, solve(problem)).limits() == []


@pytest.mark.parametrize("rounds", [1, 5])
def test_prices_hold_directions_however_often_an_overlap_moves(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """At negative prices a battery would burn energy in any hour whose direction is not held: six hours, few rounds."""
    monkeypatch.setattr(binding, "_MOST_ROUNDS", rounds)
    store = battery(charge_efficiency=0.9, discharge_efficiency=0.9, start_fill=0)
    site = park(load(), store, grid(import_kw=500, tariff=tariff(-0.2)))
    problem = Problem(site, given(site, hours(6), {("load", "demand_kw"): [100.0] * 6}))
    schedule = solve(problem)
    priced = Priced(problem, schedule)
    flows = schedule.kinds["battery"].series
    run = np.maximum(flows["charge_kw"], flows["discharge_kw"])
    assert np.minimum(flows["charge_kw"], flows["discharge_kw"]).max() < 1e-3 < run.max()
    # A kWh more that is bought at -.2 and stored at 90 %, less what its place in a full store is worth.
    assert {b.named.what for b in priced.limits()} == {"stored at its upper limit", "charge at its upper limit"}


def test_limits_of_what_stands_still_are_not_told() -> None:
    problem, schedule = arbitrage()
    assert not [b for b in Priced(problem, schedule).limits() if b.named.series == "discharge_kw" and 0 in b.worth]


def test_a_schedule_of_rules_or_of_other_data_has_no_prices_of_this_problem() -> None:
    site = park(load(), unit(min_kw=60, min_up_h=4), grid(import_kw=50))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [40, 90, 90, 40]}))
    schedule = solve(problem)
    off = {name: np.zeros_like(v) for name, v in schedule.kinds["thermal"].series.items()}
    once = np.array([[0.0, 1, 0, 0]])  # for an hour, where four are the least
    other = off | {"committed": once, "on": once}
    broken = replace(
        schedule, kinds=dict(schedule.kinds) | {"thermal": replace(schedule.kinds["thermal"], series=other)}
    )
    with pytest.raises(SolveError, match="no solution of this problem"):
        Priced(problem, broken)


def test_asking_leaves_the_problem_as_it_was() -> None:
    problem, schedule = arbitrage()
    before = problem.point()
    Priced(problem, schedule)
    what_if(problem, schedule, "battery", "00:00", charge_kw=20)
    assert problem.point() == pytest.approx(before)


# ---- what another decision costs


@pytest.mark.parametrize("money", [1.0, 2.0])
def test_the_cost_of_deviating_is_known_by_hand(money: float) -> None:
    problem, schedule = arbitrage(money=money)
    less = what_if(problem, schedule, "battery", "00:00", charge_kw=20)
    assert less.cost == pytest.approx(30 * (0.81 * 0.3 - 0.1))
    assert less.money == pytest.approx(less.cost)
    assert less.planned == {"charge_kw": pytest.approx(50)}
    # 50 of the 81 kWh move to the other dear hour; 31 are not bought: 31 · .3 − 31 / .81 · .1.
    idle = what_if(problem, schedule, "battery", "02:00", charge_kw=0, discharge_kw=0)
    assert idle.cost == pytest.approx(31 * 0.3 - 31 / 0.81 * 0.1)
    assert idle.schedule is not None
    assert audit(idle.schedule).passed
    assert idle.changes[0].asset == "pcc"


def test_what_cannot_be_says_how_far_it_goes() -> None:
    problem, schedule = arbitrage()
    asked = what_if(problem, schedule, "battery", "00:00", charge_kw=80)
    assert not asked.possible
    assert asked.reach == {"charge_kw": (pytest.approx(0, abs=1e-6), pytest.approx(50))}
    # The store begins empty, and steady means the same in every step.
    long = what_if(problem, schedule, "battery", "00:00", lasting_h=4, discharge_kw=50)
    assert long.reach["discharge_kw"][1] == pytest.approx(0, abs=1e-6)
    assert "cannot be: within reach is charge 0 to 50 kW" in told(asked, problem)


def test_a_quantity_that_follows_from_decisions_can_be_pinned() -> None:
    site = park(load(), unit(min_kw=20, cost_per_kwh=0.5), grid(import_kw=200, tariff=tariff(0.2)))
    problem = Problem(site, given(site, hours(3), {("load", "demand_kw"): [50, 60, 70]}))
    schedule = solve(problem)
    found = what_if(problem, schedule, "unit", "01:00", power_kw=40)
    assert found.cost == pytest.approx(40 * (0.5 - 0.2))
    assert found.schedule is not None
    assert found.schedule.asset("unit", "power_kw") == pytest.approx([0, 40, 0])
    below = what_if(problem, schedule, "unit", "01:00", power_kw=10)
    assert not below.possible


def test_a_pin_holds_in_every_scenario() -> None:
    problem, schedule = arbitrage(scenarios=3)
    found = what_if(problem, schedule, "battery", "00:00", charge_kw=20)
    assert found.schedule is not None
    assert found.schedule.kinds["battery"].series["charge_kw"][:, 0] == pytest.approx(np.full(3, 20.0))
    assert found.cost == pytest.approx(30 * (0.81 * 0.3 - 0.1))


def test_the_table_of_deviations_leaves_out_the_plan_and_starts_with_the_cheapest() -> None:
    problem, schedule = arbitrage()
    found = deviations(problem, schedule, np.array([0]))
    assert {d.asset for d in found} == {"battery"}
    assert [d.wanted["charge_kw"] for d in found if d.possible] == [0.0]
    site = park(load(), battery(start_fill=0.1), unit(min_kw=20, cost_per_kwh=0.5), grid(import_kw=200))
    other = Problem(site, given(site, hours(3), {("load", "demand_kw"): [50, 60, 70]}))
    table = deviations(other, solve(other), np.array([0]))
    costs = [d.cost for d in table if d.possible]
    assert costs == sorted(costs)
    assert {"unit", "battery"} == {d.asset for d in table}
    # 10 kWh of content cannot give 50 kW: what it can give stands in the table instead.
    given_kw = next(d.wanted["discharge_kw"] for d in table if d.wanted.get("discharge_kw"))
    assert 0 < given_kw < 50


# ---- hours


def test_an_hour_is_found_on_the_local_clock() -> None:
    horizon = hours(24, step_h=0.5, zone="Europe/Berlin")  # from 01:00 local
    assert list(steps_at(horizon, "02:00")) == [2, 3]
    assert list(steps_at(horizon, "02:15")) == [2, 3, 4]
    assert list(steps_at(horizon, "2024-03-01T12:30", 0.5)) == [23]
    with pytest.raises(DataError, match="outside the plan"):
        steps_at(horizon, "00:30")


def test_an_hour_that_comes_twice_means_both() -> None:
    horizon = Horizon.local_day(np.datetime64("2024-10-27").item(), "Europe/Berlin", 60)
    assert list(steps_at(horizon, "02:00")) == [2, 3]
    assert spans(horizon, [2, 3]) == "02:00 CEST–03:00 CET"
    assert clock(horizon, 24, end=True) == "24:00 CET"


def test_spans_name_three_and_count_the_rest() -> None:
    assert spans(hours(12), [0, 1, 3, 5, 7, 9]) == "00:00–02:00, 03:00–04:00, 05:00–06:00 and 2 more"


# ---- names and files


def scarce() -> tuple[Site, dict[tuple[str, str], Any]]:
    site = park(
        load(),
        battery(start_fill=0.2),
        unit(min_kw=20, min_up_h=2),
        grid(import_kw=60),
        wishes=[{"clean_share_min": 0.5}],
    )
    return site, {("load", "demand_kw"): [50, 60, 220, 200, 50, 40]}


def posed(case: tuple[Site, dict[tuple[str, str], Any]], mode: Mode | None = None) -> Problem:
    site, series = case
    return Problem(site, given(site, hours(6), series), mode)


def test_every_row_and_column_of_every_kind_has_an_owner() -> None:
    problem = posed(scarce())
    matrices = problem.compiled.matrices()
    columns = naming.columns(problem)
    rows = naming.rows(problem, matrices, columns)
    assert (columns.name >= 0).all()
    assert (rows.name >= 0).all()
    for row in range(matrices.row_upper.size):
        named = rows.of(row)
        inside = matrices.rows.tocsr()[[row]].tocsr().indices
        owners = {of.asset for c in inside if (of := columns.of(int(c))) is not None}
        assert named is not None
        assert named.kind in {"bus", "site"} or owners == {named.asset}, (named, owners)


def test_columns_that_are_no_series_belong_to_whom_their_rows_belong_to() -> None:
    """Segments of a cost curve are so many as the points of all curves, not as many as members."""
    curve = [{"power_kw": 20, "cost_per_h": 2}, {"power_kw": 60, "cost_per_h": 7}, {"power_kw": 100, "cost_per_h": 14}]
    curved = unit("curved", min_kw=20, cost_curve=curve)
    curved.pop("cost_per_kwh")
    site = park(load(), unit("plain"), curved, grid(import_kw=60))
    problem = Problem(site, given(site, hours(4), {("load", "demand_kw"): [60, 90, 120, 60]}))
    columns = naming.columns(problem)
    owners = {columns.names[n].asset for n in np.unique(columns.name) if columns.names[n].what == "segment_kw"}
    assert owners == {"curved"}
    assert (columns.name >= 0).all()


def test_a_kinds_own_words_win() -> None:
    problem = posed(scarce())
    limit = problem.parts["grid_connection"].constraints[0]
    limit.set_label("contracted power")
    matrices = problem.compiled.matrices()
    rows = naming.rows(problem, matrices, naming.columns(problem))
    assert "contracted power" in {named.what for named in rows.names}


@pytest.mark.parametrize("form", ["mps", "lp"])
@pytest.mark.parametrize("scenarios", [1, 2])
def test_an_exported_file_is_the_same_problem_with_names_to_read(tmp_path: Path, form: Any, scenarios: int) -> None:
    site, series = scarce()
    problem = Problem(site, given(site, hours(6, zone="Asia/Shanghai"), series, scenarios))
    path = tmp_path / f"park.{form}"
    export(problem, path, form)
    direct = into_highs(problem.compiled.matrices())
    direct.run()
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    assert solver.readModel(str(path)) in {highspy.HighsStatus.kOk, highspy.HighsStatus.kWarning}
    solver.run()
    objective = solver.getInfo().objective_function_value
    assert objective == pytest.approx(direct.getInfo().objective_function_value)
    names = set(solver.getLp().col_names_)
    scenario = ".s0" if scenarios > 1 else ""
    moment = "[2024-03-01T08:00]" if form == "mps" else "(20240301T0800)"
    assert f"battery.battery.charge_kw{scenario}{moment}" in names
    assert len(names) == problem.compiled.matrices().cost.size
    assert not [name for name in names if name.startswith("column_")]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    problem, _ = arbitrage()
    with pytest.raises(DataError, match="must end in"):
        export(problem, tmp_path / "park.txt", "mps")
    with pytest.raises(DataError, match="cannot be written"):
        export(problem, tmp_path / "nowhere" / "park.mps", "mps")
    with pytest.raises(DataError, match="cannot be written"):
        solver_log(problem, tmp_path / "nowhere" / "log")


def test_the_solver_says_what_it_did(tmp_path: Path) -> None:
    problem = posed(scarce())
    solver_log(problem, tmp_path / "log")
    text = (tmp_path / "log").read_text("utf-8")
    assert "HiGHS" in text
    assert "Optimal" in text


def test_units_that_all_scenarios_share_are_explained() -> None:
    site = park(load(), unit(min_kw=20, min_up_h=2, cost_per_kwh=0.1), grid(import_kw=200, tariff=tariff(0.2)))
    demand = np.array([[60.0, 150, 90], [80, 170, 60]])
    problem = Problem(site, given(site, hours(3), {("load", "demand_kw"): demand}, 2))
    schedule = solve(problem)
    limits = {str(b.named): b.total for b in Priced(problem, schedule).limits()}
    # A kW more of the unit replaces the grid's .2 with its own .1, in the hours in which both paths need it.
    assert limits["unit: above min at its upper limit"] == pytest.approx(0.1, rel=1e-3)
    idle = what_if(problem, schedule, "unit", "01:00", power_kw=0)
    assert idle.cost > 0
