"""The controllers of pandapower on the same network: what ``control`` is held against.

Q(V) is its ``DERController`` with a ``QModelQVCurve``, tap changers its ``DiscreteTapControl``; every step starts from
rest, one after the other; the flows are pandapower's at what they came to. Nothing here uses the batch engine.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from grid_models.control import Controlled, Controls, Unsettled, solve_controlled_reference
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Index, Network, Reference
from grid_models.power_flow import bus_power, solve_reference

_MOST_ROUNDS = 1000
_DAMPING = 3.0  # of the steps of its Q(V): plain substitution swings on weak feeders
_ERROR_MVA = 1e-9


def solve_by_controllers(
    network: Network, injections: Injections, background: Injections | None, controls: Controls
) -> Controlled:
    """All steps by pandapower with ``run_control``; a step that does not converge is NaN.

    Raises GridError for a network without its pandapower net, and for inverters with a limit by their active power,
    which these controllers take from elsewhere.
    """
    reference = network.reference
    if reference is None:
        raise GridError(f"network {network.name!r} carries no pandapower net; load it again to solve the reference")
    if any(droop.p_kw is not None for droop in controls.droops):
        raise GridError("pandapower's Q(V) is compared without a limit by active power: leave out p_kw")
    p_kw, q_kvar = bus_power(network, injections, background)
    net, inverters, changers = _with_controllers(network, reference, controls)
    kvar = np.zeros((len(controls.droops), injections.steps))
    position = np.zeros((len(controls.taps), injections.steps), dtype=np.int64)
    lost = []
    own = net.sgen.index[: p_kw.shape[0]]
    for step in range(injections.steps):
        at = copy.deepcopy(net)
        at.sgen.loc[own, "p_mw"], at.sgen.loc[own, "q_mvar"] = p_kw[:, step] / 1e3, q_kvar[:, step] / 1e3
        if not _settled(at):
            lost.append(Unsettled(step, network.name, "pandapower's controllers do not converge"))
        kvar[:, step] = 1e3 * at.sgen.loc[inverters, "q_mvar"]
        position[:, step] = np.round(at.trafo.loc[changers, "tap_pos"]).astype(np.int64)
    nothing = solve_reference(network, injections.at_steps(np.zeros(0, dtype=np.int64)))
    found = Controlled(nothing, kvar, position, tuple(lost))
    return replace(found, flows=solve_controlled_reference(network, injections, background, controls, found))


def _with_controllers(network: Network, reference: Reference, controls: Controls) -> tuple[Any, list[int], Index]:
    """The net with an sgen and a controller for each inverter and a controller for each tap changer."""
    import pandapower
    from pandapower.control import DERController, DiscreteTapControl
    from pandapower.control.controller.DERController import QModelQVCurve

    net = copy.deepcopy(reference.net)
    inverters = []
    for droop in controls.droops:  # a handful
        bus = int(reference.buses[network.bus_index([droop.bus])[0]])
        made = int(pandapower.create_sgen(net, bus, p_mw=0.0, q_mvar=0.0, sn_mva=droop.rated_kva / 1e3))
        curve = QModelQVCurve({"vm_points_pu": droop.vm_pu, "q_points_pu": droop.kvar_per_kva})
        DERController(net, [made], q_model=curve, damping_coef=_DAMPING, max_q_error=_ERROR_MVA, max_p_error=_ERROR_MVA)
        inverters.append(made)
    rows = network.branch_index([changer.transformer for changer in controls.taps]) - len(reference.lines)
    for row, changer in zip(rows, controls.taps, strict=True):
        at, band = int(reference.transformers[row]), (changer.vm_low_pu, changer.vm_high_pu)
        DiscreteTapControl(net, element_index=at, vm_lower_pu=band[0], vm_upper_pu=band[1], hunting_limit=None)
    return net, inverters, np.asarray(reference.transformers[rows], dtype=np.int64)


def _settled(net: Any) -> bool:
    """One run under control, in place; False where it does not converge."""
    import pandapower
    from pandapower.control import ControllerNotConverged

    try:
        pandapower.runpp(net, run_control=True, max_iter=_MOST_ROUNDS, calculate_voltage_angles=True, numba=False)
    except (pandapower.LoadflowNotConverged, ControllerNotConverged):
        return False
    return True
