"""Charging sessions as a user writes them: when a vehicle is there, what it takes and what it needs.

In a file (CSV or Parquet) each row is a session and the columns are called like the fields of :class:`Session`; what a
row leaves empty has the field's default.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from dispatch.fields.frozen import Frozen, NonNegative, Positive


def _moment(value: Any) -> Any:
    accepted = "a time of every day in quotes, like '08:15', or one with date and offset, like 2024-03-01T08:15+08:00"
    if isinstance(value, datetime | time):
        found: datetime | time = value
    elif isinstance(value, str):
        text = value.strip()
        try:
            found = time.fromisoformat(text) if len(text) <= len("08:15:00") else datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"'{value}' is no time; accepted: {accepted}") from None
    else:
        raise ValueError(f"{value!r} is no time; accepted: {accepted}")  # noqa: TRY004 — pydantic collects ValueError only
    if isinstance(found, datetime) and found.tzinfo is None:
        raise ValueError(f"'{value}' has no offset; accepted: {accepted}")
    return found


Moment = Annotated[datetime | time, BeforeValidator(_moment)]


class Session(Frozen):
    """One vehicle at one charger, on one day or, where both times are times of the clock, on every day.

    A departure that is not later on the clock than the arrival is on the next day. The vehicle comes with
    ``arrival_kwh`` in its battery and leaves with ``departure_kwh``, or with ``needed_kwh`` more than it came with.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]*$")] = ""
    arrival: Moment
    departure: Moment
    charge_kw: Positive = Field(description="most at the bus")
    discharge_kw: NonNegative = Field(default=0.0, description="most at the bus that it gives back")
    arrival_kwh: NonNegative = 0.0
    start_kwh: NonNegative | None = Field(
        default=None, description="what it holds if it is there when the first plan begins; default: the fleet's rule"
    )
    departure_kwh: NonNegative | None = None
    needed_kwh: NonNegative | None = None
    capacity_kwh: Positive | None = Field(default=None, description="default: what it wants to leave with")
    least_kwh: NonNegative = Field(default=0.0, description="what it is not discharged below")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        arrival, departure = self.arrival, self.departure
        if isinstance(arrival, datetime) != isinstance(departure, datetime):
            raise ValueError("arrival and departure both have a date, or neither has")
        if isinstance(arrival, datetime) and isinstance(departure, datetime) and departure <= arrival:
            raise ValueError(f"departure {departure.isoformat()} must be after arrival {arrival.isoformat()}")
        if (self.departure_kwh is None) == (self.needed_kwh is None):
            raise ValueError("a session has either departure_kwh or needed_kwh")
        most = max(self.wanted_kwh, self.arrival_kwh)
        if self.start_kwh is not None and self.start_kwh > (self.capacity_kwh or most):
            raise ValueError(f"start_kwh {self.start_kwh:g} is more than it can hold, {self.capacity_kwh or most:g}")
        if self.capacity_kwh is not None and most > self.capacity_kwh:
            raise ValueError(f"capacity_kwh {self.capacity_kwh:g} must hold what it comes and leaves with, {most:g}")
        return self

    @property
    def every_day(self) -> bool:
        """Are its times times of the clock?"""
        return isinstance(self.arrival, time) and not isinstance(self.arrival, datetime)

    @property
    def wanted_kwh(self) -> float:
        """Content at departure."""
        return self.departure_kwh if self.departure_kwh is not None else self.arrival_kwh + (self.needed_kwh or 0.0)

    @property
    def most_kwh(self) -> float:
        """Capacity."""
        return self.capacity_kwh or max(self.wanted_kwh, self.arrival_kwh)


class SessionFile(Frozen):
    """Sessions in the user's own CSV or Parquet file (path relative to the park's file), one in each row.

    Attributes:
        sessions: what stands in the file; filled when the park is read.
    """

    file: str = Field(min_length=1)
    time_zone: str | None = Field(default=None, description="of naive times; default: the site's")
    sessions: tuple[Session, ...] = Field(default=(), description="left out in a park's file: read from the file")
