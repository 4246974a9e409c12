"""Exact derivatives of the AC power flow, from its Jacobian at the solution.

With s(θ, |v|) the complex injections of all nodes but the slacks, dx = J⁻¹ ds: one sparse factorisation per step
and one right-hand side for each power that may move. The reactive rows are those of the active ones' imaginary
parts, so both come from ∂s/∂θ and ∂s/∂|v|.

R. D. Zimmerman, AC Power Flows, Generalized OPF Costs and their Derivatives using Complex Matrix Notation,
MATPOWER Technical Note 2, 2010, eqs. (43) and (46).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid_models.branch_flows import admittance
from grid_models.network import AcModel, Array, Index, Network
from grid_models.per_unit import Complex, end_currents, loading_per_pu
from grid_models.power_flow import Injections, solve_nodes
from grid_models.slopes import LinearModel, Predicted, Slopes


def sensitivities(
    network: Network, injections: Injections, background: Injections | None, buses: tuple[str, ...]
) -> LinearModel:
    """The network around its AC solution at ``injections``: values and slopes are exact there."""
    ac = network.ac
    voltage = solve_nodes(network, injections, background)
    rows = np.array([injections.bus.index(name) for name in buses], dtype=np.int64)
    nodes = ac.bus_node[network.bus_index(buses)]
    moved = voltage_derivative(ac, voltage, nodes)
    return LinearModel(
        source="sensitivities",
        buses=buses,
        p_kw=injections.p_kw[rows],
        q_kvar=injections.q_kvar[rows],
        point=_point(ac, voltage),
        slopes=_slopes(ac, voltage, moved, nodes),
    )


def voltage_derivative(ac: AcModel, voltage: Complex, nodes: Index, *, with_slack: bool = False) -> Complex:
    """(n, 2B, S) ∂(complex voltage)/∂p, then /∂q, of injections at ``nodes`` (B,) [p.u. per p.u. of ``base_mva``].

    voltage     (n, S) a solution of the power flow; NaN steps give NaN.
    with_slack  one more column at the end: by the voltage magnitude of all slacks together [p.u. per p.u.]
    """
    n, steps = voltage.shape
    solved = np.isfinite(voltage).all(axis=0)
    voltage = np.where(solved, voltage, 1.0)
    unknown = _Unknowns.of(ac)
    order, pointers, rows, values = _jacobian(ac, voltage, unknown)
    m, size, count = unknown.angle.size, unknown.angle.size + unknown.size.size, nodes.size
    right = np.zeros((size, 2 * count + with_slack))
    # A slack's own voltage stays whatever is injected there, and a machine that holds a voltage takes back all kvar.
    for first, place, offset in ((0, unknown.place_angle, 0), (count, unknown.place_size, m)):
        moves = np.flatnonzero(place[nodes] >= 0)
        right[offset + place[nodes[moves]], first + moves] = 1.0
    out = np.zeros((n, right.shape[1], steps), dtype=np.complex128)
    unit = voltage / np.abs(voltage)
    pulled = voltage * np.conj(admittance(ac)[:, ac.slack_node] @ unit[ac.slack_node])
    if with_slack:
        out[ac.slack_node, -1] = unit[ac.slack_node]
    out[:, :, ~solved] = np.nan
    for step in np.flatnonzero(solved):
        if with_slack:
            right[:, -1] = -np.concatenate([pulled[unknown.angle, step].real, pulled[unknown.size, step].imag])
        matrix = sparse.csc_array((values[order, step], rows, pointers), shape=(size, size))
        change = splu(matrix).solve(right)
        out[unknown.angle, :, step] = 1j * voltage[unknown.angle, step, None] * change[:m]
        out[unknown.size, :, step] += unit[unknown.size, step, None] * change[m:]
    return out


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """Nodes whose angle and whose voltage magnitude follow from the injections, and each node's place among them."""

    angle: Index
    size: Index
    place_angle: Index
    place_size: Index

    @classmethod
    def of(cls, ac: AcModel) -> _Unknowns:
        nodes = np.arange(ac.node_kv.size)
        angle = np.setdiff1d(nodes, ac.slack_node)
        size = np.setdiff1d(angle, ac.regulated_node)
        places = np.full((2, nodes.size), -1)
        places[0, angle], places[1, size] = np.arange(angle.size), np.arange(size.size)
        return cls(angle, size, *places)


