"""Heat pumps with a ground or air source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Carriers
from dispatch.fields.frozen import Positive
from dispatch.fields.series import Signal, per_step
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process

_COP_FIT = {"ground": (8.77, -0.150, 0.000734), "air": (6.81, -0.121, 0.000630)}
_LOWEST_LIFT_K = 15.0


class HeatPump(Process):
    r"""Heat q = COP · p with p ≤ electric_kw, on an electricity bus and a heat bus.

    .. math:: COP = a + b Δ + c Δ^2, \quad Δ = T_{sink} - T_{source} \ [K]

    with a, b, c = 8.77, −.150, .000734 (ground) or 6.81, −.121, .00063 (air): Staffell et al. 2012, "A review of
    domestic heat pumps", Energy Environ. Sci. 5, 9291. Δ is held above 15 K, where the fits end. Both temperatures
    may change from step to step.
    """

    kind: Literal["heat_pump"] = "heat_pump"
    bus: str
    heat_bus: str
    electric_kw: Positive
    origin: Literal["ground", "air"] = "ground"
    source_degc: Signal = Field(default=12.0, description="temperature of soil or air")
    sink_degc: Signal = Field(default=45.0, description="flow temperature")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity", "heat_bus": "heat"}

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Coefficient of performance, (step,)."""
        source = per_step(self.source_degc, horizon, f"source temperature of '{self.name}'")
        sink = per_step(self.sink_degc, horizon, f"sink temperature of '{self.name}'")
        lift_k = np.maximum(sink - source, _LOWEST_LIFT_K)
        constant, linear, square = _COP_FIT[self.origin]
        return {"heat": constant + linear * lift_k + square * lift_k**2}
