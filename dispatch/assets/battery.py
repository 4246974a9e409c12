"""Electrochemical batteries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from dispatch import storage_wear
from dispatch.ageing import Ageing, ageing
from dispatch.asset import Inputs, Rows
from dispatch.frozen import Efficiency, Finite, Fraction
from dispatch.signals import Array
from dispatch.storage import Storage
from dispatch.storage_wear import DepthWear


class Battery(Storage):
    """A battery: the stock equation of :class:`dispatch.storage.Storage` with typical Li-ion numbers.

    Default one-way efficiency .9193 (Li-ion LFP, Danish Energy Agency technology data as used by PyPSA, 2030).
    """

    kind: Literal["battery"] = "battery"
    charge_efficiency: Efficiency = 0.9193
    discharge_efficiency: Efficiency = 0.9193
    min_fill: Fraction = 0.1
    max_fill: Fraction = 0.95
    wear: DepthWear | None = Field(default=None, description="ageing that grows with the depth of cycles")
    cell_temperature_degc: Annotated[Finite, Field(ge=-40, le=80)] = Field(
        default=25.0, description="mean over the day; for the life that a plan is reported to use"
    )

    @property
    def depth_wear(self) -> DepthWear | None:
        """As configured."""
        return self.wear

    def ageing(self, fill: Array, hours: Array) -> Ageing:
        """What a course of fill, (T + 1,) at the edges of steps, does to it."""
        return ageing(fill, hours, self.cell_temperature_degc)

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The fill of each segment beside what every store carries."""
        own = storage_wear.carried(rows, series, steps)
        plain = super().carry(rows, given, series, steps)
        return {m.name: plain.get(m.name, {}) | own.get(m.name, {}) for m in rows.members}
