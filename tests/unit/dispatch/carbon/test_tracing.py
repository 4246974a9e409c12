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


def meshed(random: np.random.Generator, nodes: int, steps: int) -> tuple[Flows, np.ndarray, np.ndarray]:
    """Lossy flows of any direction; sources wherever more leaves than comes."""
    branches = 2 * nodes
    start = random.integers(0, nodes, branches)
    end = (start + random.integers(1, nodes, branches)) % nodes
    sent = random.uniform(0, 10, (branches, steps)) * (random.random((branches, steps)) < 0.8)
    received = sent * random.uniform(0.9, 1, sent.shape)
    turned = random.random(sent.shape) < 0.5
    flows = Flows(nodes, start, end, np.where(turned, -received, sent), np.where(turned, sent, -received))
    net = np.zeros((nodes, steps))
    np.add.at(net, start, flows.start_in)
    np.add.at(net, end, flows.end_in)
    return flows, np.maximum(net, 0) + random.uniform(0, 1, net.shape), random.uniform(0, 1, net.shape)


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
        one = Flows(6, flows.start, flows.end, flows.start_in[:, [step]], flows.end_in[:, [step]])
        alone = tracing(one, power[:, [step]], intensity[:, [step]])
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
