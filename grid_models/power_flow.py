"""AC power flow for many steps: pandapower step by step as the reference, power-grid-model as one batch.

Where machines hold voltages, a step that power-grid-model finds no solution for is tried by Newton's method before it
counts as without one; ``Flows.engine`` says whose answer each step is.

Both take the same ``Injections`` and give the same ``Flows``. Every load and generator is constant power;
taps stay where the network has them. ``background`` holds the other customers of the network
(``Network.background``); None means nobody else.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.batch_engine import BatchEngine
from grid_models.branch_flows import Complex, Terminals
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import AcModel, Array, Network, Reference

__all__ = ["Flows", "Injections", "solve_batch", "solve_nodes", "solve_reference"]

POWER_GRID_MODEL, NEWTON, PANDAPOWER = "power-grid-model", "newton", "pandapower"


@dataclass(frozen=True, eq=False)
class Flows:
    """Result of an AC power flow: N buses, L branches, T steps; a step without a solution is NaN throughout.

    vm_pu              (N, T) voltage magnitude
    branch_loading_pu  (L, T) larger of both ends' currents over the rated current
    branch_from_kw     (L, T) active power into the branch at its from bus; negative where it leaves the
                       branch there
    branch_to_kw       (L, T) active power into the branch at its to bus
    slack_p_kw         (T,) import from upstream, negative for export
    slack_q_kvar       (T,) likewise
    losses_kw          (T,) import plus all injections: what lines, transformers and shunts take up
    converged          (T,)
    engine             (T,) which engine's answer it is: ``POWER_GRID_MODEL``, ``NEWTON`` or ``PANDAPOWER``; "" without
    """

    bus_names: tuple[str, ...]
    branch_names: tuple[str, ...]
    vm_pu: Array
    branch_loading_pu: Array
    branch_from_kw: Array
    branch_to_kw: Array
    slack_p_kw: Array
    slack_q_kvar: Array
    losses_kw: Array
    converged: NDArray[np.bool_]
    engine: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype="U16"))


def solve_batch(
    network: Network,
    injections: Injections,
    background: Injections | None = None,
    *,
    chunk_steps: int = 2048,
    threads: int = 1,
) -> Flows:
    """Solve all steps with power-grid-model, ``chunk_steps`` at a time, which bounds the memory; ``engine`` as above.

    Raises GridError for unknown buses and for shapes that do not fit; a step without a solution is NaN and
    not converged. Source: Y. Xiang et al., power-grid-model, doi:10.5281/zenodo.8054429.
    """
    p_kw, q_kvar = node_power(network, injections, background)
    flows = _empty_flows(network, p_kw.shape[1])
    engine, ends = BatchEngine(network.ac), Terminals.of(network.ac)
    for start in range(0, p_kw.shape[1], chunk_steps):
        part = slice(start, start + chunk_steps)
        voltage, by_newton = engine.solve(p_kw[:, part], q_kvar[:, part], threads)
        _fill(flows, part, network.ac, ends, voltage, p_kw[:, part], q_kvar[:, part])
        answered = np.where(by_newton, NEWTON, POWER_GRID_MODEL)
        flows.engine[part] = np.where(flows.converged[part], answered, "")
    return flows


def solve_nodes(network: Network, injections: Injections, background: Injections | None = None) -> Complex:
    """Complex voltage [p.u.] of the nodes of the per-unit model, (n, T): what derivatives are taken at.

    By the engine of ``solve_batch``, with its errors; NaN in a step without a solution.
    """
    return BatchEngine(network.ac).voltage(*node_power(network, injections, background))


def solve_reference(network: Network, injections: Injections, background: Injections | None = None) -> Flows:
    """Solve step by step with pandapower, each step from the last one: the judge, not the worker.

    Raises GridError as ``solve_batch`` does, and for a network that came ``without_reference()``.
    """
    from grid_models.convert import run_reference

    reference = network.reference
    if reference is None:
        raise GridError(f"network {network.name!r} carries no pandapower net; load it again to solve the reference")
    p_kw, q_kvar = bus_power(network, injections, background)
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


def bus_power(network: Network, injections: Injections, background: Injections | None) -> tuple[Array, Array]:
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
    p_kw, q_kvar = bus_power(network, injections, background)
    ac = network.ac
    buses = np.arange(ac.bus_node.size)
    onto = sparse.csr_array((np.ones(buses.size), (ac.bus_node, buses)), shape=(ac.node_kv.size, buses.size))
    return onto @ p_kw + ac.node_fixed_kw[:, None], onto @ q_kvar + ac.node_fixed_kvar[:, None]


def unsolved(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """What a field of ``Flows`` holds where there is no solution: NaN, False or ""."""
    kind = np.dtype(dtype)
    return np.full(shape, np.nan if kind.kind == "f" else kind.type(), dtype=kind)


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
        slack_q_kvar=np.full(steps, np.nan),
        losses_kw=np.full(steps, np.nan),
        converged=np.zeros(steps, dtype=bool),
        engine=np.full(steps, "", dtype="U16"),
    )


def _fill(
    flows: Flows, part: slice, ac: AcModel, ends: Terminals, voltage: Complex, p_kw: Array, q_kvar: Array
) -> None:
    """Voltages (n, T) → everything else; p_kw and q_kvar (n, T) are injected per node."""
    flows.vm_pu[:, part] = np.abs(voltage)[ac.bus_node]
    flows.branch_loading_pu[:, part] = ends.loading_pu(voltage)
    flows.branch_from_kw[:, part], flows.branch_to_kw[:, part] = ends.powers_kw(voltage)
    flows.converged[part] = np.isfinite(voltage).all(axis=0)
    flows.slack_p_kw[part] = ends.import_kw(voltage, p_kw)
    flows.slack_q_kvar[part] = ends.import_kvar(voltage, q_kvar)
    flows.losses_kw[part] = flows.slack_p_kw[part] + p_kw.sum(axis=0)


def _read_reference(flows: Flows, step: int, rows: Reference, net: Any, total_kw: float) -> None:
    """The result tables of pandapower of one solved step, MW → kW, in the order of ``Flows``."""
    line, trafo = net.res_line.loc[rows.lines], net.res_trafo.loc[rows.transformers]
    flows.vm_pu[:, step] = net.res_bus.loc[rows.buses, "vm_pu"].to_numpy()
    loading = np.concatenate([line["loading_percent"].to_numpy(), trafo["loading_percent"].to_numpy()])
    flows.branch_loading_pu[:, step] = loading / 100.0
    flows.branch_from_kw[:, step] = 1e3 * np.concatenate([line["p_from_mw"], trafo["p_hv_mw"]])
    flows.branch_to_kw[:, step] = 1e3 * np.concatenate([line["p_to_mw"], trafo["p_lv_mw"]])
    slack_machines = net.res_gen.loc[net.gen["slack"].astype(bool)]
    flows.slack_p_kw[step] = 1e3 * float(net.res_ext_grid["p_mw"].sum() + slack_machines["p_mw"].sum())
    flows.slack_q_kvar[step] = 1e3 * float(net.res_ext_grid["q_mvar"].sum() + slack_machines["q_mvar"].sum())
    flows.losses_kw[step] = flows.slack_p_kw[step] + total_kw
    flows.converged[step], flows.engine[step] = True, PANDAPOWER
