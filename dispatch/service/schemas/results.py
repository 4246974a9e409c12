"""What all results that a job makes of a fleet say of themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dispatch.service.schemas.values import Body, Day, ForecastId, KnownAt, Moment, Time

State = Literal["queued", "running", "done", "infeasible", "failed", "cancelled"]


class DayAsked(Body):
    """Which day of the fleet, made when, on what."""

    day: Annotated[Day | None, Field(description="First local day; tomorrow by default")] = None
    issue_time: Annotated[Moment | None, Field(description="Nothing later than this is used; now by default")] = None
    known_at: KnownAt = "receipt"


class OfDay(DayAsked):
    """A day, or a forecast of one that is there."""

    forecast: Annotated[ForecastId | None, Field(description="In the place of day, issue_time and known_at")] = None


class Failure(Body):
    """A site that has no part in a result, and why."""

    site: str
    reason: str


class Result(Body):
    """A result, or what is known of it before it is there."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[State, Field(description="Of its job until done; infeasible: the answer is that it cannot be")]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: Time
    files: dict[str, str] = Field(default_factory=dict, description="Where its tables and pages are, by name")
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None


class DayResult(Result):
    """A result that is of a day."""

    day: Annotated[str | None, Field(description="First local day")] = None
    issued: Annotated[Time | None, Field(description="When it was made: nothing later is used")] = None
    time_zone: str | None = None
    steps: int | None = None
    sites: Annotated[int | None, Field(description="How many the fleet has")] = None
    left_out: Annotated[tuple[Failure, ...], Field(description="Sites of which too little is known")] = ()
