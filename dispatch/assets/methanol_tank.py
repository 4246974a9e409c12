"""Tanks of methanol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.fluids import Product
from dispatch.fields.frozen import Fraction
from dispatch.stores.tank import Tank


class MethanolTank(Tank):
    """Methanol (LHV 5.53 kWh/kg): the stock equation of :class:`dispatch.stores.tank.Tank`."""

    kind: Literal["methanol_tank"] = "methanol_tank"
    min_fill: Fraction = Field(default=0.0, description="heel that is never drawn")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "methanol"}
    port_name: ClassVar[str] = "methanol"
    product: ClassVar[Product] = "methanol"
