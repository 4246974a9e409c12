"""The same network with branches out, or fed from another bus: N−1 and islands.

What no source reaches any more is left out of the network that comes back, so that a power flow is one of what is still
supplied: bus and branch names say what that is.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from grid_models.background import Background
from grid_models.injections import Injections
from grid_models.network import AcModel, Index, Network, Reference, Taps
from grid_models.power_flow import Flows, unsolved

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reduced:
    """A network of what is still supplied, and the buses that are not."""

    network: Network
    lost_buses: tuple[str, ...]

    def supplied(self, injections: Injections | None) -> Injections | None:
        """The injections at buses that are still supplied: what stands elsewhere is off."""
        if injections is None or not self.lost_buses:
            return injections
        lost = set(self.lost_buses)
        rows = np.array([k for k, bus in enumerate(injections.bus) if bus not in lost], dtype=np.int64)
        return Injections(tuple(injections.bus[k] for k in rows), injections.p_kw[rows], injections.q_kvar[rows])


def without_branches(network: Network, branches: Sequence[str]) -> Reduced:
    """The network with lines or transformers out; the sources alone where they reach nothing else.

    Raises GridError for unknown names.
    """
    return _reduced(network, network.ac, tuple(branches), None)


def islanded(network: Network, bus: str, open_branches: Sequence[str] = (), vm_pu: float = 1.0) -> Reduced:
    """The network fed at ``bus`` in the place of its own sources, which are off.

    Raises GridError for unknown names.
    """
    node = network.ac.bus_node[network.bus_index([bus])]
    ac = dataclasses.replace(
        network.ac, slack_node=node, slack_vm_pu=np.array([vm_pu]), slack_va_rad=np.zeros(1, dtype=np.float64)
    )
    return _reduced(network, ac, tuple(open_branches), (bus, vm_pu))


def expanded(flows: Flows, network: Network, steps: int, at: Index) -> Flows:
    """Flows of a reduced network in the shape of the whole one: NaN for what is not supplied, and in other steps."""
    buses, branches = network.bus_index(flows.bus_names), network.branch_index(flows.branch_names)
    rows = {flows.vm_pu.shape[0]: (len(network.bus_names), buses)}
    made: dict[str, Any] = {}
    for one in dataclasses.fields(flows):
        value = getattr(flows, one.name)
        if not isinstance(value, np.ndarray):
            continue
        if value.ndim == 1:
            made[one.name] = unsolved((steps,), value.dtype)
            made[one.name][at] = value
            continue
        count, place = rows[value.shape[0]] if one.name == "vm_pu" else (len(network.branch_names), branches)
        made[one.name] = np.full((count, steps), np.nan)
        made[one.name][np.ix_(place, at)] = value
    return dataclasses.replace(flows, bus_names=network.bus_names, branch_names=network.branch_names, **made)


def _reduced(network: Network, ac: AcModel, out: tuple[str, ...], island: tuple[str, float] | None) -> Reduced:
    closed = np.ones(ac.from_node.size, dtype=bool)
    closed[ac.named_branch[network.branch_index(out)]] = False
    live = _reached(ac, closed)
    keep_branch = closed & live[ac.from_node] & live[ac.to_node]
    bus, branch = live[ac.bus_node], keep_branch[ac.named_branch]
    names = np.array(network.bus_names, dtype=object)
    bus_of = np.cumsum(bus) - 1
    made = dataclasses.replace(
        network,
        name=f"{network.name} without {', '.join(out)}" if out else network.name,
        bus_names=tuple(names[bus]),
        branch_names=tuple(np.array(network.branch_names, dtype=object)[branch]),
        branch_from=bus_of[network.branch_from[branch]],
        branch_to=bus_of[network.branch_to[branch]],
        voltage_min_pu=network.voltage_min_pu[bus],
        voltage_max_pu=network.voltage_max_pu[bus],
        branch_loading_max_pu=network.branch_loading_max_pu[branch],
        ac=_cut(ac, live, keep_branch, bus, branch),
        profiles=_of_buses(network.profiles, bus),
        reference=_reference(network, out, island, bus, branch),
        taps=None if network.taps is None else _of_branches(network.taps, branch),
    )
    return Reduced(made, tuple(names[~bus]))


def _reached(ac: AcModel, closed: _Mask) -> _Mask:
    """(n,) whether a source reaches the node over closed branches."""
    n, ends = ac.node_kv.size, (ac.from_node[closed], ac.to_node[closed])
    graph = sparse.csr_array((np.ones(closed.sum()), ends), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    return np.isin(part, part[ac.slack_node])


def _cut(ac: AcModel, live: _Mask, branch: _Mask, bus: _Mask, named: _Mask) -> AcModel:
    """The per-unit model of what is live, renumbered."""
    node_of, branch_of = np.cumsum(live) - 1, np.cumsum(branch) - 1
    of_nodes = ("node_kv", "node_shunt_pu", "node_fixed_kw", "node_fixed_kvar")
    of_branches = ("r_pu", "x_pu", "g_pu", "b_pu", "to_g_pu", "to_b_pu", "tap", "shift_rad")
    kept: dict[str, Any] = {name: getattr(ac, name)[live] for name in of_nodes}
    kept |= {name: getattr(ac, name)[branch] for name in of_branches}
    # A machine at the slack's own node has nothing left to hold.
    holds = live[ac.regulated_node] & ~np.isin(ac.regulated_node, ac.slack_node)
    return dataclasses.replace(
        ac,
        **kept,
        slack_node=node_of[ac.slack_node],
        regulated_node=node_of[ac.regulated_node[holds]],
        regulated_vm_pu=ac.regulated_vm_pu[holds],
        from_node=node_of[ac.from_node[branch]],
        to_node=node_of[ac.to_node[branch]],
        bus_node=node_of[ac.bus_node[bus]],
        named_branch=branch_of[ac.named_branch[named]],
        rated_from_ka=ac.rated_from_ka[named],
        rated_to_ka=ac.rated_to_ka[named],
    )


def _of_buses(profiles: Background, bus: _Mask) -> Background:
    return Background(profiles.factor, profiles.rating_kw[bus], profiles.rating_kvar[bus])


def _of_branches(taps: Taps, branch: _Mask) -> Taps:
    return Taps(**{one.name: getattr(taps, one.name)[branch] for one in dataclasses.fields(taps)})


def _reference(
    network: Network, out: tuple[str, ...], island: tuple[str, float] | None, bus: _Mask, branch: _Mask
) -> Reference | None:
    """The net of pandapower with the same elements out of service; None where the network came without."""
    import pandapower

    reference = network.reference
    if reference is None:
        return None
    net, lines = copy.deepcopy(reference.net), len(reference.lines)
    for row in network.branch_index(out):
        if row < lines:
            net.line.loc[reference.lines[row], "in_service"] = False
        else:
            net.trafo.loc[reference.transformers[row - lines], "in_service"] = False
    if island is not None:
        net.ext_grid["in_service"] = False
        net.gen.loc[net.gen["slack"].astype(bool), "in_service"] = False
        at = reference.buses[network.bus_index([island[0]])[0]]
        pandapower.create_ext_grid(net, int(at), vm_pu=island[1])
    dead = reference.buses[~bus]
    net.bus.loc[dead, "in_service"] = False
    # One static generator per bus, in their order: those of the dead ones go.
    net.sgen = net.sgen[np.asarray(bus)]
    is_line = np.arange(branch.size) < lines
    return Reference(
        net=net,
        buses=reference.buses[bus],
        lines=reference.lines[branch[is_line]],
        transformers=reference.transformers[branch[~is_line]],
    )


def merged(parts: Sequence[tuple[Index, Flows]]) -> Flows:
    """Flows of one network whose steps were solved in several states: each part gives its own steps."""
    made = parts[0][1]
    for steps, part in parts[1:]:
        for one in dataclasses.fields(made):
            value = getattr(made, one.name)
            if isinstance(value, np.ndarray):
                value[..., steps] = getattr(part, one.name)[..., steps]
    return made
