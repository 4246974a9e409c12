from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_models import lindistflow
from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.library import load
from grid_models.limits import Limits
from grid_models.linear import LinearModel, Source, linearise
from grid_models.network import Network
from grid_models.per_unit import edges, is_radial
from grid_models.power_flow import Flows, Injections, node_power, solve_batch, solve_nodes
from grid_models.ptdf import transfer_factors
from grid_models.resources import Resources, Supply
from grid_models.sensitivities import voltage_derivative
from grid_models.socp import Relaxation

NOON = pd.DatetimeIndex(["2016-06-20 12:00", "2016-12-20 18:00"])
SOURCES: tuple[Source, ...] = ("sensitivities", "lindistflow", "ptdf")


@pytest.fixture(scope="module")
def ring(cigre_ring_net: Any) -> Network:
    return to_network(cigre_ring_net, "ring")


@pytest.fixture(scope="module")
def cigre_ring_net() -> Any:
    """CIGRE MV with its normally open switches closed."""
    import pandapower.networks

    net = pandapower.networks.create_cigre_network_mv()
    net.switch["closed"] = True
    return net


@pytest.fixture(scope="module")
def case14() -> Network:
    """A network with machines that hold their voltage."""
    return load("pandapower:case14")


def point(network: Network, count: int = 4) -> tuple[Injections, Injections]:
    """Two steps with generation at some buses of the network, and its background."""
    rng = np.random.default_rng(3)
    where = rng.choice(len(network.bus_names), count, replace=False)
    buses = tuple(network.bus_names[k] for k in where)
    p_kw, q_kvar = rng.uniform(-200.0, 900.0, (count, 2)), rng.uniform(-200.0, 200.0, (count, 2))
    return Injections(buses, p_kw, q_kvar), network.background(NOON)


def moved(network: Network, at: Injections, background: Injections, b: int, kw: float, kvar: float) -> Flows:
    p_kw, q_kvar = at.p_kw.copy(), at.q_kvar.copy()
    p_kw[b] += kw
    q_kvar[b] += kvar
    return solve_batch(network, Injections(at.bus, p_kw, q_kvar), background)


