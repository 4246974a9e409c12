"""Electrochemical batteries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field

from dispatch import storage_wear
from dispatch.ageing import Ageing, ageing
from dispatch.asset import Given, Inputs, Mode, Rows
from dispatch.electric_storage import ElectricStorage
from dispatch.frozen import Efficiency, Finite, Fraction
from dispatch.part import Account, Part, Violation
from dispatch.signals import Array, Horizon
from dispatch.storage_wear import DepthWear


class Battery(ElectricStorage):
    """A battery: the stock equation of :class:`dispatch.storage.Storage` with typical Li-ion numbers.

    Its wear may count by the depth of cycles (``wear``, :mod:`dispatch.storage_wear`), beside or instead of a price per
    kWh. Default one-way efficiency .9193 (Li-ion LFP, Danish Energy Agency technology data as used by PyPSA, 2030).
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
    def structure(self) -> tuple[object, ...]:
        """That of every store, and the number of segments."""
        return (*super().structure, self.wear.segments if self.wear else 0)

    def ageing(self, fill: Array, hours: Array) -> Ageing:
        """What a course of fill, (T + 1,) at the edges of steps, does to it."""
        return ageing(fill, hours, self.cell_temperature_degc)

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of every electric store, and sizes and costs of segments."""
        return super().ratings(rows, horizon) | storage_wear.ratings(rows, horizon.steps)

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of every electric store, and what the segments hold at the start."""
        return super().signals(rows, inputs) | storage_wear.signals(rows, inputs)

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """That of every electric store, and its segments."""
        return storage_wear.added(super().part(rows, given, mode), rows, given, cls.deciding(rows, mode))

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits of every electric store, and of its segments."""
        return [*super().check(rows, given, series), *storage_wear.check(rows, given, series)]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """That of every electric store, and wear by depth."""
        account = super().account(rows, given, series)
        return replace(account, money=account.money + storage_wear.account(rows, series))

    @classmethod
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """Powers as of every store, out of and into the cheapest segments."""
        out = super().walked(rows, given, wanted, back=back)
        return out | storage_wear.walked(rows, given, out["charge_kw"], out["discharge_kw"])

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The fill of each segment beside what every store carries."""
        own, plain = storage_wear.carried(rows, series, steps), super().carry(rows, given, series, steps)
        return {m.name: plain.get(m.name, {}) | own.get(m.name, {}) for m in rows.members}
