"""Powers by source and branch: every node balances, ends and losses are those of the other engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Network
from grid_models.power_flow import solve_batch, solve_reference
from grid_models.tracing_flows import FIXED, TracingFlows, tracing_flows

DAY = pd.date_range("2016-06-21", periods=24, freq="1h")


def park_of(network: Network, steps: int) -> Injections:
    """Imports at one bus and exports at another, more than the neighbours take in some steps."""
    p_kw = np.stack([np.linspace(-900, 900, steps), 2500 * np.sin(np.linspace(0, np.pi, steps))])
    return Injections((network.bus_names[-1], network.bus_names[len(network.bus_names) // 2]), p_kw, 0.1 * p_kw)


def traced(network: Network) -> tuple[TracingFlows, Injections, Injections]:
    park, others = park_of(network, DAY.size), network.background(DAY, 1.0)
    return tracing_flows(network, {"park": park, "others": others}), park, others


@pytest.fixture(params=["cigre", "case33", "semiurb"])
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.getfixturevalue(request.param)
    return found


def test_every_node_balances(network: Network) -> None:
    made, _, _ = traced(network)
    assert np.abs(made.imbalance_kw).max() < 1e-6
    assert np.isfinite(made.imbalance_kw).all()
    away = np.ones(len(made.node_name), bool)
    away[network.ac.slack_node] = False
    assert (made.upstream_kw[away] == 0).all()


def test_what_enters_is_used_or_lost(network: Network) -> None:
    made, park, others = traced(network)
    flows = solve_batch(network, park, others)
    np.testing.assert_allclose(made.upstream_kw.sum(axis=0), flows.slack_p_kw, atol=1e-6)
    np.testing.assert_allclose(made.loss_kw.sum(axis=0) + made.shunt_kw.sum(axis=0), flows.losses_kw, atol=1e-6)
    np.testing.assert_allclose(made.injected_kw["park"].sum(axis=0), park.p_kw.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(made.injected_kw["others"].sum(axis=0), others.p_kw.sum(axis=0), atol=1e-7)


def test_ends_and_losses_are_those_of_the_reference_engine(cigre: Network) -> None:
    made, park, others = traced(cigre)
    flows = solve_reference(cigre, park, others)
    at = [made.branch_name.index(name) for name in cigre.branch_names]
    for here, there in ((made.from_kw, flows.branch_from_kw), (made.to_kw, flows.branch_to_kw)):
        np.testing.assert_allclose(here[at], there, atol=1e-3)
    np.testing.assert_allclose(made.sent_kw - made.received_kw, made.loss_kw, atol=1e-9)
    assert (made.loss_kw > -1e-6).all()
    assert (made.sent_kw >= made.received_kw - 1e-6).all()
    assert made.forward.any()
    assert not made.forward.all()  # some steps export


def test_the_sending_end_is_where_power_comes_from(cigre: Network, inject: Callable[..., Injections]) -> None:
    made = tracing_flows(cigre, {"park": inject({"Bus 11": [-500.0, 3000.0]})})
    line = made.branch_name.index("Line 10-11")
    ends = [made.node_name[made.from_node[line]], made.node_name[made.to_node[line]]]
    assert ends == ["Bus 10", "Bus 11"]
    assert made.forward[line].tolist() == [True, False]
    assert made.received_kw[line, 0] == pytest.approx(500, abs=2)
    assert made.sent_kw[line, 1] == pytest.approx(3000, abs=5)


def test_a_branch_fed_from_both_ends_receives_less_than_nothing() -> None:
    """5 kW from one end and 2 kW from the other: the larger is sent, and all 7 kW are lost."""
    two, nothing = np.array([[5.0, 2.0]]), np.zeros((2, 2))
    both = TracingFlows(
        ("a", "b"), np.arange(2), ("line",), np.array([0]), np.array([1]), two, two[:, ::-1], {}, nothing, nothing
    )
    assert both.forward.tolist() == [[True, False]]
    assert both.sent_kw.tolist() == [[5.0, 5.0]]
    assert both.received_kw.tolist() == [[-2.0, -2.0]]
    assert both.loss_kw.tolist() == [[7.0, 7.0]]


def test_a_shunt_takes_by_the_square_of_its_voltage(cigre: Network, inject: Callable[..., Injections]) -> None:
    shunt = cigre.ac.node_shunt_pu.copy()
    shunt[cigre.ac.bus_node[cigre.bus_index(("Bus 11",))]] += 0.5
    held = replace(cigre, ac=replace(cigre.ac, node_shunt_pu=shunt))
    made = tracing_flows(held, {"park": inject({"Bus 11": [-500.0, 900.0]})})
    assert made.shunt_kw.sum(axis=0).min() > 400
    assert np.abs(made.imbalance_kw).max() < 1e-6


def test_a_step_without_a_solution_is_missing(cigre: Network, inject: Callable[..., Injections]) -> None:
    made = tracing_flows(cigre, {"park": inject({"Bus 11": [-500.0, -1e7]})})
    assert np.isfinite(made.from_kw[:, 0]).all()
    for values in (made.from_kw, made.upstream_kw, made.injected_kw["park"], made.loss_kw):
        assert np.isnan(values[:, 1]).all()


def test_what_never_changes_is_a_source_of_its_own(cigre: Network, inject: Callable[..., Injections]) -> None:
    kw = np.zeros_like(cigre.ac.node_fixed_kw)
    kw[5] = -40.0
    held = replace(cigre, ac=replace(cigre.ac, node_fixed_kw=kw))
    made = tracing_flows(held, {"park": inject({"Bus 11": [-500.0]})})
    assert made.injected_kw[FIXED].sum() == -40.0
    assert np.abs(made.imbalance_kw).max() < 1e-6


def test_what_does_not_fit_is_refused(cigre: Network, inject: Callable[..., Injections]) -> None:
    one, two = inject({"Bus 11": [1.0]}), inject({"Bus 11": [1.0, 2.0]})
    with pytest.raises(GridError, match="numbers of steps differ"):
        tracing_flows(cigre, {"park": one, "others": two})
    with pytest.raises(GridError, match="at least one is needed"):
        tracing_flows(cigre, {})
    with pytest.raises(GridError, match="none called 'fixed'"):
        tracing_flows(cigre, {"fixed": one})
    with pytest.raises(GridError, match="unknown bus 'Bus 99'"):
        tracing_flows(cigre, {"park": inject({"Bus 99": [1.0]})})
