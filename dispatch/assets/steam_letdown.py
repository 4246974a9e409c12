"""Pressure let-down: steam throttled to a lower pressure, or condensed for heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dispatch.asset import Carriers
from dispatch.fields.frozen import Efficiency, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.conversion import Conversion


class SteamLetdown(Conversion):
    """Heat or steam of a lower level q = η · s out of s ≤ steam_kw; it never goes back up."""

    kind: Literal["steam_letdown"] = "steam_letdown"
    steam_bus: str
    heat_bus: str
    steam_kw: Positive
    efficiency: Efficiency = 0.98

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"steam_bus": "steam", "heat_bus": ("heat", "steam")}
    input_port: ClassVar[str] = "steam"
    input_bus: ClassVar[str] = "steam_bus"
    input_series: ClassVar[str] = "steam_kw"
    rating: ClassVar[str] = "steam_kw"
    downhill: ClassVar[bool] = True
    rule_order: ClassVar[int] = 2  # before those that must heat what it draws

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Efficiency."""
        return {"heat": self.efficiency}
