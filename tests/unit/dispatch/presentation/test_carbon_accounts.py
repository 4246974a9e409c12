"""Ledgers of finished plans: whole on every reference park, on real AC flows, in tables and on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.cases.known_days import known_day
from benchmarks.rows import CannotMeasure
from dispatch.carbon.carriers import NAMES, traced
from dispatch.carbon.on_network import OTHERS
from dispatch.carbon.operation import Conventions, Operation
from dispatch.cli.planning import write
from dispatch.network.carbon_flows import grid_intensity, placed_flows
from dispatch.network.check import SLOTS, prove
from dispatch.plan import Plan
from dispatch.presentation.carbon_accounts import INSIDE, accounts
from dispatch.presentation.carbon_answers import carbon_answers
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.report import render
from dispatch.rules import rule_based
from dispatch.solve import solve
from grid_models.library import load as load_network
from grid_models.network import Network
from grid_models.tracing_flows import tracing_flows
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.planned import planned

NODE = "Bus 10"
SERIES: dict[tuple[str, str], Any] = {
    ("load", "demand_kw"): np.array([500.0, 900, 700, 300]),
    ("wind", "available_kw"): np.array([0, 300, 1500, 900.0]),
}


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


def wind_park(**fields: Any) -> Any:
    wind = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 2000}
    store = battery(energy_kwh=600, charge_kw=300, discharge_kw=300)
    connection = grid(carbon_intensity_kg_per_kwh=0.5, export_kw=5000, tariff=tariff(0.2, feed_in=0.05))
    return park(load(), wind, store, connection, **fields)


@pytest.fixture(scope="module")
def plan(network: Network) -> Plan:
    site = wind_park(grid={"network": "of the test", "bus_of": {"main": NODE}, "neighbours": True})
    problem = Problem(site, given(site, hours(4), SERIES), network_slots=SLOTS)
    schedule, proof = prove(site, problem, solve(problem), network)
    return replace(planned(site, problem.inputs, schedule=schedule, grid=proof), network=network)


@pytest.mark.parametrize("name", ["yizhuang", "ordos", "chifeng", "sino_german", "campus"])
def test_reference_parks_are_accounted_whole(name: str) -> None:
    try:
        site, inputs = known_day(name)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    schedule = rule_based(Problem(site, inputs))
    operation = Operation.from_schedule(site, schedule)
    for losses in NAMES:
        ledger = traced(operation, losses)
        assert ledger.residual < 1e-9
        gained = sum(float(one.carbon_kg[-1] - one.carbon_kg[0]) for one in ledger.stores.values())
        ends = [m.role != "store" for m in ledger.meters]
        assert ledger.carbon_kg[ends].sum() + gained == pytest.approx(schedule.co2_kg[0], rel=1e-9)


def test_a_plan_without_a_network_has_two_traced_ledgers() -> None:
    site = wind_park()
    plan = planned(site, given(site, hours(4), SERIES))
    ledgers = accounts(plan)
    assert [one.name for one in ledgers][:2] == list(NAMES.values())
    for one in ledgers:
        assert one.question.endswith("?")
    apart = ledgers[NAMES["apart"]]
    assert apart.emitted_kg.sum() == pytest.approx(plan.schedule.co2_kg[0])


def test_conventions_reach_the_stores() -> None:
    # The battery must cover what the connection cannot give, and is charged with what that gives later.
    site = park(load(), battery(energy_kwh=600, charge_kw=300, discharge_kw=300),
                grid(carbon_intensity_kg_per_kwh=0.5, import_kw=700))  # fmt: skip
    plan = planned(site, given(site, hours(4), {("load", "demand_kw"): np.array([500.0, 900, 600, 300])}))
    own = accounts(plan, Conventions(stores={"electricity": "tank"}))[NAMES["apart"]]
    assert own.of("battery: losses")[1].sum() > 0
    assert accounts(plan)[NAMES["apart"]].of("battery: losses")[1].sum() == 0


def test_on_the_ac_flows_the_slack_gives_what_loads_losses_and_others_get(plan: Plan, network: Network) -> None:
    ledgers = accounts(plan)
    assert [one.name for one in ledgers][:3] == [INSIDE, *NAMES.values()]
    assert ledgers[INSIDE].emitted_kg.sum() == pytest.approx(plan.schedule.co2_kg[0])
    placed = placed_flows(plan.site, plan.schedule, network)
    assert placed is not None
    apart, borne = (ledgers[name] for name in NAMES.values())
    bought = 0.5 * np.maximum(placed.upstream_kw, 0).sum(axis=0)
    for one in (apart, borne):
        assert one.emitted_kg == pytest.approx(bought)
        assert one.residual < 1e-9
    lost = np.maximum(placed.flows.start_in + placed.flows.end_in, 0).sum()
    assert apart.of("network losses")[0].sum() == pytest.approx(lost, rel=1e-6)
    assert apart.of(OTHERS)[1].sum() < borne.of(OTHERS)[1].sum()
    assert apart.of("load")[1].sum() < borne.of("load")[1].sum()


def test_placed_flows_are_those_of_the_network(plan: Plan, network: Network) -> None:
    placed = placed_flows(plan.site, plan.schedule, network, {})
    assert placed is not None
    node = placed.place["main"]
    nodes = len(placed.nodes)
    leaving = np.zeros((nodes, 4))
    np.add.at(leaving, placed.flows.start, placed.flows.start_in)
    np.add.at(leaving, placed.flows.end, placed.flows.end_in)
    own = plan.schedule.injection_kw(("main",))[0]
    left = own + placed.upstream_kw[node] + placed.others_kw[node] - placed.shunt_kw[node] - leaving[node]
    assert np.abs(left).max() < 1e-3
    assert placed_flows(wind_park(), plan.schedule, network) is None
    assert tracing_flows is not None


def test_reactive_power_of_a_voltage_control_moves_the_losses(plan: Plan, network: Network) -> None:
    plain, helped = (
        placed_flows(plan.site, plan.schedule, network, kvar)
        for kvar in ({}, {"wind": np.array([400.0, 400.0, 400.0, np.nan])})
    )
    assert plain is not None
    assert helped is not None
    lost = [(p.flows.start_in + p.flows.end_in).sum(axis=0) for p in (plain, helped)]
    assert np.abs(lost[0] - lost[1])[:3].min() > 1e-3
    assert lost[0][3] == lost[1][3]


def test_intensity_of_several_connections_is_by_what_each_imports() -> None:
    one = grid(carbon_intensity_kg_per_kwh=0.2, import_kw=30)
    two = grid(name="second", carbon_intensity_kg_per_kwh=0.8, tariff=tariff(0.4))
    site = park(load(), one, two)
    schedule = solve(Problem(site, given(site, hours(2), {("load", "demand_kw"): np.array([40.0, 0.0])})))
    assert grid_intensity(site, schedule) == pytest.approx([(30 * 0.2 + 10 * 0.8) / 40, 0.5])
    alone = park(load(), {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100})
    sunny = solve(Problem(alone, given(alone, hours(2), {("load", "demand_kw"): 5.0, ("pv", "available_kw"): 5.0})))
    assert grid_intensity(alone, sunny).tolist() == [0.0, 0.0]


def test_the_page_shows_every_ledger_and_intensities_by_the_hour(plan: Plan) -> None:
    data = report_data(plan)
    questions, masses, intensities, by_hour = data.ledgers[:4]
    assert [row[0] for row in questions.tables[0].rows][:3] == [INSIDE, *NAMES.values()]
    totals = {row[0]: row for row in questions.tables[1].rows}
    assert totals[INSIDE][1] == pytest.approx(float(plan.schedule.co2_kg[0]))
    assert [row[3] for row in totals.values()][:3] == [0.0, 0.0, 0.0]
    rows = {row[0]: row for row in masses.tables[0].rows}
    assert rows["load"][:4] == ("load", "load", "electricity", pytest.approx(2400.0))
    assert rows[OTHERS][4] is None, "the ledger inside the park knows no others"
    assert next(iter(rows)) == "load"
    assert "other customers" in masses.note
    shown = {row[0]: row for row in intensities.tables[0].rows}
    assert shown["load"][1] == pytest.approx(rows["load"][4] / rows["load"][3])  # type: ignore[operator]
    assert [picture.name for picture in by_hour.pictures] == ["Intensity by carrier", "Intensity of what stores hold"]
    assert len(by_hour.pictures[0].lines[0].values) == 4
    page = render(data)
    assert 'id="carbon"' in page
    assert "kg CO₂/kWh" in page


def test_a_plan_without_emissions_has_no_section_of_carbon() -> None:
    site = park(load(), {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100})
    plan = planned(site, given(site, hours(2), {("load", "demand_kw"): 5.0, ("pv", "available_kw"): 5.0}))
    assert list(carbon_answers(accounts(plan))) == []
    assert 'id="carbon"' not in render(report_data(plan))


def test_ledgers_stand_as_parquet_beside_the_schedule(plan: Plan, tmp_path: Path) -> None:
    shown = write(plan, tmp_path / "one")
    write(plan, tmp_path / "two")
    one, two = (tmp_path / name / "carbon.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    table = pq.read_table(one)
    inside = [row for row in table.to_pylist() if row["ledger"] == INSIDE]
    assert sum(row["carbon_kg"] for row in inside) == pytest.approx(float(plan.schedule.co2_kg[0]))
    assert table.schema.field("energy_kwh").metadata == {b"unit": b"kWh"}
    assert shown.ledgers


def test_all_four_accounts_stand_side_by_side_and_only_marginal_leaves_something_over() -> None:
    site = wind_park()
    plan = planned(site, given(site, hours(4), SERIES))
    ledgers = accounts(plan)
    assert [one.name for one in ledgers] == [
        *NAMES.values(), "marginal", "marginal, one kWh less", "marginal, one kWh more",
        "market, by the hour", "market, by the year", "location", "game, shapley",
    ]  # fmt: skip
    assert ledgers.left_out == {}
    for one in ledgers:
        assert one.of("load")[0].sum() == pytest.approx(2400.0)
        if not one.name.startswith("marginal"):
            assert one.residual < 1e-9
    assert abs(ledgers["marginal"].left_over_kg.sum()) > 1.0


def test_a_method_that_cannot_say_it_is_left_out_with_its_reason() -> None:
    sold = {"of": "wind", "energy_kwh": 1e6}
    site = wind_park(claims={"disposals": [sold]})
    plan = planned(site, given(site, hours(4), SERIES))
    ledgers = accounts(plan)
    assert list(ledgers.left_out) == ["market-based"]
    assert "market, by the hour" not in [one.name for one in ledgers]
    assert "game, shapley" in [one.name for one in ledgers]
    told = report_data(plan).ledgers[0].note
    assert told.startswith("Left out, market-based: ")
    assert "wind" in told


def test_marginal_rates_are_those_of_the_published_path_and_the_problem_keeps_its_values() -> None:
    site = wind_park()
    demand = np.array([[500.0, 900, 700, 300], [400.0, 800, 900, 300]])
    inputs = given(site, hours(4), SERIES | {("load", "demand_kw"): demand}, scenarios=2)
    problem = Problem(site, inputs)
    schedule = solve(problem)
    before = problem.point()
    plan = replace(planned(site, inputs, schedule=schedule), problem=problem)
    many = accounts(plan)["marginal"]
    np.testing.assert_array_equal(problem.point(), np.nan_to_num(before))
    first = given(site, hours(4), SERIES)
    alone = Problem(site, first)
    one = replace(planned(site, first, schedule=solve(alone)), problem=alone)
    assert accounts(one)["marginal"].of("load")[0].sum() == many.of("load")[0].sum()
    rates = {0.0, 0.5, 0.5 / (0.95 * 0.95), 0.5 * 0.95 * 0.95}
    for value in many.of("load")[1] / many.of("load")[0]:
        assert min(abs(value - rate) for rate in rates) < 0.05


def test_many_players_share_by_drawn_orders_and_none_have_no_game() -> None:
    names = [f"load{k}" for k in range(8)]
    site = park(*(load(name) for name in names), grid(carbon_intensity_kg_per_kwh=0.5))
    plan = planned(site, given(site, hours(2), {(name, "demand_kw"): 10.0 for name in names}))
    game = accounts(plan)["game, shapley sampled"]
    assert game.of("load3")[1] == pytest.approx([5.0, 5.0])
    assert game.residual < 1e-9
