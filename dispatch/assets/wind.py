"""Wind turbines of one type."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.fields.frozen import Frozen, NonNegative, Positive
from dispatch.fields.past_capacity import CapacityHistory, shares_of
from dispatch.fields.series import History, Need
from dispatch.units.generation import VariableGeneration


class CurvePoint(Frozen):
    """Power of one turbine at a wind speed at hub height in air of 1.225 kg/m³; between two points it is linear."""

    speed_m_s: NonNegative = Field(description="of the wind, at hub height")
    power_kw: NonNegative = Field(description="of one turbine")


class Wind(VariableGeneration):
    """``count`` turbines of ``rated_kw`` each; generation up to the forecast of available power.

    The physics of the forecast (density-corrected speed through the power curve, IEC 61400-12) is in
    ``forecasting.physics``; ``turbine`` names a curve of the open energy database that ships with windpowerlib,
    ``power_curve`` is the machine's own, up to its cut-out.
    """

    kind: Literal["wind"] = "wind"
    rated_kw: Positive = Field(description="nameplate of one turbine")
    count: int = Field(default=1, ge=1)
    hub_height_m: Positive = 90.0
    turbine: str | None = Field(default=None, description="windpowerlib turbine type for forecasts from weather")
    power_curve: tuple[CurvePoint, ...] = Field(
        default=(), description="of one turbine, slowest wind first, instead of a turbine's name"
    )
    history: History | None = None
    capacity_history: CapacityHistory = Field(
        default=(), description="capacities before it was extended or reduced, oldest first; scales its history"
    )
    available_fraction: NonNegative = Field(default=1.0, le=1, description="share of turbines in service")

    @model_validator(mode="after")
    def _has_one_curve(self) -> Self:
        if not self.power_curve:
            return self
        if self.turbine is not None:
            raise ValueError("turbine and power_curve are two ways to say one thing: give one of them")
        speeds, powers = self._curve()
        if len(speeds) < 2 or (np.diff(speeds) <= 0).any():
            raise ValueError("power_curve needs two points at least, rising in speed_m_s from point to point")
        if max(powers) > self.rated_kw * (1 + 1e-9):
            raise ValueError(f"power_curve reaches {max(powers):g} kW, above rated_kw {self.rated_kw:g}")
        if not max(powers):
            raise ValueError("power_curve never gives any power")
        return self

    def _curve(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(p.speed_m_s for p in self.power_curve), tuple(p.power_kw for p in self.power_curve)

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from history or from weather through the power curve."""
        in_service = self.count * self.available_fraction
        rated_kw = self.rated_kw * in_service
        physics = {
            "turbine": self._curve() if self.power_curve else self.turbine,
            "hub_height_m": self.hub_height_m,
            "count": in_service,
            "rated_kw": rated_kw,  # of the whole farm
        }
        shares = shares_of(self.capacity_history, self.rated_kw * self.count)
        return (Need("available_kw", "wind", rated_kw, self.history, physics, shares),)
