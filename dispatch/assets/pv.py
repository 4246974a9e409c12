"""Photovoltaic arrays."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Efficiency, Finite, Fraction, Frozen, Positive
from dispatch.fields.past_capacity import CapacityHistory, shares_of
from dispatch.fields.series import History, Need
from dispatch.units.generation import VariableGeneration

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


class Pv(VariableGeneration):
    """A PV array of ``peak_kw`` (DC, standard test conditions); generation up to the forecast of available power.

    The physics of the forecast (sun position, tracking, plane-of-array irradiance, cell temperature, inverter) is
    pvlib's, in ``forecasting.physics``. ``inverter_kw`` clips: at 100 kW of modules on 80 kW (a dc/ac ratio of 1.25) no
    more than 80 kW come out. With ``inverter_efficiency`` the inverter's losses follow PVWatts over its load, and
    ``system_losses`` are those before it alone.
    """

    kind: Literal["pv"] = "pv"
    peak_kw: Positive
    tilt_deg: Finite = Field(default=_TILT_DEG, ge=0, le=90)
    azimuth_deg: Finite = Field(default=_AZIMUTH_DEG, ge=0, lt=360, description="180 = south")
    tracking: Tracking | None = Field(default=None, description="modules that turn, instead of tilt and azimuth")
    system_losses: Fraction = Field(default=0.14, description="soiling, wiring, inverter")
    inverter_kw: Positive | None = Field(default=None, description="most that comes out; default: no clipping")
    inverter_efficiency: Efficiency | None = Field(
        default=None, description="nominal, for losses over its load; default: within system_losses"
    )
    temperature_coefficient_per_k: Annotated[Finite, Field(ge=-0.02, le=0)] = Field(
        default=-0.0035, description="change of power per kelvin above 25 °C in the cells"
    )
    available_fraction: Efficiency = Field(default=1.0, description="share of the array in service")
    history: History | None = None
    capacity_history: CapacityHistory = Field(
        default=(), description="capacities before it was extended or reduced, oldest first; scales its history"
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

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from history or from weather through pvlib."""
        physics: dict[str, Any] = {
            "peak_kw": self.peak_kw * self.available_fraction,
            "tilt_deg": self.tilt_deg,
            "azimuth_deg": self.azimuth_deg,
            "losses": self.system_losses,
            "temperature_coefficient_per_k": self.temperature_coefficient_per_k,
        }
        most = self.peak_kw * self.available_fraction
        if self.inverter_kw is not None:
            physics["inverter_kw"] = self.inverter_kw * self.available_fraction
            physics["inverter_efficiency"] = self.inverter_efficiency
            most = min(most, physics["inverter_kw"])
        if self.tracking is not None:
            physics["tracker"] = self.tracking.model_dump()
        shares = shares_of(self.capacity_history, self.peak_kw)
        return (Need("available_kw", "pv", most, self.history, physics, shares),)
