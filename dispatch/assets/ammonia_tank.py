"""Tanks of liquid ammonia."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.fluids import Product
from dispatch.fields.frozen import Fraction
from dispatch.stores.tank import Tank


class AmmoniaTank(Tank):
    """Liquid ammonia (LHV 5.17 kWh/kg): the stock equation of :class:`dispatch.stores.tank.Tank`."""

    kind: Literal["ammonia_tank"] = "ammonia_tank"
    min_fill: Fraction = Field(default=0.0, description="heel that is never drawn")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "ammonia"}
    port_name: ClassVar[str] = "ammonia"
    product: ClassVar[Product] = "ammonia"
