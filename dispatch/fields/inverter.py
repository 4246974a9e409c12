"""Reactive power of plant with an inverter, as a park's file asks for it: fixed power factor, Q(V), or free.

Reactive power is counted as injected: an inverter that draws it says so in a ``direction`` or with a negative share.

Source of the modes: VDE-AR-N 4105:2018-11 and VDE-AR-N 4110:2018-11, reactive power of generating plants in steady
state (displacement factor, characteristic Q(U), set value).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Efficiency, Finite, Frozen, NonNegative, Positive


@dataclass(frozen=True)
class Inverter:
    """What stands between a kind and its ac bus.

    Attributes:
        port: name of the port behind which it stands.
        feeds_only: its power has one sign, out of the plant.
    """

    port: str = "electricity"
    feeds_only: bool = False


class FixedPowerFactor(Frozen):
    """q = ∓ tan φ · p: ``absorbing`` draws reactive power while the plant feeds in, and gives it while it charges.

    One law for both directions of p: what lifts the voltage is countered, and what lowers it too.
    """

    mode: Literal["fixed"] = "fixed"
    power_factor: Efficiency
    direction: Literal["absorbing", "injecting"] = "absorbing"

    @property
    def kvar_per_kw(self) -> float:
        """Injected reactive power per kW injected."""
        tangent = math.tan(math.acos(self.power_factor))
        return -tangent if self.direction == "absorbing" else tangent


class DroopPoint(Frozen):
    """One corner of a characteristic Q(V)."""

    voltage_pu: Positive
    injected_kvar_per_kva: Annotated[Finite, Field(ge=-1, le=1)] = Field(description="negative: drawn")


_CHARACTERISTIC = (
    DroopPoint(voltage_pu=0.94, injected_kvar_per_kva=0.33),
    DroopPoint(voltage_pu=0.98, injected_kvar_per_kva=0.0),
    DroopPoint(voltage_pu=1.02, injected_kvar_per_kva=0.0),
    DroopPoint(voltage_pu=1.06, injected_kvar_per_kva=-0.33),
)


class VoltageDroop(Frozen):
    """q = S · f(v), f through ``points`` and constant beyond them, as far as the capability S² ≥ p² + q² goes."""

    mode: Literal["voltage"] = "voltage"
    rated_kva: Positive
    points: Annotated[tuple[DroopPoint, ...], Field(min_length=2)] = Field(
        default=_CHARACTERISTIC, description="at rising voltages, reactive power never rising with the voltage"
    )
    power_factor_min: Efficiency | None = Field(default=None, description="q stays within tan φ · |p|")

    @model_validator(mode="after")
    def _falls(self) -> Self:
        volts = [point.voltage_pu for point in self.points]
        shares = [point.injected_kvar_per_kva for point in self.points]
        if any(b <= a for a, b in pairwise(volts)):
            raise ValueError(f"voltage_pu must rise from point to point, got {', '.join(f'{v:g}' for v in volts)}")
        if any(b > a for a, b in pairwise(shares)):
            raise ValueError(
                "injected_kvar_per_kva must not rise with the voltage (it would drive the voltage away), got "
                + ", ".join(f"{s:g}" for s in shares)
            )
        return self


class FreeReactive(Frozen):
    """q is a decision: p² + q² ≤ S², and |q| ≤ tan φ · p where a least power factor is asked for."""

    mode: Literal["free"] = "free"
    rated_kva: Positive
    power_factor_min: Efficiency | None = Field(default=None, description="only of plant that never draws power")
    cost_per_kvarh: NonNegative = Field(
        default=0.001, description="in the objective, never in the money: reactive power is given where it helps"
    )


Reactive = Annotated[FixedPowerFactor | VoltageDroop | FreeReactive, Field(discriminator="mode")]
