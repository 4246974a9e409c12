"""AC power flow for many steps: pandapower step by step as the reference, power-grid-model as one batch.

Both take the same ``Injections`` and give the same ``Flows``. Every load and generator is constant power;
taps stay where the network has them. ``background`` holds the other customers of the network
(``Network.background``); None means nobody else.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import AcModel, Array, Network, Reference

__all__ = ["Flows", "Injections", "solve_batch", "solve_nodes", "solve_reference"]

ComplexArray = NDArray[np.complex128]

# Short-circuit power of the slack source [VA]. The engine's default, 1e10, is an impedance that shows.
_SLACK_SHORT_CIRCUIT_VA = 1e17


@dataclass(frozen=True, eq=False)
class Flows:
    """Result of an AC power flow: N buses, L branches, T steps; a step without a solution is NaN throughout.

    vm_pu              (N, T) voltage magnitude
    branch_loading_pu  (L, T) larger of both ends' currents over the rated current
    branch_from_kw     (L, T) active power into the branch at its from bus; negative where it leaves the
                       branch there
    branch_to_kw       (L, T) active power into the branch at its to bus
    slack_p_kw         (T,) import from upstream, negative for export
    losses_kw          (T,) import plus all injections: what lines, transformers and shunts take up
    converged          (T,)
    """

    bus_names: tuple[str, ...]
    branch_names: tuple[str, ...]
    vm_pu: Array
    branch_loading_pu: Array
    branch_from_kw: Array
    branch_to_kw: Array
    slack_p_kw: Array
    losses_kw: Array
    converged: NDArray[np.bool_]


def solve_batch(
    network: Network,
    injections: Injections,
    background: Injections | None = None,
    *,
    chunk_steps: int = 2048,
    threads: int = 1,
) -> Flows:
    """Solve all steps with power-grid-model, Newton-Raphson; ``chunk_steps`` at a time bounds the memory.

    Raises GridError for unknown buses and for shapes that do not fit; a step without a solution is NaN and
    not converged. Source: Y. Xiang et al., power-grid-model, doi:10.5281/zenodo.8054429.
    """
    p_kw, q_kvar = node_power(network, injections, background)
    flows = _empty_flows(network, p_kw.shape[1])
    model = _engine(network.ac)
    for start in range(0, p_kw.shape[1], chunk_steps):
        part = slice(start, start + chunk_steps)
        voltage = _solve_chunk(model, p_kw[:, part], q_kvar[:, part], threads)
        _fill(flows, part, network.ac, voltage, p_kw[:, part])
    return flows


def solve_nodes(network: Network, injections: Injections, background: Injections | None = None) -> ComplexArray:
    """Complex voltage [p.u.] of the nodes of the per-unit model, (n, T): what derivatives are taken at.

    By the engine of ``solve_batch``, with its errors; NaN in a step without a solution.
    """
    return _solve_chunk(_engine(network.ac), *node_power(network, injections, background), 1)


def solve_reference(network: Network, injections: Injections, background: Injections | None = None) -> Flows:
    """Solve step by step with pandapower, each step from the last one: the judge, not the worker.

    Raises GridError as ``solve_batch`` does, and for a network that came ``without_reference()``.
    """
    from grid_models.convert import run_reference

    reference = network.reference
    if reference is None:
        raise GridError(f"network {network.name!r} carries no pandapower net; load it again to solve the reference")
    p_kw, q_kvar = _bus_power(network, injections, background)
    total_kw = p_kw.sum(axis=0) + network.ac.node_fixed_kw.sum()
    flows = _empty_flows(network, p_kw.shape[1])
    net = copy.deepcopy(reference.net)
    init = "auto"
    for step in range(p_kw.shape[1]):
        net.sgen["p_mw"], net.sgen["q_mvar"] = p_kw[:, step] / 1e3, q_kvar[:, step] / 1e3
        if not run_reference(net, init):
            init = "auto"
            continue
        init = "results"
        _read_reference(flows, step, reference, net, total_kw[step])
    return flows


def _bus_power(network: Network, injections: Injections, background: Injections | None) -> tuple[Array, Array]:
    """(N, T) sum of both injections on the named buses."""
    p_kw = np.zeros((len(network.bus_names), injections.steps))
    q_kvar = np.zeros_like(p_kw)
    for part in (injections, background):
        if part is None:
            continue
        if part.steps != injections.steps:
            raise GridError(f"injections have {injections.steps} steps, the background has {part.steps}")
        rows = network.bus_index(part.bus)
        onto = sparse.csr_array((np.ones(rows.size), (rows, np.arange(rows.size))), shape=(p_kw.shape[0], rows.size))
        p_kw += onto @ part.p_kw
        q_kvar += onto @ part.q_kvar
    return p_kw, q_kvar


def node_power(network: Network, injections: Injections, background: Injections | None) -> tuple[Array, Array]:
    """(n, T) injection per node of the per-unit model, fixed parts included."""
    p_kw, q_kvar = _bus_power(network, injections, background)
    ac = network.ac
    buses = np.arange(ac.bus_node.size)
    onto = sparse.csr_array((np.ones(buses.size), (ac.bus_node, buses)), shape=(ac.node_kv.size, buses.size))
    return onto @ p_kw + ac.node_fixed_kw[:, None], onto @ q_kvar + ac.node_fixed_kvar[:, None]


def _empty_flows(network: Network, steps: int) -> Flows:
    buses, branches = len(network.bus_names), len(network.branch_names)
    return Flows(
        bus_names=network.bus_names,
        branch_names=network.branch_names,
        vm_pu=np.full((buses, steps), np.nan),
        branch_loading_pu=np.full((branches, steps), np.nan),
        branch_from_kw=np.full((branches, steps), np.nan),
        branch_to_kw=np.full((branches, steps), np.nan),
        slack_p_kw=np.full(steps, np.nan),
        losses_kw=np.full(steps, np.nan),
        converged=np.zeros(steps, dtype=bool),
    )


def _engine(ac: AcModel) -> Any:
    """The power-grid-model of one network: one shunt and one constant-power load per node, stiff sources.

    Ids: nodes 0..n−1, then branches, shunts, loads, sources. Ohms and siemens are those of the to side.
    """
    from power_grid_model import LoadGenType, PowerGridModel, initialize_array

    n, m = ac.node_kv.size, ac.from_node.size
    node = initialize_array("input", "node", n)
    node["id"], node["u_rated"] = np.arange(n), ac.node_kv * 1e3
    ohm = ac.node_kv[ac.to_node] ** 2 / ac.base_mva
    branch = initialize_array("input", "generic_branch", m)
    branch["id"], branch["from_node"], branch["to_node"] = n + np.arange(m), ac.from_node, ac.to_node
    branch["from_status"] = branch["to_status"] = 1
    branch["r1"], branch["x1"] = ac.r_pu * ohm, ac.x_pu * ohm
    branch["g1"], branch["b1"] = ac.g_pu / ohm, ac.b_pu / ohm
    branch["k"], branch["theta"] = ac.tap, ac.shift_rad
    shunt_pu = ac.node_shunt_pu.copy()
    np.add.at(shunt_pu, ac.to_node, (ac.to_g_pu + 1j * ac.to_b_pu) / 2.0)
    siemens = shunt_pu * ac.base_mva / ac.node_kv**2
    shunt = initialize_array("input", "shunt", n)
    shunt["id"], shunt["node"], shunt["status"] = n + m + np.arange(n), np.arange(n), 1
    shunt["g1"], shunt["b1"] = siemens.real, siemens.imag
    load = initialize_array("input", "sym_load", n)
    load["id"], load["node"], load["status"] = 2 * n + m + np.arange(n), np.arange(n), 1
    load["type"], load["p_specified"], load["q_specified"] = LoadGenType.const_power, 0.0, 0.0
    source = initialize_array("input", "source", ac.slack_node.size)
    source["id"], source["node"] = 3 * n + m + np.arange(ac.slack_node.size), ac.slack_node
    source["status"], source["sk"] = 1, _SLACK_SHORT_CIRCUIT_VA
    source["u_ref"], source["u_ref_angle"] = ac.slack_vm_pu, ac.slack_va_rad
    tables = {"node": node, "generic_branch": branch, "shunt": shunt, "sym_load": load, "source": source}
    return PowerGridModel(tables)


def _solve_chunk(model: Any, p_kw: Array, q_kvar: Array, threads: int) -> NDArray[np.complex128]:
    """(n, T) complex voltage [p.u.]; NaN where a step has no solution."""
    from power_grid_model import initialize_array

    n, steps = p_kw.shape
    load = initialize_array("update", "sym_load", (steps, n))  # no ids: every load, in the order of the nodes
    load["p_specified"], load["q_specified"] = -1e3 * p_kw.T, -1e3 * q_kvar.T
    out = model.calculate_power_flow(
        update_data={"sym_load": load},
        error_tolerance=1e-10,
        threading=-1 if threads == 1 else threads,
        output_component_types={"node": ["u_pu", "u_angle"]},
        continue_on_batch_error=True,
    )["node"]
    voltage = (out["u_pu"] * np.exp(1j * out["u_angle"])).T
    if model.batch_error is not None:
        voltage[:, model.batch_error.failed_scenarios] = np.nan
    return np.asarray(voltage)


def _fill(flows: Flows, part: slice, ac: AcModel, voltage: NDArray[np.complex128], p_kw: Array) -> None:
    """Voltages → currents → powers, by the equations in ``AcModel``; p_kw (n, T) is injected per node."""
    v_from, v_to = voltage[ac.from_node], voltage[ac.to_node]
    series = 1.0 / (ac.r_pu + 1j * ac.x_pu)
    half = (ac.g_pu + 1j * ac.b_pu) / 2.0
    ratio = ac.tap * np.exp(1j * ac.shift_rad)
    y_ff, y_ft = (series + half) / ac.tap**2, -series / np.conj(ratio)
    y_tf, y_tt = -series / ratio, series + half + (ac.to_g_pu + 1j * ac.to_b_pu) / 2.0
    i_from = y_ff[:, None] * v_from + y_ft[:, None] * v_to
    i_to = y_tf[:, None] * v_from + y_tt[:, None] * v_to
    from_kw = (v_from * np.conj(i_from)).real * ac.base_mva * 1e3
    to_kw = (v_to * np.conj(i_to)).real * ac.base_mva * 1e3
    named = ac.named_branch
    ka_per_pu = ac.base_mva / (np.sqrt(3.0) * ac.node_kv)
    load_from = np.abs(i_from[named]) * (ka_per_pu[ac.from_node[named]] / ac.rated_from_ka)[:, None]
    load_to = np.abs(i_to[named]) * (ka_per_pu[ac.to_node[named]] / ac.rated_to_ka)[:, None]
    flows.vm_pu[:, part] = np.abs(voltage[ac.bus_node])
    flows.branch_loading_pu[:, part] = np.maximum(load_from, load_to)
    flows.branch_from_kw[:, part], flows.branch_to_kw[:, part] = from_kw[named], to_kw[named]
    # The slack feeds its branches and its shunt, less what is injected at its own node.
    slack = ac.slack_node
    shunt_kw = ac.node_shunt_pu.real[slack, None] * np.abs(voltage[slack]) ** 2 * ac.base_mva * 1e3
    leaving_kw = from_kw[np.isin(ac.from_node, slack)].sum(axis=0) + to_kw[np.isin(ac.to_node, slack)].sum(axis=0)
    flows.slack_p_kw[part] = leaving_kw + (shunt_kw - p_kw[slack]).sum(axis=0)
    flows.losses_kw[part] = flows.slack_p_kw[part] + p_kw.sum(axis=0)
    flows.converged[part] = np.isfinite(voltage).all(axis=0)
    flows.losses_kw[part][~flows.converged[part]] = np.nan


def _read_reference(flows: Flows, step: int, rows: Reference, net: Any, total_kw: float) -> None:
    """The result tables of pandapower of one solved step, MW → kW, in the order of ``Flows``."""
    line, trafo = net.res_line.loc[rows.lines], net.res_trafo.loc[rows.transformers]
    flows.vm_pu[:, step] = net.res_bus.loc[rows.buses, "vm_pu"].to_numpy()
    loading = np.concatenate([line["loading_percent"].to_numpy(), trafo["loading_percent"].to_numpy()])
    flows.branch_loading_pu[:, step] = loading / 100.0
    flows.branch_from_kw[:, step] = 1e3 * np.concatenate([line["p_from_mw"], trafo["p_hv_mw"]])
    flows.branch_to_kw[:, step] = 1e3 * np.concatenate([line["p_to_mw"], trafo["p_lv_mw"]])
    flows.slack_p_kw[step] = 1e3 * float(net.res_ext_grid["p_mw"].sum())
    flows.losses_kw[step] = flows.slack_p_kw[step] + total_kw
    flows.converged[step] = True