@pytest.mark.parametrize("name", ["semiurb", "cigre", "case33", "ring", "case14"])
def test_sensitivities_are_the_derivatives_of_the_ac_power_flow(name: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(name)
    at, background = point(network)
    model = linearise(network, at, background, at.bus)
    flows = solve_batch(network, at, background)
    np.testing.assert_allclose(model.point.vm_pu, flows.vm_pu, atol=1e-9)
    np.testing.assert_allclose(model.point.branch_loading_pu, flows.branch_loading_pu, atol=1e-9)
    np.testing.assert_allclose(model.point.losses_kw, flows.losses_kw, atol=1e-4)
    slopes = model.slopes
    rows = (
        (1.0, 0.0, slopes.voltage_per_kw, slopes.loading_per_kw, slopes.losses_per_kw),
        (0.0, 1.0, slopes.voltage_per_kvar, slopes.loading_per_kvar, slopes.losses_per_kvar),
    )
    # |i| has a kink where a branch carries nothing; and where both ends carry the same, which end leads may change.
    carrying = flows.branch_loading_pu > 1e-2
    for kw, kvar, voltage, loading, losses in rows:
        for b in range(len(at.bus)):
            up, down = (moved(network, at, background, b, sign * kw, sign * kvar) for sign in (1.0, -1.0))
            np.testing.assert_allclose(voltage[:, b], (up.vm_pu - down.vm_pu) / 2, atol=1e-9)
            np.testing.assert_allclose(losses[b], (up.losses_kw - down.losses_kw) / 2, atol=1e-5)
            difference = (up.branch_loading_pu - down.branch_loading_pu) / 2
            np.testing.assert_allclose(loading[:, b][carrying], difference[carrying], atol=1e-6)


def test_nothing_moves_at_the_slack(semiurb: Network) -> None:
    slack = semiurb.bus_names[int(np.flatnonzero(semiurb.ac.bus_node == semiurb.ac.slack_node[0])[0])]
    at = Injections((slack,), np.array([[500.0]]), np.zeros((1, 1)))
    for source in SOURCES:
        model = linearise(semiurb, at, None, [slack], source)
        assert not model.slopes.voltage_per_kw.any()
        np.testing.assert_allclose(np.nan_to_num(model.slopes.loading_per_kw), 0.0, atol=1e-15)
        np.testing.assert_allclose(model.slopes.losses_per_kw, 0.0, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(size=st.floats(50.0, 400.0), angle=st.floats(0.0, 6.28))
def test_the_error_of_a_prediction_is_of_second_order(case33: Network, size: float, angle: float) -> None:
    at = Injections(("17", "32"), np.zeros((2, 1)), np.zeros((2, 1)))
    background = case33.background(NOON[:1])
    model = linearise(case33, at, background, at.bus)

    def error(scale: float) -> float:
        p_kw = scale * np.array([[np.cos(angle)], [np.sin(angle)]])
        predicted = model.predict(p_kw, 0.5 * p_kw)
        actual = solve_batch(case33, Injections(at.bus, p_kw, 0.5 * p_kw), background)
        return float(np.abs(predicted.vm_pu - actual.vm_pu).max())

    assert error(size / 2) <= 0.3 * error(size) + 1e-9


@pytest.mark.parametrize("name", ["semiurb", "cigre", "case33"])
def test_lindistflow_is_near_the_ac_solution_without_a_power_flow(name: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(name)
    at, background = point(network)
    model = linearise(network, at, background, at.bus, "lindistflow")
    exact = linearise(network, at, background, at.bus)
    np.testing.assert_allclose(model.point.vm_pu, exact.point.vm_pu, atol=2e-3)
    np.testing.assert_allclose(model.point.branch_loading_pu, exact.point.branch_loading_pu, atol=1e-2)
    np.testing.assert_allclose(model.point.losses_kw, exact.point.losses_kw, rtol=0.1, atol=1.0)
    for one, other in zip(slope_arrays(model), slope_arrays(exact), strict=True):
        assert np.nanmax(np.abs(one - other)) < 0.3 * np.nanmax(np.abs(other))


def slope_arrays(model: LinearModel) -> list[np.ndarray[Any, Any]]:
    return [getattr(model.slopes, f.name) for f in dataclasses.fields(model.slopes)]


def test_lindistflow_slopes_are_those_of_its_own_point(semiurb: Network) -> None:
    """The chain rule against differences of the same model, which has no losses to move when there are none."""
    at, _ = point(semiurb)
    model = linearise(semiurb, at, None, at.bus, "lindistflow")
    up = Injections(at.bus, at.p_kw + np.eye(4)[:, :1], at.q_kvar)
    step = linearise(semiurb, up, None, at.bus, "lindistflow").point
    difference = step.vm_pu - model.point.vm_pu
    np.testing.assert_allclose(model.slopes.voltage_per_kw[:, 0], difference, atol=2e-8)
    np.testing.assert_allclose(
        model.slopes.losses_per_kw[0], step.losses_kw - model.point.losses_kw, rtol=0.05, atol=2e-4
    )


def test_taps_count_in_lindistflow(semiurb_and_source: tuple[Network, Any]) -> None:
    """A tap raises the busbar by as much as in the AC solution: that is what the ratio in the model is for."""
    net = copy.deepcopy(semiurb_and_source[1])
    net.trafo["tap_pos"] = -2
    network = to_network(net, "tapped")
    background = network.background(NOON)
    none = Injections((network.bus_names[0],), np.zeros((1, 2)), np.zeros((1, 2)))
    actual = solve_batch(network, none, background).vm_pu
    untapped = linearise(semiurb_and_source[0], none, background, none.bus, "lindistflow").point.vm_pu
    model = linearise(network, none, background, none.bus, "lindistflow").point.vm_pu
    assert np.abs(actual - untapped).max() > 0.02
    np.testing.assert_allclose(model, actual, atol=1e-4)


def test_losses_of_lindistflow_follow_its_powers_and_voltages(semiurb_and_source: tuple[Network, Any]) -> None:
    """∂ of Σ r |S|² tap²/w + g w by differences, iron losses behind the tap's ratio and line charging with it."""
    net = copy.deepcopy(semiurb_and_source[1])
    net.trafo["tap_pos"] = -2
    network = to_network(net, "tapped")
    ac, edge = network.ac, edges(network.ac)
    p_kw, q_kvar = node_power(network, Injections((), np.zeros((0, 2)), np.zeros((0, 2))), network.background(NOON))
    system, per_unit = lindistflow._System(ac, edge), 1.0 / (ac.base_mva * 1e3)
    at = system.solve(p_kw * per_unit, q_kvar * per_unit, ac.slack_vm_pu**2)
    rng = np.random.default_rng(0)
    change = lindistflow._State(
        rng.normal(0, 1e-3, (ac.node_kv.size, 1)),
        rng.normal(0, 1e-3, (edge.tap.size, 1)) + 1j * rng.normal(0, 1e-3, (edge.tap.size, 1)),
        np.zeros((edge.tap.size, 1)),
    )

    def losses_kw(sign: float) -> np.ndarray[Any, Any]:
        square, power = at.square + sign * change.square, at.power + sign * change.power
        behind = square[edge.from_node] / edge.tap[:, None] ** 2
        taken = edge.from_shunt.real @ behind + edge.to_shunt.real @ square[edge.to_node]
        taken += ac.node_shunt_pu.real @ square + edge.r_pu @ (np.abs(power) ** 2 / behind)
        return np.asarray(taken * ac.base_mva * 1e3)

    assert (edge.tap != 1.0).any()
    assert edge.from_shunt.real.max() > 0
    found = lindistflow._losses_slope(ac, edge, at, change)
    np.testing.assert_allclose(found[0], (losses_kw(1.0) - losses_kw(-1.0)) / 2, rtol=1e-5)


def test_parallel_branches_share_the_current_of_one_edge(semiurb: Network) -> None:
    """SimBench MV grids have two transformers side by side; turned round, a line is still the same line."""
    ac = semiurb.ac
    merged = edges(ac)
    assert merged.from_node.size == ac.from_node.size - 1
    assert is_radial(ac)
    twice = np.flatnonzero(np.bincount(merged.edge_of) == 2)[0]
    np.testing.assert_allclose(merged.share[merged.edge_of == twice].sum(), 1.0)
    at, background = point(semiurb)
    exact = linearise(semiurb, at, background, at.bus).point.branch_loading_pu
    turned = ac.tap == 1.0
    swapped = dataclasses.replace(
        ac,
        from_node=np.where(turned, ac.to_node, ac.from_node),
        to_node=np.where(turned, ac.from_node, ac.to_node),
        rated_from_ka=ac.rated_to_ka.copy(),
        rated_to_ka=ac.rated_from_ka.copy(),
    )
    for model in (ac, swapped):
        network = dataclasses.replace(semiurb, ac=model)
        loading = linearise(network, at, background, at.bus, "lindistflow").point.branch_loading_pu
        np.testing.assert_allclose(loading, exact, atol=1e-2)


@pytest.fixture(scope="module")
def unlike() -> Network:
    """Two parallel lines that differ in every number, one written the other way round, and unequal end shunts."""
    import pandapower

    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 20.0, name=name) for name in ("a", "b", "c")]
    pandapower.create_ext_grid(net, buses[0], vm_pu=1.02)
    for name, f, t, r, x, c in (
        ("ab", 0, 1, 0.4, 0.4, 300.0), ("bc", 1, 2, 0.5, 0.1, 400.0), ("cb", 2, 1, 0.2, 0.9, 900.0)
    ):  # fmt: skip
        pandapower.create_line_from_parameters(
            net, buses[f], buses[t], 5.0, r_ohm_per_km=r, x_ohm_per_km=x, c_nf_per_km=c, max_i_ka=0.1, name=name
        )
    pandapower.create_load(net, buses[2], p_mw=2.0, q_mvar=0.7)
    network = to_network(net, "unlike")
    return dataclasses.replace(network, ac=dataclasses.replace(network.ac, to_b_pu=np.array([0.0, 0.03, 0.05])))


def test_unlike_parallel_lines_share_the_current_by_their_admittances(unlike: Network) -> None:
    at, background = Injections(("c",), np.array([[500.0]]), np.array([[-300.0]])), unlike.background(NOON[:1])
    flows = solve_batch(unlike, at, background)
    linear = linearise(unlike, at, background, at.bus, "lindistflow").point
    np.testing.assert_allclose(linear.vm_pu, flows.vm_pu, atol=5e-5)
    np.testing.assert_allclose(linear.branch_loading_pu, flows.branch_loading_pu, rtol=2e-3)
    held = Resources(at.bus, at.p_kw, at.p_kw, at.q_kvar, at.q_kvar)
    for branch in range(3):
        for factor, feasible in ((0.999, False), (1.001, True)):
            most = np.full(3, 10.0)
            most[branch] = factor * flows.branch_loading_pu[branch, 0]
            limits = Limits.of(unlike, branch_loading_max_pu=most)
            assert Relaxation(unlike, at.bus, limits).bound(held, Supply(1.0), background).feasible[0] == feasible


def test_lindistflow_loadings_follow_the_chain_rule(case33: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the point's losses the model is linear in w, P and Q, and its slopes are differences of itself."""
    rated = dataclasses.replace(case33.ac, rated_from_ka=np.full(32, 0.1), rated_to_ka=np.full(32, 0.1))
    network, (at, background) = dataclasses.replace(case33, ac=rated), point(case33)
    monkeypatch.setattr("grid_models.lindistflow._current_square", lambda _, at: np.zeros(at.power.shape))
    model = linearise(network, at, background, at.bus, "lindistflow")
    for b in range(len(at.bus)):
        more = np.zeros_like(at.p_kw)
        more[b] = 0.01
        up, down = (
            linearise(network, Injections(at.bus, at.p_kw + m, at.q_kvar), background, at.bus, "lindistflow").point
            for m in (more, -more)
        )
        difference = (up.branch_loading_pu - down.branch_loading_pu) / 0.02
        np.testing.assert_allclose(model.slopes.loading_per_kw[:, b], difference, atol=1e-8)
    far = Injections(at.bus, at.p_kw + 800.0, at.q_kvar - 300.0)  # squared voltages go on as they began
    there = linearise(network, far, background, at.bus, "lindistflow").point.vm_pu
    np.testing.assert_allclose(model.predict(far.p_kw, far.q_kvar).vm_pu, there, atol=1e-9)


def test_the_slack_voltage_moves_all_others_as_the_power_flow_says(case33: Network) -> None:
    background = case33.background(NOON[:1])
    none = Injections((), np.zeros((0, 1)), np.zeros((0, 1)))

    def voltage(more: float) -> Any:
        ac = dataclasses.replace(case33.ac, slack_vm_pu=case33.ac.slack_vm_pu + more)
        return solve_nodes(dataclasses.replace(case33, ac=ac), none, background)

    moved = voltage_derivative(case33.ac, voltage(0.0), np.zeros(0, dtype=np.int64), with_slack=True)
    np.testing.assert_allclose(moved[:, 0], (voltage(1e-4) - voltage(-1e-4)) / 2e-4, atol=1e-6)


def test_a_ring_is_refused_by_lindistflow_and_taken_by_the_others(ring: Network) -> None:
    at, background = point(ring)
    assert not is_radial(ring.ac)
    with pytest.raises(GridError, match=r"'ring' is not radial: LinDistFlow needs .* use the source 'ptdf'"):
        linearise(ring, at, background, at.bus, "lindistflow")
    assert linearise(ring, at, background, at.bus, "ptdf").source == "ptdf"


def test_machines_that_hold_a_voltage_take_back_reactive_power(case14: Network) -> None:
    held = case14.ac.regulated_node
    at = Injections(
        (case14.bus_names[int(np.argmax(case14.ac.bus_node == held[0]))],), np.ones((1, 1)), np.ones((1, 1))
    )
    model = linearise(case14, at, case14.background(NOON[:1]), at.bus)
    np.testing.assert_allclose(model.slopes.voltage_per_kvar, 0.0, atol=1e-15)
    kept = np.isin(case14.ac.bus_node, held)
    np.testing.assert_allclose(model.slopes.voltage_per_kw[kept], 0.0, atol=1e-15)
    assert model.slopes.voltage_per_kw[~kept].any()


def test_transfer_factors_of_a_radial_network_are_its_incidence(case33: Network) -> None:
    factors = transfer_factors(case33.ac, np.arange(33))
    np.testing.assert_allclose(np.abs(factors), np.abs(factors).round(), atol=1e-9)
    assert not factors[:, case33.ac.slack_node].any()
    # What is injected anywhere leaves over the branches at the slack.
    at_slack = np.isin(case33.ac.from_node, case33.ac.slack_node)
    np.testing.assert_allclose(factors[at_slack].sum(axis=0)[1:], -1.0)


def test_transfer_factors_share_by_reactance_and_ratio(unlike: Network) -> None:
    """From a over ab to b, and to c over .5 Ω and 4.5 Ω side by side: 9 parts to 1; with a ratio of 2, 4.5 to 1."""
    c = unlike.ac.bus_node[unlike.bus_index(("c",))]
    np.testing.assert_allclose(transfer_factors(unlike.ac, c)[:, 0], [-1.0, -0.9, 0.1])  # cb is written from c to b
    tapped = dataclasses.replace(unlike.ac, tap=np.array([1.0, 2.0, 1.0]))
    np.testing.assert_allclose(transfer_factors(tapped, c)[:, 0], [-1.0, -4.5 / 5.5, 1 / 5.5])


def test_ptdf_slopes_are_near_the_truth_where_voltages_are_near_one(case33: Network) -> None:
    """Half a megawatt fed in at the end, with and without as much reactive power, on an empty network."""
    rated = dataclasses.replace(case33.ac, rated_from_ka=np.full(32, 0.1), rated_to_ka=np.full(32, 0.1))
    network = dataclasses.replace(case33, ac=rated)
    at = Injections(("17",), np.array([[500.0, 500.0]]), np.array([[0.0, 500.0]]))
    model, exact = (linearise(network, at, None, at.bus, source).slopes for source in ("ptdf", "sensitivities"))
    np.testing.assert_allclose(model.losses_per_kw[:, 0], exact.losses_per_kw[:, 0], rtol=0.1)
    on_the_way = np.abs(exact.loading_per_kw[:, 0, 0]) > 1e-6
    one, other = model.loading_per_kw[on_the_way, 0], exact.loading_per_kw[on_the_way, 0]
    np.testing.assert_allclose(one[:, 0], other[:, 0], rtol=0.07)
    np.testing.assert_allclose(one[:, 1] / one[:, 0], np.sqrt(0.5), rtol=0.07)  # of the apparent power P is so much


def test_ptdf_says_how_flows_split_in_a_ring(ring: Network) -> None:
    """Cables have as much resistance as reactance, which DC flow does not know: near the truth, not on it."""
    at, background = point(ring)
    model, exact = (linearise(ring, at, background, at.bus, source) for source in ("ptdf", "sensitivities"))
    heavy = exact.point.branch_loading_pu > 0.2
    one, other = (m.slopes.loading_per_kw.transpose(0, 2, 1)[heavy] for m in (model, exact))
    assert np.abs(one - other).max() < 0.35 * np.abs(other).max()
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
    np.testing.assert_array_equal(model.slopes.voltage_per_kvar, exact.slopes.voltage_per_kvar)
    assert not model.slopes.loading_per_kvar.any()


def test_a_step_without_solution_is_nan_and_spoils_no_other(semiurb: Network) -> None:
    bus = ("MV2.101 Bus 25",)
    at = Injections(bus, np.array([[1e6, 100.0]]), np.zeros((1, 2)))
    model = linearise(semiurb, at, None, bus)
    assert np.isnan(model.slopes.voltage_per_kw[:, :, 0]).all()
    assert np.isfinite(model.slopes.voltage_per_kw[:, :, 1]).all()


def test_a_network_with_machines_is_refused_where_there_is_no_equation_for_them(case14: Network) -> None:
    with pytest.raises(GridError, match=r"4 machines hold their voltage, which the relaxation does"):
        Relaxation(case14, case14.bus_names[:1])


def test_wrong_arguments_are_named(case33: Network) -> None:
    at = Injections(("17",), np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(GridError, match="unknown source of slopes 'dc'; valid names are"):
        linearise(case33, at, None, at.bus, "dc")  # type: ignore[arg-type]
    with pytest.raises(GridError, match=r"'3' must appear exactly once in the injections, found 0"):
        linearise(case33, at, None, ["3"])
    with pytest.raises(GridError, match=r"p_kw must have shape \(1, 1\), got \(2, 1\)"):
        linearise(case33, at, None, at.bus).predict(np.zeros((2, 1)), np.zeros((1, 1)))
    heavy = Injections(("17",), np.full((1, 1), -1e5), np.zeros((1, 1)))
    with pytest.raises(GridError, match="LinDistFlow finds no positive voltage at bus"):
        linearise(case33, heavy, None, heavy.bus, "lindistflow")
