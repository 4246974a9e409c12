"""The 33-bus feeder with three generators, traced along its AC flows: the reference of the shared figures (T5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.carbon import Flows, tracing
from grid_models.injections import Injections
from grid_models.library import load
from grid_models.tracing_flows import TracingFlows, tracing_flows


@pytest.fixture(scope="module")
def case(shared: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((shared / "golden" / "carbon.json").read_text())["T5_case33bw"]
    return read


@pytest.fixture(scope="module")
def made(case: dict[str, Any]) -> tuple[TracingFlows, dict[str, int]]:
    """AC flows of the loads at their nameplates and the generators at theirs; positions of nodes by bus name."""
    network = load("pandapower:case33bw")
    p_kw, q_kvar = network.profiles.at_nameplate()
    buses = tuple(case["sgen"])
    given = np.array([[1000.0 * case["sgen"][bus][0]] for bus in buses])
    sources = {
        "loads": Injections(network.bus_names, p_kw.reshape(-1, 1), q_kvar.reshape(-1, 1)),
        "generators": Injections(buses, given, np.zeros_like(given)),
    }
    node = {bus: int(network.ac.bus_node[k]) for k, bus in enumerate(network.bus_names)}
    return tracing_flows(network, sources), node


def test_nodes_loads_and_losses_on_ac_flows(case: dict[str, Any], made: tuple[TracingFlows, dict[str, int]]) -> None:
    found, node = made
    flows = Flows(len(found.node_name), found.from_node, found.to_node, found.from_kw, found.to_kw, found.shunt_kw)
    slack = int(np.argmax(found.upstream_kw[:, 0]))
    power = [found.upstream_kw[slack, 0] / 1000, *(case["sgen"][bus][0] for bus in case["sgen"])]
    intensity = [case["e_ext_grid"], *(case["sgen"][bus][1] for bus in case["sgen"])]
    at = [slack, *(node[bus] for bus in case["sgen"])]
    assert power[0] == pytest.approx(case["import_MW"], abs=1e-7)
    assert found.loss_kw.sum() / 1000 == pytest.approx(case["loss_MW"], abs=1e-7)
    in_mw = Flows(flows.nodes, flows.start, flows.end, flows.start_in / 1000, flows.end_in / 1000)
    net = tracing(in_mw, power, intensity, at=at)
    for bus, known in case["e"].items():
        assert net.intensity[node[bus], 0] == pytest.approx(known, abs=1e-5), bus
    assert net.injected[0] == pytest.approx(case["gen_t"], abs=1e-7)
    assert net.branch_loss.sum() == pytest.approx(case["loss_t"], abs=1e-7)
    assert net.load.sum() == pytest.approx(case["load_t"], abs=1e-7)
    gross = tracing(in_mw, power, intensity, at=at, losses="gross")
    for bus, known in case["gross_intensity_per_metered_MWh"].items():
        assert gross.intensity[node[bus], 0] == pytest.approx(known, abs=1e-7), bus
    assert gross.load.sum() == pytest.approx(case["gen_t"], abs=1e-7)
