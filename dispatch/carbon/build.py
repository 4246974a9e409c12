"""From an operation to a chain: nodes for buses, plant and stores, shares between them, and where carbon is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dispatch.carbon.branches import sent_kw, ways
from dispatch.carbon.chain import Chain, Stores
from dispatch.carbon.ledger import Meter, MeterRole
from dispatch.carbon.moved import Moved, mixed, queued
from dispatch.carbon.operation import Operation, Role, Side, Stock, Unit
from dispatch.signals import Array

_PRODUCTS = frozenset({"hydrogen", "ammonia", "methanol"})
_PASSING: frozenset[Role] = frozenset({"conversion", "link"})
# Below this share of the greatest power of its port a power is rounding.
_SMALL = 1e-9
_NO_NODES = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Read:
    """A meter, and of which nodes' carbon it gets which shares (A,), (A, T); by itself nothing."""

    meter: Meter
    energy_kwh: Array
    nodes: np.ndarray = field(default_factory=lambda: _NO_NODES)
    shares: Array | None = None
    own_kg: Array | float = 0.0

    def carbon_kg(self, node_kg: Array) -> Array:
        """(T,) what the meter gets of the carbon (N, T) at all nodes, and its own."""
        out = np.zeros(node_kg.shape[1]) + self.own_kg
        return out if self.shares is None else np.asarray(out + (node_kg[self.nodes] * self.shares).sum(axis=0))


@dataclass(frozen=True, eq=False)
class Inner:
    """What of a store is no matter of the chain.

    Attributes:
        meter: for what it gains.
        gained_kwh, lost_kwh: (T,) change of content; what is taken and neither given nor held.
        start_kwh, charged_kwh: content at the start, and all that enters it.
        lost_at, lost: nodes and shares of their carbon that is lost.
    """

    meter: Meter
    gained_kwh: Array
    lost_kwh: Array
    start_kwh: float
    charged_kwh: float
    lost_at: np.ndarray
    lost: Array


@dataclass(frozen=True, eq=False)
class _Store:
    """One store's lines of :class:`~dispatch.carbon.chain.Stores`."""

    node: int
    inlet: int
    taken: Array
    kept: Array
    queue: bool
    reach: Array
    entered: Array


