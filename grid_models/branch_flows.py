"""Voltages → currents, loadings and powers of the branches, by the equations in ``AcModel``.

The admittances are worked out once a network; what is left for a chunk of steps is one product and sum a branch end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.network import AcModel, Array, Index

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class End:
    """One end of some branches: i = own · v[node] + other · v[far]; all (L,) [p.u.]."""

    node: Index
    far: Index
    own: Complex
    other: Complex

    def current(self, voltage: Complex) -> Complex:
        """(L, T) current into the branch, from voltage (n, T)."""
        current = voltage[self.node]
        current *= self.own[:, None]
        part = voltage[self.far]
        part *= self.other[:, None]
        current += part
        return current

    def power(self, voltage: Complex, scale: float) -> Array:
        """(L, T) active power into the branch, times ``scale``."""
        current, near = self.current(voltage), voltage[self.node]
        return np.asarray(scale * (near.real * current.real + near.imag * current.imag))

    def reactive(self, voltage: Complex, scale: float) -> Array:
        """(L, T) reactive power into the branch, times ``scale``."""
        current, near = self.current(voltage), voltage[self.node]
        return np.asarray(scale * (near.imag * current.real - near.real * current.imag))

    def some(self, rows: Index | NDArray[np.bool_], scale: Array | float = 1.0) -> End:
        """Chosen branches, their current in units of 1/``scale``."""
        return End(self.node[rows], self.far[rows], self.own[rows] * scale, self.other[rows] * scale)


@dataclass(frozen=True, eq=False)
class Terminals:
    """Both ends of the named branches, the same in units of the rated current, and what leaves the slack."""

    start: End
    stop: End
    rated_start: End
    rated_stop: End
    slack: End
    slack_node: Index
    slack_shunt_pu: Complex
    base_kw: float

    @classmethod
    def of(cls, ac: AcModel) -> Terminals:
        """Of a network's model."""
        start, stop = ends(ac)
        named = ac.named_branch
        ka_per_pu = ac.base_mva / (np.sqrt(3.0) * ac.node_kv)
        leaving = [end.some(np.isin(end.node, ac.slack_node)) for end in (start, stop)]
        return cls(
            start=start.some(named),
            stop=stop.some(named),
            rated_start=start.some(named, ka_per_pu[ac.from_node[named]] / ac.rated_from_ka),
            rated_stop=stop.some(named, ka_per_pu[ac.to_node[named]] / ac.rated_to_ka),
            slack=End(*(np.concatenate([getattr(e, f) for e in leaving]) for f in ("node", "far", "own", "other"))),
            slack_node=ac.slack_node,
            slack_shunt_pu=ac.node_shunt_pu[ac.slack_node],
            base_kw=ac.base_mva * 1e3,
        )

    def loading_pu(self, voltage: Complex) -> Array:
        """(L, T) larger of both ends' currents over the rated current."""
        # Squares first: one root a branch instead of two calls of hypot.
        start, stop = self.rated_start.current(voltage), self.rated_stop.current(voltage)
        larger = np.maximum(start.real**2 + start.imag**2, stop.real**2 + stop.imag**2)
        return np.asarray(np.sqrt(larger, out=larger))

    def powers_kw(self, voltage: Complex) -> tuple[Array, Array]:
        """(L, T) active power into the branch at its from and at its to end."""
        return self.start.power(voltage, self.base_kw), self.stop.power(voltage, self.base_kw)

    def import_kw(self, voltage: Complex, p_kw: Array) -> Array:
        """(T,) what the slacks feed: their branches and shunts, less what is injected (n, T) at their own nodes."""
        at = voltage[self.slack_node]
        shunt_kw = self.slack_shunt_pu.real[:, None] * (at.real**2 + at.imag**2) * self.base_kw
        leaving_kw = self.slack.power(voltage, self.base_kw).sum(axis=0)
        return np.asarray(leaving_kw + (shunt_kw - p_kw[self.slack_node]).sum(axis=0))

    def import_kvar(self, voltage: Complex, q_kvar: Array) -> Array:
        """(T,) the same of reactive power."""
        at = voltage[self.slack_node]
        shunt_kvar = -self.slack_shunt_pu.imag[:, None] * (at.real**2 + at.imag**2) * self.base_kw
        leaving_kvar = self.slack.reactive(voltage, self.base_kw).sum(axis=0)
        return np.asarray(leaving_kvar + (shunt_kvar - q_kvar[self.slack_node]).sum(axis=0))


def admittance(ac: AcModel) -> Any:
    """(n, n) sparse nodal admittance matrix [p.u.]: currents injected at the nodes from their voltages."""
    start, stop = ends(ac)
    n, own = ac.node_kv.size, np.arange(ac.node_kv.size)
    rows = [start.node, start.node, stop.node, stop.node, own]
    columns = [start.node, start.far, stop.node, stop.far, own]
    values = [start.own, start.other, stop.own, stop.other, ac.node_shunt_pu]
    where = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(sparse.coo_array((np.concatenate(values), where), shape=(n, n)))


def ends(ac: AcModel) -> tuple[End, End]:
    """Both ends of every branch."""
    series = np.asarray(1.0 / (ac.r_pu + 1j * ac.x_pu), dtype=np.complex128)
    half = np.asarray((ac.g_pu + 1j * ac.b_pu) / 2.0, dtype=np.complex128)
    ratio: Complex = ac.tap * np.exp(1j * ac.shift_rad)
    own_start: Complex = (series + half) / ac.tap**2
    own_stop: Complex = series + half + np.asarray((ac.to_g_pu + 1j * ac.to_b_pu) / 2.0, dtype=np.complex128)
    return (
        End(ac.from_node, ac.to_node, own_start, -series / np.conj(ratio)),
        End(ac.to_node, ac.from_node, own_stop, -series / ratio),
    )
