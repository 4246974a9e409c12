"""Wind turbines of one type."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import History, Need
from dispatch.units.generation import VariableGeneration


class Wind(VariableGeneration):
    """``count`` turbines of ``rated_kw`` each; generation up to the forecast of available power.

    The physics of the forecast (density-corrected speed through the power curve, IEC 61400-12) is in
    ``forecasting.physics``; ``turbine`` names a curve of the open energy database that ships with windpowerlib.
    """

    kind: Literal["wind"] = "wind"
    rated_kw: Positive = Field(description="nameplate of one turbine")
    count: int = Field(default=1, ge=1)
    hub_height_m: Positive = 90.0
    turbine: str | None = Field(default=None, description="windpowerlib turbine type for forecasts from weather")
    history: History | None = None
    available_fraction: NonNegative = Field(default=1.0, le=1, description="share of turbines in service")

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from history or from weather through the power curve."""
        in_service = self.count * self.available_fraction
        rated_kw = self.rated_kw * in_service
        physics = {
            "turbine": self.turbine,
            "hub_height_m": self.hub_height_m,
            "count": in_service,
            "rated_kw": rated_kw,  # of the whole farm
        }
        return (Need("available_kw", "wind", rated_kw, self.history, physics),)
