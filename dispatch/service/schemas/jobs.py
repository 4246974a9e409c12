"""Jobs as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from dispatch.service.schemas.shared import Answer, Moment

JOB_ID = r"^job_[0-9a-z]{26}$"
KIND = r"^[a-z][a-z0-9_]{0,63}$"
State = Literal["queued", "running", "done", "failed", "cancelled"]
JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"


class JobProblem(BaseModel):
    """Why a job failed: the members of a problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Annotated[str, Field(examples=["urn:parkwatt:problem:invalid"])]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str


class JobShown(Answer):
    """Work that a request asked for: where it stands, and what came of it."""

    id: Annotated[str, Field(pattern=JOB_ID)]
    kind: Annotated[str, Field(examples=["schedule"])]
    subject: Annotated[str, Field(description="What it is about, such as the id of a schedule; empty for none")]
    state: Annotated[State, Field(description="done, failed and cancelled are final")]
    priority: Annotated[int, Field(description="Of the tenant's waiting jobs those of higher priority come first")]
    attempt: Annotated[int, Field(ge=0, description="How often a worker began with it")]
    deadline_s: Annotated[
        float | None, Field(description="Seconds from its first start until a rule answers; null: the service's own")
    ]
    created_at: Moment
    started_at: Annotated[Moment | None, Field(description="When a worker first began with it")]
    ended_at: Moment | None
    queued_s: Annotated[float | None, Field(description="Seconds that it waited for its first start")]
    running_s: Annotated[float | None, Field(description="Seconds from its first start to its end")]
    events: Annotated[int, Field(ge=1, description="Number of its last event")]
    formats: Annotated[list[str], Field(description="Formats in which /result answers; empty until it is done")]
    result: Annotated[
        dict[str, Any] | None, Field(description="What came of it: `href` and, for plans, `quality`; null until done")
    ]
    problem: Annotated[JobProblem | None, Field(description="Why it failed; null unless it has")]

    @classmethod
    def of(cls, job: Any) -> Self:
        """A job of the store."""
        named = {name: getattr(job, name) for name in cls.model_fields if name not in ("formats", "result")}
        result = None if job.result is None else {name: job.result[name] for name in job.result if name != "files"}
        return cls(**named, result=result, formats=formats(job.result))


def formats(result: Mapping[str, Any] | None) -> list[str]:
    """Formats in which a job's result can be had: JSON always, tables also as Arrow and as CSV."""
    if result is None:
        return []
    files = result.get("files") or {}
    return [JSON, *([ARROW] if ARROW in files else []), *([CSV] if CSV in files or ARROW in files else [])]
