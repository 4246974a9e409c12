"""Every network of the library, by both engines: without load, at half and at all of the nameplate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grid_models import library, newton, pv_buses
from grid_models.convert import to_network
from grid_models.errors import GridError
from grid_models.network import Network
from grid_models.newton import Newton
from grid_models.power_flow import NEWTON, POWER_GRID_MODEL, Flows, Injections, solve_batch, solve_reference

CIGRE = ["hv", "mv", "lv", "mv?with_der=pv_wind", "mv?with_der=all"]
KERBER = [
    "create_kerber_dorfnetz",
    "create_kerber_landnetz_freileitung_1",
    "create_kerber_landnetz_freileitung_2",
    "create_kerber_landnetz_kabel_1",
    "create_kerber_landnetz_kabel_2",
    "create_kerber_vorstadtnetz_kabel_1",
    "create_kerber_vorstadtnetz_kabel_2",
    "kb_extrem_landnetz_freileitung",
    "kb_extrem_landnetz_kabel_trafo",
]
MATPOWER = [
    f"case{n}" for n in ("4gs", "5", "6ww", "9", "14", "24_ieee_rts", "30", "_ieee30", "33bw", "39", "57", "118")
]  # fmt: skip
OTHERS = ["case89pegase", "case_illinois200", "iceland", "GBreducednetwork", "mv_oberrhein", "example_simple"]
SIMBENCH = ["1-LV-rural1--0-sw", "1-MV-rural--0-sw", "1-MV-urban--0-no_sw", "1-HV-mixed--0-sw"]


def fresh(spec: str) -> Network:
    """Loaded for this test alone: so many would push the networks that other tests share out of the memory."""
    return library._named.__wrapped__(*spec.split(":"))


def solved(network: Network) -> tuple[Flows, Flows]:
    p_kw, q_kvar = network.profiles.at_nameplate()
    share = np.array([[0.0, 0.5, 1.0]])
    injections = Injections(network.bus_names, p_kw * share, q_kvar * share)
    return solve_reference(network, injections), solve_batch(network, injections)


def assert_agree(network: Network) -> Flows:
    reference, batch = solved(network)
    assert reference.converged.all()
    assert batch.converged.all()
    assert np.abs(batch.vm_pu - reference.vm_pu).max() < 1e-6
    np.testing.assert_allclose(batch.branch_loading_pu, reference.branch_loading_pu, rtol=1e-6, atol=1e-6)
    power_kw = max(1.0, np.abs(reference.slack_p_kw).max())
    np.testing.assert_allclose(batch.slack_p_kw, reference.slack_p_kw, atol=1e-6 * power_kw)
    power_kvar = max(power_kw, np.abs(reference.slack_q_kvar).max())
    np.testing.assert_allclose(batch.slack_q_kvar, reference.slack_q_kvar, atol=1e-6 * power_kvar)
    return reference


@pytest.mark.parametrize(
    "name",
    [
        *(f"create_cigre_network_{n}" for n in CIGRE),
        *KERBER,
        *MATPOWER,
        *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS),
    ],
)
def test_networks_of_pandapower(name: str) -> None:
    flows = assert_agree(fresh(f"pandapower:{name}"))
    assert np.ptp(flows.vm_pu[:, 2]) > 1e-4  # the agreement is about something


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "by_newton"),
    [
        ("case300", True),
        pytest.param("case1888rte", True, marks=pytest.mark.slow),
        *(pytest.param(f"case{n}", False, marks=pytest.mark.slow) for n in ("1354pegase", "2848rte", "2869pegase")),
    ],
)
def test_large_networks_are_solved_and_it_is_said_by_whom(name: str, by_newton: bool) -> None:
    network = fresh(f"pandapower:{name}")
    assert_agree(network)
    flows = solve_batch(network, Injections(network.bus_names, *network.profiles.at_nameplate()))
    assert flows.engine[0] == (NEWTON if by_newton else POWER_GRID_MODEL)
    assert any("Newton's method does" in note for note in network.notes) == by_newton


def test_losses_of_case300_are_those_of_pandapower() -> None:
    """pandapower's own tables, from the case as it ships: 424.887 MW in branches and 1.138 MW in shunts."""
    network = fresh("pandapower:case300")
    flows = solve_batch(network, Injections(network.bus_names, *network.profiles.at_nameplate()))
    branches_kw = (flows.branch_from_kw + flows.branch_to_kw).sum()
    assert branches_kw / 1e3 == pytest.approx(424.887, abs=1e-3)
    assert (flows.losses_kw[0] - branches_kw) / 1e3 == pytest.approx(1.138, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        # An equivalent for stability studies, losses of -1 844 MW: pandapower solves it from 80 % of its load on.
        ("case145", "does not converge even without load"),
        # An ill-conditioned power flow that pandapower's Newton's method does not solve either.
        ("case11_iwamoto", "without load bus '11' is at"),
    ],
)
def test_cases_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(GridError, match=message):
        fresh(f"pandapower:{name}")


