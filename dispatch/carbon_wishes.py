"""What a park's file may wish of a plan's carbon: a cap on emissions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.frozen import Frozen, NonNegative

# Around the clock: a share in every hour, which nothing of another hour makes up for ("24/7").
Window = Literal["hour", "day", "horizon"]
Covered = Literal["all", "direct"]


class EmissionsWish(Frozen):
    """Emissions, at most this much in each window, in every scenario.

    No plan is infeasible for it: a tonne over costs ``penalty_per_t`` in the objective, never in the reported money,
    and is reported. Below that price the dual of the cap is its shadow carbon price.
    """

    emissions_max_t: NonNegative
    over: Window = "horizon"
    covers: Covered = Field(
        default="all", description="direct: what is emitted on site, without that of imported electricity"
    )
    penalty_per_t: NonNegative = Field(default=10_000.0, description="price of a tonne over, far above any market's")

    @property
    def text(self) -> str:
        """In the user's words."""
        what = "direct emissions" if self.covers == "direct" else "emissions"
        return f"{what} of at most {self.emissions_max_t:g} t per {self.over}"
