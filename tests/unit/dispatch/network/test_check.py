"""The loop between plan and network, on CIGRE's medium-voltage feeder: violations are mended, or reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dispatch.assets.cable import Cable
from dispatch.audit import Audit, audit
from dispatch.errors import SolveError
from dispatch.network import check, settling
from dispatch.network.asked import states
from dispatch.network.check import SLOTS, GridProof, prove
from dispatch.network.injections import injections, neighbours, standard_clock
from dispatch.network.states import Trial
from dispatch.part import Violation
from dispatch.presentation.page import report_data
from dispatch.problem import NetworkLimits, Problem
from dispatch.report import render
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from grid_models.library import load as load_network
from grid_models.network import Network
from grid_models.power_flow import solve_reference
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.planned import planned

NODE = "Bus 10"
WIND: dict[str, Any] = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 9000}
EXPORTING = grid(export_kw=20_000, tariff=tariff(0.2, feed_in=0.08))
WINDY = {("load", "demand_kw"): 500.0, ("wind", "available_kw"): np.array([0, 3000, 9000, 6000.0])}

BROKEN = Violation("load", "of the test", 0, 1.0, 0.0, "kW")


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


@dataclass(frozen=True)
class Proved:
    site: Site
    problem: Problem
    first: Schedule
    schedule: Schedule
    proof: GridProof


def posed(*assets: Mapping[str, Any], series: Mapping[tuple[str, str], Any], **fields: Any) -> Problem:
    on_network = {"network": "of the test", "bus_of": {"main": NODE}, "neighbours": False} | fields
    site = park(*assets, grid=on_network)
    return Problem(site, given(site, hours(4), series), network_slots=SLOTS)


def proved(network: Network, problem: Problem) -> Proved:
    """Proves, and holds every proof to what it always owes: it is about the schedule that came back."""
    first = solve(problem)
    compiled = problem.compiled
    schedule, proof = prove(problem.site, problem, first, network)
    assert problem.compiled is compiled, "limits are data: no recompilation"
    assert proof.to_hold <= 6
    assert proof.rounds <= proof.to_hold + 8
    assert audit(schedule).passed
    own = injections(problem.site, schedule)
    others = neighbours(problem.site, network, schedule.inputs.horizon)
    np.testing.assert_allclose(solve_reference(network, own, others).vm_pu, proof.flows.vm_pu, rtol=1e-12)
    assert (proof.stopped != "") == (proof.breaches != ())
    return Proved(problem.site, problem, first, schedule, proof)


def on_network(site: Site, network: Network, schedule: Schedule) -> Trial:
    """The schedule on the intact network, without neighbours."""
    state = states(site, network, None, schedule.inputs.horizon)[0]
    return state.check(schedule)


def objective(schedule: Schedule) -> float:
    return float(schedule.weights @ (schedule.money + schedule.penalty))


def test_a_voltage_that_export_lifts_too_high_is_mended_by_charging_and_curtailing(network: Network):
    store = battery(energy_kwh=4000, charge_kw=2000, discharge_kw=2000)
    done = proved(network, posed(load(), EXPORTING, WIND, store, series=WINDY, voltage_max_pu=1.045))
    first = on_network(done.site, network, done.first)
    assert "voltage_high" in {b.kind for b in first.found}
    assert done.proof.before == len(first.found) > 0
    assert done.proof.breaches == ()
    assert done.proof.flows.vm_pu.max() <= 1.045 + 1e-4
    assert done.schedule.asset("wind", "curtailed_kw").max() > 1000
    assert done.schedule.asset("battery", "charge_kw").max() > 100
    assert objective(done.schedule) > objective(done.first)
    assert done.schedule.proof.quality == "optimal"
    # Not curtailed more than needed: the limit is reached to the margin of the linear rows.
    assert done.proof.flows.vm_pu.max() > 1.045 - 1e-3


def test_limits_drawn_far_outside_are_drawn_again_until_they_take_no_more_than_they_must(
    network: Network, monkeypatch: pytest.MonkeyPatch
):
    """Where 9 MW are asked for, slopes there say far less about 1 MW than those at 1 MW do."""
    pose: dict[str, Any] = {"series": WINDY, "voltage_max_pu": 1.04}
    rested = proved(network, posed(load(), EXPORTING, WIND, **pose))
    monkeypatch.setattr(check, "settle", lambda *_: None)
    stopped = proved(network, posed(load(), EXPORTING, WIND, **pose))
    assert rested.proof.breaches == stopped.proof.breaches == ()
    at = rested.proof.flows.vm_pu[:, 2].max()
    assert 1.04 - 3e-4 < at <= 1.04 + 1e-4
    assert stopped.proof.flows.vm_pu[:, 2].max() < at - 1e-4
    assert rested.schedule.asset("wind", "power_kw")[2] > stopped.schedule.asset("wind", "power_kw")[2] + 100


def test_every_scenario_holds_and_the_published_path_is_not_bent_for_another(network: Network):
    site = park(load(), EXPORTING, WIND, grid={"network": "of the test", "bus_of": {"main": NODE}, "neighbours": False,
                                               "voltage_max_pu": 1.045})  # fmt: skip
    windy = np.array([[500.0, 500, 500, 500], [0, 3000, 9000, 6000], [100, 200, 8000, 300]])
    inputs = given(site, hours(4), {("load", "demand_kw"): 500.0, ("wind", "available_kw"): windy}, scenarios=3)
    done = proved(network, Problem(site, inputs, network_slots=SLOTS))
    assert done.proof.before > 0
    assert done.proof.breaches == ()
    state = states(site, network, None, inputs.horizon)[0]
    for scenario in range(3):
        assert state.check(done.schedule, np.full(4, scenario)).found == []
    assert state.check(done.first, np.full(4, 1)).found != []
    assert done.schedule.asset("wind", "curtailed_kw", 0) == pytest.approx([0, 0, 0, 0], abs=1e-6)
    assert done.schedule.asset("wind", "curtailed_kw", 1)[2] > 1000
    assert done.schedule.asset("wind", "curtailed_kw", 2)[2] > 1000


def test_what_is_left_in_another_scenario_is_told_with_its_number(network: Network):
    """Demand of the second scenario drags the voltage down, and nothing can be shed."""
    site = park(load(), EXPORTING, grid={"network": "of the test", "bus_of": {"main": NODE}, "neighbours": False,
                                         "voltage_min_pu": 0.98})  # fmt: skip
    demand = np.array([[100.0] * 4, [100, 9000, 100, 100]])
    done = proved(
        network, Problem(site, given(site, hours(4), {("load", "demand_kw"): demand}, scenarios=2), network_slots=SLOTS)
    )
    assert {b.step for b in done.proof.breaches} == {1}
    assert all(b.element.endswith("in scenario 1") for b in done.proof.breaches)
    assert "in scenario 1, branch loading at 01:00" in done.proof.stopped


def test_an_overloaded_line_is_mended(network: Network):
    done = proved(network, posed(load(), EXPORTING, WIND, series=WINDY, voltage_max_pu=1.2))
    first = on_network(done.site, network, done.first)
    assert {b.kind for b in first.found} == {"branch_loading"}
    assert done.proof.breaches == ()
    assert 0.99 < np.nanmax(done.proof.flows.branch_loading_pu) <= 1 + 1e-4
    assert done.schedule.asset("wind", "curtailed_kw")[2] > 1000
    assert done.schedule.asset("wind", "curtailed_kw")[:2] == pytest.approx([0, 0], abs=1e-6), "other steps stay"
    assert objective(done.schedule) > objective(done.first)


def test_a_plan_that_holds_is_solved_once_and_comes_back_as_it_is(network: Network):
    done = proved(network, posed(load(), EXPORTING, WIND, series=WINDY | {("wind", "available_kw"): 1000.0}))
    assert done.schedule is done.first
    assert (done.proof.rounds, done.proof.before) == (1, 0)
    assert done.proof.engine_gap_pu < 1e-6


def test_what_the_neighbours_alone_break_is_reported_and_bends_no_plan(network: Network):
    store = battery(energy_kwh=40, charge_kw=10, discharge_kw=10)
    series = {("load", "demand_kw"): 10.0}
    problem = posed(load(), EXPORTING, store, series=series, neighbours=True, voltage_min_pu=0.95)
    done = proved(network, problem)
    worst = next(b for b in done.proof.breaches if b.kind == "voltage_low")
    assert worst.element == "Bus 11"
    assert worst.margin == pytest.approx(0.95 - worst.value)
    assert 0.02 < worst.margin < 0.05
    np.testing.assert_array_equal(done.schedule.injection_kw(("main",)), done.first.injection_kw(("main",)))
    assert objective(done.schedule) == pytest.approx(objective(done.first))
    assert "within this park's reach" in done.proof.stopped
    data = report_data(planned(done.site, problem.inputs, schedule=done.schedule, grid=done.proof))
    text = f"Bus 11: voltage low at 00:00, {worst.value:.4f} p.u. (limit 0.9500, over by {worst.margin:.4f})"
    assert text in [f.text for f in data.findings if f.severity == "violation"]
    assert any(f.text.startswith("network: nothing within") for f in data.findings)
    assert data.status.ac_violations == len(done.proof.breaches) > 20


def test_the_relaxation_proves_that_the_neighbours_violations_are_out_of_reach(network: Network):
    store = battery(energy_kwh=40, charge_kw=10, discharge_kw=10)
    fields = {"neighbours": True, "voltage_min_pu": 0.95, "certificate": True}
    done = proved(network, posed(load(), EXPORTING, store, series={("load", "demand_kw"): 10.0}, **fields))
    assert len(done.proof.certificate) == 3, "of the worst steps"
    assert all(
        "proved that nothing the park can inject (-20 to 10 kW at Bus 10) holds" in t for t in done.proof.certificate
    ), done.proof.certificate
    data = report_data(planned(done.site, done.problem.inputs, schedule=done.schedule, grid=done.proof))
    assert any(f.text.startswith("network: 0") and "proved that nothing" in f.text for f in data.findings)


def test_the_relaxation_says_what_would_hold_where_a_store_cannot_do_it_all_day(network: Network):
    """Full, it can lift the voltage for an hour; there are four hours to lift it in."""
    store = battery(energy_kwh=8000, charge_kw=8000, discharge_kw=8000, start_fill=0.95)
    fields = {"neighbours": True, "voltage_min_pu": 0.95, "certificate": True}
    done = proved(network, posed(load(), EXPORTING, store, series={("load", "demand_kw"): 10.0}, **fields))
    assert done.proof.breaches
    assert any("the network would hold with" in text for text in done.proof.certificate), done.proof.certificate


def test_what_the_park_can_mend_is_mended_beside_what_it_cannot(network: Network):
    done = proved(network, posed(load(), EXPORTING, WIND, series=WINDY, neighbours=True))
    assert {b.step for b in done.proof.breaches} == {0}, "step 0 has no wind to help the feeder"
    curtailed = done.schedule.asset("wind", "curtailed_kw")
    assert curtailed[2] > 1000
    assert curtailed[[0, 1]] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("demand_kw", [[100, 100, 60_000, 100], [1e6, 1e6, 1e6, 1e6]])
def test_a_step_without_an_ac_solution_is_reported(network: Network, demand_kw: list[float]):
    series = {("load", "demand_kw"): np.array(demand_kw, float)}
    problem = posed(load(), grid(import_kw=1e7), series=series)
    done = proved(network, problem)
    unsolved = [step for step, kw in enumerate(demand_kw) if kw > 1000]
    assert [(b.kind, b.step) for b in done.proof.breaches] == [("no_solution", step) for step in unsolved]
    assert "without an AC solution" in done.proof.stopped
    plan = planned(done.site, problem.inputs, schedule=done.schedule, grid=done.proof)
    data = report_data(plan)
    texts = [f.text for f in data.findings if f.severity == "violation"]
    assert texts[0].endswith(f"no solution at {unsolved[0]:02d}:00")
    assert not any("nan" in text for text in texts)
    assert data.voltage is not None
    gaps = [step for step, value in enumerate(data.voltage.lowest_pu) if np.isnan(value)]
    assert gaps == unsolved
    assert "NaN" not in str(plan.certificate)
    assert "nan" not in str(plan.certificate)
    assert "no solution" in render(data)


def test_a_load_lowers_its_voltage_a_generator_raises_it_and_reactive_demand_lowers_it_more(network: Network):
    def voltage(**series: float) -> float:
        problem = posed(load(power_factor=pf), EXPORTING, WIND, series={
            ("load", "demand_kw"): series.get("demand", 0.0), ("wind", "available_kw"): series.get("wind", 0.0)
        })  # fmt: skip
        flows = on_network(problem.site, network, solve(problem)).flows
        return float(flows.vm_pu[network.bus_index([NODE])[0], 0])

    pf = 1.0
    idle, loaded, windy = voltage(), voltage(demand=2000), voltage(wind=2000)
    assert loaded < idle - 1e-3
    assert windy > idle + 1e-3
    pf = 0.8
    assert voltage(demand=2000) < loaded - 1e-3


def two_buses(**grid_fields: Any) -> Problem:
    buses = [{"name": "main"}, {"name": "yard"}, {"name": "heat", "carrier": "heat"}]
    cable = {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "yard", "rating_kw": 9000}
    wind = WIND | {"bus": "yard"}
    site = park(load(power_factor=0.8), EXPORTING, cable, wind, buses=buses, grid={"network": "x"} | grid_fields)
    return Problem(site, given(site, hours(4), WINDY), network_slots=SLOTS)


def test_cables_and_the_grid_connection_are_the_network_and_inject_nothing(
    network: Network, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Cable, "kvar_per_kw", property(lambda _: 0.5))
    problem = two_buses(bus_of={"yard": "Bus 9", "main": NODE}, neighbours=False)
    schedule = solve(problem)
    own = injections(problem.site, schedule)
    assert own.bus == ("Bus 9", NODE)
    np.testing.assert_allclose(own.p_kw, [WINDY["wind", "available_kw"], [-500] * 4], atol=1e-6)
    np.testing.assert_allclose(own.q_kvar, [[0] * 4, [-500 * 0.75] * 4], atol=1e-6)
    assert proved(network, problem).proof.breaches == ()


def test_two_site_buses_on_one_network_bus_share_its_limits(network: Network):
    one = proved(network, two_buses(bus_of={"yard": NODE, "main": NODE}, neighbours=False))
    assert one.proof.before > 0
    assert one.proof.breaches == ()
    alone = proved(network, posed(load(power_factor=0.8), EXPORTING, WIND, series=WINDY))
    assert objective(one.schedule) == pytest.approx(objective(alone.schedule), rel=1e-6)


def failing(after: int, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the given round on, no solve or no audit inside the loop succeeds."""
    calls = 0

    def solver(problem: Problem) -> Schedule:
        nonlocal calls
        calls += 1
        if how == "solve" and calls > after:
            raise SolveError("HiGHS stopped without a plan: of the test")
        return solve(problem)

    def auditor(schedule: Schedule) -> Audit:
        found = audit(schedule)
        return replace(found, violations=(BROKEN,)) if how == "audit" and calls > after else found

    monkeypatch.setattr(check, "solve", solver)
    for module in (check, settling):
        monkeypatch.setattr(module, "audit", auditor)


