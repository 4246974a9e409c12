"""Newton's method on the per-unit model, one step at a time: what answers where the batch engine finds nothing.

power-grid-model starts from a network whose powers are impedances, and knows no voltage that a machine holds
(``pv_buses`` seeks its reactive power from outside). On large transmission networks at full load that start may be
hopeless: of MATPOWER's cases case300 and case1888rte. Here a machine's node has no equation of reactive power, and
there are two starts: the angles that phase shifts alone make, and those of the dc power flow.

W. F. Tinney, C. E. Hart, Power flow solution by Newton's method, IEEE Trans. PAS-86(11), 1967,
doi:10.1109/TPAS.1967.291823.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid_models.branch_flows import Complex, admittance
from grid_models.network import AcModel, Array, Index

RUN_AWAY = 1e9
"""Power [p.u.] that is missing where Newton's method has left the network's world."""
_ROUNDS = 15
_MISSING_PU = 1e-9
# A root of the equations with a voltage below this is the other branch of the nose curve, where no network is run.
_LOWEST_PU = 0.5


class Newton:
    """Newton's method for one network."""

    def __init__(self, ac: AcModel) -> None:
        self._ac, self._angle = ac, unknown_angles(ac)
        self._free = np.setdiff1d(self._angle, ac.regulated_node)
        self._y = admittance(ac)

    def voltage(self, p_kw: Array, q_kvar: Array) -> Complex:
        """(n, T) complex voltage [p.u.] for injections (n, T) per node, set-points held; NaN without a solution."""
        given = np.asarray((p_kw + 1j * q_kvar) / (self._ac.base_mva * 1e3), dtype=np.complex128)
        found = np.full(given.shape, np.nan + 0j)
        with np.errstate(all="ignore"):  # a start that runs away is given up
            for step in range(given.shape[1]):
                for start in self._starts(given[:, step]):
                    found[:, step] = self._solve(start, given[:, step, None])
                    if np.isfinite(found[0, step]):
                        break
        return found

    def _starts(self, given: Complex) -> Iterator[Complex]:
        ac = self._ac
        size = np.ones(ac.node_kv.size)
        size[ac.slack_node], size[ac.regulated_node] = ac.slack_vm_pu, ac.regulated_vm_pu
        for angle in (shifted(ac), dc_angles(ac, given.real)):
            yield np.asarray(size * np.exp(1j * angle))

    def _solve(self, start: Complex, given: Complex) -> Complex:
        """(n,) from a start; NaN where the method does not converge or ends at a voltage no network is run at."""
        voltage, lost = start[:, None], np.full(start.size, np.nan + 0j)
        for _ in range(_ROUNDS):
            lack = mismatch(self._y, voltage, given, self._angle, self._free)[1]
            worst = np.abs(lack).max(initial=0.0)
            if worst < _MISSING_PU:
                return voltage[:, 0] if np.abs(voltage).min() > _LOWEST_PU else lost
            if not worst < RUN_AWAY:
                return lost
            try:
                step = splu(jacobian(self._y, voltage[:, 0], self._angle, self._free)).solve(lack)
            except RuntimeError:  # SuperLU's word for a matrix that is exactly singular
                return lost
            voltage = moved(voltage, step, self._angle, self._free)
        return lost


def dc_angles(ac: AcModel, p_pu: Array) -> Array:
    """(n,) angles [rad] of the dc power flow for injections (n,): p_ft = (θ_f − θ_t − shift)/(x tap)."""
    return _angles(ac, 1.0 / (ac.x_pu * ac.tap), p_pu)


def unknown_angles(ac: AcModel) -> Index:
    """Nodes whose angle is unknown: all but the slack's."""
    return np.setdiff1d(np.arange(ac.node_kv.size), ac.slack_node)


def shifted(ac: AcModel) -> Array:
    """(n,) angles at which no branch carries power, but for its phase shift, weighted by 1/|z| where loops disagree."""
    return _angles(ac, 1.0 / np.hypot(ac.r_pu, ac.x_pu), np.zeros(ac.node_kv.size))


def _angles(ac: AcModel, weight: Array, p_pu: Array) -> Array:
    """(n,) θ with Aᵀ w (A θ − shift) = p away from the slacks, A the incidence matrix of the branches."""
    n, branch = ac.node_kv.size, np.arange(ac.from_node.size)
    ends = [(ac.from_node, np.ones(branch.size)), (ac.to_node, -np.ones(branch.size))]
    across = sum(sparse.csr_array((sign, (branch, node)), shape=(branch.size, n)) for node, sign in ends)
    angle, unknown = np.zeros(n), unknown_angles(ac)
    angle[ac.slack_node] = ac.slack_va_rad
    weighted = across.T @ sparse.diags_array(weight)
    right = p_pu + weighted @ (ac.shift_rad - across @ angle)
    angle[unknown] = splu((weighted @ across).tocsr()[unknown][:, unknown].tocsc()).solve(right[unknown])
    return angle


def mismatch(y: Any, voltage: Complex, given: Complex, angle: Index, free: Index) -> tuple[Complex, Array]:
    """Power injected at ``voltage`` (n, T), and what the unknowns' equations lack: p, then q of the free nodes."""
    power = voltage * np.conj(y @ voltage)
    lack = given - power
    return power, np.vstack([lack.real[angle], lack.imag[free]])


def moved(voltage: Complex, step: Array, angle: Index, free: Index) -> Complex:
    """``voltage`` (n, T) after a step of the unknown angles and of the magnitudes of the nodes ``free``."""
    size, phase = np.abs(voltage), np.angle(voltage)
    phase[angle] += step[: angle.size]
    size[free] += step[angle.size :]
    return np.asarray(size * np.exp(1j * phase))


def jacobian(y: Any, voltage: Complex, angle: Index, free: Index) -> Any:
    """∂(p, q)/∂(angle, |v|) at ``voltage`` (n,): all unknown angles, magnitudes and q of the nodes ``free``.

    R. D. Zimmerman, MATPOWER Technical Note 2, 2010, eqs. (44) and (52).
    """
    current = sparse.diags_array(y @ voltage)
    volt, unit = sparse.diags_array(voltage), sparse.diags_array(voltage / np.abs(voltage))
    by_size = (volt @ (y @ unit).conj() + current.conj() @ unit).tocsr()
    by_angle = (1j * volt @ (current - y @ volt).conj()).tocsr()
    rows = [
        [by_angle[angle][:, angle].real, by_size[angle][:, free].real],
        [by_angle[free][:, angle].imag, by_size[free][:, free].imag],
    ]
    return sparse.block_array(rows, format="csc")
