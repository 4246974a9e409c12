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

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import splu

from grid_models.branch_flows import Complex, admittance
from grid_models.network import AcModel, Array, Index
from grid_models.newton import RUN_AWAY, jacobian, mismatch, moved, shifted, unknown_angles

Solve = Callable[[Array, Array, int], Complex]

_TOLERANCE_PU = 1e-9
_ROUNDS = 30
_GUESSES = 8
# Power [p.u.] that may be missing in the state without load: a start, not a result.
_IDLE_PU = 1e-6
# Numbers in the estimates of H of the steps solved together: 32 MB.
_ESTIMATES = 4_000_000


class Regulator:
    """The regulated machines of one network.

    ``supported`` puts the reactive power that they give without load into the model as shunts. The engine starts from a
    network whose powers are impedances; with heavy lines and no load that start is hopeless without the shunts, at full
    load it is often better without them. Who calls tries the one and then the other.
    """

    def __init__(self, ac: AcModel, *, supported: bool) -> None:
        self._node, self._angle, idle = ac.regulated_node, unknown_angles(ac), _idle(ac)
        self._free = np.setdiff1d(self._angle, self._node)
        self._idle = idle
        self.ac = _supported(ac, idle) if supported else ac
        self._y = admittance(self.ac)
        self._factors = splu(jacobian(self._y, idle, self._angle, self._free))

    def voltage(self, solve: Solve, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        """(n, T) complex voltage with every set-point held; NaN where no such solution is found.

        ``solve`` is the engine for constant power, built on ``self.ac``.
        """
        steps = max(1, _ESTIMATES // self._node.size**2)
        parts = [slice(k, k + steps) for k in range(0, p_kw.shape[1], steps)]
        found = [self._chunk(solve, p_kw[:, part], q_kvar[:, part].copy(), threads) for part in parts]
        return np.hstack(found) if found else np.empty(p_kw.shape, dtype=np.complex128)

    def _chunk(self, solve: Solve, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        node, set_pu = self._node, self.ac.regulated_vm_pu[:, None]
        q_kvar[node] = self._first_kvar(p_kw, q_kvar)
        inverse = np.repeat(self._kvar_per_pu[None], p_kw.shape[1], axis=0)
        voltage = np.full(p_kw.shape, np.nan + 0j)
        left, change, before = np.arange(p_kw.shape[1]), np.empty(0), np.empty(0)
        for round_ in range(_ROUNDS):
            voltage[:, left] = solve(p_kw[:, left], q_kvar[:, left], threads)
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
        given = np.asarray((p_kw + 1j * q_kvar) / (self.ac.base_mva * 1e3), dtype=np.complex128)
        voltage = np.repeat(self._idle[:, None], p_kw.shape[1], axis=1)
        best, least = np.zeros((self._node.size, p_kw.shape[1])), np.full(p_kw.shape[1], np.inf)
        with np.errstate(all="ignore"):  # a step that runs away is left at its best guess
            for _ in range(_GUESSES):
                power, missing = mismatch(self._y, voltage, given, self._angle, self._free)
                worst = np.abs(missing).max(axis=0, initial=0.0)
                better = worst < least
                best[:, better], least[better] = power.imag[self._node][:, better], worst[better]
                step = self._factors.solve(np.nan_to_num(missing))
                voltage = moved(voltage, step, self._angle, self._free)
        return best * self.ac.base_mva * 1e3

    @functools.cached_property
    def _kvar_per_pu(self) -> Array:
        """(g, g) ∂q/∂|v| at the machines' nodes, without load: the first H of every step."""
        count = self._angle.size
        row = count + np.searchsorted(self._angle, self._node)
        unit = np.zeros((2 * count, self._node.size))
        unit[row, np.arange(self._node.size)] = 1.0
        slope = splu(jacobian(self._y, self._idle, self._angle, self._angle)).solve(unit)[row]
        return np.asarray(np.linalg.inv(slope)) * self.ac.base_mva * 1e3


def _idle(ac: AcModel) -> Complex:
    """(n,) the voltage without any power but the machines' reactive power, by Newton's method.

    It starts at 1 p.u. where nothing holds it, and at the angles that the phase shifts alone make. Where it does not
    converge the start is what is given back.
    """
    angle, free, y = unknown_angles(ac), np.setdiff1d(unknown_angles(ac), ac.regulated_node), admittance(ac)
    size = np.ones(ac.node_kv.size)
    size[ac.slack_node], size[ac.regulated_node] = ac.slack_vm_pu, ac.regulated_vm_pu
    start = voltage = (size * np.exp(1j * shifted(ac)))[:, None]
    nothing = np.zeros_like(start)
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            _, missing = mismatch(y, voltage, nothing, angle, free)
            worst = np.abs(missing).max(initial=0.0)
            if not worst < RUN_AWAY:
                break
            if worst < _IDLE_PU:
                return np.asarray(voltage[:, 0])
            voltage = moved(voltage, splu(jacobian(y, voltage[:, 0], angle, free)).solve(missing), angle, free)
    return np.asarray(start[:, 0])


def _supported(ac: AcModel, idle: Complex) -> AcModel:
    """The network with the machines' reactive power without load, q = b·|v|², as shunts b at their nodes."""
    power = idle * np.conj(admittance(ac) @ idle)
    shunt_pu, node = ac.node_shunt_pu.copy(), ac.regulated_node
    shunt_pu[node] += 1j * power.imag[node] / np.abs(idle[node]) ** 2
    return dataclasses.replace(ac, node_shunt_pu=shunt_pu)


def _improve(inverse: Array, left: Index, change: Array, gained: Array) -> None:
    """Broyden's update of H for the steps ``left``: ``change`` of q (g, t) has moved |v| by ``gained`` (g, t)."""
    estimate = inverse[left]
    expected = np.einsum("tij,jt->ti", estimate, gained)
    row = np.einsum("it,tij->tj", change, estimate)
    scale = np.einsum("ti,it->t", row, gained)
    scale[~(np.abs(scale) > 0.0)] = np.inf  # nothing learned; NaN: a step without a solution
    inverse[left] = estimate + (change.T - expected)[:, :, None] * (row / scale[:, None])[:, None, :]
