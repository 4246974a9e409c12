"""A feeder or transformer that several sites stand on."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.fields.frozen import NonNegative
from dispatch.fleet.shared.base import Shared, number
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array
from dispatch.tariff.calendar import Days
from dispatch.tariff.contracts import ExchangeLimit, limit


class PowerLimit(Shared):
    r"""Net import of all its sites together within what the equipment carries.

    .. math:: -X_t - s^-_t ≤ Σ_n i_{nt} ≤ I_t + s^+_t, \quad cost = Σ_t Δt_t ρ (s^-_t + s^+_t)

    Limits nest by themselves: a site counts in every one that names it (its transformer, the feeder above). Without a
    penalty the limit is physics and is never passed.
    """

    kind: Literal["power_limit"] = "power_limit"
    import_kw: NonNegative | dict[str, NonNegative] | None = Field(
        default=None, description="most net import together; by the value of 'by' where they differ"
    )
    export_kw: NonNegative | dict[str, NonNegative] | None = Field(
        default=None, description="most net export together; likewise"
    )
    limits: tuple[ExchangeLimit, ...] = Field(default=(), description="tighter limits at certain hours")
    penalty_per_kwh: NonNegative | None = Field(default=None, description="price of a kWh beyond it; default: never")

    by_group: ClassVar[tuple[str, ...]] = ("import_kw", "export_kw")

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.import_kw is None and self.export_kw is None and not self.limits:
            raise ValueError("it limits nothing: give import_kw, export_kw or limits")
        return self

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A row per step with both sides."""
        horizon, scope = builder.scope.horizon, builder.scope
        most, least = (
            np.minimum(
                np.inf if own is None else number(own, group, self.name),
                limit(self.limits, direction, horizon, Days(), self.name),
            )
            for direction, own in (("import", self.import_kw), ("export", self.export_kw))
        )
        rows = builder.rows(group, "net import", "net_import_kw", weight, lower=-least, upper=most)
        if self.penalty_per_kwh is None:
            return
        price = self.penalty_per_kwh * horizon.hours
        for side, bound, sign, there in (
            ("import beyond the limit", most, -1.0, weight @ scope.import_kw),
            ("export beyond the limit", least, 1.0, weight @ scope.export_kw),
        ):
            at = np.flatnonzero(np.isfinite(bound))
            over = builder.columns(group, side, price[at], np.maximum(there - bound[at], 0.0))
            builder.put(rows[at], over, sign, shortfall=True)
