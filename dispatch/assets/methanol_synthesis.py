"""Methanol out of hydrogen and carbon dioxide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from dispatch.asset import Carriers
from dispatch.fields.fluids import KWH_PER_KG, energy
from dispatch.fields.frozen import Fraction, NonNegative, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class MethanolSynthesis(Process):
    """Methanol from hydrogen, CO2 (in kg/h on its bus) and electricity, each in proportion.

    Per MWh of methanol (LHV): 1.138 MWh of hydrogen, .248 t of CO2, .271 MWh of electricity (Danish Energy Agency,
    technology data for renewable fuels, as used by PyPSA). Running or off, at least at ``min_load_fraction`` while on.
    """

    kind: Literal["methanol_synthesis"] = "methanol_synthesis"
    hydrogen_bus: str
    bus: str
    co2_bus: str
    methanol_bus: str
    methanol_kw: Positive = Field(description="largest output; may be written as a flow, '2 t/h' or '40 t/d'")
    hydrogen_kwh_per_kwh: Positive = Field(default=1.138, description="hydrogen per methanol, both by LHV")
    co2_kg_per_kwh_methanol: NonNegative = Field(default=0.248, description="carbon dioxide taken up per methanol")
    electricity_kwh_per_kwh: NonNegative = Field(default=0.271, description="electricity per methanol")
    min_load_fraction: Fraction = Field(default=0.3, description="least input while on, as a share of the rating")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "hydrogen_bus": "hydrogen",
        "bus": "electricity",
        "co2_bus": "co2",
        "methanol_bus": "methanol",
    }
    rule_order: ClassVar[int] = 1  # asks for hydrogen, which others then make
    input_port: ClassVar[str] = "hydrogen"
    input_bus: ClassVar[str] = "hydrogen_bus"
    input_series: ClassVar[str] = "hydrogen_kw"
    rating: ClassVar[str] = "methanol_kw"
    rated_port: ClassVar[str] = "methanol"
    outputs: ClassVar[Mapping[str, str]] = {"methanol": "methanol_bus"}
    side_inputs: ClassVar[Mapping[str, str]] = {"carbon_dioxide": "co2_bus", "electricity": "bus"}

    @field_validator("methanol_kw", mode="before")
    @classmethod
    def _in_kg(cls, value: Any, info: ValidationInfo) -> Any:
        return energy(value, KWH_PER_KG["methanol"], flow=True)

    @classmethod
    def shown(cls, port: str) -> str:
        """Carbon dioxide flows in kg/h."""
        return "carbon_dioxide_kg_per_h" if port == "carbon_dioxide" else super().shown(port)

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Per kW of hydrogen; carbon dioxide in kg/h."""
        methanol = 1 / self.hydrogen_kwh_per_kwh
        return {
            "methanol": methanol,
            "carbon_dioxide": self.co2_kg_per_kwh_methanol * methanol,
            "electricity": self.electricity_kwh_per_kwh * methanol,
        }
