"""A meter behind which several sites stand, with a bill of its own beside theirs."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dispatch.assets.grid_connection import GridConnection
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.meter import Meter, meter
from dispatch.fleet.shared.scope import Builder, Scope
from dispatch.signals import Array


class DemandMeter(Shared):
    """The bill of all its sites' net import together, beside what each pays at its own connection.

    The tariff of ``connection`` says what is counted there: as a rule only demand, the coincident peak, with the peak
    of the month so far; what it prices by the kWh is paid there too.
    """

    kind: Literal["demand_meter"] = "demand_meter"
    connection: GridConnection = Field(description="limits and tariff of the joint meter")

    single: ClassVar[bool] = True

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """The connection's own rows, and one balance per step."""
        self.meter(builder.scope).put(builder, group, weight)

    def meter(self, scope: Scope) -> Meter:
        """The connection compiled for a horizon."""
        return meter(self.connection, scope.horizon, scope.currency, scope.state)
