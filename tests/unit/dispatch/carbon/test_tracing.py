from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon import Flows, tracing
from dispatch.errors import AlignmentError, DataError
from tests.unit.dispatch.carbon.networks import carried, circle, dense, meshed


def golden(shared: Path, name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((shared / "golden" / "carbon.json").read_text())[name]
    return case


def test_bialeks_lossy_network_net_and_gross(shared: Path) -> None:
    case = golden(shared, "T2_bialek4_lossy")
    start, end, send, receive = np.array(case["flows_i_j_send_recv"], dtype=float).T
    flows = Flows.sent(4, start.astype(int) - 1, end.astype(int) - 1, send, receive)
    power, intensity = zip(*case["gen"].values(), strict=True)
    at = [int(bus) - 1 for bus in case["gen"]]
    net = tracing(flows, power, intensity, at=at, shares=True)
    np.testing.assert_allclose(net.throughput[:, 0], case["net"]["P_N"])
    np.testing.assert_allclose(net.intensity[:, 0], case["net"]["e"], rtol=1e-7)
    np.testing.assert_allclose(net.load[2:, 0], case["net"]["load_t"], rtol=1e-7)
    assert net.branch_loss.sum() == pytest.approx(case["net"]["loss_t"], rel=1e-8)
    assert net.injected[0] == pytest.approx(case["net"]["total_t"])
    assert net.share is not None
    np.testing.assert_allclose(net.share[0, :, 0], case["net"]["share_G1_at"], rtol=1e-7)
    np.testing.assert_allclose(net.share.sum(axis=0), 1.0)
    gross = tracing(flows, power, intensity, at=at, shares=True, losses="gross")
    np.testing.assert_allclose(gross.throughput[:, 0], case["gross"]["P_gross"], rtol=1e-9)
    assert gross.share is not None
    third = gross.share[:, 2, 0] * gross.throughput[2, 0]
    np.testing.assert_allclose(third, case["gross"]["L3_from_G1_G2"], rtol=1e-9)
    assert gross.load.sum() == pytest.approx(case["net"]["total_t"])


def test_a_loop_of_flow_is_solved_and_not_followed(shared: Path) -> None:
    case = golden(shared, "T3_loop_flow")
    start, end, power = np.array(case["flows"], dtype=float).T
    flows = Flows.sent(3, start.astype(int) - 1, end.astype(int) - 1, power, power)
    at = [int(bus) - 1 for bus in case["gen"]]
    traced = tracing(flows, *zip(*case["gen"].values(), strict=True), at=at)
    np.testing.assert_allclose(traced.throughput[:, 0], case["P_N"])
    np.testing.assert_allclose(traced.intensity[:, 0], case["e"])
    assert traced.load[1, 0] == pytest.approx(20 * case["e"][1])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5), st.sampled_from(["net", "gross"]))
def test_carbon_is_conserved_on_any_network(seed: int, nodes: int, steps: int, losses: Any) -> None:
    flows, power, intensity = meshed(np.random.default_rng(seed), nodes, steps)
    traced = tracing(flows, power, intensity, losses=losses, shares=True)
    assert np.abs(traced.residual).max() < 1e-9
    passed = traced.intensity[np.isfinite(traced.intensity)]
    if losses == "net":  # a mixture of what came in
        assert passed.min() >= intensity.min() - 1e-9
        assert passed.max() <= intensity.max() + 1e-9
    assert traced.share is not None
    np.testing.assert_allclose(np.nansum(traced.share, axis=0)[np.isfinite(traced.intensity)], 1.0, rtol=1e-9)


def test_many_steps_at_once_are_the_same_as_one_by_one() -> None:
    flows, power, intensity = meshed(np.random.default_rng(1), 6, 30)
    whole = tracing(flows, power, intensity)
    for step in (0, 13, 29):
        alone = tracing(flows.at_steps(np.array([step])), power[:, [step]], intensity[:, [step]])
        np.testing.assert_allclose(whole.intensity[:, [step]], alone.intensity, rtol=1e-12)


