"""A plan in the states of its network: with a branch out, as an island, and with tap changers at work."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.explain import naming
from dispatch.ladder.climb import climb
from dispatch.network.asked import states
from dispatch.network.check import GridProof, prove, slots
from dispatch.network.injections import injections
from dispatch.presentation.page import report_data
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.solve import solve
from grid_models.contingency import without_branches
from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.network import Network
from grid_models.power_flow import solve_reference
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.planned import planned
from tests.unit.grid_models.test_control import with_taps

NODE = "Bus 10"
WIND: dict[str, Any] = {"kind": "wind", "name": "wind", "bus": "main", "rated_kw": 9000}
EXPORTING = grid(export_kw=20_000, tariff=tariff(0.2, feed_in=0.08))
WINDY = {("load", "demand_kw"): 500.0, ("wind", "available_kw"): np.array([0, 3000, 8000, 5000.0])}


@pytest.fixture(scope="module")
def ring() -> Network:
    """CIGRE's feeder with its tie switches closed, so that a line may fail without an end to the supply."""
    import pandapower.networks

    net = pandapower.networks.create_cigre_network_mv()
    net.switch["closed"] = True
    return to_network(net, "cigre as a ring")


@pytest.fixture(scope="module")
def radial() -> Network:
    import pandapower.networks

    return to_network(pandapower.networks.create_cigre_network_mv(), "cigre")


def posed(*assets: Any, series: Any = WINDY, connection: Any = EXPORTING, **fields: Any) -> Problem:
    on = {"network": "x", "bus_of": {"main": NODE}, "neighbours": False, "voltage_max_pu": 1.1} | fields
    given_up = [connection] if connection else []
    buses = [{"name": "main"}, {"name": "yard"}, {"name": "heat", "carrier": "heat"}]
    own = {"buses": buses} if "yard" in on["bus_of"] else {}
    site = park(load(power_factor=1.0), *given_up, *assets, grid=on, **own)
    return Problem(site, given(site, hours(4), series), Mode(), network_slots=slots(site))


def proved(network: Network, problem: Problem) -> tuple[Schedule, GridProof]:
    schedule, proof = prove(problem.site, problem, solve(problem), network)
    assert audit(schedule).passed
    return schedule, proof


def test_a_plan_that_holds_with_a_line_out_holds_by_the_reference_engine_too(ring: Network) -> None:
    intact, before = proved(ring, posed(WIND))
    assert before.breaches == ()
    outage = {"branches": ["Line 9-10", "Line 3-8"], "loading_max_pu": 1.0}
    schedule, proof = proved(ring, posed(WIND, contingencies=outage))
    assert proof.before > 0
    assert proof.breaches == (), proof.stopped
    assert proof.unsupplied == {}
    lost = schedule.asset("wind", "curtailed_kw") - intact.asset("wind", "curtailed_kw")
    assert lost[2] > 500, "what is safe takes less wind"
    assert lost[:2] == pytest.approx([0, 0], abs=1e-6)
    for branch in outage["branches"]:
        left = without_branches(ring, [branch])
        own = left.supplied(injections(posed(WIND).site, schedule))
        assert own is not None
        seen = solve_reference(left.network, own)
        assert np.nanmax(seen.branch_loading_pu) <= 1.0 + 1e-3
    wider, proof = proved(ring, posed(WIND, contingencies=outage | {"loading_max_pu": 1.2}))
    assert proof.breaches == ()
    assert 0 < wider.asset("wind", "curtailed_kw")[2] < schedule.asset("wind", "curtailed_kw")[2]


def test_limits_that_hold_a_plan_are_named_by_what_they_limit(ring: Network) -> None:
    problem = posed(WIND, contingencies={"branches": ["Line 9-10"], "loading_max_pu": 1.0})
    _, proof = proved(ring, problem)
    assert proof.before > 0
    limited = {str(text) for text in problem.network.limited.ravel() if text}
    assert any(text.startswith("loading of Line ") and text.endswith(" with Line 9-10 out") for text in limited)
    found = naming.rows(problem, problem.compiled.matrices(), naming.columns(problem))
    of_network = {named.what: k for k, named in enumerate(found.names) if named.kind == "network"}
    assert limited <= set(of_network)
    for text in limited:
        steps = {int(step) for step in found.step[found.name == of_network[text]]}
        assert steps == {int(step) for step in np.argwhere(problem.network.limited == text)[:, 1]}
    twin = problem.twin()
    np.testing.assert_array_equal(twin.network.limited, problem.network.limited)


