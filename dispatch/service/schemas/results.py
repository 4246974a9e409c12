"""What all results that a job makes of a fleet say of themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dispatch.service.schemas.values import Body, Day, Moment

State = Literal["queued", "running", "done", "infeasible", "failed", "cancelled"]


class Result(Body):
    """A result, or what is known of it before it is there."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[State, Field(description="Of the job until it is done; infeasible: the answer is that it cannot be")]
    job: Annotated[str, Field(description="Id of the job that makes it")]
    day: Annotated[Day | None, Field(description="First local day that it is about")] = None
    created: Moment
    files: Annotated[dict[str, str], Field(description="Tables and pages, by name: where they are")] = {}
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None


class Failure(Body):
    """A site that has no part in a result, and why."""

    site: str
    reason: str
