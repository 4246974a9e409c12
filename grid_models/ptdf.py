"""Power transfer distribution factors: which share of an injection flows where, by the DC power flow.

With b = 1/(x·tap) per branch and A its incidence, f = diag(b) A (Aᵀ diag(b) A)⁻¹ p over all nodes but the slacks.
The DC flow knows neither voltage nor reactive power: voltages and the point itself come from the AC Jacobian.

B. Stott, J. Jardim and O. Alsaç, DC power flow revisited, IEEE Trans. Power Systems 24(3), 2009,
doi:10.1109/TPWRS.2009.2021235.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid_models.network import AcModel, Array, Index, Network
from grid_models.per_unit import loading_per_pu
from grid_models.power_flow import Injections, solve_batch
from grid_models.sensitivities import sensitivities
from grid_models.slopes import LinearModel


def ptdf(
    network: Network, injections: Injections, background: Injections | None, buses: tuple[str, ...]
) -> LinearModel:
    """The AC solution at ``injections``; loadings and losses move from there as in the DC power flow.

    A loading follows the active flow by its share P/|S| of the apparent one, and reactive power does not move it.
    """
    ac, exact = network.ac, sensitivities(network, injections, background, buses)
    flows = solve_batch(network, injections, background)
    named = ac.named_branch
    factor = transfer_factors(ac, ac.bus_node[network.bus_index(buses)])
    per_kw = factor[named, :, None] / (ac.base_mva * 1e3)
    # The from end stands for both: they carry nearly the same.
    volt = _node_voltage(ac, flows.vm_pu)[ac.from_node[named]]
    per = loading_per_pu(ac)[0][:, None]
    current = flows.branch_loading_pu / per
    share = flows.branch_from_kw / (ac.base_mva * 1e3) / np.where(current == 0.0, np.inf, current * volt)
    by_loading = (np.clip(share, -1.0, 1.0) / volt * per)[:, None, :] * per_kw
    middle = (flows.branch_from_kw - flows.branch_to_kw) / (2.0 * ac.base_mva * 1e3)
    by_losses = 2.0 * np.einsum("l,lb,ls->bs", ac.r_pu[named], factor[named], middle)
    slopes = dataclasses.replace(
        exact.slopes,
        loading_per_kw=by_loading,
        loading_per_kvar=np.zeros_like(by_loading),
        losses_per_kw=by_losses,
        losses_per_kvar=np.zeros_like(by_losses),
    )
    return dataclasses.replace(exact, source="ptdf", slopes=slopes)


def transfer_factors(ac: AcModel, nodes: Index) -> Array:
    """(m, B) active flow in each branch, from → to, per unit injected at each of ``nodes`` and taken by the slacks."""
    n, m = ac.node_kv.size, ac.from_node.size
    free = np.setdiff1d(np.arange(n), ac.slack_node)
    one = np.arange(m)
    incidence = sparse.csc_array(
        (np.r_[np.ones(m), -np.ones(m)], (np.r_[one, one], np.r_[ac.from_node, ac.to_node])), shape=(m, n)
    )[:, free]
    weighted = sparse.diags_array(1.0 / (ac.x_pu * ac.tap)) @ incidence
    right = np.zeros((n, nodes.size))
    right[nodes, np.arange(nodes.size)] = 1.0
    return np.asarray(weighted @ splu(sparse.csc_array(incidence.T @ weighted)).solve(right[free]))


def _node_voltage(ac: AcModel, vm_pu: Array) -> Array:
    """(n, S) voltage of the nodes; 1 p.u. where none of the named buses stands."""
    out = np.ones((ac.node_kv.size, vm_pu.shape[1]))
    out[ac.bus_node] = vm_pu
    return out
