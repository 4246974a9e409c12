"""What acts on the network beside active power, from the plan to the proof: on CIGRE's medium-voltage feeder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.network.check import GridProof, prove, slots
from dispatch.planning.comparison import compare
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solve import solve
from grid_models.injections import Injections
from grid_models.library import load as load_network
from grid_models.network import Network
from grid_models.power_flow import solve_batch
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.planned import planned

NODE = "Bus 10"
HIGH = 1.045
WIND: dict[str, Any] = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 6000}
EXPORTING = grid(export_kw=20_000, tariff=tariff(0.2, feed_in=0.08))
WINDY = {("load", "demand_kw"): 500.0, ("wind", "available_kw"): np.array([0, 1000, 5500, 4000.0])}
FREE = {"mode": "free", "rated_kva": 6500}
DROOP = {"mode": "voltage", "rated_kva": 6500}


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


def posed(*assets: Mapping[str, Any], series: Mapping[tuple[str, str], Any] = WINDY, **fields: Any) -> Problem:
    groups = fields.pop("groups", ())
    connection = fields.pop("connection", EXPORTING)
    on = {"network": "x", "bus_of": {"main": NODE}, "neighbours": False, "voltage_max_pu": HIGH} | fields
    given_up = [connection] if connection else []
    site = park(load(power_factor=1.0), *given_up, *assets, grid=on, groups=groups)
    return Problem(site, given(site, hours(4), series), network_slots=slots(site))


def proved(network: Network, problem: Problem) -> tuple[Schedule, GridProof]:
    schedule, proof = prove(problem.site, problem, solve(problem), network)
    assert audit(schedule).passed
    return schedule, proof


def curtailed(schedule: Schedule) -> float:
    return float(schedule.asset("wind", "curtailed_kw").sum())


def test_reactive_power_mends_a_voltage_that_else_takes_curtailment(network: Network) -> None:
    plans = {
        name: proved(network, posed(WIND | ({"reactive": asked} if asked else {})))
        for name, asked in {
            "none": None,
            "free": FREE,
            "droop": DROOP,
            "fixed": {"mode": "fixed", "power_factor": 0.95},
            "wrong way": {"mode": "fixed", "power_factor": 0.95, "direction": "injecting"},
        }.items()
    }
    for name, (schedule, proof) in plans.items():
        assert proof.before > 0, name
        assert proof.breaches == (), f"{name}: {proof.stopped}"
        assert proof.flows.vm_pu.max() <= HIGH + 1e-4, name
        assert proof.engine_gap_pu < 1e-6, name
        assert schedule.proof.quality == "optimal", name
    lost = {name: curtailed(schedule) for name, (schedule, _) in plans.items()}
    assert lost["none"] > 1000
    assert lost["free"] < 0.2 * lost["none"]
    assert lost["droop"] < 0.7 * lost["none"]
    assert lost["fixed"] < 0.7 * lost["none"]
    assert lost["wrong way"] > lost["none"]


def test_a_free_inverter_gives_no_more_reactive_power_than_it_takes(network: Network) -> None:
    schedule, proof = proved(network, posed(WIND | {"reactive": FREE}))
    kvar = schedule.reactive_kvar["wind"][0]
    power = schedule.asset("wind", "power_kw")
    assert (np.hypot(kvar, power) <= FREE["rated_kva"] * (1 + 1e-6)).all()
    assert kvar[[0, 1]] == pytest.approx([0, 0], abs=1e-6), "where nothing is too high it gives none"
    assert kvar[2] < -1000
    # Drawn to the margin of the linear rows and not beyond.
    assert proof.flows.vm_pu.max() > HIGH - 1e-3


def test_active_and_reactive_power_are_the_best_of_all_that_the_network_carries(network: Network) -> None:
    """Against every pair on a grid of 10 kW and 50 kvar, solved by the AC power flow."""
    schedule, _ = proved(network, posed(WIND | {"reactive": FREE}))
    p, q = np.meshgrid(np.arange(4500, 5500, 10.0), np.arange(-3500, 0, 50.0))
    flows = solve_batch(network, Injections((NODE,), p.reshape(1, -1) - 500.0, q.reshape(1, -1)))
    holds = (flows.vm_pu.max(axis=0) <= HIGH) & (np.nanmax(flows.branch_loading_pu, axis=0) <= 1.0)
    best = float(p.ravel()[holds].max())
    assert best < 5490, "something binds"
    assert schedule.asset("wind", "power_kw")[2] == pytest.approx(best, rel=5e-3)


def test_an_inverter_that_is_full_leaves_the_rest_to_curtailment(network: Network) -> None:
    schedule, proof = proved(network, posed(WIND | {"reactive": FREE | {"power_factor_min": 0.98}}))
    assert proof.breaches == ()
    kvar, power = schedule.reactive_kvar["wind"][0], schedule.asset("wind", "power_kw")
    assert (np.abs(kvar) <= np.tan(np.arccos(0.98)) * power + 1e-3).all()
    without, _ = proved(network, posed(WIND))
    assert 100 < curtailed(schedule) < 0.9 * curtailed(without)


def test_an_inverter_on_q_of_v_is_told_with_what_it_does(network: Network) -> None:
    schedule, proof = proved(network, posed(WIND | {"reactive": DROOP}))
    vm = proof.flows.vm_pu[network.bus_index([NODE])[0]]
    wanted = 6500 * np.interp(vm, [0.94, 0.98, 1.02, 1.06], [0.33, 0, 0, -0.33])
    np.testing.assert_allclose(proof.kvar["wind"], wanted, atol=0.1)
    assert proof.kvar["wind"].min() < -500
    assert proof.unsettled == ()
    assert "wind" not in schedule.reactive_kvar


def test_a_battery_with_a_free_inverter_helps_at_night_too(network: Network) -> None:
    store = battery(energy_kwh=100, charge_kw=50, discharge_kw=50, reactive={"mode": "free", "rated_kva": 2500})
    schedule, proof = proved(network, posed(WIND, store))
    assert proof.breaches == ()
    without, _ = proved(network, posed(WIND, battery(energy_kwh=100, charge_kw=50, discharge_kw=50)))
    assert curtailed(schedule) < 0.6 * curtailed(without)
    assert schedule.reactive_kvar["battery"].min() < -1500


def test_without_slots_a_park_has_no_variable_for_reactive_power(network: Network) -> None:
    site = posed(WIND | {"reactive": FREE}).site
    inputs = given(site, hours(4), WINDY)
    plain = park(load(power_factor=1.0), EXPORTING, WIND)
    sizes = [Problem(s, i).compiled.size for s, i in ((site, inputs), (plain, given(plain, hours(4), WINDY)))]
    assert sizes[0] == sizes[1]
    assert not Problem(site, inputs).network.free


def test_a_plan_pays_for_the_losses_of_its_feeder(network: Network) -> None:
    store = battery(energy_kwh=4000, charge_kw=1500, discharge_kw=1500)
    problem = posed(WIND, store, losses_at="main", voltage_max_pu=1.1)
    schedule, proof = proved(network, problem)
    assert proof.loss_kw is not None
    real = proof.flows.losses_kw
    assert abs(proof.loss_kw.sum() - real.sum()) < 0.01 * real.sum()
    assert real.max() > 50
    free, _ = proved(network, posed(WIND, store, voltage_max_pu=1.1))
    assert schedule.money[0] > free.money[0] + 0.5
    # The balance of the bus has the losses in it: the connection takes them over.
    net = schedule.asset("pcc", "import_kw") - schedule.asset("pcc", "export_kw") + schedule.injection_kw(("main",))[0]
    np.testing.assert_allclose(net, proof.loss_kw, atol=1e-3)


def test_losses_make_a_store_take_the_peak_off_the_line(network: Network) -> None:
    """At one price for every hour a store is worth nothing but what it saves in losses."""
    store = battery(energy_kwh=2000, charge_kw=1000, discharge_kw=1000, charge_efficiency=1.0, discharge_efficiency=1.0)
    series = {("load", "demand_kw"): np.array([500, 500, 6000, 500.0])}
    schedule, _ = proved(network, posed(store, series=series, losses_at="main", voltage_max_pu=1.1))
    assert schedule.asset("battery", "discharge_kw")[2] > 300
    assert schedule.asset("battery", "charge_kw")[:2].sum() > 300


def test_a_group_limit_binds(network: Network) -> None:
    store = battery(energy_kwh=4000, charge_kw=1500, discharge_kw=1500)
    shared = [{"name": "feeder", "assets": ["wind", "battery"], "max_export_kw": 3000, "max_import_kw": 0}]
    schedule, _ = proved(network, posed(WIND, store, groups=shared, voltage_max_pu=1.1))
    flow = schedule.asset("wind", "power_kw") + schedule.asset("battery", "discharge_kw")
    flow -= schedule.asset("battery", "charge_kw")
    assert flow.max() == pytest.approx(3000, abs=1e-3)
    assert flow.min() > -1e-3
    assert schedule.asset("battery", "charge_kw")[2] > 1000


def test_the_certificate_says_what_a_plan_pays_for_losses_and_what_they_are(network: Network) -> None:
    problem = posed(WIND, losses_at="main", voltage_max_pu=1.1)
    schedule, proof = proved(network, problem)
    plan = planned(problem.site, problem.inputs, schedule=schedule, grid=proof)
    told = plan.certificate["network"]["losses"]  # type: ignore[index]
    assert told["ac_kwh"] == pytest.approx(proof.flows.losses_kw.sum())
    assert abs(told["difference_kwh"]) < 0.01 * told["ac_kwh"]
    assert not any("losses" in text for _, text in proof.remarks())
    assert proof.loss_kw is not None
    wrong = replace(proof, loss_kw=1.05 * proof.loss_kw)
    assert [severity for severity, text in wrong.remarks() if "the plan pays for losses of" in text] == ["warning"]


def test_rules_pay_for_the_losses_that_the_last_power_flow_has_seen(network: Network) -> None:
    problem = posed(WIND, losses_at="main", voltage_max_pu=1.1)
    before = rule_based(problem)
    assert before.loss_kw is not None
    np.testing.assert_array_equal(before.loss_kw, 0.0)
    assert audit(before).passed
    proved(network, problem)
    after = rule_based(problem)
    assert after.loss_kw is not None
    assert after.loss_kw.min() > 1
    assert audit(after).passed
    assert after.asset("pcc", "export_kw")[2] == pytest.approx(
        before.asset("pcc", "export_kw")[2] - after.loss_kw[0, 2]
    )


def test_a_balance_that_forgets_the_losses_fails_the_audit(network: Network) -> None:
    schedule, _ = proved(network, posed(WIND, losses_at="main", voltage_max_pu=1.1))
    assert schedule.loss_kw is not None
    found = audit(replace(schedule, loss_kw=schedule.loss_kw * 0.5)).violations
    assert {v.asset for v in found} == {"bus main"}


def test_a_site_bus_without_supply_or_with_neighbours_pays_for_no_losses() -> None:
    with pytest.raises(ValidationError, match="set neighbours: false"):
        posed(WIND, losses_at="main", neighbours=True)
    with pytest.raises(ValidationError, match="'yard' has no place in bus_of"):
        posed(WIND, losses_at="yard")


def test_every_row_of_the_comparison_pays_for_the_plans_losses(network: Network) -> None:
    problem = posed(WIND, losses_at="main", voltage_max_pu=1.1)
    schedule, proof = proved(network, problem)
    assert proof.loss_kw is not None
    plan, rules, *known = compare(problem.site, schedule, problem.inputs)
    alike = park(load(power_factor=1.0), EXPORTING, WIND)
    lossless = Problem(alike, given(alike, hours(4), WINDY))
    # Of the losses, those of the first hour, without wind, are bought; those of the others are not sold.
    paid = 0.2 * proof.loss_kw[0] + 0.08 * proof.loss_kw[1:].sum()
    assert rules.bill == pytest.approx(rule_based(lossless).money[0] + paid)
    assert [row.name for row in known] == ["plan as executed", "rules of the park, executed", "perfect foresight"]
    assert plan.bill == pytest.approx(known[-1].bill, rel=1e-6)


def test_where_energy_costs_less_than_nothing_no_losses_are_made_up(network: Network) -> None:
    flat = tariff(0.2, feed_in=0.08)
    flat["components"][0]["price_per_kwh"] = -0.1
    connection = grid(import_kw=8000, export_kw=0, tariff=flat)
    series = {("load", "demand_kw"): np.array([500, 2000, 4000, 1000.0])}
    problem = posed(series=series, connection=connection, losses_at="main", voltage_max_pu=1.1)
    _, proof = proved(network, problem)
    assert proof.loss_kw is not None
    np.testing.assert_allclose(proof.loss_kw, proof.flows.losses_kw, rtol=0.01)