def test_voltages_have_a_band_of_their_own_with_a_branch_out(ring: Network) -> None:
    outage = {"branches": ["Line 9-10"], "voltage_max_pu": 1.034, "loading_max_pu": 2.0}
    schedule, proof = proved(ring, posed(WIND, contingencies=outage))
    assert proof.before > 0
    assert proof.breaches == ()
    wider, _ = proved(ring, posed(WIND, contingencies=outage | {"voltage_max_pu": 1.2}))
    assert schedule.asset("wind", "curtailed_kw").sum() > wider.asset("wind", "curtailed_kw").sum() + 100


def test_what_a_branch_takes_with_it_is_told(radial: Network) -> None:
    problem = posed(WIND, contingencies={"branches": ["Line 8-9"]})
    schedule, proof = proved(radial, problem)
    assert proof.unsupplied == {"with Line 8-9 out": ("Bus 9", "Bus 10", "Bus 11")}
    assert all("out" not in breach.element for breach in proof.breaches)
    data = report_data(planned(problem.site, problem.inputs, schedule=schedule, grid=proof))
    told = [(f.severity, f.text) for f in data.findings]
    assert ("warning", "network: with Line 8-9 out: the park has no supply at Bus 10") in told
    assert ("info", "network: with Line 8-9 out: no supply for Bus 9, Bus 11") in told


def test_the_only_way_in_may_be_asked_about_too() -> None:
    """Bus 10 hangs on Trafo 0-1; with both transformers out nothing but the source is left to solve."""
    import pandapower.networks

    net = pandapower.networks.create_cigre_network_mv()
    net.trafo.loc[1, "in_service"] = False
    net.bus.loc[[12, 13, 14], "in_service"] = False
    single = to_network(net, "one transformer")
    problem = posed(WIND, contingencies={"branches": ["Trafo 0-1"]})
    _, proof = proved(single, problem)
    (state,) = proof.unsupplied
    assert (state, "Bus 10" in proof.unsupplied[state]) == ("with Trafo 0-1 out", True)
    _, plain = proved(single, posed(WIND))
    assert proof.breaches == plain.breaches


def test_what_stays_broken_with_a_line_out_says_so_with_bus_hour_and_power(ring: Network) -> None:
    series = {("load", "demand_kw"): np.array([500, 500, 9000, 500.0]), ("wind", "available_kw"): 0.0}
    problem = posed(
        WIND, series=series, contingencies={"branches": ["Line 9-10"], "voltage_min_pu": 1.01, "loading_max_pu": 3}
    )
    schedule, proof = proved(ring, problem)
    assert {b.step for b in proof.breaches} == {2}
    assert all(b.element.endswith("with Line 9-10 out") for b in proof.breaches if b.limit == 1.01)
    assert "at 02:00 on 2024-03-01" in proof.stopped
    assert "kW more from the park at Bus 10" in proof.stopped
    assert " with Line 9-10 out, voltage low" in proof.stopped
    data = report_data(planned(problem.site, problem.inputs, schedule=schedule, grid=proof))
    assert any("with Line 9-10 out: voltage low at 02:00" in f.text for f in data.findings)


def test_a_branch_that_is_not_there_is_told(ring: Network) -> None:
    problem = posed(WIND, contingencies={"branches": ["Line 9-11"]})
    with pytest.raises(GridError, match="Line 9-11"):
        prove(problem.site, problem, solve(problem), ring)


OUT = {"start": "2024-03-01T02:00+00:00", "end": "2024-03-01T04:00+00:00"}


def islanded(**island: Any) -> Problem:
    connection = EXPORTING | {"planned_outages": [OUT]}
    series = {("load", "demand_kw"): np.array([500, 800, 2000, 1500.0])}
    generator = unit("engine", min_kw=0, max_kw=4000, cost_per_kwh=0.5, bus="yard")
    cable = {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "yard", "rating_kw": 9000}
    of_island = {"reference": "engine", "rated_kw": 4000, "open_branches": ["Trafo 0-1", "Trafo 0-12"]} | island
    fields = {"bus_of": {"main": NODE, "yard": "Bus 5"}, "island": of_island}
    return posed(generator, cable, series=series, connection=connection, **fields)


