"""Heat exchangers: the links of an energy cascade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.frozen import Finite, Positive
from dispatch.signals import Array, Horizon
from dispatch.units.conversion import Conversion


class HeatExchanger(Conversion):
    """Heat from a hotter bus to a colder one, never back: q = (1 − loss) · h with h ≤ hot_kw.

    The park's file is refused where the hotter bus has a lower temperature than the colder one.
    """

    kind: Literal["heat_exchanger"] = "heat_exchanger"
    hot_bus: str
    heat_bus: str
    hot_kw: Positive = Field(description="largest flow out of the hotter bus")
    loss_fraction: Annotated[Finite, Field(ge=0, lt=1)] = Field(default=0.0, description="share lost on the way")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"hot_bus": ("heat", "steam"), "heat_bus": "heat"}
    input_port: ClassVar[str] = "hot"
    input_bus: ClassVar[str] = "hot_bus"
    input_series: ClassVar[str] = "hot_kw"
    rating: ClassVar[str] = "hot_kw"
    downhill: ClassVar[bool] = True
    rule_order: ClassVar[int] = 2  # before those that must heat what it draws

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """What arrives."""
        return {"heat": 1 - self.loss_fraction}
