"""Heat pumps on ground, air or a source of heat of the site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Carriers
from dispatch.fields.frozen import Efficiency, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.signals import Array, Horizon
from dispatch.units.process import Process

_COP_FIT = {"ground": (8.77, -0.150, 0.000734), "air": (6.81, -0.121, 0.000630)}
_FIT_K = (15.0, 60.0)
_BEST_SECOND_LAW = 0.6
_KELVIN = 273.15
_SOURCE_DEGC, _SINK_DEGC = 12.0, 45.0


class HeatPump(Process):
    r"""Heat q = COP · p with p ≤ electric_kw; its evaporator takes q − p from ``source_bus``, where it has one.

    Without more said, the COP is that of small machines over the lift:

    .. math:: COP = a + b Δ + c Δ^2, \quad Δ = T_{sink} - T_{source} \ [K], \quad 15 ≤ Δ ≤ 60

    with a, b, c = 8.77, −.150, .000734 (ground) or 6.81, −.121, .00063 (air): Staffell et al. 2012, "A review of
    domestic heat pumps", Energy Environ. Sci. 5, 9291 (ground from 20 K). Below 15 K the COP stays as it is there;
    above 60 K the machine keeps the second-law efficiency η that it has there,

    .. math:: COP = η \frac{T_{sink}}{Δ}, \quad T \ in \ kelvin

    and no COP is above .6 of Carnot's or below 1, where a heater does the same. A larger machine is described by
    ``second_law_efficiency`` η (.4 to .6 in Arpagaus et al. 2018, "High temperature heat pumps", Energy 152, 985, whose
    machines reach COPs of 5.8 to 2.4 over lifts of 40 to 95 K; Δ is held above 15 K too), or by the COP itself. Both
    temperatures may change from step to step. Heat from soil, air or water is free and on no bus.
    """

    kind: Literal["heat_pump"] = "heat_pump"
    bus: str
    heat_bus: str
    source_bus: str | None = Field(
        default=None, description="heat that the evaporator draws on; default: the surroundings, which have enough"
    )
    electric_kw: Positive
    origin: Literal["ground", "air"] | None = Field(
        default=None, description="which fit of small machines holds; default: ground, where no COP is described"
    )
    second_law_efficiency: Efficiency | None = Field(
        default=None, description="COP as a share of Carnot's, instead of origin; 0.4 to 0.6 for industrial machines"
    )
    coefficient_of_performance: Signal | None = Field(
        default=None, description="heat per electric power, instead of origin and temperatures"
    )
    source_degc: Signal | None = Field(
        default=None, description="temperature of soil, air or source_bus; default: 12 where there is no source_bus"
    )
    sink_degc: Signal | None = Field(default=None, description="flow temperature; default: 45")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity", "heat_bus": "heat", "source_bus": "heat"}
    side_inputs: ClassVar[Mapping[str, str]] = {"source": "source_bus"}

    @model_validator(mode="after")
    def _described_once(self) -> Self:
        for chosen, others in (
            ("coefficient_of_performance", ("second_law_efficiency", "origin", "source_degc", "sink_degc")),
            ("second_law_efficiency", ("origin",)),
        ):
            said = [name for name in others if getattr(self, name) is not None]
            if getattr(self, chosen) is not None and said:
                raise ValueError(f"{chosen} says what {' and '.join(said)} would decide: give one or the other")
        return self

    @model_validator(mode="after")
    def _makes_no_less_than_a_heater(self) -> Self:
        if isinstance(self.coefficient_of_performance, float) and self.coefficient_of_performance < 1:
            found = f"coefficient_of_performance {self.coefficient_of_performance:g}"
            raise ValueError(f"{found} must be at least 1: what it draws becomes heat too")
        return self

    @model_validator(mode="after")
    def _source_has_a_temperature(self) -> Self:
        if self.source_bus is not None and self.source_degc is None and self.coefficient_of_performance is None:
            raise ValueError("source_bus needs source_degc, the temperature at which it takes heat, for the COP")
        return self

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Coefficient of performance, (step,), and what the evaporator takes."""
        cop = self._cop(horizon)
        return {"heat": cop, "source": cop - 1}

    def _cop(self, horizon: Horizon) -> Array:
        if self.coefficient_of_performance is not None:
            return per_step(self.coefficient_of_performance, horizon, f"coefficient of performance of '{self.name}'")
        source, sink = (
            per_step(default if said is None else said, horizon, f"{which} temperature of '{self.name}'")
            for which, said, default in (
                ("source", self.source_degc, _SOURCE_DEGC),
                ("sink", self.sink_degc, _SINK_DEGC),
            )
        )
        least, most = _FIT_K
        lift_k = np.maximum(sink - source, least)
        carnot = (sink + _KELVIN) / lift_k
        if self.second_law_efficiency is not None:
            return np.maximum(self.second_law_efficiency * carnot, 1)
        constant, linear, square = _COP_FIT[self.origin or "ground"]
        inside_k = np.minimum(lift_k, most)
        # Carnot's COP goes with 1/lift at one sink: a constant share of it beyond the fit is this last factor.
        fitted = (constant + linear * inside_k + square * inside_k**2) * inside_k / lift_k
        return np.maximum(np.minimum(fitted, _BEST_SECOND_LAW * carnot), 1)
