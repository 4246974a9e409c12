"""Units of an operation: what one asset gives to and takes from each bus, emits, and holds; and units of a schedule.

The ports of a schedule tell nearly all. Three things they do not: what a store holds, which plant uses what it takes
although heat comes out of it (a data hall), and what a pipe has under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dispatch.assets.data_centre import DataCentre
from dispatch.assets.ev_fleet import EvFleet
from dispatch.assets.pipe import Pipe
from dispatch.carbon_wanted.conventions import Conventions
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.stores.stock import Storage
from dispatch.units.offered import Offered

__all__ = ["Conventions", "Role", "Side", "Stock", "StoreRule", "Unit", "renamed", "scheduled"]

Role = Literal["source", "sink", "conversion", "store", "link", "connection", "loss", "others", "residual"]
StoreRule = Literal["tank", "carry", "queue"]
_SMALL_KW = 1e-9


@dataclass(frozen=True, eq=False)
class Side:
    """One port of a unit: its bus by name, (T,) power into the bus [kW], and what a kWh that it gives counts."""

    bus: str
    power_kw: Array
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Stock:
    """The content of a store.

    Attributes:
        energy_kwh: (T + 1,) held at the edges of the steps.
        retention: (T,) share of the content that is left after a step of standing still.
        passing: (T,) share of what is taken in that goes past the content, such as chilling beside an ice tank.
        rule: a ``tank`` mixes and loses carbon with energy; with ``carry`` what leaves takes the losses' carbon along;
            out of a ``queue`` comes first what went in first.
        kept: the unit is a load that gives back now and then (a fleet): what it holds counts as used.
        start_kg_per_kwh: of what it holds at the start; NaN: as what it is charged with.
    """

    energy_kwh: Array
    retention: Array
    passing: Array
    rule: StoreRule = "carry"
    kept: bool = False
    start_kg_per_kwh: float = np.nan


@dataclass(frozen=True, eq=False)
class Unit:
    """One asset.

    Attributes:
        name, kind: as in the park's file.
        role: conversions, links and stores pass on what they take; all others keep it.
        ports: by name.
        emitted_kg: (T,) own emissions that leave with what it gives.
        own_kg: (T,) own emissions that stay with it whatever it gives, such as of gas that is flared.
        stock: of a store.
        renewable: its file says that what it burns is: certificates come with its electricity as with that of wind.
    """

    name: str
    kind: str
    role: Role
    ports: Mapping[str, Side]
    emitted_kg: Array
    own_kg: Array | None = None
    stock: Stock | None = None
    renewable: bool = False


def scheduled(
    schedule: Schedule, scenario: int, carriers: Mapping[str, str], conventions: Conventions
) -> Iterator[Unit]:
    """Every asset of one path; those without a port and without emissions are left out."""
    for solved in schedule.kinds.values():
        for row in np.flatnonzero(solved.rows.scenario == scenario):
            member = solved.rows.members[row % len(solved.rows.members)]
            if isinstance(member, Pipe) and member.delay_h:
                yield from _under_way(schedule, solved, int(row), member, conventions)
            elif solved.power_kw or solved.co2_step_kg[row].any():
                yield _unit(schedule, solved, int(row), carriers, conventions)
    if schedule.loss_kw is not None and schedule.losses_at is not None:
        lost = Side(schedule.losses_at, -schedule.loss_kw[scenario])
        yield Unit("network losses", "network", "loss", {"loss": lost}, np.zeros(lost.power_kw.size))


def _unit(schedule: Schedule, solved: Solved, row: int, carriers: Mapping[str, str], conventions: Conventions) -> Unit:
    """One row of a kind."""
    names, member = solved.rows.buses, solved.rows.members[row % len(solved.rows.members)]
    bus = {port: names[at[row] % len(names)] for port, at in solved.bus.items()}
    power = {port: np.asarray(values[row]) for port, values in solved.power_kw.items()}
    gives = frozenset(carriers[bus[port]] for port, kw in power.items() if kw.max(initial=0.0) > _SMALL_KW)
    ports = {p: Side(bus[p], kw, conventions.weight(carriers[bus[p]], gives)) for p, kw in power.items()}
    emitted, own = np.asarray(solved.co2_step_kg[row]), None
    if isinstance(member, Offered):
        left = solved.series["unused_kw"][row] * schedule.inputs.horizon.hours
        own = left * member.unused_co2_kg_per_kwh
        emitted = emitted - own
    stock = None
    if isinstance(member, Storage):
        stock = _stock(schedule, solved, row, carriers[bus[member.port_name]], conventions)
    elif isinstance(member, EvFleet):
        stock = _fleet(schedule, solved, row, conventions)
    role, renewable = _role(member, ports, carriers, stock), bool(getattr(member, "clean", False))
    return Unit(member.name, member.kind, role, ports, emitted, own, stock, renewable)


def _role(member: Any, ports: Mapping[str, Side], carriers: Mapping[str, str], stock: Stock | None) -> Role:
    """What kinds and ports tell."""
    if stock is not None:
        return "store"
    if member.is_network and len(ports) == 1:
        return "connection"
    if isinstance(member, DataCentre):
        return "sink"  # its heat is left over from what it uses
    if len(ports) > 1:
        alike = len({carriers[side.bus] for side in ports.values()}) == 1
        return "link" if alike and len(ports) == 2 else "conversion"
    return "source" if any(side.power_kw.sum() > 0 for side in ports.values()) else "sink"


def _stock(schedule: Schedule, solved: Solved, row: int, carrier: str, conventions: Conventions) -> Stock:
    """Content of a store of the family with the stock equation."""
    rows, hours, series = solved.rows, schedule.inputs.horizon.hours, solved.series
    start = (rows.field("energy_kwh") * rows.state(schedule.inputs, "start_fill"))[row, 0]
    content = np.maximum(np.append(start, series["stored_kwh"][row]), 0.0)
    retention = (1 - rows.field("loss_fraction_per_h")[row, 0]) ** hours
    # Plant with a store inside fills it or works past it, never both.
    beside = (series["charge_kw"][row] <= _SMALL_KW) if len(solved.power_kw) > 1 else np.zeros(hours.size)
    return Stock(
        content,
        retention,
        beside.astype(np.float64),
        conventions.rule(carrier),
        start_kg_per_kwh=conventions.start(solved.rows.names[row]),
    )


def _fleet(schedule: Schedule, solved: Solved, row: int, conventions: Conventions) -> Stock | None:
    """What vehicles were charged with and have not given back; None of a fleet that only charges.

    Whose energy a vehicle brings from elsewhere and what it drives with is not known. So the fleet is one pool, which
    begins with the least content that lets it give what it gives.
    """
    charge, discharge = solved.series["charge_kw"][row], solved.series["discharge_kw"][row]
    if discharge.max(initial=0.0) <= _SMALL_KW:
        return None
    rows, hours = solved.rows, schedule.inputs.horizon.hours
    moved = charge * rows.field("charge_efficiency")[row, 0] - discharge / rows.field("discharge_efficiency")[row, 0]
    content = np.append(0.0, np.cumsum(moved * hours))
    ones = np.ones(hours.size)
    start = conventions.start(rows.names[row])
    return Stock(content - min(float(content.min()), 0.0), ones, 0 * ones, "carry", True, start)


def _under_way(schedule: Schedule, solved: Solved, row: int, pipe: Pipe, conventions: Conventions) -> Iterator[Unit]:
    """A pipe with a delay: a queue each way, which holds what has entered and has not come out."""
    horizon, names = schedule.inputs.horizon, solved.rows.buses
    known = type(pipe).signals(solved.rows, schedule.inputs)
    ends = [names[solved.bus[port][row] % len(names)] for port in ("near", "far")]
    for way, (source, target) in (("forward", ends), ("backward", ends[::-1])):
        entered, arriving, spilled = (solved.series[f"{way}_{name}kw"][row] for name in ("", "arriving_", "spilled_"))
        if max(entered.max(), arriving.max()) <= _SMALL_KW:
            continue
        left = arriving / (1 - pipe.loss_fraction) * horizon.hours
        before = (known[f"{way}_carried_kw"][row] @ horizon.hours) / (1 - pipe.loss_fraction)
        content = before + np.append(0.0, np.cumsum(entered * horizon.hours - left))
        ones = np.ones(horizon.steps)
        ports = {"in": Side(source, -entered), "out": Side(target, np.maximum(arriving - spilled, 0.0))}
        stock = Stock(np.maximum(content, 0.0), ones, 0 * ones, "queue", False, conventions.start(pipe.name))
        name = pipe.name if way == "forward" else f"{pipe.name} back"
        yield Unit(name, pipe.kind, "store", ports, 0 * ones, stock=stock)


def renamed(unit: Unit, place: Mapping[str, str]) -> Unit:
    """The unit with its ports at other buses."""
    ports = {port: replace(side, bus=place.get(side.bus, side.bus)) for port, side in unit.ports.items()}
    return replace(unit, ports=ports)
