"""Where power enters a network, which way it goes, and what is lost on the way: the input of carbon tracing.

Nodes are buses that closed switches make one. At every node and in every step::

    Σ_s injected_kw[s] + upstream_kw = shunt_kw + Σ_{branches from it} from_kw + Σ_{branches to it} to_kw

A branch takes power in at its sending end and gives less out at its receiving end; the difference is its loss. Where
both ends feed it (a line that carries next to nothing), the larger is the sending end and the other receives a negative
amount.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.branch_flows import Terminals
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Array, Index, Network
from grid_models.power_flow import bus_power, solve_nodes

FIXED = "fixed"
"""Source of what the network itself holds and never changes, for example motors."""


@dataclass(frozen=True, eq=False)
class TracingFlows:
    """Active powers of n nodes and M branches over T steps [kW]; a step without a solution is NaN throughout.

    node_name     (n,) the first of each node's buses
    bus_node      (N,) node of every bus of the network
    branch_name   (M,) "" where the network has no name for it (a switch with an impedance)
    from_node     (M,) and to_node: its ends
    from_kw       (M, T) and to_kw: into the branch at either end
    injected_kw   by source, (n, T), consumption negative
    upstream_kw   (n, T) import from upstream, negative for export; 0 away from the slacks
    shunt_kw      (n, T) taken up by shunts
    """

    node_name: tuple[str, ...]
    bus_node: Index
    branch_name: tuple[str, ...]
    from_node: Index
    to_node: Index
    from_kw: Array
    to_kw: Array
    injected_kw: Mapping[str, Array]
    upstream_kw: Array
    shunt_kw: Array

    @property
    def forward(self) -> NDArray[np.bool_]:
        """(M, T) whether the from end is the sending end."""
        return np.asarray(self.from_kw >= self.to_kw)

    @property
    def sent_kw(self) -> Array:
        """(M, T) into the branch at its sending end."""
        return np.asarray(np.maximum(self.from_kw, self.to_kw))

    @property
    def received_kw(self) -> Array:
        """(M, T) out of the branch at its receiving end."""
        return np.asarray(-np.minimum(self.from_kw, self.to_kw))

    @property
    def loss_kw(self) -> Array:
        """(M, T) what each branch takes up: sent less received."""
        return self.from_kw + self.to_kw

    @property
    def imbalance_kw(self) -> Array:
        """(n, T) what the balance of each node is short of zero."""
        return self._all_injected() - self.shunt_kw - self._leaving()

    def _all_injected(self) -> Array:
        return np.asarray(sum(self.injected_kw.values(), self.upstream_kw))

    def _leaving(self) -> Array:
        out = np.zeros_like(self.upstream_kw)
        np.add.at(out, self.from_node, self.from_kw)
        np.add.at(out, self.to_node, self.to_kw)
        return out


def tracing_flows(network: Network, sources: Mapping[str, Injections]) -> TracingFlows:
    """Solve all steps and take the powers apart by source.

    Args:
        sources: by name (such as park and others), what each injects; together they are all that is on the network.

    Raises:
        GridError: no source, a reserved name, an unknown bus, or numbers of steps that differ.
    """
    if not sources or FIXED in sources:
        raise GridError(f"sources: at least one is needed, none called {FIXED!r}; got {sorted(sources) or 'none'}")
    ac, parts = network.ac, dict(sources)
    powers = {name: bus_power(network, part, None) for name, part in parts.items()}
    steps = {name: p_kw.shape[1] for name, (p_kw, _) in powers.items()}
    if len(set(steps.values())) > 1:
        raise GridError(f"sources: numbers of steps differ: {steps}")
    total = Injections(network.bus_names, *(np.sum([one[k] for one in powers.values()], axis=0) for k in (0, 1)))
    voltage = solve_nodes(network, total)
    every = np.arange(ac.from_node.size)
    model = dataclasses.replace(
        ac, named_branch=every, rated_from_ka=np.ones(every.size), rated_to_ka=np.ones(every.size)
    )
    from_kw, to_kw = Terminals.of(model).powers_kw(voltage)
    n = ac.node_kv.size
    onto = sparse.csr_array(
        (np.ones(ac.bus_node.size), (ac.bus_node, np.arange(ac.bus_node.size))), shape=(n, ac.bus_node.size)
    )
    solved = np.where(np.isfinite(voltage).all(axis=0), 1.0, np.nan)
    injected = {name: (onto @ p_kw) * solved for name, (p_kw, _) in powers.items()}
    if ac.node_fixed_kw.any():
        injected[FIXED] = ac.node_fixed_kw[:, None] * solved
    made = TracingFlows(
        node_name=_node_names(network),
        bus_node=ac.bus_node,
        branch_name=_branch_names(network),
        from_node=ac.from_node,
        to_node=ac.to_node,
        from_kw=from_kw,
        to_kw=to_kw,
        injected_kw=injected,
        upstream_kw=np.zeros((n, total.steps)) * solved,
        shunt_kw=ac.node_shunt_pu.real[:, None] * np.abs(voltage) ** 2 * ac.base_mva * 1e3,
    )
    # The slacks give what their nodes lack; elsewhere the balance is the engine's.
    made.upstream_kw[ac.slack_node] = -made.imbalance_kw[ac.slack_node]
    return made


def _node_names(network: Network) -> tuple[str, ...]:
    names = ["" for _ in range(network.ac.node_kv.size)]
    for bus, node in enumerate(network.ac.bus_node):
        names[node] = names[node] or network.bus_names[bus]
    return tuple(names)


def _branch_names(network: Network) -> tuple[str, ...]:
    names = ["" for _ in range(network.ac.from_node.size)]
    for branch, name in zip(network.ac.named_branch, network.branch_names, strict=True):
        names[branch] = name
    return tuple(names)
