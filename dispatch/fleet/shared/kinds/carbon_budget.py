"""Emissions that several sites may cause together."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.fields.frozen import NonNegative
from dispatch.fleet.shared.base import Shared, number
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array

_MOST_KG = 1e9


class CarbonBudget(Shared):
    r"""Emissions of all its sites within a budget, over the horizon or over each local day of it.

    .. math:: Σ_n e_{nw} ≤ B + s_w, \quad cost = ρ s_w

    A day counts as far as it lies in the horizon.
    """

    kind: Literal["carbon_budget"] = "carbon_budget"
    budget_kg: NonNegative | dict[str, NonNegative] = Field(
        description="of each window; by the value of 'by' where they differ"
    )
    over: Literal["day", "horizon"] = "horizon"
    penalty_per_t: NonNegative | None = Field(default=None, description="price of a tonne beyond it; default: never")

    by_group: ClassVar[tuple[str, ...]] = ("budget_kg",)

    @property
    def needs(self) -> tuple[str, ...]:
        """Emissions over the window."""
        return ("co2_kg",) if self.over == "horizon" else ("co2_day_kg",)

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A row per window."""
        rows = builder.rows(group, "emissions", self.needs[0], weight, upper=number(self.budget_kg, group, self.name))
        if self.penalty_per_t is not None:
            over = builder.columns(group, "beyond the budget", np.full(rows.size, self.penalty_per_t / 1e3), _MOST_KG)
            builder.put(rows, over, -1.0, shortfall=True)