def test_a_line_fed_from_both_ends_is_a_loss_of_both() -> None:
    flows = Flows(2, np.array([0]), np.array([1]), np.array([[0.3]]), np.array([[0.1]]))
    traced = tracing(flows, [1.0, 2.0], [0.5, 0.8])
    np.testing.assert_allclose(traced.intensity[:, 0], [0.5, 0.8])
    assert traced.branch_loss[0, 0] == pytest.approx(0.3 * 0.5 + 0.1 * 0.8)
    np.testing.assert_allclose(traced.load[:, 0], [0.7 * 0.5, 1.9 * 0.8])
    gross = tracing(flows, [1.0, 2.0], [0.5, 0.8], losses="gross")
    np.testing.assert_allclose(gross.load[:, 0], [0.5, 1.6])  # of its own node each, the losses with them
    assert gross.residual[0] == pytest.approx(0.0)


def test_a_line_that_is_open_at_its_end_loses_where_it_begins() -> None:
    flows = Flows.sent(2, [0], [1], [0.2], [0.0])
    net, gross = (tracing(flows, [1.0, 0.0], [0.5, 0.0], losses=losses) for losses in ("net", "gross"))
    assert net.branch_loss[0, 0] == pytest.approx(0.1)
    np.testing.assert_allclose(gross.load[:, 0], [0.5, 0.0])
    assert net.residual[0] == pytest.approx(0.0)
    assert gross.residual[0] == pytest.approx(0.0)


def test_a_dead_node_has_no_intensity_and_no_load() -> None:
    flows = Flows.sent(3, [0], [1], [1.0], [1.0])
    traced = tracing(flows, [1.0, 0.0, 0.0], [0.4, 0.0, 0.0])
    assert np.isnan(traced.intensity[2, 0])
    assert traced.load[2, 0] == 0
    assert traced.load[1, 0] == pytest.approx(0.4)


def test_what_cannot_be_is_refused_with_its_place() -> None:
    flows = Flows.sent(2, [0], [1], [1.0], [1.0])
    with pytest.raises(DataError, match="node 0 sends 1 into branch 0"):
        tracing(flows, [0.0, 1.0], [0.0, 0.5])
    with pytest.raises(DataError, match="source 1 in step 0 is -1"):
        tracing(flows, [2.0, -1.0], [0.0, 0.5])
    with pytest.raises(AlignmentError, match="1 steps and flows 2"):
        tracing(Flows.sent(2, [0], [1], np.ones((1, 2)), np.ones((1, 2))), [1.0], [0.1])
    with pytest.raises(DataError, match="received 2"):
        Flows.sent(2, [0], [1], [1.0], [2.0])
    with pytest.raises(DataError, match="node 5 does not exist"):
        Flows.sent(2, [0], [5], [1.0], [1.0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 3), st.sampled_from(["net", "gross"]))
def test_full_matrices_step_by_step_say_the_same(seed: int, nodes: int, steps: int, losses: Any) -> None:
    flows, power, intensity = meshed(np.random.default_rng(seed), nodes, steps)
    traced = tracing(flows, power, intensity, losses=losses)
    for step in range(steps):
        known, load = dense(flows, step, power, intensity, losses)
        np.testing.assert_allclose(traced.intensity[:, step], known, rtol=1e-8)
        np.testing.assert_allclose(traced.load[:, step], load, rtol=1e-8, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(3, 9), st.floats(0, 30))
def test_carbon_carried_round_a_loop_until_it_rests_is_the_same(seed: int, nodes: int, circulating: float) -> None:
    flows, power, intensity = circle(np.random.default_rng(seed), nodes, circulating)
    traced = tracing(flows, power, intensity)
    np.testing.assert_allclose(traced.intensity[:, 0], carried(flows, 0, power, intensity), rtol=1e-9)
    assert abs(traced.residual[0]) < 1e-12


