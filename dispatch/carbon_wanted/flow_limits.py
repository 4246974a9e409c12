"""What a park's file may wish of the carbon that reaches a meter with the power: an intensity, or an amount."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dispatch.carbon_wanted.wishes import Window
from dispatch.fields.frozen import Frozen, NonNegative


class FlowLimitWish(Frozen):
    """Carbon that reaches a meter along the flows (traced, losses apart), at most this much in each window.

    A meter is an asset that takes power: a load, a product, an export. Give one of ``kg_per_kwh_max`` (of what the
    meter takes in the window, as a mean by energy) and ``kg_max``. No plan is infeasible for it: a kg over costs
    ``penalty_per_kg`` in the objective, never in the reported money, and is reported.
    """

    meter: Annotated[str, Field(min_length=1)]
    kg_per_kwh_max: NonNegative | None = None
    kg_max: NonNegative | None = None
    over: Window = "horizon"
    penalty_per_kg: NonNegative = Field(default=10.0, description="price of a kg over, far above any market's")

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.kg_per_kwh_max is None) == (self.kg_max is None):
            raise ValueError(f"the limit of meter '{self.meter}': give either kg_per_kwh_max or kg_max")
        return self

    @property
    def texts(self) -> tuple[str]:
        """In the user's words."""
        return (self.text,)

    @property
    def text(self) -> str:
        """In the user's words."""
        most = f"{self.kg_max:g} kg" if self.kg_max is not None else f"{self.kg_per_kwh_max:g} kg/kWh"
        return f"carbon at {self.meter} of at most {most} per {self.over}"
