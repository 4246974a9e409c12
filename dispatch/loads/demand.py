"""What kinds with a demand share: its forecast, what shedding it costs, and the reactive power that it draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Inputs, Rows
from dispatch.errors import DataError
from dispatch.fields.frozen import Efficiency, NonNegative
from dispatch.fields.series import History, Need
from dispatch.signals import Array


class Demand(Asset):
    """A demand that is forecast from what was measured, and shed as the last resort."""

    bus: str
    history: History | None = Field(default=None, description="measured demand, from which the forecast learns")
    value_of_lost_load_per_kwh: NonNegative = 1000.0
    power_factor: Efficiency = Field(default=0.95, description="lagging, of an electric load")

    @property
    def needs(self) -> tuple[Need, ...]:
        """The demand."""
        return (Need("demand_kw", "load", math.inf, self.history),)

    @property
    def kvar_per_kw(self) -> float:
        """Tan φ."""
        return math.tan(math.acos(self.power_factor))


def demand_kw(rows: Rows[Any], inputs: Inputs, what: str = "demand") -> Array:
    """(row, step) the demand.

    Raises:
        DataError: it is missing, or negative; ``what`` is its name there.
    """
    demand = inputs.horizon.require("demand_kw", rows.series(inputs, "demand_kw"))
    if (demand < 0).any():
        name = rows.names[int(np.argwhere(demand < 0)[0][0])]
        raise DataError(f"{what} of '{name}' is negative ({demand.min():g} kW): describe generation as wind or pv")
    return demand