def _jacobian(ac: AcModel, voltage: Complex, unknown: _Unknowns) -> tuple[Index, Index, Index, Array]:
    """The Jacobian of every step in one pattern: values (nnz, S) with their order, row and column pointers of CSC."""
    full = admittance(ac)
    current = full @ voltage
    entries = full.tocoo()
    i, k, y = entries.row, entries.col, entries.data[:, None]
    unit = voltage / np.abs(voltage)
    own = (i == k)[:, None]
    by_angle = -1j * voltage[i] * np.conj(y * voltage[k]) + own * 1j * voltage[i] * np.conj(current[i])
    by_size = voltage[i] * np.conj(y * unit[k]) + own * np.conj(current[i]) * unit[i]
    m, size = unknown.angle.size, unknown.angle.size + unknown.size.size
    angle, magnitude = unknown.place_angle, np.where(unknown.place_size < 0, -1, m + unknown.place_size)
    row = np.concatenate([angle[i], angle[i], magnitude[i], magnitude[i]])
    column = np.concatenate([angle[k], magnitude[k], angle[k], magnitude[k]])
    there = (row >= 0) & (column >= 0)
    values = np.concatenate([by_angle.real, by_size.real, by_angle.imag, by_size.imag])[there]
    places = np.arange(len(values)), (row[there], column[there])
    pattern = sparse.csc_array(places, shape=(size, size))
    return pattern.data, pattern.indptr, pattern.indices, values


def _point(ac: AcModel, voltage: Complex) -> Predicted:
    """Voltages of the buses, loadings and losses at a solution."""
    loads = [np.abs(i) * per[:, None] for i, per in zip(end_currents(ac, voltage), loading_per_pu(ac), strict=True)]
    injected = (voltage * np.conj(admittance(ac) @ voltage)).real
    return Predicted(np.abs(voltage[ac.bus_node]), np.maximum(*loads), injected.sum(axis=0) * ac.base_mva * 1e3)


def _slopes(ac: AcModel, voltage: Complex, moved: Complex, nodes: Index) -> Slopes:
    """From ∂v (n, 2B, S): the size of voltages and currents, and the import less what was injected."""
    per_unit = 1.0 / (ac.base_mva * 1e3)
    count = nodes.size
    v, dv = voltage[ac.bus_node, None, :], moved[ac.bus_node]
    by_voltage = _of_size(v, dv) * per_unit
    load, slope = [], []
    for i, di, per in zip(end_currents(ac, voltage), end_currents(ac, moved), loading_per_pu(ac), strict=True):
        load.append(np.abs(i) * per[:, None])
        slope.append(_of_size(i[:, None, :], di) * per[:, None, None] * per_unit)
    by_loading = np.where((load[0] >= load[1])[:, None, :], *slope)
    by_losses = _slack_slope(ac, voltage, moved)
    by_losses[:count] += ~np.isin(nodes, ac.slack_node)[:, None]
    return Slopes(
        by_voltage[:, :count],
        by_voltage[:, count:],
        by_loading[:, :count],
        by_loading[:, count:],
        by_losses[:count],
        by_losses[count:],
    )


def _of_size(value: Complex, change: Complex) -> Array:
    """∂|z| of ∂z; 0 at |z| = 0, where there is a kink."""
    size = np.abs(value)
    return np.asarray((np.conj(value) * change).real / np.where(size == 0.0, np.inf, size))


def _slack_slope(ac: AcModel, voltage: Complex, moved: Complex) -> Array:
    """(2B, S) change of the power that the slack nodes put in, with their voltages held [kW per kW, per kvar]."""
    feeding = admittance(ac)[ac.slack_node]
    change = np.einsum("sn,nbt->sbt", feeding.toarray(), moved)
    return np.asarray((voltage[ac.slack_node, None, :] * np.conj(change)).real.sum(axis=0))
