"""Bodies of carbon accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dispatch.service.schemas.plan_parts import Body, Day, Failed, JobState, Moment, id_pattern
from dispatch.service.schemas.schedules import ScheduleId
from dispatch.service.schemas.shared import Answer

AccountId = Annotated[str, Field(pattern=id_pattern("cac"))]
By = Literal["step", "hour", "day", "month", "year", "all"]


class AccountAsked(Body):
    """An account of a measured period, or of a plan."""

    first: Annotated[Day | None, Field(description="First local day of a measured period")] = None
    last: Annotated[Day | None, Field(description="Its last local day; the first by default")] = None
    step_minutes: Annotated[int | None, Field(ge=1, le=1440, strict=True, description="The park's by default")] = None
    as_of: Annotated[Moment | None, Field(description="What had been received by then; by default all")] = None
    tolerance_percent: Annotated[
        float | None, Field(ge=0, le=100, strict=True, description="How far a bus may not add up; 1 by default")
    ] = None
    tolerance_kw: Annotated[float | None, Field(ge=0, le=1e9, strict=True, description="Likewise, as a power")] = None
    schedule: Annotated[ScheduleId | None, Field(description="Instead of a period: of this plan")] = None
    by: Annotated[By, Field(description="Steps of the tables")] = "hour"

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.first is None) == (self.schedule is None):
            raise ValueError("give the first day of a measured period, or a schedule")
        if self.schedule is not None and (self.last or self.as_of or self.step_minutes):
            raise ValueError("the account of a schedule is of its own steps: leave out last, step_minutes and as_of")
        if self.tolerance_percent is not None and self.tolerance_kw is not None:
            raise ValueError("give the tolerance as a share or as a power")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("last is before first")
        return self


class LedgerShown(Answer):
    """What one method says of the whole period."""

    name: str
    question: Annotated[str, Field(description="What it answers")]
    emitted_kg: float
    on_meters_kg: float
    left_over_kg: Annotated[float, Field(description="On no meter")]


class AccountShown(Answer):
    """A carbon account; what is null or empty is there once its job is done."""

    id: str
    site: str
    site_version: int
    schedule: str | None
    state: JobState
    job: str
    created_at: datetime
    start: datetime
    end: datetime
    by: By
    ledgers: tuple[LedgerShown, ...] = ()
    left_out: Annotated[dict[str, str], Field(default_factory=dict, description="By method, why it says nothing here")]
    factors: Annotated[dict[str, str], Field(default_factory=dict, description="Sources of what a kWh of grid emits")]
    settings: Annotated[dict[str, str], Field(default_factory=dict)]
    certificates: Annotated[
        tuple[dict[str, Any], ...] | None, Field(description="Balances of certificates, in kWh")
    ] = None
    cbam: Annotated[dict[str, Any] | None, Field(description="Embedded emissions of goods, as CBAM names them")] = None
    footprints: Annotated[
        tuple[dict[str, Any], ...] | None, Field(description="Partial footprints of goods, ISO 14067")
    ] = None
    notes: tuple[str, ...] = ()
    inputs_sha256: Annotated[dict[str, str], Field(default_factory=dict)]
    ledgers_href: str | None = None
    goods_href: str | None = None
    certificates_href: str | None = None
    page_href: str | None = None
    problem: Failed | None = None


class AccountListed(Answer):
    """An account in a list."""

    id: str
    site: str
    schedule: str | None
    state: JobState
    created_at: datetime
    start: datetime
    end: datetime
    href: str