def test_newtons_method_takes_both_roots_apart() -> None:
    """Two buses, x = 0.1 p.u., p = 2 p.u. at unit power factor: v⁴ − v² + (p x)² = 0.

    v² = (1 ± √(1 − 4·0.04))/2 = 0.958258 (the state a network is run in) or 0.041742. At p x = 0.6 there is none:
    1 − 4·0.36 < 0.
    """
    network = _two_buses()
    voltage = Newton(network.ac).voltage(np.array([[0.0, 0.0], [-2e5, -6e5]]), np.zeros((2, 2)))
    assert np.abs(voltage[1, 0]) ** 2 == pytest.approx(0.958258, abs=1e-6)
    assert np.isnan(voltage[:, 1]).all()
    low = np.array([1.0 + 0j, 0.2 * np.exp(-1j)])
    given = np.array([[0.0 + 0j], [-2.0]])
    assert np.isnan(Newton(network.ac)._solve(low, given)).all()


def _two_buses() -> Network:
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=100.0)
    for _ in range(2):
        pp.create_bus(net, 100.0)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 1.0, 0.0, 10.0, 0.0, 10.0)  # z base 100 Ohm
    return to_network(net, "two buses")


@pytest.mark.slow
@pytest.mark.parametrize("code", SIMBENCH)
def test_networks_of_simbench(code: str) -> None:
    flows = assert_agree(fresh(f"simbench:{code}"))
    assert np.ptp(flows.vm_pu[:, 2]) > 1e-4


def test_machines_hold_their_voltage_in_both_engines(cigre_net: Any) -> None:
    import pandapower

    pandapower.create_gen(cigre_net, bus=6, p_mw=1.5, vm_pu=1.01)
    pandapower.create_gen(cigre_net, bus=6, p_mw=0.5, vm_pu=1.01)  # two at one bus
    pandapower.create_gen(cigre_net, bus=13, p_mw=1.0, vm_pu=0.99, in_service=False)
    network = to_network(cigre_net, "machines")
    flows = assert_agree(network)
    np.testing.assert_allclose(flows.vm_pu[network.bus_index([cigre_net.bus.at[6, "name"]])], 1.01, atol=1e-9)
    assert any("2 generators hold their voltage" in note for note in network.notes)
    p_kw = network.profiles.at_nameplate()[0][network.bus_index([cigre_net.bus.at[6, "name"]])]
    load_kw = 1e3 * cigre_net.load.query("bus == 6")["p_mw"].sum()
    assert p_kw[0, 0] == pytest.approx(2000.0 - load_kw)


def test_a_machine_may_be_the_slack(cigre_net: Any) -> None:
    import pandapower

    slack = int(cigre_net.ext_grid["bus"].iloc[0])
    cigre_net.ext_grid["in_service"] = False
    pandapower.create_gen(cigre_net, bus=slack, p_mw=2.0, vm_pu=1.03, slack=True)
    flows = assert_agree(to_network(cigre_net, "a machine as slack"))
    assert flows.slack_p_kw[0] < flows.slack_p_kw[2]


def test_set_points_that_cannot_be_held_are_no_solution(cigre_net: Any) -> None:
    """A machine that should hold 1.05 p.u. where the load is beyond what the network carries."""
    import pandapower

    pandapower.create_gen(cigre_net, bus=6, p_mw=0.0, vm_pu=1.05)
    network = to_network(cigre_net, "machine")
    bus = cigre_net.bus.at[6, "name"]
    flows = solve_batch(network, Injections((bus,), np.array([[0.0, -1e6, -500.0]]), np.zeros((1, 3))))
    assert flows.converged.tolist() == [True, False, True]
    assert np.isnan(flows.vm_pu[:, 1]).all()
    np.testing.assert_allclose(flows.vm_pu[network.bus_index([bus])][0, [0, 2]], 1.05, atol=1e-9)


