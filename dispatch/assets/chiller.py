"""Electric chillers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carrier
from dispatch.conversion import Conversion
from dispatch.frozen import Positive


class Chiller(Conversion):
    """Cold q = EER · p with p ≤ electric_kw, on an electricity bus and a cold bus."""

    kind: Literal["chiller"] = "chiller"
    cold_bus: str
    energy_efficiency_ratio: Positive = Field(default=5.0, description="cold per electric power at design conditions")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": "electricity", "cold_bus": "cold"}
    output_bus: ClassVar[str] = "cold_bus"
    output_name: ClassVar[str] = "cold"

    @property
    def yield_kw_per_kw(self) -> float:
        """Energy efficiency ratio."""
        return self.energy_efficiency_ratio
