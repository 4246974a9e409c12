"""Reserve that a fleet holds together."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Direction
from dispatch.fields.frozen import NonNegative
from dispatch.fields.series import Signal, per_step
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array


class ReserveHeld(Shared):
    r"""What its sites hold ready in one direction covers what the fleet has sold.

    .. math:: Σ_n k_{nt} ≥ R_t - s_t, \quad cost = Σ_t Δt_t ρ s_t

    A site holds what its ``reserve_product`` sells, so each site that takes part has one, with its duration and with
    the price that the fleet passes on (0 where all money is the fleet's).
    """

    kind: Literal["reserve_held"] = "reserve_held"
    direction: Direction = "up"
    reserve_kw: Signal = Field(description="sold by the fleet")
    penalty_per_kwh: NonNegative | None = Field(
        default=None, description="of a kW that is not held for an hour; default: it is always held"
    )

    single: ClassVar[bool] = True

    @property
    def needs(self) -> tuple[str, ...]:
        """What is held in the direction."""
        return (f"reserve_{self.direction}_kw",)

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A row per step."""
        horizon = builder.scope.horizon
        sold = np.maximum(per_step(self.reserve_kw, horizon, f"reserve_kw of '{self.name}'"), 0.0)
        rows = builder.rows(group, f"reserve {self.direction}", self.needs[0], weight, lower=sold)
        if self.penalty_per_kwh is not None:
            short = builder.columns(group, "reserve short", self.penalty_per_kwh * horizon.hours, sold)
            builder.put(rows, short, 1.0, shortfall=True)