class Builder:
    """Everything that an operation's chain is made of.

    Attributes:
        hours: (T,) of the steps.
        leaving_kw: (bus, T) all power that leaves each bus.
        reads: meters of everything but stores.
        stores, inner: units that store, and what is known of them.
    """

    def __init__(self, operation: Operation, borne: bool) -> None:
        self._operation, self._borne = operation, borne
        self._bus = {name: k for k, name in enumerate(operation.carriers)}
        self.hours = operation.horizon.hours
        self._nodes = len(self._bus)
        self._arcs: list[tuple[int, int, Array]] = []
        self._own: list[tuple[int, Array]] = []
        self._lines: list[_Store] = []
        self.reads: list[Read] = []
        self.stores: list[Unit] = []
        self.inner: list[Inner] = []
        taken = self._taken()
        self._ways = ways(operation.flows, taken, borne) if operation.flows is not None else []
        self.leaving_kw = sent_kw(self._ways, taken)
        self._branches()
        for unit in operation.units:
            if unit.stock is not None:
                self._store(unit, unit.stock)
            elif unit.role in _PASSING:
                self._conversion(unit)
            else:
                self._end(unit)
        self._left_at_buses()

    @cached_property
    def chain(self) -> Chain:
        """Nodes, shares, own carbon and stores."""
        steps = self.hours.size
        own = np.zeros((self._nodes, steps))
        for node, carbon in self._own:
            own[node] += carbon
        source, target, share = (list(x) for x in zip(*self._arcs, strict=True)) if self._arcs else ([], [], [])
        stores = Stores(
            np.array([s.node for s in self._lines], dtype=np.intp),
            np.array([s.inlet for s in self._lines], dtype=np.intp),
            np.array([s.taken for s in self._lines]).reshape(-1, steps),
            np.array([s.kept for s in self._lines]).reshape(-1, steps),
            np.array([s.queue for s in self._lines], dtype=bool),
            np.array([s.reach for s in self._lines]).reshape(-1, steps + 1),
            np.array([s.entered for s in self._lines]).reshape(-1, steps + 1),
        )
        shares = np.array(share).reshape(-1, steps)
        return Chain(self._nodes, np.array(source, dtype=np.intp), np.array(target, dtype=np.intp), shares, own, stores)

    def _node(self) -> int:
        self._nodes += 1
        return self._nodes - 1

    def _is_borne(self, unit: Unit) -> bool:
        """A loss whose carbon goes to those who take what is left."""
        return self._borne and unit.role == "loss"

    def _taken(self) -> Array:
        """(bus, T) what ports take; without losses that others bear."""
        out = np.zeros((len(self._bus), self.hours.size))
        for unit in self._operation.units:
            if not self._is_borne(unit):
                for side in unit.ports.values():
                    out[self._bus[side.bus]] += _takes(side)
        return out

    def _branches(self) -> None:
        nodes, shares, lost = [], [], np.zeros(self.hours.size)
        for way in self._ways:
            out = self.leaving_kw[way.sender]
            moved, kept = (np.divide(x, out, out=np.zeros_like(x), where=out > 0) for x in (way.given, way.lost))
            self._arcs += list(zip(way.sender.tolist(), way.taker.tolist(), moved, strict=True))
            nodes.append(way.sender)
            shares.append(kept)
            lost = lost + way.lost.sum(axis=0) * self.hours
        if nodes:
            # What comes to a node from which nothing gets to anybody is lost there.
            ends = np.unique(np.concatenate(nodes))
            nodes.append(ends)
            shares.append(np.where(self.leaving_kw[ends] > 0, 0.0, 1.0))
            meter = Meter("network losses", "network", "network", "", "electricity", "loss")
            self.reads.append(Read(meter, lost, np.concatenate(nodes), np.concatenate(shares)))

    def _part(self, side: Side) -> Array:
        """(T,) share of its bus's carbon that a port takes."""
        out, taken = self.leaving_kw[self._bus[side.bus]], _takes(side)
        return np.asarray(np.divide(taken, out, out=np.zeros_like(out), where=out > 0))

    def _meter(self, unit: Unit, port: str, role: MeterRole) -> Meter:
        bus, several = unit.ports[port].bus, sum(_takes(side).any() for side in unit.ports.values()) > 1
        told = port if several else role if role in ("standby", "export") else ""
        name = f"{unit.name}: {told}" if told else unit.name
        return Meter(name, unit.name, unit.kind, bus, self._operation.carriers[bus], role)

    def _end(self, unit: Unit) -> None:
        """Own emissions go where it gives power; what it takes stays."""
        shares, gives = _outputs(unit)
        for port, share in shares.items():
            self._own.append((self._bus[unit.ports[port].bus], share * unit.emitted_kg))
        self._keeps_own(unit, np.where(gives, 0.0, unit.emitted_kg))
        if self._is_borne(unit):
            return
        if unit.role in ("others", "residual") or (unit.role == "loss" and len(unit.ports) > 1):
            self._together(unit)
        else:
            for port, side in unit.ports.items():
                self._keeps(unit, port, self._part(side), _takes(side))

    def _keeps(self, unit: Unit, port: str, share: Array, taken_kw: Array) -> None:
        if taken_kw.any():
            meter = self._meter(unit, port, _meter_role(unit, self._operation.carriers[unit.ports[port].bus]))
            at = np.array([self._bus[unit.ports[port].bus]])
            self.reads.append(Read(meter, taken_kw * self.hours, at, share[None]))

    def _together(self, unit: Unit) -> None:
        """Many ports of other parties are one meter."""
        sides = [side for side in unit.ports.values() if _takes(side).any()]
        if sides:
            at = np.array([self._bus[side.bus] for side in sides])
            energy = np.sum([_takes(side) for side in sides], axis=0) * self.hours
            carriers = {self._operation.carriers[side.bus] for side in sides}
            carrier = carriers.pop() if len(carriers) == 1 else ""
            role = _meter_role(unit, carrier)
            meter = Meter(unit.name, unit.name, unit.kind, "", carrier, role)
            self.reads.append(Read(meter, energy, at, np.array([self._part(side) for side in sides])))

    def _keeps_own(self, unit: Unit, emitted_kg: Array) -> None:
        """Own emissions that nothing it gives takes along."""
        own = emitted_kg if unit.own_kg is None else emitted_kg + unit.own_kg
        if own.any():
            side = next(iter(unit.ports.values()), None)
            bus = "" if side is None else side.bus
            role: MeterRole = "load" if unit.role == "sink" else "loss" if unit.own_kg is not None else "standby"
            meter = Meter(f"{unit.name}: own", unit.name, unit.kind, bus, self._operation.carriers.get(bus, ""), role)
            self.reads.append(Read(meter, np.zeros(self.hours.size), own_kg=own))

    def _conversion(self, unit: Unit) -> None:
        """A node that hands on what it takes, and keeps it where it gives nothing."""
        node, (shares, gives) = self._node(), _outputs(unit)
        taken = np.sum([_takes(side) for side in unit.ports.values()], axis=0)
        given = np.sum([_gives(side) for side in unit.ports.values()], axis=0)
        handed = np.ones(self.hours.size)
        if unit.role == "link" and not self._borne:
            handed = np.minimum(np.divide(given, taken, out=np.ones_like(given), where=taken > 0), 1.0)
        for port, side in unit.ports.items():
            part = self._part(side)
            self._arcs.append((self._bus[side.bus], node, np.where(gives, part, 0.0)))
            self._keeps(unit, port, np.where(gives, 0.0, part), np.where(gives, 0.0, _takes(side)))
            if port in shares:
                self._arcs.append((node, self._bus[side.bus], handed * shares[port]))
        self._own.append((node, np.where(gives, unit.emitted_kg, 0.0)))
        self._keeps_own(unit, np.where(gives, 0.0, unit.emitted_kg))
        if (handed < 1).any():
            bus = next(iter(unit.ports.values())).bus
            meter = Meter(f"{unit.name}: losses", unit.name, unit.kind, bus, self._operation.carriers[bus], "loss")
            lost = np.where(gives, np.maximum(taken - given, 0.0), 0.0) * self.hours
            self.reads.append(Read(meter, lost, np.array([node]), np.where(gives, 1 - handed, 0.0)[None]))

    def _store(self, unit: Unit, stock: Stock) -> None:
        """Two nodes: where carbon arrives, and the content that hands it on."""
        arrives, content = self._node(), self._node()
        taken = np.sum([_takes(side) for side in unit.ports.values()], axis=0) * self.hours
        given = np.sum([_gives(side) for side in unit.ports.values()], axis=0) * self.hours
        moved = queued(stock, taken, given, self._borne) if stock.rule == "queue" else mixed(stock, taken, given)
        shares, _ = _outputs(unit)
        for port, side in unit.ports.items():
            self._arcs.append((self._bus[side.bus], arrives, self._part(side)))
            if port in shares:
                self._arcs.append((arrives, self._bus[side.bus], moved.past * shares[port]))
                self._arcs.append((content, self._bus[side.bus], moved.out * shares[port]))
        if not moved.queue:
            self._arcs.append((arrives, content, moved.into))
        self._lines.append(
            _Store(content, arrives if moved.queue else content, moved.into if moved.queue else moved.stays,
                   moved.kept, moved.queue, moved.reach, moved.entered)
        )  # fmt: skip
        self.stores.append(unit)
        self.inner.append(self._inner(unit, stock, moved, taken - given, (arrives, content)))

    def _inner(self, unit: Unit, stock: Stock, moved: Moved, net_kwh: Array, nodes: tuple[int, int]) -> Inner:
        side = next((s for s in unit.ports.values() if _gives(s).any()), next(iter(unit.ports.values())))
        role: MeterRole = "load" if stock.kept else "store"
        meter = Meter(unit.name, unit.name, unit.kind, side.bus, self._operation.carriers[side.bus], role)
        gained = net_kwh if stock.kept else np.diff(stock.energy_kwh)
        lost = np.array([1 - moved.past - moved.into, 1 - moved.out - moved.stays])
        # A store of another carrier than it draws (ice) has no loss that could be told in kWh of one of them.
        alike = len({self._operation.carriers[s.bus] for s in unit.ports.values()}) == 1
        lost_kwh = net_kwh - gained if alike else np.zeros(net_kwh.size)
        return Inner(meter, gained, lost_kwh, float(stock.energy_kwh[0]), moved.charged_kwh, np.array(nodes), lost)

    def _left_at_buses(self) -> None:
        """What comes to a bus that nothing leaves; the network's nodes have their own account of that."""
        known = {int(node) for way in self._ways for node in way.sender}
        for name, at in self._bus.items():
            if at in known:
                continue
            dead = np.where(self.leaving_kw[at] > 0, 0.0, 1.0)
            if dead.any():
                meter = Meter(f"{name}: not taken", name, "bus", name, self._operation.carriers[name], "residual")
                self.reads.append(Read(meter, np.zeros(self.hours.size), np.array([at]), dead[None]))


def _takes(side: Side) -> Array:
    """(T,) power that a port draws."""
    return np.where(side.power_kw < -_SMALL * np.abs(side.power_kw).max(initial=0.0), -side.power_kw, 0.0)


def _gives(side: Side) -> Array:
    """(T,) power that it gives."""
    return np.where(side.power_kw > _SMALL * np.abs(side.power_kw).max(initial=0.0), side.power_kw, 0.0)


def _outputs(unit: Unit) -> tuple[dict[str, Array], np.ndarray]:
    """By port that ever gives, (T,) its share of the unit's outputs; and in which steps there are any."""
    counted = {port: side.weight * _gives(side) for port, side in unit.ports.items()}
    total = sum(counted.values(), np.zeros(unit.emitted_kg.size))
    there = total > 0
    shares = {p: np.divide(v, total, out=np.zeros_like(v), where=there) for p, v in counted.items() if v.any()}
    return shares, there


def _meter_role(unit: Unit, carrier: str) -> MeterRole:
    if unit.role == "connection":
        return "export"
    if unit.role in ("loss", "others", "residual"):
        return unit.role
    if unit.role != "sink":
        return "standby"
    return "product" if carrier in _PRODUCTS else "load"
