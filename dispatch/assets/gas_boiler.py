"""Boilers for gas and other fuels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.frozen import Positive
from dispatch.fields.series import Signal, per_step
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class GasBoiler(Process):
    """Heat or steam q = η · f with q ≤ heat_kw, out of a fuel f by lower heating value.

    A condensing boiler has η above 1. What the fuel costs and emits is counted where it enters the site
    (``fuel_supply``).
    """

    kind: Literal["gas_boiler"] = "gas_boiler"
    fuel_bus: str
    heat_bus: str
    heat_kw: Positive = Field(description="rated output")
    efficiency: Signal = Field(default=0.93, description="heat per fuel, by lower heating value")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "fuel_bus": ("gas", "fuel", "hydrogen", "methanol"),
        "heat_bus": ("heat", "steam"),
    }
    input_port: ClassVar[str] = "fuel"
    input_bus: ClassVar[str] = "fuel_bus"
    input_series: ClassVar[str] = "fuel_kw"
    rating: ClassVar[str] = "heat_kw"
    rated_port: ClassVar[str] = "heat"

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Efficiency, (step,)."""
        return {"heat": per_step(self.efficiency, horizon, f"efficiency of '{self.name}'")}
