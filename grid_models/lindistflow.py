"""LinDistFlow: the branch-flow equations of a radial network, linear in squared voltages.

Over edges from f to t with ratio a, inner power P + jQ and shunts y at both ends, and w the squared voltage::

    w_t = w_f/a² − 2 (r P + x Q)        s_n = Σ_out (S + y_f* w_f/a²) + Σ_in (−S + y_t* w_t) + y_n* w_n

Shunts are linear in w, so line charging and magnetising power stay in. One sparse factorisation serves all steps,
and no power flow is solved. The slopes know no losses. The point has those of its own lossless flow as constants:
without them the voltages of CIGRE MV at full load are .015 p.u. too high.

M. E. Baran and F. F. Wu, Network reconfiguration in distribution systems for loss reduction and load balancing,
IEEE Trans. Power Delivery 4(2), 1989, doi:10.1109/61.25627.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid_models.errors import GridError
from grid_models.network import AcModel, Array, Index, Network
from grid_models.per_unit import (
    Complex,
    Edges,
    as_complex,
    edges,
    end_shunts,
    flow_matrices,
    is_radial,
    loading_per_pu,
    refuse_regulated,
)
from grid_models.power_flow import Injections, node_power
from grid_models.slopes import LinearModel, Predicted, Slopes


def lindistflow(
    network: Network, injections: Injections, background: Injections | None, buses: tuple[str, ...]
) -> LinearModel:
    """The network by LinDistFlow at ``injections``. Raises GridError where it is not radial."""
    ac = network.ac
    if not is_radial(ac):
        raise GridError(
            f"network {network.name!r} is not radial: LinDistFlow needs one path from each bus to one slack; "
            "use the source 'ptdf' or 'sensitivities'"
        )
    refuse_regulated(network, "LinDistFlow")
    rows = np.array([injections.bus.index(name) for name in buses], dtype=np.int64)
    nodes = ac.bus_node[network.bus_index(buses)]
    p_kw, q_kvar = node_power(network, injections, background)
    edge = edges(ac)
    per_unit = 1.0 / (ac.base_mva * 1e3)
    unit = np.zeros((ac.node_kv.size, nodes.size))
    unit[nodes, np.arange(nodes.size)] = per_unit
    zero = np.zeros_like(unit)
    system = _System(ac, edge)
    at = system.solve(p_kw * per_unit, q_kvar * per_unit, ac.slack_vm_pu**2)
    _refuse_collapse(network, at)
    at = system.solve(p_kw * per_unit, q_kvar * per_unit, ac.slack_vm_pu**2, _current_square(edge, at))
    moved = system.solve(np.hstack([unit, zero]), np.hstack([zero, unit]), np.zeros(ac.slack_node.size))
    _refuse_collapse(network, at)
    return LinearModel(
        source="lindistflow",
        buses=buses,
        p_kw=injections.p_kw[rows],
        q_kvar=injections.q_kvar[rows],
        point=_point(ac, edge, at),
        slopes=_slopes(ac, edge, at, moved),
    )


@dataclass(frozen=True, eq=False)
class _State:
    """Squared voltages (n, ·) and inner power of the edges (k, ·) [p.u.], or changes of both."""

    square: Array
    power: Complex
    lost: Complex  # (k, ·) of it what does not arrive at the to end


class _System:
    """The equations above with the slack voltages given, factorised once."""

    def __init__(self, ac: AcModel, edge: Edges) -> None:
        n, k = ac.node_kv.size, edge.from_node.size
        self._ac, self._free = ac, np.setdiff1d(np.arange(n), ac.slack_node)
        m = flow_matrices(ac, edge)
        r, x = (sparse.diags_array(2.0 * z) for z in (edge.r_pu, edge.x_pu))
        flow = m.out - m.into
        blocks = [[m.into.T - m.inner, r, x], [m.shunt.real, flow, None], [m.shunt.imag, None, flow]]
        matrix = sparse.csr_array(sparse.block_array(blocks))
        balances = np.concatenate([np.arange(k), k + self._free, k + n + self._free])
        self._slack_columns = matrix[balances][:, ac.slack_node]
        self._factor = splu(sparse.csc_array(matrix[balances][:, np.r_[self._free, n : n + 2 * k]]))
        self._edges, self._into = k, m.into[self._free]
        self._impedance = as_complex(edge.r_pu, edge.x_pu)

    def solve(self, p_pu: Array, q_pu: Array, slack_square: Array, current_square: Array | None = None) -> _State:
        """With nodal injections (n, ·) [p.u.] and squared slack voltages (or the changes of all).

        current_square  (k, ·) |i|² of the edges, whose losses are then taken as given: |z|² |i|² of squared voltage
                        and z |i|² of power do not arrive.
        """
        free, steps = self._free, p_pu.shape[1]
        current = np.zeros((self._edges, steps)) if current_square is None else current_square
        lost = self._impedance[:, None] * current
        missing = self._into @ lost
        drop = np.abs(self._impedance[:, None]) ** 2 * current
        right = np.concatenate([drop, p_pu[free] - missing.real, q_pu[free] - missing.imag])
        answer = self._factor.solve(right - (self._slack_columns @ slack_square)[:, None])
        square = np.empty_like(p_pu)
        square[self._ac.slack_node] = slack_square[:, None]
        square[free] = answer[: free.size]
        p, q = answer[free.size : free.size + self._edges], answer[free.size + self._edges :]
        return _State(square, as_complex(p, q), lost)


def _current_square(edge: Edges, at: _State) -> Array:
    """|i|² = |S|²/w at the inner from end (k, ·)."""
    return np.asarray(np.abs(at.power) ** 2 * (edge.tap**2)[:, None] / at.square[edge.from_node])


def _refuse_collapse(network: Network, at: _State) -> None:
    low = np.argwhere(at.square <= 0.0)
    if low.size:
        node, step = low[0]
        name = network.bus_names[int(np.argmax(network.ac.bus_node == node))]
        raise GridError(
            f"network {network.name!r}: LinDistFlow finds no positive voltage at bus {name!r}, step {step}; the load "
            "is beyond what the network can carry"
        )


def _ends(ac: AcModel, edge: Edges, state: _State) -> tuple[tuple[Complex, Index], tuple[Complex, Index]]:
    """Power into the named branches at the from and the to end (L, ·) [p.u.], each with its node.

    The branch's share of the edge's current is also that of its power, conjugated; linear in ``state``.
    """
    named = ac.named_branch
    share, of = np.conj(edge.share[named])[:, None], edge.edge_of[named]
    turned = edge.share[named].real < 0.0
    leaving, arriving = share * state.power[of], share * (state.power - state.lost)[of]
    through_from: Complex = np.where(turned[:, None], arriving, leaving)
    through_to: Complex = np.where(turned[:, None], leaving, arriving)
    at_from, at_to = (np.conj(y[named])[:, None] for y in end_shunts(ac))
    f, t = ac.from_node[named], ac.to_node[named]
    inner = state.square[f] / (ac.tap[named] ** 2)[:, None]
    return (through_from + at_from * inner, f), (-through_to + at_to * state.square[t], t)


def _point(ac: AcModel, edge: Edges, at: _State) -> Predicted:
    loads = [
        np.abs(power) / np.sqrt(at.square[node]) * per[:, None]
        for (power, node), per in zip(_ends(ac, edge, at), loading_per_pu(ac), strict=True)
    ]
    losses = at.lost.real.sum(axis=0) + _shunt_power(ac, edge, at.square)
    return Predicted(np.sqrt(at.square[ac.bus_node]), np.maximum(*loads), losses * ac.base_mva * 1e3)


def _shunt_power(ac: AcModel, edge: Edges, square: Array) -> Array:
    """What conductances take up [p.u.]; linear in the squared voltages."""
    at_from = edge.from_shunt.real / edge.tap**2
    return ac.node_shunt_pu.real @ square + at_from @ square[edge.from_node] + edge.to_shunt.real @ square[edge.to_node]


def _slopes(ac: AcModel, edge: Edges, at: _State, moved: _State) -> Slopes:
    """By the chain rule from squared voltages and powers to voltages, loadings and losses."""
    count = moved.square.shape[1] // 2
    size = np.sqrt(at.square)[:, None, :]
    by_node = moved.square[:, :, None] / (2.0 * size)
    load, slope = [], []
    pairs = zip(_ends(ac, edge, at), _ends(ac, edge, moved), loading_per_pu(ac), strict=True)
    for (power, node), (change, _), per in pairs:
        flow = np.abs(power)[:, None, :]
        towards = (np.conj(power)[:, None, :] * change[:, :, None]).real / np.where(flow == 0.0, np.inf, flow)
        load.append(flow / size[node] * per[:, None, None])
        slope.append((towards / size[node] - flow * by_node[node] / size[node] ** 2) * per[:, None, None])
    by_loading = np.where(load[0] >= load[1], *slope)
    by_bus, by_losses = by_node[ac.bus_node], _losses_slope(ac, edge, at, moved)
    return Slopes(
        by_bus[:, :count],
        by_bus[:, count:],
        by_loading[:, :count],
        by_loading[:, count:],
        by_losses[:count],
        by_losses[count:],
    )


def _losses_slope(ac: AcModel, edge: Edges, at: _State, moved: _State) -> Array:
    """(2B, S) ∂ of Σ r |S|²/w + shunts [kW per kW, per kvar]."""
    inner = at.square[edge.from_node] / (edge.tap**2)[:, None]
    by_power = 2.0 * edge.r_pu[:, None] * np.conj(at.power) / inner
    change = (moved.power.T @ by_power).real
    by_square = -edge.r_pu[:, None] * np.abs(at.power) ** 2 / inner**2 / (edge.tap**2)[:, None]
    change += moved.square[edge.from_node].T @ by_square
    change += _shunt_power(ac, edge, moved.square)[:, None]
    return np.asarray(change * ac.base_mva * 1e3)
