"""The AC flows of a schedule for tracing: what the network's nodes and branches carry, and what others put on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.on_network import PlacedFlows
from dispatch.carbon.tracing import Flows
from dispatch.network.injections import injections, neighbours
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.network import Network


def placed_flows(
    site: Site, schedule: Schedule, network: Network, kvar: Mapping[str, Array] | None = None
) -> PlacedFlows | None:
    """Flows of the published path on the intact network; None where no step has any.

    Args:
        kvar: by asset on Q(V), (T,) what it injects, as the proof found it; NaN where it is not known.
    """
    from grid_models.tracing_flows import tracing_flows

    if site.grid is None:
        return None
    horizon = schedule.inputs.horizon
    sources = {"park": _with_kvar(site, injections(site, schedule), kvar or {})}
    others = neighbours(site, network, horizon)
    if others is not None:
        sources["others"] = others
    found = tracing_flows(network, sources)
    valid = np.isfinite(found.upstream_kw).all(axis=0) & ~site.without_connection(horizon)
    if not valid.any():
        return None
    node = dict(zip(network.bus_names, found.bus_node.tolist(), strict=True))
    rest = [power for name, power in found.injected_kw.items() if name != "park"]
    return PlacedFlows(
        nodes=found.node_name,
        place={bus: node[name] for bus, name in site.grid.bus_of.items()},
        flows=Flows(len(found.node_name), found.from_node, found.to_node, found.from_kw, found.to_kw),
        upstream_kw=found.upstream_kw,
        others_kw=sum(rest, np.zeros_like(found.upstream_kw)),
        shunt_kw=found.shunt_kw,
        valid=valid,
    )


def _with_kvar(site: Site, own: Injections, kvar: Mapping[str, Array]) -> Injections:
    """With what inverters on Q(V) inject."""
    assert site.grid is not None
    reactive = np.array(own.q_kvar)
    for asset in site.assets:
        if asset.name in kvar:
            node = site.grid.bus_of[str(getattr(asset, "bus", ""))]
            reactive[own.bus.index(node)] += np.nan_to_num(kvar[asset.name])
    return replace(own, q_kvar=reactive)


def grid_intensity(site: Site, schedule: Schedule) -> Array:
    """(T,) average intensity of what the park's connections import [kg/kWh]: of several by what each imports."""
    lines = [asset.name for asset in site.assets if isinstance(asset, GridConnection)]
    series, steps = schedule.inputs.series, schedule.inputs.horizon.steps
    known = [np.broadcast_to(series[name, "carbon_intensity_kg_per_kwh"][0], (steps,)) for name in lines]
    if not known:
        return np.zeros(steps)
    bought = np.array([schedule.asset(name, "import_kw") for name in lines])
    total = bought.sum(axis=0)
    mean = np.mean(known, axis=0)
    return np.asarray(np.divide((np.array(known) * bought).sum(axis=0), total, out=mean, where=total > 0))