@pytest.mark.parametrize("losses", ["net", "gross"])
def test_scales_may_differ_by_nine_orders(losses: Any) -> None:
    """A village of watts behind a line of gigawatts, and an island of its own."""
    sent = np.array([1e6, 1e-3, 5e-4, 2e-3])
    flows = Flows.sent(6, [0, 1, 2, 4], [1, 2, 3, 5], sent, [1e6, 9e-4, 4e-4, 2e-3])
    traced = tracing(flows, [1e6, 2e-3], [0.4, 0.9], at=[0, 4], losses=losses)
    factor = np.ones(6) if losses == "net" else np.array([1, 1, 10 / 9, 10 / 9 * 5 / 4, 1, 1])
    np.testing.assert_allclose(traced.intensity[:, 0], np.array([0.4, 0.4, 0.4, 0.4, 0.9, 0.9]) * factor, rtol=2e-3)
    assert abs(traced.residual[0]) < 1e-12


def test_a_feeder_that_ends_at_an_open_switch_is_borne_by_those_before_it() -> None:
    """Node 1 has a load, nodes 2 and 3 are the ends of cables that only take their own losses."""
    flows = Flows.sent(4, [0, 1, 2], [1, 2, 3], [10.0, 0.4, 0.1], [9.5, 0.1, 0.0])
    gross = tracing(flows, [10.0], [0.5], losses="gross")
    assert gross.load[1, 0] == pytest.approx(5.0)
    assert np.isnan(gross.intensity[2:, 0]).all()
    assert abs(gross.residual[0]) < 1e-12
    net = tracing(flows, [10.0], [0.5])
    np.testing.assert_allclose(net.branch_loss[:, 0], [0.25, 0.15, 0.05])


def test_power_that_reaches_no_load_is_a_loss_where_it_comes_in() -> None:
    flows = Flows.sent(3, [0], [1], [0.2], [0.1])
    flows = Flows(3, flows.start, flows.end, flows.start_in, flows.end_in, shunt=[0.0, 0.1, 0.0])
    gross = tracing(flows, [0.2, 0.0, 5.0], [0.5, 0.0, 0.1], losses="gross")
    assert gross.node_loss[0, 0] == pytest.approx(0.1)
    assert gross.load[2, 0] == pytest.approx(0.5)
    assert abs(gross.residual[0]) < 1e-12


def test_shunts_are_losses_of_their_node() -> None:
    flows = Flows(2, [0], [1], [10.0], [-10.0], shunt=[0.0, 1.0])
    net, gross = (tracing(flows, [10.0], [0.5], losses=losses) for losses in ("net", "gross"))
    assert (net.load[1, 0], net.node_loss[1, 0]) == pytest.approx((4.5, 0.5))
    assert gross.load[1, 0] == pytest.approx(5.0)


def test_a_step_without_a_solution_is_missing_and_spoils_no_other() -> None:
    flows, power, intensity = meshed(np.random.default_rng(3), 5, 6)
    holed = Flows(5, flows.start, flows.end, flows.start_in.copy(), flows.end_in.copy(), np.array(flows.shunt))
    for values in (holed.start_in, holed.end_in, holed.shunt):
        assert values is not None
        values[:, 2] = np.nan
    power = power.copy()
    power[1, 2] = np.nan
    whole, found = tracing(flows, np.nan_to_num(power), intensity), tracing(holed, power, intensity, shares=True)
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(found.intensity[:, others], whole.intensity[:, others])
    for values in (found.intensity, found.load, found.branch_loss, found.node_loss, found.residual, found.injected):
        assert np.isnan(values[..., 2]).all()
    half = flows.start_in.copy()
    half[0, 1] = np.nan
    with pytest.raises(DataError, match="in step 1 1 of"):
        Flows(5, flows.start, flows.end, half, flows.end_in)


