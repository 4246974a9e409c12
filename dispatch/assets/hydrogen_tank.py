"""Pressure tanks of hydrogen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.fluids import Product
from dispatch.fields.frozen import Fraction
from dispatch.stores.tank import Tank


class HydrogenTank(Tank):
    """Hydrogen under pressure: the stock equation of :class:`dispatch.stores.tank.Tank`, at least 6 % full.

    A vessel from 15 to 250 bar keeps 15/250 = 6 % of its content by the ideal gas law; its size is that of a full
    vessel, "500 kg". What lifts hydrogen to the tank's pressure is a kind of its own, ``hydrogen_compressor``.
    """

    kind: Literal["hydrogen_tank"] = "hydrogen_tank"
    min_fill: Fraction = Field(default=0.06, description="what stays in the vessel: 15 bar of 250")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "hydrogen"}
    port_name: ClassVar[str] = "hydrogen"
    product: ClassVar[Product] = "hydrogen"
