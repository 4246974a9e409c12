"""Machines that hold a voltage: the reactive power they need, found around a solver of constant power.

The batch engine knows no voltage regulator. For each step the reactive powers q of the g machines' nodes are sought
that make ``f(q) = |v(q)| − set-point`` zero, v(q) being the engine's own solution, so that what comes out is a solution
of the engine and holds every set-point to ``_TOLERANCE_PU``:

* a first guess from a few Newton steps with one Jacobian for all steps, that of the network without load (the
  "dishonest" Newton method of B. Stott, Proc. IEEE 62(7), 1974, doi:10.1109/PROC.1974.9544);
* then Broyden's method, q ← q − H f with H an estimate of the inverse of ∂|v|/∂q of its own for each step
  (C. G. Broyden, Math. Comp. 19, 1965, doi:10.1090/S0025-5718-1965-0198670-6).

Limits of reactive power are not enforced, as in the reference (pandapower's ``enforce_q_lims=False``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid_models.branch_flows import Complex, admittance
from grid_models.network import AcModel, Array, Index

Solve = Callable[[Array, Array, int], Complex]

_TOLERANCE_PU = 1e-9
_ROUNDS = 30
_GUESSES = 8
# Numbers in the estimates of H of the steps solved together: 32 MB.
_ESTIMATES = 4_000_000


class Regulator:
    """The regulated machines of one network; ``solve`` is the engine for constant power."""

    def __init__(self, ac: AcModel, solve: Solve) -> None:
        self._ac, self._solve, self._node = ac, solve, ac.regulated_node

    def voltage(self, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        """(n, T) complex voltage with every set-point held; NaN where a step has no such solution."""
        steps = max(1, _ESTIMATES // self._node.size**2)
        parts = [slice(k, k + steps) for k in range(0, p_kw.shape[1], steps)]
        found = [self._chunk(p_kw[:, part], q_kvar[:, part].copy(), threads) for part in parts]
        return np.hstack(found) if found else np.empty(p_kw.shape, dtype=np.complex128)

    def _chunk(self, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        node, set_pu = self._node, self._ac.regulated_vm_pu[:, None]
        q_kvar[node] = self._first_kvar(p_kw, q_kvar)
        inverse = np.repeat(self._kvar_per_pu[None], p_kw.shape[1], axis=0)
        voltage = np.full(p_kw.shape, np.nan + 0j)
        left, change, before = np.arange(p_kw.shape[1]), np.empty(0), np.empty(0)
        for round_ in range(_ROUNDS):
            voltage[:, left] = self._solve(p_kw[:, left], q_kvar[:, left], threads)
            lacking = set_pu - np.abs(voltage[node][:, left])
            if round_:
                _improve(inverse, left, change, before - lacking)
            open_ = np.abs(lacking).max(axis=0) > _TOLERANCE_PU  # false for NaN: no solution, nothing to improve
            left, before = left[open_], lacking[:, open_]
            if not left.size:
                break
            change = np.einsum("tij,jt->it", inverse[left], before)
            q_kvar[np.ix_(node, left)] += change
        voltage[:, left] = np.nan
        return voltage

    def _first_kvar(self, p_kw: Array, q_kvar: Array) -> Array:
        """(g, T) reactive power that the nodes inject in all, from a few steps with the Jacobian without load."""
        given = np.asarray((p_kw + 1j * q_kvar) / (self._ac.base_mva * 1e3), dtype=np.complex128)
        voltage = np.repeat(self._idle[:, None], p_kw.shape[1], axis=1)
        best, least = np.zeros((self._node.size, p_kw.shape[1])), np.full(p_kw.shape[1], np.inf)
        with np.errstate(all="ignore"):  # a step that runs away is left at its best guess
            for _ in range(_GUESSES):
                power, missing = self._missing(voltage, given)
                worst = np.abs(missing).max(axis=0, initial=0.0)
                better = worst < least
                best[:, better], least[better] = power.imag[self._node][:, better], worst[better]
                voltage = self._moved(voltage, self._factors.solve(np.nan_to_num(missing)))
        return best * self._ac.base_mva * 1e3

    def _missing(self, voltage: Complex, given: Complex) -> tuple[Complex, Array]:
        """Power injected at ``voltage`` (n, T), and what the unknowns' equations lack: p, then q of the free nodes."""
        power = voltage * np.conj(self._y @ voltage)
        lack = given - power
        return power, np.vstack([lack.real[self._angle], lack.imag[self._free]])

    def _moved(self, voltage: Complex, step: Array) -> Complex:
        size, phase = np.abs(voltage), np.angle(voltage)
        phase[self._angle] += step[: self._angle.size]
        size[self._free] += step[self._angle.size :]
        return np.asarray(size * np.exp(1j * phase))

    @functools.cached_property
    def _y(self) -> Any:
        return admittance(self._ac)

    @functools.cached_property
    def _angle(self) -> Index:
        """Nodes whose angle is unknown: all but the slack's."""
        return np.setdiff1d(np.arange(self._ac.node_kv.size), self._ac.slack_node)

    @functools.cached_property
    def _free(self) -> Index:
        """Nodes whose magnitude is unknown: those without a machine."""
        return np.setdiff1d(self._angle, self._node)

    @functools.cached_property
    def _idle(self) -> Complex:
        """(n,) the voltage without any power but the machines' reactive power, by Newton's method.

        It starts at 1 p.u. where nothing holds it, and at the engine's angles: they know the vector groups.
        """
        ac = self._ac
        nothing = np.zeros((ac.node_kv.size, 1))
        angle = np.nan_to_num(np.angle(self._solve(nothing, nothing, 1)[:, 0]))
        size = np.ones(ac.node_kv.size)
        size[ac.slack_node], size[self._node] = ac.slack_vm_pu, ac.regulated_vm_pu
        start = voltage = size * np.exp(1j * angle)
        with np.errstate(all="ignore"):
            for _ in range(_GUESSES):
                _, missing = self._missing(voltage[:, None], nothing.astype(np.complex128))
                if not np.isfinite(missing).all():
                    return np.asarray(start)
                factors = splu(self._jacobian(voltage, self._free))
                voltage = self._moved(voltage[:, None], factors.solve(missing))[:, 0]
        return np.asarray(voltage)

    @functools.cached_property
    def _factors(self) -> Any:
        """The Jacobian without load, with the machines' voltages held; factorised."""
        return splu(self._jacobian(self._idle, self._free))

    @functools.cached_property
    def _kvar_per_pu(self) -> Array:
        """(g, g) ∂q/∂|v| at the machines' nodes, without load: the first H of every step."""
        count = self._angle.size
        row = count + np.searchsorted(self._angle, self._node)
        unit = np.zeros((2 * count, self._node.size))
        unit[row, np.arange(self._node.size)] = 1.0
        slope = splu(self._jacobian(self._idle, self._angle)).solve(unit)[row]
        return np.asarray(np.linalg.inv(slope)) * self._ac.base_mva * 1e3

    def _jacobian(self, voltage: Complex, free: Index) -> Any:
        """∂(p, q)/∂(angle, |v|) at ``voltage`` (n,): all unknown angles, magnitudes and q of the nodes ``free``.

        R. D. Zimmerman, MATPOWER Technical Note 2, 2010, eqs. (44) and (52).
        """
        angle = self._angle
        current = sparse.diags_array(self._y @ voltage)
        volt, unit = sparse.diags_array(voltage), sparse.diags_array(voltage / np.abs(voltage))
        by_size = (volt @ (self._y @ unit).conj() + current.conj() @ unit).tocsr()
        by_angle = (1j * volt @ (current - self._y @ volt).conj()).tocsr()
        rows = [
            [by_angle[angle][:, angle].real, by_size[angle][:, free].real],
            [by_angle[free][:, angle].imag, by_size[free][:, free].imag],
        ]
        return sparse.block_array(rows, format="csc")


def _improve(inverse: Array, left: Index, change: Array, gained: Array) -> None:
    """Broyden's update of H for the steps ``left``: ``change`` of q (g, t) has moved |v| by ``gained`` (g, t)."""
    estimate = inverse[left]
    expected = np.einsum("tij,jt->ti", estimate, gained)
    row = np.einsum("it,tij->tj", change, estimate)
    scale = np.einsum("ti,it->t", row, gained)
    scale[~(np.abs(scale) > 0.0)] = np.inf  # nothing learned; NaN: a step without a solution
    inverse[left] = estimate + (change.T - expected)[:, :, None] * (row / scale[:, None])[:, None, :]
