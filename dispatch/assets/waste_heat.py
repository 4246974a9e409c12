"""Waste heat of a process: there anyway, used or let off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows
from dispatch.fields.frozen import NonNegative
from dispatch.part import Account, Part, Port
from dispatch.signals import Array, Horizon
from dispatch.units.conversion import bus_or
from dispatch.units.offered import Offered


class WasteHeat(Offered):
    """Heat of a process, data centre or compressor on a heat bus; pumps draw ``pump_fraction`` of it as electricity.

    The temperature is that of its bus; a heat pump with this bus as its ``source_bus`` lifts it where it is too cold,
    and no more of it than there is; a heat exchanger carries it down the cascade.
    """

    kind: Literal["waste_heat"] = "waste_heat"
    electric_bus: str | None = Field(default=None, description="of the pumps; default: not counted")
    pump_fraction: NonNegative = Field(default=0.0, description="electricity for pumps per heat taken")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": ("heat", "steam"), "electric_bus": "electricity"}

    @model_validator(mode="after")
    def _pumps_have_a_bus(self) -> Self:
        if self.pump_fraction and self.electric_bus is None:
            raise ValueError(f"pump_fraction {self.pump_fraction:g} needs an electric_bus to draw from")
        return self

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of the offer, and the pumps' share (row, step)."""
        share = rows.field("pump_fraction") * np.ones(horizon.steps)
        return super().ratings(rows, horizon) | {"pump_per_kw": share}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The offer, and its pumps."""
        import cvxpy as cp

        part = super().part(rows, given, mode)
        pumps = cp.multiply(given["pump_per_kw"], part.series["taken_kw"])
        port = Port(bus_or(rows, "electric_bus", "bus"), -pumps)
        return replace(part, ports={**part.ports, "pumps": port}, series={**part.series, "pump_kw": pumps})

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The offer's, and the pumps by their share."""
        own = super().account(rows, given, series)
        pumps = rows.field("pump_fraction") * series["taken_kw"]
        return replace(own, power_kw={**own.power_kw, "pumps": -pumps}, at={"pumps": "electric_bus"})
