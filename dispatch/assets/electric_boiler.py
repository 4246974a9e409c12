"""Electric and electrode boilers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dispatch.asset import Carriers
from dispatch.fields.frozen import Efficiency, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class ElectricBoiler(Process):
    """Heat or steam q = η · p with p ≤ electric_kw."""

    kind: Literal["electric_boiler"] = "electric_boiler"
    bus: str
    heat_bus: str
    electric_kw: Positive
    efficiency: Efficiency = 0.99

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity", "heat_bus": ("heat", "steam")}

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Efficiency."""
        return {"heat": self.efficiency}
