"""power-grid-model as the solver of many steps: one model a network, node powers in, node voltages out.

Where machines hold voltages, which it cannot, a step without an answer goes to Newton's method on the same model
(``newton``) before there is said to be none. Elsewhere its own Newton's method has been there already.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_models.branch_flows import Complex
from grid_models.network import AcModel, Array
from grid_models.newton import Newton
from grid_models.pv_buses import Regulator

# Short-circuit power of the slack source [VA]. The engine's default, 1e10, is an impedance that shows.
_SLACK_SHORT_CIRCUIT_VA = 1e17


class BatchEngine:
    """The power-grid-model of one network. One thread at a time; ``another`` is for the next.

    Source: Y. Xiang et al., power-grid-model, doi:10.5281/zenodo.8054429.
    """

    def __init__(self, ac: AcModel, tolerance_pu: float = 1e-10) -> None:
        """``tolerance_pu`` ends the iterations: the voltages move by less. 1e-8 saves 9 % and leaves 3e-10 of error."""
        held = bool(ac.regulated_node.size)
        self._regulators = [Regulator(ac, supported=supported) for supported in (False, True)] if held else []
        self._newton = Newton(ac) if held else None
        models = [regulator.ac for regulator in self._regulators] or [ac]
        self._cores = [_ConstantPower(model, tolerance_pu) for model in models]

    def another(self) -> BatchEngine:
        """The same engine for another thread."""
        twin = copy.copy(self)
        twin._cores = [core.another() for core in self._cores]
        return twin

    def voltage(self, p_kw: Array, q_kvar: Array, threads: int = 1) -> Complex:
        """(n, T) complex voltage [p.u.] for injections (n, T) per node; NaN where a step has no solution.

        Nodes whose voltage is regulated take, beside what is given, the reactive power that this needs.
        """
        return self.solve(p_kw, q_kvar, threads)[0]

    def solve(self, p_kw: Array, q_kvar: Array, threads: int = 1) -> tuple[Complex, NDArray[np.bool_]]:
        """The same, and (T,) whether power-grid-model found nothing and Newton's method was asked."""
        voltage = self._batch(p_kw, q_kvar, threads)
        if self._newton is None:
            return voltage, np.zeros(voltage.shape[1], dtype=bool)
        asked = np.asarray(np.isnan(voltage).any(axis=0))
        if asked.any():
            voltage[:, asked] = self._newton.voltage(p_kw[:, asked], q_kvar[:, asked])
        return voltage, asked

    def _batch(self, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        if not self._regulators:
            return self._cores[0].voltage(p_kw, q_kvar, threads)
        voltage = np.full(p_kw.shape, np.nan + 0j)
        for regulator, core in zip(self._regulators, self._cores, strict=True):
            left = np.flatnonzero(np.isnan(voltage).any(axis=0))
            if left.size:
                voltage[:, left] = regulator.voltage(core.voltage, p_kw[:, left], q_kvar[:, left], threads)
        return voltage


class _ConstantPower:
    """One power-grid-model: every injection is given."""

    def __init__(self, ac: AcModel, tolerance_pu: float) -> None:
        self._model, self._tolerance_pu = _model(ac), tolerance_pu

    def another(self) -> _ConstantPower:
        twin = copy.copy(self)
        twin._model = copy.copy(self._model)
        return twin

    def voltage(self, p_kw: Array, q_kvar: Array, threads: int) -> Complex:
        """Iterative current first: its matrix is factorised once for all steps, Newton's anew in each iteration.

        Measured on 35 040 steps of a SimBench grid of 147 nodes, one core: 2.1 s against 3.4 s, voltages equal to
        1e-11 p.u. Newton takes the steps on which it does not converge.
        """
        voltage = self._solve(p_kw, q_kvar, threads, "iterative_current")
        left = np.flatnonzero(np.isnan(voltage[0]))
        if left.size:
            voltage[:, left] = self._solve(p_kw[:, left], q_kvar[:, left], threads, "newton_raphson")
        return voltage

    def _solve(self, p_kw: Array, q_kvar: Array, threads: int, method: str) -> Complex:
        load = {  # no ids: every load, in the order of the nodes
            "p_specified": np.ascontiguousarray(-1e3 * p_kw.T),
            "q_specified": np.ascontiguousarray(-1e3 * q_kvar.T),
        }
        out = self._model.calculate_power_flow(
            update_data={"sym_load": load},
            error_tolerance=self._tolerance_pu,
            calculation_method=method,
            threading=-1 if threads == 1 else threads,
            output_component_types={"node": ["u_pu", "u_angle"]},
            continue_on_batch_error=True,
        )["node"]
        size, angle = np.ascontiguousarray(out["u_pu"].T), np.ascontiguousarray(out["u_angle"].T)
        if self._model.batch_error is not None:  # a step that ran away may have left infinities
            failed = self._model.batch_error.failed_scenarios
            size[:, failed] = angle[:, failed] = np.nan
        voltage = np.empty(size.shape, dtype=np.complex128)
        voltage.real, voltage.imag = size * np.cos(angle), size * np.sin(angle)
        return voltage


def _model(ac: AcModel) -> Any:
    """The power-grid-model of one network: one shunt and one constant-power load per node, stiff sources.

    Ids: nodes 0..n−1, then branches, shunts, loads, sources. Ohms and siemens are those of the to side.
    """
    from power_grid_model import LoadGenType, PowerGridModel, initialize_array

    n, m = ac.node_kv.size, ac.from_node.size
    node = initialize_array("input", "node", n)
    node["id"], node["u_rated"] = np.arange(n), ac.node_kv * 1e3
    ohm = ac.node_kv[ac.to_node] ** 2 / ac.base_mva
    branch = initialize_array("input", "generic_branch", m)
    branch["id"], branch["from_node"], branch["to_node"] = n + np.arange(m), ac.from_node, ac.to_node
    branch["from_status"] = branch["to_status"] = 1
    branch["r1"], branch["x1"] = ac.r_pu * ohm, ac.x_pu * ohm
    branch["g1"], branch["b1"] = ac.g_pu / ohm, ac.b_pu / ohm
    branch["k"], branch["theta"] = ac.tap, ac.shift_rad
    shunt_pu = ac.node_shunt_pu.copy()
    np.add.at(shunt_pu, ac.to_node, (ac.to_g_pu + 1j * ac.to_b_pu) / 2.0)
    siemens = shunt_pu * ac.base_mva / ac.node_kv**2
    shunt = initialize_array("input", "shunt", n)
    shunt["id"], shunt["node"], shunt["status"] = n + m + np.arange(n), np.arange(n), 1
    shunt["g1"], shunt["b1"] = siemens.real, siemens.imag
    load = initialize_array("input", "sym_load", n)
    load["id"], load["node"], load["status"] = 2 * n + m + np.arange(n), np.arange(n), 1
    load["type"], load["p_specified"], load["q_specified"] = LoadGenType.const_power, 0.0, 0.0
    source = initialize_array("input", "source", ac.slack_node.size)
    source["id"], source["node"] = 3 * n + m + np.arange(ac.slack_node.size), ac.slack_node
    source["status"], source["sk"] = 1, _SLACK_SHORT_CIRCUIT_VA
    source["u_ref"], source["u_ref_angle"] = ac.slack_vm_pu, ac.slack_va_rad
    tables = {"node": node, "generic_branch": branch, "shunt": shunt, "sym_load": load, "source": source}
    return PowerGridModel(tables)