def test_nothing_at_all_is_no_error() -> None:
    flows = Flows(3, [], [], np.zeros((0, 4)), np.zeros((0, 4)))
    traced = tracing(flows, [], [], shares=True)
    assert np.isnan(traced.intensity).all()
    assert traced.intensity.shape == (3, 4)
    np.testing.assert_array_equal(traced.residual, 0.0)
    assert traced.share is not None
    assert traced.share.shape == (0, 3, 4)
    alone = tracing(Flows(1, [], [], np.zeros((0, 1)), np.zeros((0, 1))), [2.0], [0.3])
    assert alone.load[0, 0] == pytest.approx(0.6)


def test_zeros_of_either_sign_and_a_solvers_rounding_are_zeros() -> None:
    flows = Flows(3, [0, 1], [1, 2], [5.0, -0.0], [-5.0, 0.0])
    traced = tracing(flows, [5.0, -1e-12, -0.0], 0.5)
    np.testing.assert_allclose(traced.intensity[:2, 0], 0.5)
    assert np.isnan(traced.intensity[2, 0])


@pytest.mark.parametrize("losses", ["net", "gross"])
def test_a_circle_that_no_source_reaches_is_refused_and_rounding_is_dead(losses: Any) -> None:
    flows = Flows.sent(4, [0, 1, 2], [1, 2, 0], [3.0, 3.0, 3.0], [3.0, 3.0, 3.0])
    with pytest.raises(DataError, match="3 passes node 0, but no source reaches it"):
        tracing(flows, [1.0], [0.5], at=[3], losses=losses)
    small = Flows.sent(4, [0, 1, 2], [1, 2, 0], [1e-10] * 3, [1e-10] * 3)
    traced = tracing(small, [1.0], [0.5], at=[3], losses=losses)
    assert np.isnan(traced.intensity[:3, 0]).all()
    assert traced.load[3, 0] == pytest.approx(0.5)


def test_a_source_that_was_forgotten_where_other_power_arrives_is_refused() -> None:
    flows = Flows.sent(3, [0, 1], [1, 2], [1.0, 5.0], [1.0, 5.0])
    with pytest.raises(DataError, match="node 1 sends 5 into branch 1, but only 1 arrives there"):
        tracing(flows, [1.0], [0.5])


def test_carbon_of_single_loads() -> None:
    flows = Flows.sent(3, [0], [1], [2.0], [2.0])
    traced = tracing(flows, [3.0], [0.5])
    np.testing.assert_allclose(traced.taken([0, 1, 1], [1.0, 1.5, 0.5])[:, 0], [0.5, 0.75, 0.25])
    assert traced.taken([2], [0.0])[0, 0] == 0
    assert np.isnan(traced.taken([2], [1.0])[0, 0])
    with pytest.raises(AlignmentError, match="power is"):
        traced.taken([0], [[1.0, 2.0]])


def test_inputs_are_forgiven_their_type_and_refused_their_sense() -> None:
    flows = Flows.sent(2, [0], [1], [1], [1])
    assert tracing(flows, (1, 0), (1, np.nan), at=(0, 1)).load[1, 0] == 1  # type: ignore[arg-type]
    with pytest.raises(DataError, match="intensities: source 0 in step 0 is nan"):
        tracing(flows, [1.0], [np.nan])
    with pytest.raises(AlignmentError, match="intensities are"):
        tracing(flows, [1.0], [0.1, 0.2])
    with pytest.raises(DataError, match="accepted: 'net' or 'gross'"):
        tracing(flows, [1.0], [0.1], losses="both")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="source 0 in step 0 is inf"):
        tracing(flows, [np.inf], [0.1])
    with pytest.raises(DataError, match="is infinite"):
        Flows(2, [0], [1], [np.inf], [0.0])
    with pytest.raises(DataError, match="whole numbers"):
        Flows(2, [0.5], [1], [1.0], [0.0])
    with pytest.raises(AlignmentError, match="shunt is"):
        Flows(2, [0], [1], [1.0], [0.0], shunt=[1.0])
    with pytest.raises(AlignmentError, match="end_in"):
        Flows(2, [0], [1], [1.0], [[0.0, 1.0]])
    with pytest.raises(AlignmentError, match="3 dimensions"):
        Flows(2, [0], [1], np.zeros((1, 1, 1)), [0.0])