def test_while_the_connection_is_out_the_reference_unit_holds_the_island(radial: Network) -> None:
    problem = islanded()
    schedule, proof = proved(radial, problem)
    assert proof.breaches == ()
    assert proof.island_kw is not None
    alone = problem.site.without_connection(problem.horizon)
    np.testing.assert_array_equal(alone, [False, False, True, True])
    planned_kw = schedule.asset("engine", "power_kw")
    np.testing.assert_array_equal(np.isnan(proof.island_kw), ~alone)
    np.testing.assert_allclose((proof.island_kw - planned_kw)[alone], proof.flows.losses_kw[alone], atol=1e-3)
    at = radial.bus_index(["Bus 5"])[0]
    assert proof.flows.vm_pu[at, 2:] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert np.isnan(proof.flows.vm_pu[radial.bus_index(["Bus 14"])[0], 2:]).all(), "what is cut off is not supplied"
    assert np.isfinite(proof.flows.vm_pu[:, :2]).all()
    assert "as an island" in proof.unsupplied


def test_a_reference_unit_that_is_too_small_for_the_losses_is_told_with_hour_and_power(radial: Network) -> None:
    problem = islanded(rated_kw=2000.0)
    schedule, proof = proved(radial, problem)
    (breach,) = proof.breaches
    assert (breach.element, breach.kind, breach.step) == ("engine as an island", "island_power", 2)
    assert breach.margin == pytest.approx(breach.value - 2000.0)
    assert 0.5 < breach.margin < 50
    assert "engine as an island, island power at 02:00 on 2024-03-01, over by" in proof.stopped
    data = report_data(planned(problem.site, problem.inputs, schedule=schedule, grid=proof))
    assert any("engine as an island: island power at 02:00" in f.text for f in data.findings)


def test_a_reference_unit_that_lacks_reactive_power_is_told_likewise(radial: Network) -> None:
    asked = islanded(rated_kvar=1e4)
    _, proof = proved(radial, asked)
    assert proof.breaches == ()
    alone = asked.site.without_connection(asked.horizon)
    needed = np.abs(proof.flows.slack_q_kvar[alone])
    assert (needed > 100).all()
    _, short = proved(radial, islanded(rated_kvar=float(needed.min()) / 2))
    assert {(one.element, one.kind, one.unit) for one in short.breaches} == {
        ("engine as an island", "island_power", "kvar")
    }
    assert sorted(one.margin for one in short.breaches) == pytest.approx(sorted(needed - needed.min() / 2), rel=1e-3)
    assert "kvar: what the others and the losses take of the reference unit" in short.stopped


def test_a_reference_unit_that_is_off_holds_no_voltage(radial: Network) -> None:
    """A second, cheaper engine could serve the island alone; one that may not start before 03:00 cannot hold it."""

    def beside_cheap(**changes: Any) -> Problem:
        asked = islanded().site
        cheap = park(unit("cheap", min_kw=0, max_kw=4000, cost_per_kwh=0.1), load()).assets[0]
        own = tuple(a.model_copy(update=changes) if a.name == "engine" else a for a in asked.assets)
        site = asked.model_copy(update={"assets": (*own, cheap)})
        return Problem(site, given(site, hours(4), {("load", "demand_kw"): 900.0}), Mode(), network_slots=slots(site))

    schedule, proof = proved(radial, beside_cheap())
    assert schedule.asset("engine", "on")[2:] == pytest.approx([1, 1])
    assert proof.breaches == ()
    blocked = beside_cheap(min_down_h=4.0, off_before_h=1.0)
    schedule, proof = prove(blocked.site, blocked, climb(blocked).schedule, radial)
    assert [(one.kind, one.element, one.step) for one in proof.breaches] == [("unit_off", "engine as an island", 2)]
    assert "worst: engine as an island, off at 02:00 on 2024-03-01, though it is to hold the voltage" in proof.stopped
    data = report_data(planned(blocked.site, blocked.inputs, schedule=schedule, grid=proof))
    assert any("engine as an island: unit off at 02:00" in finding.text for finding in data.findings)
    assert any("engine: off although it is to hold the voltage" in finding.text for finding in data.findings)


