"""Days on which works rest, whatever public calendars say of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Frozen

_MOST_DAYS = 366


class DaysOff(Frozen):
    """A shutdown, a local holiday: for forecasts of demand, past ones as coming ones; what power costs stays as it is.

    Local dates. Give those of the years that were measured too: what the works drew then is what is expected next time.
    """

    first: date = Field(description="first day, local")
    last: date | None = Field(default=None, description="inclusive; default: the first day alone")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if not self.first <= self.until or (self.until - self.first).days >= _MOST_DAYS:
            raise ValueError(f"last {self.until} must be from first {self.first} on, less than {_MOST_DAYS} days later")
        return self

    @property
    def until(self) -> date:
        """The last day."""
        return self.last or self.first

    @property
    def days(self) -> tuple[date, ...]:
        """Each day."""
        return tuple(self.first + timedelta(days=n) for n in range((self.until - self.first).days + 1))
