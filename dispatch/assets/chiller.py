"""Electric chillers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from dispatch.asset import Carriers
from dispatch.fields.frozen import Finite, Frozen, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process

_TYPICAL = 5.0


class EfficiencyPoint(Frozen):
    """Energy efficiency ratio at an outdoor temperature; between two points it is linear, beyond them constant."""

    outdoor_degc: Finite
    energy_efficiency_ratio: Positive


class Chiller(Process):
    """Cold q = EER · p with p ≤ electric_kw, on an electricity bus and a cold bus.

    The EER is a number, a series, or a table over the outdoor temperature.
    """

    kind: Literal["chiller"] = "chiller"
    bus: str
    cold_bus: str
    electric_kw: Positive
    energy_efficiency_ratio: Signal | None = Field(default=None, description="cold per electric power; default: 5")
    efficiency_table: tuple[EfficiencyPoint, ...] = Field(
        default=(), description="the ratio by outdoor temperature, warmest last, instead of energy_efficiency_ratio"
    )
    outdoor_degc: Signal | None = Field(default=None, description="outdoor temperature, for efficiency_table")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity", "cold_bus": "cold"}
    outputs: ClassVar[Mapping[str, str]] = {"cold": "cold_bus"}

    @field_validator("energy_efficiency_ratio")
    @classmethod
    def _gives_cold(cls, value: Any) -> Any:
        if isinstance(value, float) and value <= 0:
            raise ValueError(f"energy_efficiency_ratio {value:g} must be greater than 0")
        return value

    @model_validator(mode="after")
    def _table_has_its_temperature(self) -> Self:
        if bool(self.efficiency_table) != (self.outdoor_degc is not None):
            raise ValueError("efficiency_table and outdoor_degc go together: the ratio is read off at that temperature")
        if self.efficiency_table and self.energy_efficiency_ratio is not None:
            raise ValueError("energy_efficiency_ratio and efficiency_table are two ways to say one thing: give one")
        degrees = [point.outdoor_degc for point in self.efficiency_table]
        if degrees != sorted(set(degrees)):
            raise ValueError("efficiency_table must rise in outdoor_degc from point to point")
        return self

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Energy efficiency ratio, (step,)."""
        if self.outdoor_degc is None:
            ratio = _TYPICAL if self.energy_efficiency_ratio is None else self.energy_efficiency_ratio
            return {"cold": per_step(ratio, horizon, f"energy efficiency ratio of '{self.name}'")}
        outdoor = per_step(self.outdoor_degc, horizon, f"outdoor temperature of '{self.name}'")
        points = np.array([[p.outdoor_degc, p.energy_efficiency_ratio] for p in self.efficiency_table])
        return {"cold": np.interp(outdoor, points[:, 0], points[:, 1])}
