"""Compressors for compressed air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.frozen import Efficiency, Fraction, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process


class CompressorAir(Process):
    r"""Compressed air by the work it can do, a = η · p with p ≤ electric_kw, and the heat of its cooling where wanted.

    .. math:: w = p_0 \ln(p / p_0) \ [J/m^3]

    is the work of a normal cubic metre at pressure p (isothermal expansion): .0585 kWh at 8 bar absolute. η is that
    over the electricity a normal cubic metre takes. Heat that nobody takes is let off.
    """

    kind: Literal["compressor_air"] = "compressor_air"
    bus: str
    air_bus: str
    heat_bus: str | None = Field(default=None, description="where the heat of its cooling may go")
    electric_kw: Positive
    efficiency: Efficiency = Field(default=0.53, description="work of the air per electricity")
    heat_fraction: Fraction = Field(default=0.7, description="recoverable heat per electricity, if there is a heat_bus")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "bus": "electricity",
        "air_bus": "compressed_air",
        "heat_bus": "heat",
    }
    outputs: ClassVar[Mapping[str, str]] = {"air": "air_bus", "heat": "heat_bus"}
    spillable: ClassVar[tuple[str, ...]] = ("heat",)

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Efficiency and recoverable heat."""
        return {"air": self.efficiency, "heat": self.heat_fraction}
