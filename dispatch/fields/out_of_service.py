"""When an asset stands still: broken, or being serviced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from dispatch.fields.frozen import Frozen
from dispatch.signals import Horizon

_ACCEPTED = "a time of the park's clock like 2026-10-24T06:00, with an offset like 2026-10-24T06:00+02:00, or a day"


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"'{value}' is no time; accepted: {_ACCEPTED}") from None
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise ValueError(f"{value!r} is no time; accepted: {_ACCEPTED}")


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time with an offset, or one of the local clock; of a time that comes twice the first."""


class OutOfService(Frozen):
    """A span of time in which an asset gives and takes nothing; what stands in a store stays, but for its own losses.

    A step that the span touches is out as a whole. What was measured in it teaches no forecast.
    """

    start: Moment = Field(description="without an offset it is of the park's clock; a day alone begins at midnight")
    end: Moment | None = Field(default=None, description="likewise, no longer out from then on; default: unknown yet")
    reason: str = Field(default="", description="in words, for reports")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        alike = self.end is not None and (self.end.tzinfo is None) == (self.start.tzinfo is None)
        if alike and self.end is not None and self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        return self

    def seconds(self, time_zone: str) -> tuple[float, float]:
        """Beginning and end [s since 1970]; an end that nobody knows is infinite."""
        zone = ZoneInfo(time_zone)
        start, end = (t.replace(tzinfo=zone) if t and t.tzinfo is None else t for t in (self.start, self.end))
        assert start is not None
        return start.timestamp(), np.inf if end is None else end.timestamp()


def touched(spans: Sequence[OutOfService], horizon: Horizon) -> np.ndarray:
    """(T,) whether a step lies in any of the spans, if only in part."""
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    out = np.zeros(horizon.steps, bool)
    for start, end in (span.seconds(horizon.time_zone) for span in spans):
        out |= (edges[:-1] < end) & (edges[1:] > start)
    return out
