"""The per-unit model as matrices, shared by everything that is derived from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from grid_models.branch_flows import ends
from grid_models.errors import GridError
from grid_models.network import AcModel, Array, Index, Network

Complex = NDArray[np.complex128]


def as_complex(real: Array, imaginary: Array) -> Complex:
    """Real and imaginary parts as one array."""
    return np.asarray(real + 1j * imaginary, dtype=np.complex128)


def branch_admittances(ac: AcModel) -> tuple[Complex, Complex, Complex, Complex]:
    """(y_ff, y_ft, y_tf, y_tt), each (m,) [p.u.], by the equations in ``AcModel``."""
    start, stop = ends(ac)
    return start.own, start.other, stop.other, stop.own


def end_currents(ac: AcModel, voltage: Complex) -> tuple[Complex, Complex]:
    """Currents (or, as they are linear, their derivatives) into the named branches at both ends [p.u.]."""
    y_ff, y_ft, y_tf, y_tt = (y[ac.named_branch].reshape(-1, *[1] * (voltage.ndim - 1)) for y in branch_admittances(ac))
    v_from, v_to = voltage[ac.from_node[ac.named_branch]], voltage[ac.to_node[ac.named_branch]]
    return y_ff * v_from + y_ft * v_to, y_tf * v_from + y_tt * v_to


def on_base(ac: AcModel, base_mva: float) -> AcModel:
    """The same model in per unit of another power."""
    more = base_mva / ac.base_mva
    impedances = {name: getattr(ac, name) * more for name in ("r_pu", "x_pu")}
    admittances = {name: getattr(ac, name) / more for name in ("node_shunt_pu", "g_pu", "b_pu", "to_g_pu", "to_b_pu")}
    return dataclasses.replace(ac, base_mva=base_mva, **impedances, **admittances)


def end_shunts(ac: AcModel) -> tuple[Complex, Complex]:
    """Shunt admittance at the inner from and to end of each branch (m,) [p.u.].

    The one at the from end stands behind the ideal transformer, where the squared voltage is w/tap².
    """
    half = as_complex(ac.g_pu, ac.b_pu) / 2.0
    return half, half + as_complex(ac.to_g_pu, ac.to_b_pu) / 2.0


def loading_per_pu(ac: AcModel) -> tuple[Array, Array]:
    """Loading [p.u.] per p.u. of current at the from and the to end of every named branch (L,)."""
    named = ac.named_branch
    ka_per_pu = ac.base_mva / (np.sqrt(3.0) * ac.node_kv)
    return ka_per_pu[ac.from_node[named]] / ac.rated_from_ka, ka_per_pu[ac.to_node[named]] / ac.rated_to_ka


def onto_nodes(ac: AcModel, buses: Index) -> sparse.csr_array:
    """(n, B) with a one where a bus stands on a node."""
    return sparse.csr_array(
        (np.ones(buses.size), (ac.bus_node[buses], np.arange(buses.size))), shape=(ac.node_kv.size, buses.size)
    )


@dataclass(frozen=True, eq=False)
class Edges:
    """The branches with parallel ones of one ratio merged: k edges, in the from → to direction of their own.

    r_pu, x_pu              (k,) series impedance
    tap                     (k,) ratio at the from end
    from_shunt, to_shunt    (k,) shunt admittances at the inner ends, as ``end_shunts``
    edge_of                 (m,) edge of each branch
    share                   (m,) part of the edge's current that the branch carries, in the edge's direction: y/Σy,
                            negative where the branch is written the other way round
    """

    from_node: Index
    to_node: Index
    r_pu: Array
    x_pu: Array
    tap: Array
    from_shunt: Complex
    to_shunt: Complex
    edge_of: Index
    share: Complex


def edges(ac: AcModel) -> Edges:
    """Parallel branches as one: those without ratio in either direction, the others if their ratios are equal."""
    plain = (ac.tap == 1.0) & (ac.shift_rad == 0.0)
    turned = plain & (ac.from_node > ac.to_node)
    f, t = np.where(turned, ac.to_node, ac.from_node), np.where(turned, ac.from_node, ac.to_node)
    key = np.stack([f, t, ac.tap, ac.shift_rad], axis=1)
    _, first, edge_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    edge_of = edge_of.reshape(-1)
    onto = sparse.csr_array((np.ones(f.size), (edge_of, np.arange(f.size))), shape=(first.size, f.size))
    series = 1.0 / as_complex(ac.r_pu, ac.x_pu)
    impedance = 1.0 / (onto @ series)
    at_from, at_to = end_shunts(ac)
    return Edges(
        from_node=f[first],
        to_node=t[first],
        r_pu=impedance.real,
        x_pu=impedance.imag,
        tap=ac.tap[first],
        from_shunt=onto @ np.where(turned, at_to, at_from),
        to_shunt=onto @ np.where(turned, at_from, at_to),
        edge_of=edge_of,
        share=np.where(turned, -1.0, 1.0) * series * impedance[edge_of],
    )


def is_radial(ac: AcModel) -> bool:
    """Whether there is exactly one path from every node to exactly one slack (parallel branches count as one)."""
    k, n, slacks = edges(ac), ac.node_kv.size, ac.slack_node.size
    # All slacks as one more node: a tree has one edge less than nodes, and is connected.
    ends = (np.r_[k.from_node, ac.slack_node], np.r_[k.to_node, np.full(slacks, n)])
    graph = sparse.coo_array((np.ones(ends[0].size), ends), shape=(n + 1, n + 1))
    parts, _ = csgraph.connected_components(graph, directed=False)
    return bool(parts == 1 and k.from_node.size + slacks == n)


@dataclass(frozen=True, eq=False)
class FlowMatrices:
    """The branch-flow balances of n nodes and k edges, linear in squared voltages w and inner powers S [p.u.].

    ``out`` and ``into`` (n, k) have a one where an edge starts and ends, ``inner`` @ w (k, n) is the squared voltage
    behind the ideal transformer, ``shunt`` @ w (n, n) the complex power of all shunts. With c the squared current and
    z the impedance of an edge::

        intoᵀ w = inner w − 2 (r P + x Q) + |z|² c       out S − into (S − z c) + shunt w = s
    """

    out: sparse.csr_array
    into: sparse.csr_array
    inner: sparse.csr_array
    shunt: sparse.csr_array


def flow_matrices(ac: AcModel, edge: Edges) -> FlowMatrices:
    """The matrices of the branch-flow equations over ``edges(ac)``."""
    n, k = ac.node_kv.size, edge.from_node.size
    one = np.arange(k)
    out = sparse.csr_array((np.ones(k), (edge.from_node, one)), shape=(n, k))
    into = sparse.csr_array((np.ones(k), (edge.to_node, one)), shape=(n, k))
    inner = sparse.csr_array((1.0 / edge.tap**2, (one, edge.from_node)), shape=(k, n))
    own, at_from, at_to = (sparse.diags_array(np.conj(y)) for y in (ac.node_shunt_pu, edge.from_shunt, edge.to_shunt))
    return FlowMatrices(out, into, inner, sparse.csr_array(own + out @ at_from @ inner + into @ at_to @ into.T))


def refuse_regulated(network: Network, what: str) -> None:
    """Raises GridError where machines hold a voltage, which ``what`` has no equation for."""
    count = network.ac.regulated_node.size
    if count:
        raise GridError(
            f"network {network.name!r}: {count} machines hold their voltage, which {what} does not carry; take "
            "the reactive power they need as given, or leave it open as a resource, as grid_models.costs.case_of "
            "does for a network with costs"
        )
