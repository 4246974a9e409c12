"""A block that the fleet may sell: one power over several hours, all of it or in steps."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import AwareDatetime, Field, model_validator

from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array


class BidBlock(Shared):
    r"""Net export in a block of hours is a schedule known before plus one power x that is chosen and paid.

    .. math::
        Σ_n i_{nt} + b_t + x = s_t - l_t, \quad x = σ m, \quad x = 0 \text{ or } \underline x ≤ x ≤ \bar x, \quad
        cost = Σ_t Δt_t (ρ (s_t + l_t) - π x)

    With ``step_kw`` the power is a whole number m of steps. Outside the block nothing is asked.
    """

    kind: Literal["bid_block"] = "bid_block"
    start: AwareDatetime
    end: AwareDatetime
    baseline_export_kw: Signal = Field(default=0.0, description="net export that is scheduled already")
    price_per_kwh: NonNegative = Field(description="paid for the block")
    most_kw: Positive
    least_kw: NonNegative = Field(default=0.0, description="smallest bid; less than that is none")
    step_kw: NonNegative = Field(default=0.0, description="bids come in steps of this; 0: any power")
    penalty_per_kwh: Positive = Field(default=1.0, description="of a kWh that is not delivered, or too many")

    single: ClassVar[bool] = True

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        if self.least_kw > self.most_kw:
            raise ValueError(f"least_kw {self.least_kw:g} is above most_kw {self.most_kw:g}")
        return self

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A row per step of the block; the power, its number of steps and whether there is a bid at all."""
        horizon, scope = builder.scope.horizon, builder.scope
        edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
        inside = (edges[:-1] >= self.start.timestamp() - 0.5) & (edges[1:] <= self.end.timestamp() + 0.5)
        steps = np.flatnonzero(inside)
        base = per_step(self.baseline_export_kw, horizon, f"baseline_export_kw of '{self.name}'")[steps]
        rows = builder.rows(
            group, "net import in the block", "net_import_kw", weight, lower=-base, upper=-base, steps=steps
        )
        hours = horizon.hours[steps]
        bid = builder.columns(group, "block sold", np.array([-self.price_per_kwh * hours.sum()]), self.most_kw)
        builder.put(rows, bid, 1.0)
        for what, sign, most in (
            ("short of the block", -1.0, weight @ scope.import_kw + base + self.most_kw),
            ("beyond the block", 1.0, np.maximum(weight @ scope.export_kw - base, 0.0)),
        ):
            off = builder.columns(group, what, self.penalty_per_kwh * hours, most)
            builder.put(rows, off, sign, shortfall=True)
        self._whole(builder, group, bid)

    def _whole(self, builder: Builder, group: str, bid: np.ndarray) -> None:
        if self.step_kw:
            most = np.floor(self.most_kw / self.step_kw)
            count = builder.columns(group, "steps of the bid", np.zeros(1), most, integer=True)
            both = np.concatenate([bid, count])
            builder.own(np.array([[1.0, -self.step_kw]]), both, np.zeros(1), np.zeros(1))
        if self.least_kw:
            there = builder.columns(group, "there is a bid", np.zeros(1), 1.0, integer=True)
            both = np.concatenate([bid, there])
            sides = np.array([[1.0, -self.least_kw], [-1.0, self.most_kw]])
            builder.own(sides, both, np.zeros(2), np.full(2, np.inf))
