"""What plant cost to build, for levelised costs."""

from __future__ import annotations

from pydantic import Field

from dispatch.fields.frozen import Fraction, Frozen, NonNegative, Positive


class Capital(Frozen):
    """What plant cost to build: for levelised costs in reports, never for a plan."""

    cost: NonNegative = Field(description="in the site's currency")
    lifetime_years: Positive
    interest: Fraction = Field(default=0.05, description="per year")

    def annuity(self) -> float:
        """Money per year, the same in each."""
        if self.interest <= 0:
            return self.cost / self.lifetime_years
        repaid = 1.0 - float((1 + self.interest) ** -self.lifetime_years)
        return self.cost * self.interest / repaid
