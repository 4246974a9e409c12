"""Photovoltaic arrays."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import Efficiency, Finite, Fraction, Positive
from dispatch.fields.series import History, Need
from dispatch.units.generation import VariableGeneration


class Pv(VariableGeneration):
    """A PV array of ``peak_kw`` (DC, standard test conditions); generation up to the forecast of available power.

    The physics of the forecast (sun position, plane-of-array irradiance, cell temperature) is pvlib's, in
    ``forecasting.physics``.
    """

    kind: Literal["pv"] = "pv"
    peak_kw: Positive
    tilt_deg: Finite = Field(default=20.0, ge=0, le=90)
    azimuth_deg: Finite = Field(default=180.0, ge=0, lt=360, description="180 = south")
    system_losses: Fraction = Field(default=0.14, description="soiling, wiring, inverter")
    available_fraction: Efficiency = Field(default=1.0, description="share of the array in service")
    history: History | None = None

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from history or from weather through pvlib."""
        physics = {
            "peak_kw": self.peak_kw * self.available_fraction,
            "tilt_deg": self.tilt_deg,
            "azimuth_deg": self.azimuth_deg,
            "losses": self.system_losses,
        }
        return (Need("available_kw", "pv", self.peak_kw * self.available_fraction, self.history, physics),)