def test_set_points_not_reached_in_time_are_no_solution(cigre_net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a voltage that is nearly what was asked for."""
    import pandapower

    pandapower.create_gen(cigre_net, bus=6, p_mw=0.0, vm_pu=1.05)
    network = to_network(cigre_net, "machine")
    monkeypatch.setattr(pv_buses, "_ROUNDS", 1)
    injected = Injections(("Bus 6",), np.array([[-9000.0]]), np.zeros((1, 1)))
    by_newton = solve_batch(network, injected)
    assert by_newton.engine.tolist() == [NEWTON]
    assert by_newton.vm_pu[network.bus_index(["Bus 6"])[0], 0] == pytest.approx(1.05, abs=1e-8)
    monkeypatch.setattr(newton, "_ROUNDS", 1)
    flows = solve_batch(network, Injections(("Bus 6",), np.array([[-9000.0]]), np.zeros((1, 1))))
    assert flows.converged.tolist() == [False]
    assert np.isnan(flows.vm_pu).all()


def test_a_vector_group_that_is_not_given_changes_nothing(cigre_net: Any) -> None:
    named = to_network(cigre_net, "named")
    cigre_net.trafo["vector_group"] = None
    assert_agree(to_network(cigre_net, "unnamed"))
    np.testing.assert_array_equal(to_network(cigre_net, "unnamed").ac.shift_rad, named.ac.shift_rad)


def test_storage_counts_with_its_own_sign(cigre: Network, cigre_net: Any) -> None:
    import pandapower

    pandapower.create_storage(cigre_net, bus=6, p_mw=2.0, q_mvar=0.3, max_e_mwh=4.0)  # charging
    network = to_network(cigre_net, "storage")
    flows = assert_agree(network)
    without = assert_agree(cigre)
    assert flows.slack_p_kw[2] - without.slack_p_kw[2] > 2000.0


def test_short_circuit_power_of_the_external_grid_is_no_impedance_here(cigre_net: Any) -> None:
    """pandapower's power flow holds the voltage of an external grid, whatever its short-circuit power."""
    before = solve_batch(to_network(cigre_net, "stiff"), Injections(("Bus 7",), np.array([[-900.0]]), np.zeros((1, 1))))
    cigre_net.ext_grid[["s_sc_max_mva", "s_sc_min_mva", "rx_max", "rx_min"]] = [50.0, 40.0, 0.1, 0.1]
    network = to_network(cigre_net, "weak")
    assert_agree(network)
    after = solve_batch(network, Injections(("Bus 7",), np.array([[-900.0]]), np.zeros((1, 1))))
    np.testing.assert_allclose(after.vm_pu, before.vm_pu, atol=1e-12)


def test_limits_may_be_of_any_type(cigre_net: Any) -> None:
    """Spreadsheets give numbers as objects, and None beside them."""
    for table, column in (("bus", "max_vm_pu"), ("line", "max_loading_percent"), ("line", "max_i_ka")):
        net_table = cigre_net[table]
        net_table[column] = np.full(len(net_table), 1.07 if table == "bus" else 80.0 if "loading" in column else 0.2)
        net_table[column] = net_table[column].astype(object)
    cigre_net.bus.loc[3, "max_vm_pu"] = None
    cigre_net.line.loc[2, "max_loading_percent"] = None
    network = to_network(cigre_net, "objects")
    assert_agree(network)
    assert network.voltage_max_pu.dtype == network.branch_loading_max_pu.dtype == np.float64
    assert sorted(set(network.voltage_max_pu)) == [1.07, 1.1]  # 1.1 where none is given
    assert set(network.branch_loading_max_pu) == {0.8, 1.0}


def test_open_switches_and_open_ends_are_as_pandapower_means_them(cigre_net: Any) -> None:
    """A line open at one end still takes its charging current; open at both it takes none."""
    import pandapower

    cigre_net.line["c_nf_per_km"] = 4000.0
    one_end = to_network(cigre_net, "as delivered: three lines open at one end")
    flows = assert_agree(one_end)
    assert one_end.ac.node_kv.size == len(one_end.bus_names) + 3  # an open end is a node of its own
    end = cigre_net.line.at[12, "name"]
    assert flows.branch_loading_pu[one_end.branch_index([end])[0], 0] > 1e-6  # it charges its line
    bus = pandapower.create_bus(cigre_net, 20.0, "coupled")
    pandapower.create_switch(cigre_net, 6, bus, et="b", closed=True)
    coupled = to_network(cigre_net, "a coupler")
    assert coupled.ac.bus_node[coupled.bus_index(["coupled"])] == coupled.ac.bus_node[6]
    assert_agree(coupled)
    cigre_net.switch.loc[0, "closed"] = False  # the other end of that line too
    both_ends = to_network(cigre_net, "open at both ends")
    assert end not in both_ends.branch_names
    assert_agree(both_ends)
