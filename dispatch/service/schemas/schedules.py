"""Bodies of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dispatch.service.schemas.forecasts import ForecastId
from dispatch.service.schemas.plan_parts import (
    LARGEST_STEPS,
    AssetName,
    Failed,
    JobState,
    Number,
    Quantity,
    When,
    id_pattern,
)
from dispatch.service.schemas.shared import Answer

ScheduleId = Annotated[str, Field(pattern=id_pattern("sch"))]
Mode = Literal["day_ahead", "rolling", "perfect_foresight"]
# Those of a fleet are made with its plan, or around an award.
KeptMode = Literal["day_ahead", "rolling", "perfect_foresight", "fleet", "award"]
Quality = Literal["optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state"]


class ScheduleAsked(When):
    """A plan for a site."""

    mode: Annotated[
        Mode,
        Field(
            description="day_ahead: from forecasts; rolling: likewise, going on from the plan before and from the next "
            "step on; perfect_foresight: on what was measured, as a bound on what was possible"
        ),
    ] = "day_ahead"
    commitment: Annotated[Literal["exact", "convex"] | None, Field(description="The park's own by default")] = None
    deadline_s: Annotated[
        float | None, Field(gt=0, le=86_400, strict=True, description="From its start; then the best without a solver")
    ] = None
    start_state: Annotated[
        dict[AssetName, dict[Quantity, Number]],
        Field(
            default_factory=dict,
            max_length=1000,
            description="By asset: stored_kwh of a store, or any state that its kind carries over",
        ),
    ]
    state_age_minutes: Annotated[
        float | None, Field(gt=0, le=10_080, strict=True, description="Age up to which a measured content counts")
    ] = None
    forecast: Annotated[ForecastId | None, Field(description="Made before, of the same steps")] = None
    series: Annotated[
        dict[AssetName, Annotated[list[Number], Field(min_length=1, max_length=LARGEST_STEPS)]],
        Field(
            default_factory=dict,
            max_length=1000,
            description="By asset, its mean power in each step [kW], taken instead of a forecast",
        ),
    ]
    network: Annotated[bool, Field(strict=True, description="Prove the plan on the park's network, if it has one")] = (
        True
    )

    dry_run: Annotated[
        bool,
        Field(strict=True, description="Only to look at: no set-points come of it, unless it is published afterwards"),
    ] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mode == "perfect_foresight" and self.dry_run:
            raise ValueError("perfect_foresight is never followed: leave dry_run out")
        if self.mode == "perfect_foresight" and (self.forecast is not None or self.weather is not None):
            raise ValueError("perfect_foresight takes what was measured: give neither forecast nor weather")
        return self


class Money(Answer):
    """What a plan costs, over its scenarios."""

    expected: Annotated[float, Field(description="Money paid less money earned")]
    currency: str


class AuditShown(Answer):
    """The independent check of a plan."""

    passed: bool
    numbers_checked: int
    violations: list[str]
    limits_passed_as_relaxed: list[str]


class Held(Answer):
    """Something that a plan began from."""

    asset: str
    quantity: str
    value: float
    said_by: Annotated[Literal["request", "measured", "schedule", "park"], Field(description="Where it was taken from")]
    at: Annotated[datetime | None, Field(description="When it was measured")] = None
    series: Annotated[str | None, Field(description="What the measurement is called")] = None


class KeptAward(Answer):
    """A period of an award whose net exchange a plan took as given."""

    award: str
    schedule: Annotated[str, Field(description="The one around the award, which holds then")]
    start: datetime
    end: datetime


class ScheduleShown(Answer):
    """A schedule; what is null is there once its job is done."""

    id: str
    site: str
    site_version: int
    mode: KeptMode
    state: JobState
    job: str
    created_at: datetime
    issue_time: datetime
    dry_run: Annotated[bool, Field(description="It was asked for only to look at")] = False
    published_at: Annotated[
        datetime | None, Field(description="From when on it may be followed; null of a dry run that was not published")
    ] = None
    start: datetime
    end: datetime
    steps: int
    quality: Annotated[Quality | None, Field(description="Rung of the ladder, best first: optimal … safe_state")] = None
    gap: Annotated[float | None, Field(description="Between plan and bound, as a share; null without a bound")] = None
    bound: float | None = None
    objective: float | None = None
    money: Money | None = None
    co2_kg: Annotated[float | None, Field(description="Expected emissions")] = None
    audit: AuditShown | None = None
    network: Annotated[dict[str, Any] | None, Field(description="The AC check; null without one")] = None
    relaxed: Annotated[tuple[str, ...], Field(description="Limits that are passed, and by how much")] = ()
    reason: Annotated[str, Field(description="Why no better rung was reached")] = ""
    explanation: Annotated[dict[str, Any] | None, Field(description="Why no plan keeps every limit")] = None
    methods: Annotated[
        tuple[dict[str, Any], ...], Field(description="The plan beside the park's rules and hindsight")
    ] = ()
    wishes_missed: Annotated[
        dict[str, Any], Field(default_factory=dict, description="By wish, by how much and in which unit")
    ]
    start_state: tuple[Held, ...] = ()
    goes_on_from: Annotated[str | None, Field(description="The schedule before")] = None
    kept: Annotated[tuple[KeptAward, ...], Field(description="Awards whose net exchange it takes as given")] = ()
    data_age_h: float | None = None
    notes: tuple[str, ...] = ()
    certificate: Annotated[dict[str, Any] | None, Field(description="How it came about; no clock goes into it")] = None
    setpoints_sha256: Annotated[str | None, Field(description="Of the set-points, as the audit trail has it")] = None
    table_href: str | None = None
    setpoints_href: str | None = None
    report_href: str | None = None
    problem: Failed | None = None


class ScheduleListed(Answer):
    """A schedule in a list."""

    id: str
    site: str
    mode: KeptMode
    state: JobState
    created_at: datetime
    issue_time: datetime
    dry_run: bool = False
    published_at: datetime | None = None
    start: datetime
    end: datetime
    quality: Quality | None = None
    money: Money | None = None
    co2_kg: float | None = None
    href: str


class Compared(Answer):
    """What was planned of a series and what was measured of it, over the steps of which both are known."""

    series: Annotated[str, Field(description="An asset's name: what it needed or could give; or net_import_kw")]
    steps: int
    planned_kwh: float
    measured_kwh: float
    mean_absolute_error_kw: float


class Comparison(Answer):
    """A plan against what came."""

    schedule: str
    site: str
    start: datetime
    end: datetime
    steps: int
    compared: list[Compared]
    not_measured: Annotated[list[str], Field(description="Of which nothing was measured in these steps")]
