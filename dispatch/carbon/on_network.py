"""An operation whose electricity buses stand on an AC network: its nodes and branches in place of the site's balances.

What the site buys is then what the network draws from upstream, with the real losses, and the other customers on the
feeder are one more party: what they take has a meter, what they give counts as free of carbon. In steps without a
solution, or in which the site is cut off, the site's own balances stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon.operation import Operation, Side, Unit
from dispatch.carbon.tracing import Flows
from dispatch.carbon.units import renamed
from dispatch.signals import Array

# No asset has a name with a space in it.
OTHERS, UPSTREAM = "others on the feeder", "grid upstream"


@dataclass(frozen=True, eq=False)
class PlacedFlows:
    """Active powers of an AC network with n nodes over T steps [kW].

    Attributes:
        nodes: (n,) names.
        place: by site bus, the position of its node.
        flows: the branches.
        upstream_kw: (n, T) import from upstream, negative for export.
        others_kw: (n, T) what other parties give, negative where they take.
        shunt_kw: (n, T) taken up by shunts.
        valid: (T,) where all this holds; elsewhere any number may stand.
    """

    nodes: tuple[str, ...]
    place: Mapping[str, int]
    flows: Flows
    upstream_kw: Array
    others_kw: Array
    shunt_kw: Array
    valid: np.ndarray


def on_network(
    operation: Operation, placed: PlacedFlows, network_units: Collection[str], grid_kg_per_kwh: Array
) -> Operation:
    """The operation on its network.

    Args:
        network_units: names of units that the network replaces where they stand on it: cables and connections.
        grid_kg_per_kwh: (T,) intensity of what comes from upstream.
    """
    label = _labels(operation, placed)
    names = {bus: label[node] for bus, node in placed.place.items()}
    carriers = dict.fromkeys(label, "electricity")
    carriers |= {bus: carrier for bus, carrier in operation.carriers.items() if bus not in names}
    on, off = placed.valid.astype(np.float64), (~placed.valid).astype(np.float64)
    kept = [_left(unit, names, network_units, off) for unit in operation.units]
    flows = replace(
        placed.flows,
        nodes=len(carriers),
        start_in=_known(placed.flows.start_in, on),
        end_in=_known(placed.flows.end_in, on),
    )
    bought = _upstream(placed, on, label, operation.horizon.hours * grid_kg_per_kwh)
    units = (bought, *(renamed(unit, names) for unit in kept if unit.ports), *_parties(placed, on, label))
    return Operation(operation.horizon, carriers, units, flows).settled()


def _known(values: Array, on: Array) -> Array:
    """Zero in steps that do not count."""
    return np.asarray(np.where(on > 0, np.nan_to_num(values), 0.0))


def _labels(operation: Operation, placed: PlacedFlows) -> tuple[str, ...]:
    """Names of nodes: that of the site's first bus there; what is a name of the site already gets a word before it."""
    own: dict[int, str] = {}
    for bus, node in placed.place.items():
        own.setdefault(node, bus)
    seen: dict[str, int] = {}
    out = []
    for node, name in enumerate(placed.nodes):
        wanted = own.get(node) or (f"network {name}" if name in operation.carriers else name)
        seen[wanted] = seen.get(wanted, 0) + 1
        out.append(wanted if seen[wanted] == 1 else f"{wanted} ({seen[wanted]})")
    return tuple(out)


def _left(unit: Unit, placed: Collection[str], network_units: Collection[str], off: Array) -> Unit:
    """A unit that the network replaces, in the other steps only: without ports where there are none."""
    replaced = unit.name in network_units or unit.role in ("loss", "residual")
    if not replaced or not any(side.bus in placed for side in unit.ports.values()):
        return unit
    if not off.any():
        return replace(unit, ports={})
    ports = {port: replace(side, power_kw=side.power_kw * off) for port, side in unit.ports.items()}
    name = f"{unit.name} by plan" if unit.role == "loss" else unit.name
    return replace(unit, name=name, ports=ports, emitted_kg=unit.emitted_kg * off)


def _upstream(placed: PlacedFlows, on: Array, label: tuple[str, ...], kg_per_kw: Array) -> Unit:
    """What comes from upstream, and what goes back."""
    power = _known(placed.upstream_kw, on)
    ports = {label[node]: Side(label[node], power[node]) for node in np.flatnonzero(power.any(axis=1))}
    return Unit(UPSTREAM, "network", "connection", ports, np.maximum(power, 0).sum(axis=0) * kg_per_kw)


def _parties(placed: PlacedFlows, on: Array, label: tuple[str, ...]) -> Iterator[Unit]:
    """Other customers and shunts."""
    nothing = np.zeros(on.size)
    others, shunts = _known(placed.others_kw, on), _known(placed.shunt_kw, on)
    at = {label[n]: Side(label[n], others[n]) for n in np.flatnonzero(others.any(axis=1))}
    if at:
        yield Unit(OTHERS, "neighbours", "others", at, nothing)
    lost = {label[n]: Side(label[n], -shunts[n]) for n in np.flatnonzero(shunts.any(axis=1))}
    if lost:
        yield Unit("network shunts", "network", "loss", lost, nothing)
