"""Q(V) inverters and tap changers against pandapower's own controllers."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_models import control
from grid_models.control import Controlled, Controls, Droop, TapChanger, solve_controlled, solve_controlled_reference
from grid_models.control_reference import solve_by_controllers
from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Network
from grid_models.power_flow import solve_batch, solve_reference
from grid_models.taps import tapped

VOLTS = np.array([0.94, 0.98, 1.02, 1.06])
SHARES = np.array([0.4, 0.0, 0.0, -0.4])
SITES = ("Bus 5", "Bus 10", "Bus 11")
RATED_KVA = 4000.0


def with_taps(net: Any, side: str = "hv", step_percent: float = 1.5) -> Any:
    """CIGRE MV with a tap changer at its first transformer and a generator at each of three buses."""
    import pandapower

    for name, value in {
        "side": side,
        "neutral": 0,
        "min": -9,
        "max": 9,
        "step_percent": step_percent,
        "pos": 0,
    }.items():
        column = f"tap_{name}"
        net.trafo[column] = net.trafo[column].astype(object if name == "side" else float)
        net.trafo.loc[0, column] = value
    net.trafo["tap_changer_type"] = net.trafo["tap_changer_type"].astype(object)
    net.trafo.loc[0, "tap_changer_type"] = "Ratio"
    net.load = net.load.iloc[:0]
    net.sgen = net.sgen.iloc[:0]
    for bus in SITES:
        at = int(net.bus.index[net.bus["name"] == bus][0])
        pandapower.create_sgen(net, at, p_mw=0.0, sn_mva=RATED_KVA / 1e3, name=bus)
    return net


def powers() -> np.ndarray:
    """(site, step) from drawing hard to feeding in hard."""
    return np.array([[-4000, -2500, -500, 0, 1500, 2500, 3500, 4000.0]]) * np.array([[1.0], [0.9], [0.6]])


def droops(p_kw: np.ndarray | None = None) -> tuple[Droop, ...]:
    return tuple(Droop(bus, VOLTS, SHARES, RATED_KVA, None if p_kw is None else p_kw[k]) for k, bus in enumerate(SITES))


def injections(p_kw: np.ndarray) -> Injections:
    return Injections(SITES, p_kw, np.zeros_like(p_kw))


@pytest.fixture
def net(cigre_net: Any) -> Any:
    return with_taps(cigre_net)


@pytest.fixture
def network(net: Any) -> Network:
    return to_network(copy.deepcopy(net), "cigre with taps")


def assert_sound(network: Network, p_kw: np.ndarray, controls: Controls, found: Controlled) -> None:
    """The reference engine at what was found sees the same voltages, every inverter on its characteristic."""
    assert found.unsettled == ()
    assert found.flows.converged.all()
    seen = solve_controlled_reference(network, injections(p_kw), None, controls, found)
    np.testing.assert_allclose(found.flows.vm_pu, seen.vm_pu, atol=1e-6)
    np.testing.assert_allclose(found.flows.branch_loading_pu, seen.branch_loading_pu, atol=1e-5)
    for d, droop in enumerate(controls.droops):
        vm = seen.vm_pu[network.bus_index([droop.bus])[0]]
        wanted = droop.rated_kva * np.interp(vm, droop.vm_pu, droop.kvar_per_kva)
        most = droop.most_kvar(np.arange(vm.size))
        np.testing.assert_allclose(found.kvar[d], np.clip(wanted, -most, most), atol=0.05)


def test_inverters_on_q_of_v_end_where_those_of_pandapower_do(network: Network) -> None:
    p_kw, controls = powers(), Controls(droops())
    found = solve_controlled(network, injections(p_kw), None, controls)
    theirs = solve_by_controllers(network, injections(p_kw), None, controls)
    assert theirs.unsettled == ()
    np.testing.assert_allclose(found.flows.vm_pu, theirs.flows.vm_pu, atol=1e-6)
    np.testing.assert_allclose(found.kvar, theirs.kvar, atol=0.05)
    assert np.abs(found.kvar).max() > 500, "the characteristic is in use"
    free = solve_batch(network, injections(p_kw))
    assert np.abs(found.flows.vm_pu - free.vm_pu).max() > 5e-3
    assert_sound(network, p_kw, controls, found)


@pytest.mark.parametrize(("side", "step_percent"), [("hv", 1.5), ("lv", 1.5), ("hv", -1.0)])
def test_tap_changers_end_where_those_of_pandapower_do(cigre_net: Any, side: str, step_percent: float) -> None:
    net = with_taps(cigre_net, side, step_percent)
    network = to_network(copy.deepcopy(net), "cigre with taps")
    p_kw, band = 1.2 * powers(), (0.985, 1.015)
    controls = Controls(taps=(TapChanger("Trafo 0-1", *band),))
    found = solve_controlled(network, injections(p_kw), None, controls)
    theirs = solve_by_controllers(network, injections(p_kw), None, controls)
    np.testing.assert_array_equal(found.position, theirs.position)
    np.testing.assert_allclose(found.flows.vm_pu, theirs.flows.vm_pu, atol=1e-6)
    assert np.unique(found.position).size >= 3, "the taps move"
    assert_sound(network, p_kw, controls, found)


def test_inverters_and_tap_changers_together_come_to_rest(network: Network) -> None:
    p_kw = 1.2 * powers()
    controls = Controls(droops(), (TapChanger("Trafo 0-1", 0.985, 1.015),))
    found = solve_controlled(network, injections(p_kw), None, controls)
    assert_sound(network, p_kw, controls, found)
    low_side = found.flows.vm_pu[network.bus_index(["Bus 1"])[0]]
    assert ((low_side > 0.985) & (low_side < 1.015)).all()
    assert np.unique(found.position).size >= 2
    # Taps that are held stay, and the inverters then find the same place.
    held = solve_controlled(network, injections(p_kw), None, controls, position=found.position)
    np.testing.assert_array_equal(held.position, found.position)
    np.testing.assert_allclose(held.kvar, found.kvar, atol=0.05)


def test_an_inverter_gives_no_more_than_its_active_power_leaves_it(network: Network) -> None:
    p_kw = powers()
    full = replace(droops()[1], p_kw=p_kw[1], rated_kva=3600.0)
    found = solve_controlled(network, injections(p_kw), None, Controls((full,)))
    assert_sound(network, p_kw, Controls((full,)), found)
    assert found.kvar[0, -1] == pytest.approx(0.0, abs=1e-6), "at full power nothing is left"
    least = replace(full, power_factor_min=0.95)
    narrow = solve_controlled(network, injections(p_kw), None, Controls((least,)))
    assert_sound(network, p_kw, Controls((least,)), narrow)
    tangent = np.tan(np.arccos(0.95))
    assert (np.abs(narrow.kvar[0]) <= tangent * np.abs(p_kw[1]) + 0.05).all()
    assert np.abs(narrow.kvar[0]).max() < np.abs(found.kvar[0]).max()


def test_a_power_factor_bounds_what_is_drawn_as_what_is_given() -> None:
    """tan(arccos .8) = .75 of either direction, and the circle where that is less: √(100² − 90²)."""
    droop = Droop("b", VOLTS, SHARES, 100.0, np.array([-40.0, 0.0, 40.0, -90.0]), 0.8)
    np.testing.assert_allclose(droop.most_kvar(np.arange(4)), [30, 0, 30, np.sqrt(1900)])
    np.testing.assert_allclose(droop.most_kvar(np.array([2])), [30])


def test_columns_say_which_step_of_the_inverter_a_step_is(network: Network) -> None:
    p_kw = powers()
    full = replace(droops()[1], p_kw=p_kw[1], rated_kva=3600.0)
    whole = solve_controlled(network, injections(p_kw), None, Controls((full,)))
    steps = np.array([7, 0, 7])
    some = solve_controlled(network, injections(p_kw[:, steps]), None, Controls((full,)), columns=steps)
    np.testing.assert_allclose(some.kvar, whole.kvar[:, steps], atol=0.01)


def test_a_steep_characteristic_converges_too(network: Network) -> None:
    """A nearly vertical characteristic: plain substitution would swing between its ends for ever."""
    p_kw = powers()
    steep = tuple(replace(d, vm_pu=np.array([0.999, 1.001]), kvar_per_kva=np.array([1.0, -1.0])) for d in droops())
    found = solve_controlled(network, injections(p_kw), None, Controls(steep))
    assert found.unsettled == ()
    seen = solve_controlled_reference(network, injections(p_kw), None, Controls(steep), found)
    vm = seen.vm_pu[network.bus_index(SITES)]
    np.testing.assert_allclose(found.kvar, RATED_KVA * np.interp(vm, [0.999, 1.001], [1, -1]), atol=5.0)


def test_a_band_narrower_than_a_step_is_told_with_step_and_transformer(network: Network) -> None:
    p_kw = powers()[:, 3:5]
    low = solve_batch(network, injections(p_kw)).vm_pu[network.bus_index(["Bus 1"])[0]]
    band = (float(low[0]) + 1e-4, float(low[0]) + 2e-4)
    found = solve_controlled(network, injections(p_kw), None, Controls(taps=(TapChanger("Trafo 0-1", *band),)))
    assert {(one.step, one.element) for one in found.unsettled} >= {(0, "Trafo 0-1")}
    assert "hunts" in found.unsettled[0].reason
    assert not found.flows.converged[0]
    assert np.isnan(found.flows.vm_pu[:, 0]).all()


def test_an_inverter_that_does_not_settle_is_told_with_step_and_bus(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_MOST_ROUNDS", 2)
    found = solve_controlled(network, injections(powers()), None, Controls(droops()))
    assert {one.element for one in found.unsettled} <= set(SITES)
    assert {one.step for one in found.unsettled} == set(np.flatnonzero(~found.flows.converged))
    assert found.unsettled


def test_a_step_without_an_ac_solution_is_no_quarrel_of_the_controls(network: Network) -> None:
    p_kw = powers()
    p_kw[:, 2] = -1e6
    found = solve_controlled(network, injections(p_kw), None, Controls(droops()))
    np.testing.assert_array_equal(np.flatnonzero(~found.flows.converged), [2])
    assert found.unsettled == ()


def test_a_tapped_network_is_the_one_that_pandapower_builds(net: Any, network: Network) -> None:
    net.trafo.loc[0, "tap_pos"] = 5
    other = to_network(net, "moved")
    moved = tapped(network, {"Trafo 0-1": 5})
    flows, seen = (solve_batch(n, injections(powers())) for n in (moved, other))
    np.testing.assert_allclose(flows.vm_pu, seen.vm_pu, atol=1e-9)
    assert np.abs(flows.vm_pu - solve_batch(network, injections(powers())).vm_pu).max() > 0.05
    assert moved.content_hash != network.content_hash
    with pytest.raises(GridError, match="no pandapower net"):
        solve_reference(moved, injections(powers()))


def test_a_transformer_that_cannot_step_and_an_unknown_bus_are_refused(network: Network, cigre: Network) -> None:
    with pytest.raises(GridError, match=r"Trafo 0-12.*Trafo 0-1"):
        tapped(network, {"Trafo 0-12": 1})
    with pytest.raises(GridError, match="tap changer"):
        solve_controlled(cigre, injections(powers()), None, Controls(taps=(TapChanger("Trafo 0-1", 0.9, 1.1),)))
    with pytest.raises(GridError, match="Bus 99"):
        solve_controlled(network, injections(powers()), None, Controls((replace(droops()[0], bus="Bus 99"),)))


def test_the_reference_says_what_it_cannot_do(network: Network) -> None:
    full = replace(droops()[0], p_kw=powers()[0])
    with pytest.raises(GridError, match="leave out p_kw"):
        solve_by_controllers(network, injections(powers()), None, Controls((full,)))
    with pytest.raises(GridError, match="no pandapower net"):
        solve_by_controllers(network.without_reference(), injections(powers()), None, Controls(droops()))
    far = powers()[:, :2]
    far[:, 1] = -1e6
    theirs = solve_by_controllers(network, injections(far), None, Controls(droops()))
    assert [one.step for one in theirs.unsettled] == [1]
    np.testing.assert_array_equal(theirs.flows.converged, [True, False])