def test_a_site_without_a_connection_is_an_island_all_day(radial: Network) -> None:
    series = {("load", "demand_kw"): 900.0}
    generator = unit("engine", min_kw=0, max_kw=4000, cost_per_kwh=0.5)
    store = battery(energy_kwh=500, charge_kw=200, discharge_kw=200)
    of_island = {"reference": "engine", "rated_kw": 4000}
    problem = posed(generator, store, series=series, connection=None, island=of_island)
    _, proof = proved(radial, problem)
    assert proof.breaches == ()
    assert proof.island_kw is not None
    assert np.isfinite(proof.island_kw).all()
    assert proof.unsupplied == {}


def test_tap_changers_keep_a_band_that_a_plan_alone_would_curtail_for() -> None:
    import pandapower.networks

    net = with_taps(pandapower.networks.create_cigre_network_mv())
    network = to_network(copy.deepcopy(net), "cigre with taps")
    fixed, before = proved(network, posed(WIND, voltage_max_pu=1.045))
    band = [{"transformer": "Trafo 0-1", "voltage_min_pu": 0.985, "voltage_max_pu": 1.012}]
    schedule, proof = proved(network, posed(WIND, voltage_max_pu=1.045, tap_changers=band))
    assert before.breaches == proof.breaches == ()
    assert schedule.asset("wind", "curtailed_kw").sum() < 0.8 * fixed.asset("wind", "curtailed_kw").sum()
    assert proof.taps["Trafo 0-1"].max() >= 1
    assert proof.engine_gap_pu < 1e-6


def test_a_tap_changer_that_hunts_is_told_with_hour_and_transformer() -> None:
    import pandapower.networks

    network = to_network(with_taps(pandapower.networks.create_cigre_network_mv()), "cigre with taps")
    band = [{"transformer": "Trafo 0-1", "voltage_min_pu": 1.0229, "voltage_max_pu": 1.0230}]
    _, proof = proved(network, posed(WIND, tap_changers=band))
    assert any(text.startswith("Trafo 0-1 at 0") and "hunts" in text for text in proof.unsettled)
    assert {b.kind for b in proof.breaches} == {"no_solution"}
    assert "hunts" in proof.stopped


def test_the_states_are_those_that_the_site_asks_for(ring: Network) -> None:
    problem = posed(WIND, contingencies={"branches": ["Line 9-10", "Line 3-8"]})
    made = states(problem.site, ring, None, problem.horizon)
    assert [state.label for state in made] == ["", "with Line 9-10 out", "with Line 3-8 out"]
    assert slots(problem.site) == sum(state.slots for state in made)
    assert [state.label for state in states(islanded().site, ring, None, problem.horizon)] == ["", "as an island"]


def test_everything_at_once(ring: Network) -> None:
    """Q(V), free and fixed inverters, a branch out and losses: states without violations beside one that has some."""
    store = battery(energy_kwh=500, charge_kw=200, discharge_kw=200, reactive={"mode": "voltage", "rated_kva": 800})
    pv = {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 900, "reactive": {"mode": "fixed", "power_factor": 0.9}}
    wind = WIND | {"reactive": {"mode": "free", "rated_kva": 9500}}
    series = WINDY | {("pv", "available_kw"): 400.0}
    fields = {"contingencies": {"branches": ["Line 9-10", "Line 1-2"], "loading_max_pu": 1.1}, "losses_at": "main"}
    schedule, proof = proved(ring, posed(wind, pv, store, series=series, **fields))
    assert proof.before > 0
    assert proof.breaches == (), proof.stopped
    assert proof.loss_kw is not None
    assert abs(proof.loss_kw.sum() - proof.flows.losses_kw.sum()) < 0.01 * proof.flows.losses_kw.sum()
    assert np.isfinite(proof.kvar["battery"]).all()
    assert proof.engine_gap_pu < 1e-6
    assert schedule.proof.quality == "optimal"
