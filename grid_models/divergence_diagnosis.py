"""Why a power flow may have found no solution: which element to look at first."""

from __future__ import annotations

import numpy as np

from grid_models.injections import Injections
from grid_models.network import Array, Network
from grid_models.power_flow import solve_batch

_SHARES = 64


def at_nameplate(network: Network, p_kw: Array, q_kvar: Array) -> str:
    """What happens on the way to injections (N, 1) that have no AC solution.

    All injections grow together until there is none any more; told are the largest share that is left, and at that
    point the bus with the lowest voltage, the branch with the highest loading and the largest injection.
    """
    shares = np.linspace(0.0, 1.0, _SHARES + 1)
    flows = solve_batch(network, Injections(network.bus_names, p_kw * shares, q_kvar * shares))
    last = int(np.argmin(np.append(flows.converged, False))) - 1
    if last < 0:
        return "there is none without load either"
    told = [f"the batch engine finds one up to {shares[last]:.0%} of nameplate"]
    bus = int(np.argmax(np.abs(flows.vm_pu[:, last] - 1.0)))
    told.append(f"where bus {network.bus_names[bus]!r} is at {flows.vm_pu[bus, last]:.2f} p.u.")
    loading = np.nan_to_num(flows.branch_loading_pu[:, last])
    if loading.size and loading.max() > 0.0:
        branch = int(np.argmax(loading))
        told.append(f"branch {network.branch_names[branch]!r} carries {loading[branch]:.0%} of its rating")
    largest = int(np.argmax(np.abs(p_kw[:, 0])))
    direction = "generates" if p_kw[largest, 0] > 0 else "draws"
    power = abs(float(p_kw[largest, 0]))
    told.append(
        f"the largest power is that of bus {network.bus_names[largest]!r}, which {direction} {power:.4g} kW in all"
    )
    return ", ".join(told)