@pytest.mark.parametrize("how", ["solve", "audit"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_rung_that_fails_inside_the_loop_loses_no_good_schedule(
    network: Network, monkeypatch: pytest.MonkeyPatch, how: str, after: int
):
    problem = posed(load(), EXPORTING, WIND, series=WINDY, voltage_max_pu=1.035)
    unhindered = proved(network, problem)
    assert unhindered.proof.rounds >= 3
    problem.update(limits=NetworkLimits.none(SLOTS, 1, 4))
    failing(after, how, monkeypatch)
    done = proved(network, problem)
    assert done.proof.rounds == 1 + after
    assert "of the test" in done.proof.stopped
    if after == 0:
        assert done.schedule is done.first
    else:
        assert 0 < len(done.proof.breaches) < done.proof.before, "the second round's plan is the better one"


def test_a_plan_by_rule_that_no_solve_replaces_is_checked_all_the_same(
    network: Network, monkeypatch: pytest.MonkeyPatch
):
    problem = posed(load(), EXPORTING, WIND, series=WINDY)
    failing(0, "solve", monkeypatch)
    schedule, proof = prove(problem.site, problem, rule_based(problem), network)
    assert schedule.proof.quality == "rule_based"
    assert len(proof.breaches) == proof.before > 0


def test_a_limit_that_is_only_half_in_reach_puts_the_plan_on_the_rung_relaxed(network: Network):
    store = battery(energy_kwh=9000, charge_kw=1000, discharge_kw=1000)
    series = {("load", "demand_kw"): np.array([0, 0, 4000, 0.0])}
    done = proved(network, posed(load(), EXPORTING, store, series=series, voltage_min_pu=0.99))
    assert done.schedule.asset("battery", "discharge_kw")[2] > 900, "it does what it can"
    assert done.schedule.asset("load", "shed_kw").max() == pytest.approx(0, abs=1e-6)
    assert {b.step for b in done.proof.breaches} == {2}
    assert done.schedule.proof.quality == "relaxed"
    assert "1 of 4 steps" in done.schedule.proof.relaxed[0]


def test_a_limit_out_of_reach_leaves_the_others_of_its_step_standing():
    buses = [{"name": "a"}, {"name": "b"}, {"name": "heat", "carrier": "heat"}]
    pair = [{"kind": "wind", "name": f"wind_{n}", "bus": n, "rated_kw": 500} for n in "ab"]
    sinks = [EXPORTING | {"name": f"pcc_{n}", "bus": n} for n in "ab"]
    site = park(*pair, *sinks, buses=buses, grid={"network": "x", "bus_of": {"a": "x", "b": "y"}})
    series = {(f"wind_{n}", "available_kw"): 300.0 for n in "ab"}
    problem = Problem(site, given(site, hours(2), series), network_slots=2)
    limits = NetworkLimits.none(2, 2, 2)
    limits.coefficient[0, 0, 1], limits.bound_kw[0, 1] = 1.0, -1e6  # nothing at bus a draws a gigawatt
    limits.coefficient[1, 1, 1], limits.bound_kw[1, 1] = 1.0, 100.0
    problem.update(limits=limits)
    assert solve(problem).injection_kw(("b",))[0] == pytest.approx([300, 100])
    ruled = rule_based(problem)
    assert ruled.limit_excess_kw[0] == pytest.approx([0, 1e6 + 300 + 200]), "the rules know no limits and pay for it"


@pytest.mark.parametrize(
    ("zone", "day", "ahead_h"),
    [("Europe/Berlin", "2024-07-01", 1), ("Europe/Berlin", "2024-01-01", 0), ("Europe/Dublin", "2024-07-01", 1),
     ("Europe/Dublin", "2024-01-01", 0), ("Australia/Sydney", "2024-01-01", 1), ("Asia/Shanghai", "2024-07-01", 0)],
)  # fmt: skip
def test_neighbours_follow_standard_time(zone: str, day: str, ahead_h: int):
    local = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    assert standard_clock(local) == local.replace(tzinfo=None) - timedelta(hours=ahead_h)
