r"""What ran, planned or measured, as plain arrays of one path: powers at buses, emissions, and what stores held.

A *unit* is one asset. Its ports say what it gives to and takes from each bus; carbon follows from these. In every step
a conversion or a link takes carbon in at the ports that draw power, adds its own emissions, and gives all of it to the
ports that give power; what it takes while it gives nothing stays with it. A source adds its own emissions to what it
gives. A sink keeps what it takes: a load, an export, a product. In a store what goes in and what comes out are steps
apart.

How carbon is shared among several outputs: by their energy, each times the ``weight`` of its port. CO2 as a feedstock
is counted in kg and is no energy: beside other outputs it leaves free of carbon.

Loads whose work can wait (``deferrable``, batches, swap stations) and fleets that only charge are charged with carbon
when they draw power: what they make of it leaves the park by other ways than its buses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon.tracing import Flows
from dispatch.carbon.units import Conventions, Role, Side, Stock, StoreRule, Unit, scheduled
from dispatch.errors import AlignmentError, DataError
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site

__all__ = ["Conventions", "Operation", "Role", "Side", "Stock", "StoreRule", "Unit"]

UNBALANCED_KW, UNBALANCED = 1e-2, 1e-4


@dataclass(frozen=True, eq=False)
class Operation:
    """Units on buses over T steps.

    Attributes:
        horizon: the steps.
        carriers: by bus, what it carries.
        units: what stands on the buses; each is listed once.
        flows: branches of an AC network between buses, numbered in the order of ``carriers`` [kW]; None without one.
    """

    horizon: Horizon
    carriers: Mapping[str, str]
    units: tuple[Unit, ...]
    flows: Flows | None = None

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
            if unit.own_kg is not None:
                self._require(f"unit '{unit.name}', own emissions", unit.own_kg)
            if unit.stock is not None:
                self._require(f"unit '{unit.name}', content", unit.stock.energy_kwh, 1)
        if self.flows is not None and (self.flows.nodes, self.flows.steps) != (len(self.carriers), self.horizon.steps):
            raise AlignmentError(
                f"flows between {self.flows.nodes} nodes over {self.flows.steps} steps; accepted: "
                f"{len(self.carriers)} buses over {self.horizon.steps}"
            )

    def _require(self, what: str, values: Array, more: int = 0) -> None:
        if values.shape != (self.horizon.steps + more,):
            raise AlignmentError(f"{what}: {values.shape}; accepted: ({self.horizon.steps + more},)")
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
        if self.flows is not None:
            names = tuple(self.carriers)
            for nodes, into in ((self.flows.start, self.flows.start_in), (self.flows.end, self.flows.end_in)):
                for branch, node in enumerate(nodes):
                    out[names[node]] = out[names[node]] - into[branch]
        return out

    def settled(self) -> Operation:
        """With what buses lack or have left over as a unit of its own, where that is more than rounding.

        What lacks comes from nowhere known and brings no carbon; what is left over keeps its own. A plan that the audit
        passes has none; one of a lower rung, or a measurement, may.
        """
        ports = {
            bus: Side(bus, -left)
            for bus, left in self.unbalanced_kw().items()
            if np.abs(left).max() > UNBALANCED_KW + UNBALANCED * self._largest_kw(bus)
        }
        if not ports:
            return self
        unit = Unit("not balanced", "balance", "residual", ports, np.zeros(self.horizon.steps))
        return replace(self, units=(*self.units, unit))

    def require_balance(self) -> None:
        """What leaves a bus must have come to it: carbon has no other way.

        Raises:
            DataError: a bus is out of balance by more than rounding.
        """
        for bus, left in self.unbalanced_kw().items():
            step = int(np.argmax(np.abs(left)))
            if abs(left[step]) > UNBALANCED_KW + UNBALANCED * self._largest_kw(bus):
                raise DataError(
                    f"bus '{bus}', step {step}: {left[step]:+.4g} kW more is given than taken; accepted: a balance to "
                    f"{UNBALANCED_KW:g} kW, with every source, load and loss as a unit"
                )

    def _largest_kw(self, bus: str) -> float:
        sides = [s for unit in self.units for s in unit.ports.values() if s.bus == bus]
        return max((float(np.abs(side.power_kw).max()) for side in sides), default=0.0)

    @classmethod
    def from_schedule(
        cls, site: Site, schedule: Schedule, scenario: int = 0, conventions: Conventions | None = None
    ) -> Operation:
        """One path of a plan; 0 is the published one. Electricity buses stay the site's, without an AC network.

        Args:
            conventions: how stores hold carbon and how outputs share it; those of the park's file by default.
        """
        carriers: dict[str, str] = dict(zip(site.bus_names, site.bus_carriers, strict=True))
        units = scheduled(schedule, scenario, carriers, conventions or site.carbon.ledgers)
        return cls(schedule.inputs.horizon, carriers, tuple(units)).settled()
