"""Networks with branches out or fed from elsewhere: both engines agree on what is left, and names say what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_models.contingency import Reduced, expanded, islanded, without_branches
from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Network
from grid_models.power_flow import solve_batch, solve_reference

INJECTED = {"Bus 3": [-2000.0, 500.0], "Bus 7": [1500.0, -800.0], "Bus 11": [-400.0, 900.0], "Bus 14": [-300.0, 200.0]}


def assert_engines_agree(reduced: Reduced, injections: Injections) -> None:
    own = reduced.supplied(injections)
    assert own is not None
    batch, reference = (solve(reduced.network, own) for solve in (solve_batch, solve_reference))
    assert batch.converged.all()
    assert reference.converged.all()
    np.testing.assert_allclose(batch.vm_pu, reference.vm_pu, atol=1e-6)
    np.testing.assert_allclose(batch.branch_from_kw, reference.branch_from_kw, atol=1e-2)
    np.testing.assert_allclose(batch.slack_p_kw, reference.slack_p_kw, atol=1e-2)


def test_a_line_out_of_a_feeder_takes_what_is_behind_it(cigre: Network, inject: Callable[..., Injections]) -> None:
    reduced = without_branches(cigre, ["Line 8-9"])
    assert reduced.lost_buses == ("Bus 9", "Bus 10", "Bus 11")
    assert "Line 9-10" not in reduced.network.branch_names
    assert "Line 8-9" not in reduced.network.branch_names
    line = reduced.network.branch_names.index("Line 7-8")
    ends = (reduced.network.branch_from[line], reduced.network.branch_to[line])
    assert {reduced.network.bus_names[end] for end in ends} == {"Bus 7", "Bus 8"}
    own = reduced.supplied(inject(INJECTED))
    assert own is not None
    assert own.bus == ("Bus 3", "Bus 7", "Bus 14")
    assert_engines_agree(reduced, inject(INJECTED))


def test_a_transformer_out_takes_its_feeder(cigre: Network, inject: Callable[..., Injections]) -> None:
    reduced = without_branches(cigre, ["Trafo 0-12"])
    assert reduced.lost_buses == ("Bus 12", "Bus 13", "Bus 14")
    assert_engines_agree(reduced, inject(INJECTED))


def test_of_a_line_out_of_simbench_what_is_left_is_as_by_the_reference(
    semiurb: Network, cigre: Network, inject: Callable[..., Injections]
) -> None:
    whole = solve_batch(cigre, inject(INJECTED))
    assert without_branches(cigre, []).lost_buses == ()
    np.testing.assert_allclose(solve_batch(without_branches(cigre, []).network, inject(INJECTED)).vm_pu, whole.vm_pu)
    name = next(n for n in semiurb.branch_names if without_branches(semiurb, [n]).lost_buses)
    reduced = without_branches(semiurb, [name])
    p_kw, q_kvar = reduced.network.profiles.at_nameplate()
    assert_engines_agree(reduced, Injections(reduced.network.bus_names, p_kw / 3, q_kvar / 3))


def test_an_island_is_fed_from_its_reference(cigre: Network, inject: Callable[..., Injections]) -> None:
    reduced = islanded(cigre, "Bus 7", ["Trafo 0-1", "Trafo 0-12"])
    assert set(reduced.lost_buses) == {"Bus 0", "Bus 12", "Bus 13", "Bus 14"}
    assert_engines_agree(reduced, inject(INJECTED))
    flows = solve_batch(reduced.network, reduced.supplied(inject(INJECTED)))  # type: ignore[arg-type]
    np.testing.assert_allclose(flows.vm_pu[reduced.network.bus_index(["Bus 7"])[0]], 1.0, atol=1e-8)
    total = sum(np.array(INJECTED[bus]) for bus in ("Bus 3", "Bus 7", "Bus 11"))
    np.testing.assert_allclose(flows.slack_p_kw, flows.losses_kw - total, atol=1e-6)


def test_without_open_branches_the_whole_network_is_fed(cigre: Network, inject: Callable[..., Injections]) -> None:
    reduced = islanded(cigre, "Bus 7")
    assert reduced.lost_buses == ()
    assert_engines_agree(reduced, inject(INJECTED))


def test_flows_come_back_in_the_shape_of_the_whole(cigre: Network, inject: Callable[..., Injections]) -> None:
    reduced = without_branches(cigre, ["Line 8-9"])
    flows = solve_batch(reduced.network, reduced.supplied(inject(INJECTED)))  # type: ignore[arg-type]
    wide = expanded(flows, cigre, 5, np.array([4, 1]))
    assert wide.vm_pu.shape == (len(cigre.bus_names), 5)
    np.testing.assert_array_equal(wide.converged, [False, True, False, False, True])
    lost = cigre.bus_index(reduced.lost_buses)
    assert np.isnan(wide.vm_pu[lost]).all()
    kept = cigre.bus_index(reduced.network.bus_names)
    np.testing.assert_array_equal(wide.vm_pu[kept][:, [4, 1]], flows.vm_pu)
    line = cigre.branch_index(["Line 7-8"])[0]
    own = reduced.network.branch_index(["Line 7-8"])[0]
    np.testing.assert_array_equal(wide.branch_from_kw[line, [4, 1]], flows.branch_from_kw[own])
    assert np.isnan(wide.branch_loading_pu[cigre.branch_index(["Line 8-9"])[0]]).all()
    np.testing.assert_array_equal(wide.losses_kw[[4, 1]], flows.losses_kw)


def test_what_cannot_be_is_told(cigre: Network, inject: Callable[..., Injections]) -> None:
    with pytest.raises(GridError, match="Line 8-10"):
        without_branches(cigre, ["Line 8-10"])
    with pytest.raises(GridError, match="Bus 70"):
        islanded(cigre, "Bus 70")
    bare = without_branches(replace(cigre, reference=None), ["Line 8-9"])
    with pytest.raises(GridError, match="no pandapower net"):
        solve_reference(bare.network, inject({"Bus 3": 1.0}))


def test_of_a_network_without_its_only_way_in_the_source_is_left(
    cigre: Network, inject: Callable[..., Injections]
) -> None:
    reduced = without_branches(cigre, ["Trafo 0-1", "Trafo 0-12"])
    assert reduced.network.bus_names == ("Bus 0",)
    assert len(reduced.lost_buses) == len(cigre.bus_names) - 1
    assert_engines_agree(reduced, inject(INJECTED))
    own = reduced.supplied(inject(INJECTED))
    assert own is not None
    np.testing.assert_allclose(solve_batch(reduced.network, own).slack_p_kw, 0.0, atol=1e-9)


def test_machines_that_hold_a_voltage_go_with_their_bus(cigre_net: Any) -> None:
    import pandapower

    for bus in (7, 11):
        pandapower.create_gen(cigre_net, bus, p_mw=0.5, vm_pu=1.0, name=f"machine {bus}")
    network = to_network(cigre_net, "cigre with machines")
    injected = Injections(("Bus 7", "Bus 11", "Bus 3"), np.full((3, 2), [[300.0, 500]]), np.zeros((3, 2)))
    for reduced in (without_branches(network, ["Line 8-9"]), islanded(network, "Bus 7", ["Trafo 0-1"])):
        assert_engines_agree(reduced, injected)
    assert without_branches(network, ["Line 8-9"]).network.ac.regulated_node.size == 1
    assert islanded(network, "Bus 7").network.ac.regulated_node.size == 1, "what feeds an island holds no other voltage"
