"""How PV modules stand, turn and lose power: what a forecast of them from weather takes, whoever owns them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Efficiency, Finite, Fraction, Frozen, Positive

_TILT_DEG, _AZIMUTH_DEG = 20.0, 180.0


class Tracking(Frozen):
    """Rows of modules that turn on one axis through the day, as pvlib's ``tracking.singleaxis`` says."""

    axis_tilt_deg: Annotated[Finite, Field(ge=0, le=90)] = Field(default=0.0, description="of the axis, from level")
    axis_azimuth_deg: Annotated[Finite, Field(ge=0, lt=360)] = Field(
        default=180.0, description="where the axis points and rises to: 180 turns from east to west"
    )
    max_angle_deg: Annotated[Finite, Field(gt=0, le=90)] = Field(default=60.0, description="turn from flat at most")
    ground_cover_ratio: Efficiency = Field(default=0.35, description="width of a row over the distance of rows")
    backtrack: bool = Field(default=True, description="turns back where rows would shade each other")


class Modules(Frozen):
    """Fields of PV beside its peak power; the physics is pvlib's, in ``forecasting.physics``.

    ``inverter_kw`` clips: at 100 kW of modules on 80 kW (a dc/ac ratio of 1.25) no more than 80 kW come out. With
    ``inverter_efficiency`` the inverter's losses follow PVWatts over its load, and ``system_losses`` are those before
    it alone.
    """

    tilt_deg: Finite = Field(default=_TILT_DEG, ge=0, le=90, description="of PV modules, from level")
    azimuth_deg: Finite = Field(default=_AZIMUTH_DEG, ge=0, lt=360, description="of PV modules; 180 = south")
    tracking: Tracking | None = Field(default=None, description="PV modules that turn, instead of tilt and azimuth")
    system_losses: Fraction = Field(default=0.14, description="of PV: soiling, wiring, inverter")
    inverter_kw: Positive | None = Field(default=None, description="most that comes out of PV; default: no clipping")
    inverter_efficiency: Efficiency | None = Field(
        default=None, description="nominal, for losses over its load; default: within system_losses"
    )
    temperature_coefficient_per_k: Annotated[Finite, Field(ge=-0.02, le=0)] = Field(
        default=-0.0035, description="change of PV power per kelvin above 25 °C in the cells"
    )

    @model_validator(mode="after")
    def _turns_or_stands(self) -> Self:
        stands = {"tilt_deg": self.tilt_deg - _TILT_DEG, "azimuth_deg": self.azimuth_deg - _AZIMUTH_DEG}
        said = [name for name, apart in stands.items() if apart]
        if self.tracking is not None and said:
            raise ValueError(f"{' and '.join(said)} say how fixed modules stand: leave out with tracking")
        if self.inverter_efficiency is not None and self.inverter_kw is None:
            raise ValueError("inverter_efficiency needs inverter_kw, of whose load it depends")
        return self

    def said_of_modules(self) -> list[str]:
        """Fields of the modules that differ from their defaults."""
        return [name for name, field in Modules.model_fields.items() if getattr(self, name) != field.default]

    def forecast_terms(self, peak_kw: float, in_service: float = 1.0) -> tuple[float, dict[str, Any]]:
        """The most that comes out [kW] and what a physical model of it needs, of a share of the array in service."""
        most = peak_kw * in_service
        physics: dict[str, Any] = {
            "peak_kw": most,
            "tilt_deg": self.tilt_deg,
            "azimuth_deg": self.azimuth_deg,
            "losses": self.system_losses,
            "temperature_coefficient_per_k": self.temperature_coefficient_per_k,
        }
        if self.inverter_kw is not None:
            physics["inverter_kw"] = self.inverter_kw * in_service
            physics["inverter_efficiency"] = self.inverter_efficiency
            most = min(most, physics["inverter_kw"])
        if self.tracking is not None:
            physics["tracker"] = self.tracking.model_dump()
        return most, physics
