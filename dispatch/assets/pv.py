"""Photovoltaic arrays."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import Efficiency, Positive
from dispatch.fields.past_capacity import CapacityHistory, shares_of
from dispatch.fields.series import History, Need
from dispatch.units.generation import VariableGeneration
from dispatch.units.photovoltaics import Modules


class Pv(Modules, VariableGeneration):
    """A PV array of ``peak_kw`` (DC, standard test conditions); generation up to the forecast of available power.

    The physics of the forecast (sun position, tracking, plane-of-array irradiance, cell temperature, inverter) is
    pvlib's, in ``forecasting.physics``. ``inverter_kw`` clips: at 100 kW of modules on 80 kW (a dc/ac ratio of 1.25) no
    more than 80 kW come out. With ``inverter_efficiency`` the inverter's losses follow PVWatts over its load, and
    ``system_losses`` are those before it alone.
    """

    kind: Literal["pv"] = "pv"
    peak_kw: Positive
    available_fraction: Efficiency = Field(default=1.0, description="share of the array in service")
    history: History | None = None
    capacity_history: CapacityHistory = Field(
        default=(), description="capacities before it was extended or reduced, oldest first; scales its history"
    )

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from history or from weather through pvlib."""
        most, physics = self.forecast_terms(self.peak_kw, self.available_fraction)
        return (
            Need("available_kw", "pv", most, self.history, physics, shares_of(self.capacity_history, self.peak_kw)),
        )
