"""Fuel cells: hydrogen back into electricity, and heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from dispatch.asset import Carriers
from dispatch.fields.fluids import HIGHER_KWH_PER_KG, HYDROGEN_KWH_PER_KG
from dispatch.fields.frozen import Efficiency, Positive
from dispatch.fields.inverter import Inverter
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class FuelCell(Process):
    r"""Electricity and, where somebody takes it, heat out of hydrogen.

    .. math:: p = η h, \quad q ≤ p / c_b

    c_b, electricity per heat, is what tables of combined heat and power call the heat coefficient: 1.25 with η = .5
    gives .4 of heat per hydrogen (LHV), .9 together. (Read as heat per electricity it would give 1.125, more than went
    in.) Heat that nobody takes is let off. What it gives is no supply of the site: that was the electricity, or the
    hydrogen, before.

    Source: Danish Energy Agency, technology data, low-temperature PEM fuel cell for combined heat and power (c_b 1.25).
    """

    kind: Literal["fuel_cell"] = "fuel_cell"
    hydrogen_bus: str
    bus: str
    heat_bus: str | None = Field(default=None, description="where its heat may be used; it need not be")
    electric_kw: Positive = Field(description="largest output")
    electric_efficiency: Efficiency = Field(default=0.5, description="electricity per hydrogen (LHV)")
    electricity_per_heat: Positive = Field(default=1.25, description="c_b: electricity per heat that can be used")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "hydrogen_bus": "hydrogen",
        "bus": "electricity",
        "heat_bus": "heat",
    }
    rule_order: ClassVar[int] = 4  # before the tanks, which then give its hydrogen, and before the grid
    input_port: ClassVar[str] = "hydrogen"
    input_bus: ClassVar[str] = "hydrogen_bus"
    input_series: ClassVar[str] = "hydrogen_kw"
    rated_port: ClassVar[str] = "electricity"
    outputs: ClassVar[Mapping[str, str]] = {"electricity": "bus", "heat": "heat_bus"}
    spillable: ClassVar[tuple[str, ...]] = ("heat",)
    inverter: ClassVar[Inverter | None] = Inverter(feeds_only=True)

    @model_validator(mode="after")
    def _no_more_than_goes_in(self) -> Self:
        together = self.electric_efficiency * (1 + 1 / self.electricity_per_heat)
        if together > HIGHER_KWH_PER_KG / HYDROGEN_KWH_PER_KG:
            raise ValueError(
                f"electricity and heat are {together:.3g} of the hydrogen's lower heating value: raise "
                "electricity_per_heat, the electricity per heat"
            )
        return self

    @property
    def supply_fraction(self) -> float:
        """None: it gives back what was supplied before."""
        return 0.0

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Per kW of hydrogen."""
        return {
            "electricity": self.electric_efficiency,
            "heat": self.electric_efficiency / self.electricity_per_heat,
        }
