r"""What ran, planned or measured, as plain arrays of one path: powers at buses, emissions, and what stores held.

A *unit* is one asset. Its ports say what it gives to and takes from each bus; carbon follows from these alone. In every
step a unit takes carbon in at the ports that draw power, adds its own emissions, and gives all of it to the ports that
give power. What gives nothing keeps it: a load, an export, a product, plant in standby. So a role names a unit and
decides no power; only a store is different, because what goes in and what comes out are steps apart.

How carbon is shared among several outputs: by their energy, each times the ``weight`` of its port. CO2 as a feedstock
is counted in kg and no energy: where a unit gives other carriers, it leaves free of carbon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dispatch.errors import AlignmentError, DataError
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.storage import Storage

Role = Literal["source", "sink", "conversion", "store", "link", "connection", "loss"]
StoreRule = Literal["tank", "carry"]
_PRODUCTS = frozenset({"hydrogen", "ammonia", "methanol"})
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
        kept: the unit is a load that gives back now and then (a fleet): what it holds counts as used.
    """

    energy_kwh: Array
    retention: Array
    passing: Array
    kept: bool = False


@dataclass(frozen=True, eq=False)
class Unit:
    """One asset.

    Attributes:
        name, kind: as in the park's file.
        role: what it is to carbon.
        ports: by name.
        emitted_kg: (T,) own emissions that leave with what it gives.
        own_kg: (T,) own emissions that nobody else bears, such as of gas that is flared.
        stock: of a store.
    """

    name: str
    kind: str
    role: Role
    ports: Mapping[str, Side]
    emitted_kg: Array
    own_kg: Array | None = None
    stock: Stock | None = None


@dataclass(frozen=True, eq=False)
class Operation:
    """Units on buses over T steps.

    Attributes:
        horizon: the steps.
        carriers: by bus, what it carries.
        units: what stands on the buses.
    """

    horizon: Horizon
    carriers: Mapping[str, str]
    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        """Every port stands on a bus and has a number in every step.

        Raises:
            DataError: an unknown bus, a missing number, or two units of one name.
            AlignmentError: a series has another number of steps than the horizon.
        """
        names = [unit.name for unit in self.units]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"two units are called '{twice}'; give each a name of its own")
        for unit in self.units:
            for port, side in unit.ports.items():
                if side.bus not in self.carriers:
                    raise DataError(
                        f"unit '{unit.name}', port '{port}': no bus '{side.bus}'; there are {', '.join(self.carriers)}"
                    )
                self._require(f"unit '{unit.name}', power at '{port}'", side.power_kw)
            self._require(f"unit '{unit.name}', emissions", unit.emitted_kg)

    def _require(self, what: str, values: Array) -> None:
        if values.shape != (self.horizon.steps,):
            raise AlignmentError(f"{what}: {values.shape}; accepted: ({self.horizon.steps},)")
        if not np.isfinite(values).all():
            raise DataError(f"{what}: no number in step {int(np.argmin(np.isfinite(values)))}; missing is never zero")

    @property
    def emitted_kg(self) -> Array:
        """(T,) all emissions."""
        own = [u.own_kg for u in self.units if u.own_kg is not None]
        return np.asarray(sum([*(u.emitted_kg for u in self.units), *own], np.zeros(self.horizon.steps)))

    def unbalanced_kw(self) -> dict[str, Array]:
        """By bus, (T,) what is given less what is taken."""
        out = {bus: np.zeros(self.horizon.steps) for bus in self.carriers}
        for unit in self.units:
            for side in unit.ports.values():
                out[side.bus] = out[side.bus] + side.power_kw
        return out

    @classmethod
    def from_schedule(cls, site: Site, schedule: Schedule, scenario: int = 0) -> Operation:
        """One path of a plan; 0 is the published one."""
        carriers: dict[str, str] = dict(zip(site.bus_names, site.bus_carriers, strict=True))
        horizon = schedule.inputs.horizon
        units = [
            unit
            for solved in schedule.kinds.values()
            for row in np.flatnonzero(solved.rows.scenario == scenario)
            if (unit := _unit(schedule, solved, int(row), carriers)) is not None
        ]
        if schedule.loss_kw is not None and schedule.losses_at is not None:
            lost = Side(schedule.losses_at, -schedule.loss_kw[scenario])
            units.append(Unit("network losses", "network", "loss", {"loss": lost}, np.zeros(horizon.steps)))
        return cls(horizon, carriers, tuple(units))


def _unit(schedule: Schedule, solved: Solved, row: int, carriers: Mapping[str, str]) -> Unit | None:
    """One row of a kind; None where it has no port and emits nothing."""
    names, kind = solved.rows.buses, solved.rows.members[0].kind
    member = solved.rows.members[row % len(solved.rows.members)]
    ports = {
        port: Side(names[solved.bus[port][row] % len(names)], np.asarray(power[row]))
        for port, power in solved.power_kw.items()
    }
    emitted = np.asarray(solved.co2_step_kg[row])
    if not ports and not emitted.any():
        return None
    stock = _stock(schedule, solved, row) if isinstance(member, Storage) else None
    return Unit(member.name, kind, _role(member, ports, carriers, stock), ports, emitted, stock=stock)


def _role(member: Any, ports: Mapping[str, Side], carriers: Mapping[str, str], stock: Stock | None) -> Role:
    """What the ports tell; power of plant of one port goes one way, unless it is a store or a connection."""
    if stock is not None:
        return "store"
    if member.is_network and len(ports) == 1:
        return "connection"
    gives = any((side.power_kw > _SMALL_KW).any() for side in ports.values())
    takes = any((side.power_kw < -_SMALL_KW).any() for side in ports.values())
    if len(ports) == 2 and len({carriers[side.bus] for side in ports.values()}) == 1:
        return "link"
    if len(ports) > 1:
        return "conversion"
    return "source" if gives and not takes else "sink"


def _stock(schedule: Schedule, solved: Solved, row: int) -> Stock:
    """Content of a store of the family with the stock equation."""
    rows, horizon = solved.rows, schedule.inputs.horizon
    start = (rows.field("energy_kwh") * rows.state(schedule.inputs, "start_fill"))[row, 0]
    content = np.maximum(np.append(start, solved.series["stored_kwh"][row]), 0.0)
    leak = rows.field("loss_fraction_per_h")[row, 0]
    return Stock(content, (1 - leak) ** horizon.hours, np.zeros(horizon.steps))
