"""Absorption chillers: cold out of heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class AbsorptionChiller(Process):
    """Cold c = COP · h with c ≤ cold_kw, out of heat or steam h; pumps draw a share of h as electricity."""

    kind: Literal["absorption_chiller"] = "absorption_chiller"
    heat_bus: str
    cold_bus: str
    bus: str | None = Field(default=None, description="electricity for its pumps; default: not counted")
    cold_kw: Positive = Field(description="rated output")
    coefficient_of_performance: Signal = Field(default=0.7, description="cold per heat; two stages reach 1.2")
    pump_fraction: NonNegative = Field(default=0.0, description="electricity for pumps per heat")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "heat_bus": ("heat", "steam"),
        "cold_bus": "cold",
        "bus": "electricity",
    }
    rule_order: ClassVar[int] = 2  # before those that must make the heat it draws
    input_port: ClassVar[str] = "heat"
    input_bus: ClassVar[str] = "heat_bus"
    input_series: ClassVar[str] = "heat_kw"
    rating: ClassVar[str] = "cold_kw"
    rated_port: ClassVar[str] = "cold"
    outputs: ClassVar[Mapping[str, str]] = {"cold": "cold_bus"}
    side_inputs: ClassVar[Mapping[str, str]] = {"electricity": "bus"}

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Coefficient of performance, (step,), and the pumps' share."""
        cold = per_step(self.coefficient_of_performance, horizon, f"coefficient of performance of '{self.name}'")
        return {"cold": cold, "electricity": self.pump_fraction}
