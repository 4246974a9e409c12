"""Optimal power flow by pandapower, as the judge of ``opf``: the same problem, another method and another model.

pandapower's ``runopp`` is an interior-point method (PYPOWER's PIPS) over polar voltages. MATPOWER cases come as
``Case``: their generators become resources, so that no voltage-controlled machine is needed.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pandas as pd

from grid_models.costs import Case, case_of_net
from grid_models.errors import GridError
from grid_models.limits import Limits
from grid_models.network import Network
from grid_models.resources import Resources, Supply

_ANY_MW = 1e4
"""Bounds of the import in the reference where the problem gives none [MW, Mvar]."""


def matpower_case(name: str) -> Case:
    """A MATPOWER case of ``pandapower.networks`` with its own costs; the voltage at the slack may be chosen."""
    import pandapower.networks

    with warnings.catch_warnings():
        # pandapower warns about the age of its own stored networks; the user can do nothing about it.
        warnings.filterwarnings("ignore", "tap_dependency_table is missing", DeprecationWarning)
        net = getattr(pandapower.networks, name)()
    return case_of_net(net, name)


def priced_case(network: Network, resources: Resources, supply: Supply, limits: Limits) -> Case:
    """A snapshot of any network with resources of one step; the other customers stand at their nameplate."""
    if network.reference is None:
        raise GridError(f"network {network.name!r} carries no pandapower net; load it again for a reference")
    background = network.background(pd.DatetimeIndex(["2016-01-01"]))
    net = copy.deepcopy(network.reference.net)
    net.poly_cost, net.pwl_cost = net.poly_cost.iloc[:0], net.pwl_cost.iloc[:0]  # some networks bring their own
    net.sgen["controllable"] = False
    net.sgen["p_mw"], net.sgen["q_mvar"] = background.p_kw[:, 0] / 1e3, background.q_kvar[:, 0] / 1e3
    _add_resources(net, network, resources)
    _set_supply(net, supply)
    buses = network.reference.buses
    net.bus.loc[buses, "min_vm_pu"], net.bus.loc[buses, "max_vm_pu"] = limits.voltage_min_pu, limits.voltage_max_pu
    most = np.split(limits.branch_loading_max_pu * 100.0, [len(network.reference.lines)])
    net.line.loc[network.reference.lines, "max_loading_percent"] = most[0]
    net.trafo.loc[network.reference.transformers, "max_loading_percent"] = most[1]
    return Case(network, resources, supply, background, limits, 0.0, net)


def reference_cost(case: Case) -> float:
    """[money/h] of pandapower's own optimal power flow, from a flat start or else from a power flow.

    Raises GridError where it converges from neither.
    """
    import pandapower

    for start in ("flat", "pf"):
        net = copy.deepcopy(case.net)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its own making, by the dozen
                pandapower.runopp(net, numba=False, calculate_voltage_angles=True, init=start)
        except (pandapower.OPFNotConverged, pandapower.LoadflowNotConverged):
            continue
        return float(net.res_cost)
    raise GridError(f"case {case.network.name!r}: pandapower's optimal power flow does not converge")


def _add_resources(net: Any, network: Network, resources: Resources) -> None:
    import pandapower

    assert network.reference is not None
    at = network.reference.buses[network.bus_index(resources.bus)]
    for g, bus in enumerate(at):
        element = pandapower.create_sgen(
            net,
            bus,
            p_mw=float(resources.p_min_kw[g, 0]) / 1e3,
            q_mvar=0.0,
            min_p_mw=float(resources.p_min_kw[g, 0]) / 1e3,
            max_p_mw=float(resources.p_max_kw[g, 0]) / 1e3,
            min_q_mvar=float(resources.q_min_kvar[g, 0]) / 1e3,
            max_q_mvar=float(resources.q_max_kvar[g, 0]) / 1e3,
            controllable=True,
        )
        linear, quadratic = float(resources.linear[g, 0]) * 1e3, float(resources.quadratic[g, 0]) * 1e6
        pandapower.create_poly_cost(net, element, "sgen", cp1_eur_per_mw=linear, cp2_eur_per_mw2=quadratic)


def _set_supply(net: Any, supply: Supply) -> None:
    import pandapower

    if len(net.ext_grid) != 1:
        raise GridError(f"the reference needs one external grid, found {len(net.ext_grid)}")
    element = net.ext_grid.index[0]
    for bound in ("p_min_kw", "p_max_kw", "q_min_kvar", "q_max_kvar"):
        quantity, side, unit = bound.split("_")
        value = getattr(supply, bound) / 1e3
        column = f"{side}_{quantity}_{'mw' if unit == 'kw' else 'mvar'}"
        net.ext_grid.loc[element, column] = float(np.clip(value, -_ANY_MW, _ANY_MW))
    net.ext_grid["controllable"] = supply.voltage_is_free
    linear, quadratic = supply.linear_per_kwh * 1e3, supply.quadratic_per_kwh_kw * 1e6
    pandapower.create_poly_cost(net, element, "ext_grid", cp1_eur_per_mw=linear, cp2_eur_per_mw2=quadratic)
