"""Compressors between two hydrogen buses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from dispatch.asset import Carriers
from dispatch.fields.fluids import HYDROGEN_KWH_PER_KG, energy
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.conversion import Conversion


class HydrogenCompressor(Conversion):
    """Hydrogen from a bus of lower pressure to one of higher pressure: out = in, electricity = a · in.

    a = .05 MWh of electricity per MWh (LHV), about 1.7 kWh/kg, lifts it from an electrolyser's 15 to a tank's 250 bar.
    """

    kind: Literal["hydrogen_compressor"] = "hydrogen_compressor"
    low_bus: str = Field(description="hydrogen bus that it draws from")
    high_bus: str = Field(description="hydrogen bus that it feeds")
    bus: str
    hydrogen_kw: Positive = Field(description="largest throughput; may be written as a flow, '40 kg/h'")
    electricity_kwh_per_kwh: NonNegative = Field(default=0.05, description="electricity per hydrogen (LHV) lifted")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "low_bus": "hydrogen",
        "high_bus": "hydrogen",
        "bus": "electricity",
    }
    rule_order: ClassVar[int] = 2  # after what asks for hydrogen at its pressure, before what makes it
    input_port: ClassVar[str] = "low"
    input_bus: ClassVar[str] = "low_bus"
    input_series: ClassVar[str] = "hydrogen_kw"
    rating: ClassVar[str] = "hydrogen_kw"
    outputs: ClassVar[Mapping[str, str]] = {"high": "high_bus"}
    side_inputs: ClassVar[Mapping[str, str]] = {"electricity": "bus"}

    @field_validator("hydrogen_kw", mode="before")
    @classmethod
    def _in_kg(cls, value: Any, info: ValidationInfo) -> Any:
        return energy(value, HYDROGEN_KWH_PER_KG, flow=True)

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """What goes in comes out."""
        return {"high": 1.0, "electricity": self.electricity_kwh_per_kwh}
