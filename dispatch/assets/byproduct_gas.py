"""Gas that a process gives off: burnt for use or flared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows
from dispatch.fields.frozen import NonNegative
from dispatch.part import Account, Part
from dispatch.signals import Array
from dispatch.units.offered import Offered


class ByproductGas(Offered):
    """Coke-oven, blast-furnace or converter gas: taken onto a gas or fuel bus, or flared.

    Its carbon counts here and nowhere else, whether it is burnt in a boiler or in the flare. Both numbers are 0 where
    the process that makes the gas answers for it; that of the flare is higher where it burns badly.
    """

    kind: Literal["byproduct_gas"] = "byproduct_gas"
    co2_kg_per_kwh: NonNegative = Field(default=0.0, description="of what is used")
    flare_co2_kg_per_kwh: NonNegative = Field(default=0.0, description="of what is flared, in CO2 equivalent")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": ("gas", "fuel", "hydrogen")}
    port_name: ClassVar[str] = "gas"
    left_word: ClassVar[str] = "flared"
    rule_order: ClassVar[int] = 5  # when those that burn it have said what they want, before any is bought

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The offer: a fuel that is brought, and not clean."""
        made = super().part(rows, given, mode)
        taken = made.series["taken_kw"]
        return replace(made, fuel_kw=taken, unclean_fuel_kw=taken)

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The offer's, what is taken as fuel."""
        taken = series["taken_kw"]
        return replace(super().account(rows, given, series), fuel_kw=taken, unclean_fuel_kw=taken)

    @property
    def used_co2_kg_per_kwh(self) -> float:
        """Emitted by what is used."""
        return self.co2_kg_per_kwh

    @property
    def unused_co2_kg_per_kwh(self) -> float:
        """Emitted by the flare."""
        return self.flare_co2_kg_per_kwh
