"""Limits on traced carbon where the park stands on a network, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.carbon.carriers import traced
from dispatch.carbon.on_network import on_network
from dispatch.carbon.operation import Operation
from dispatch.network.carbon_flows import grid_intensity, placed_flows
from dispatch.network.check import SLOTS
from dispatch.network.flow_settling import settled
from dispatch.planning.certificate import certificate
from dispatch.presentation.findings import findings
from dispatch.problem import Problem
from dispatch.solve import solve
from grid_models.library import load as load_network
from grid_models.network import Network
from tests.parks import given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.planned import planned


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


def two_sources(most: float, **fields: Any) -> Problem:
    """Import at .1 per kWh and .7 kg; a unit at .2 and .2 kg; at the end of a feeder of others."""
    pcc = grid(tariff=tariff(0.1), carbon_intensity_kg_per_kwh=0.7)
    engine = unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.2, max_kw=1000)
    wishes = [{"meter": "load", "kg_per_kwh_max": most, "over": "hour"}]
    on = {"network": "of the test", "bus_of": {"main": "Bus 10"}, "neighbours": False} | fields
    site = park(load(), engine, pcc, wishes=wishes, grid=on)
    return Problem(site, given(site, hours(3), {("load", "demand_kw"): [300.0, 500.0, 400.0]}), network_slots=SLOTS)


def test_a_limit_is_kept_as_traced_on_the_flows_of_the_network(network: Network) -> None:
    problem = two_sources(0.4)
    schedule, grid_proof, proof = settled(problem.site, problem, solve(problem), network, solve)
    assert proof is not None
    assert grid_proof is not None
    assert proof.basis == "the AC flows"
    assert all(kept for _, kept in proof.told())
    assert not grid_proof.breaches
    placed = placed_flows(problem.site, schedule, network, grid_proof.kvar)
    assert placed is not None
    operation = Operation.from_schedule(problem.site, schedule)
    there = on_network(operation, placed, {"pcc"}, grid_intensity(problem.site, schedule))
    energy, carbon = traced(there).of("load")
    np.testing.assert_allclose(proof.limits[0].counted.carbon_kg[0], carbon)
    assert (carbon <= 0.4 * energy + 1e-2).all()


def test_what_others_feed_in_makes_room_that_the_plan_uses() -> None:
    """With the wind and PV of others on the feeder, what is bought has less than .4 kg/kWh on the AC flows."""
    feeder = load_network("pandapower:create_cigre_network_mv?with_der=pv_wind")
    problem = two_sources(0.4, neighbours=True)
    schedule, _, proof = settled(problem.site, problem, solve(problem), feeder, solve)
    assert proof is not None
    assert all(kept for _, kept in proof.told())
    assert schedule.asset("unit", "power_kw") == pytest.approx(np.zeros(3), abs=1e-3)


def test_a_limit_that_only_the_parks_own_balances_keep_is_held_on_the_flows() -> None:
    """PV stands on another branch than the load: what it gives, others take. At the load's bus others take 90 kW."""
    pcc = grid(tariff=tariff(0.1, feed_in=0.02), export_kw=500.0, carbon_intensity_kg_per_kwh=0.7)
    engine = unit(cost_per_kwh=0.2, co2_kg_per_kwh=0.2, max_kw=1000)
    pv = {"kind": "pv", "name": "roof", "bus": "far", "peak_kw": 500, "tilt_deg": 20, "azimuth_deg": 180}
    way = {"kind": "cable", "name": "way", "bus": "main", "far_bus": "far", "rating_kw": 1000}
    on = {"network": "of the test", "bus_of": {"main": "21", "far": "17"}, "voltage_min_pu": 0.8}
    site = park(
        load(), engine, pcc, pv, way,
        buses=[{"name": "main"}, {"name": "far"}],
        wishes=[{"meter": "load", "kg_per_kwh_max": 0.6, "over": "hour"}],
        grid=on,
    )  # fmt: skip
    series = {("load", "demand_kw"): 100.0, ("roof", "available_kw"): 80.0}
    problem = Problem(site, given(site, hours(2), series), network_slots=SLOTS)
    first = solve(problem)
    assert first.asset("unit", "power_kw").max() == pytest.approx(0.0, abs=1e-6)
    schedule, _, proof = settled(site, problem, first, load_network("pandapower:case33bw"), solve)
    assert proof is not None
    assert proof.basis == "the AC flows"
    assert all(kept for _, kept in proof.told())
    # .2 u + .7 (190 − u) = .6 · 190, though all but 20 kW of the unit's power leaves the park by its own balance.
    assert schedule.asset("unit", "power_kw") == pytest.approx(np.full(2, 38.0), abs=0.01)
    assert schedule.asset("pcc", "export_kw") == pytest.approx(np.full(2, 18.0), abs=0.01)
    assert proof.limits[0].gap_kg < 1e-3


def test_without_a_network_the_parks_own_balances_have_the_last_word() -> None:
    problem = two_sources(0.4)
    schedule, grid_proof, proof = settled(problem.site, problem, solve(problem), None, solve)
    assert grid_proof is None
    assert proof is not None
    assert proof.basis == "the park's own balances"
    assert schedule.asset("unit", "power_kw") == pytest.approx(np.array([300.0, 500.0, 400.0]) * 0.6)


def test_without_limits_only_the_network_is_proved(network: Network) -> None:
    problem = two_sources(0.4)
    site = problem.site.model_copy(update={"wishes": ()})
    bare = Problem(site, problem.inputs, network_slots=SLOTS)
    _, grid_proof, proof = settled(site, bare, solve(bare), network, solve)
    assert grid_proof is not None
    assert proof is None


def test_certificate_and_findings_tell_what_is_broken_and_what_could_be() -> None:
    problem = two_sources(0.1)
    schedule, _, proof = settled(problem.site, problem, solve(problem), None, solve)
    plan = replace(planned(problem.site, problem.inputs, schedule=schedule), flow_limits=proof)
    texts = [f.text for f in findings(plan) if f.severity == "warning"]
    assert any("over by 120 kg, most with 0.2 kg/kWh" in text and "the least" in text for text in texts)
    made = certificate(plan.site, plan.issue_time, plan.outlook, schedule, plan.audit, None, {}, None, proof)
    said: Any = made["carbon_flow_limits"]
    assert said["windows_passed"] == 3
    assert said["traced_on"] == "the park's own balances"
    (of_load,) = said["limits"].values()
    assert of_load["over_kg"] == pytest.approx([30.0, 50.0, 40.0])
    assert of_load["least_reached_kg"] == pytest.approx([60.0, 100.0, 80.0])
