"""What bodies about plans have in common: moments, horizons, series and where they come from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

LARGEST_STEPS = 3000  # a month of quarter-hours
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_MOST = 1e12


def _text_only(value: Any) -> Any:
    if not isinstance(value, str | datetime):
        raise ValueError("a time is text with an offset, like 2026-03-01T00:00:00Z")  # noqa: TRY004 - pydantic's way
    return value


def _within(value: datetime) -> datetime:
    if not _FIRST <= value <= _LAST:
        raise ValueError("a time lies between 1970-01-02 and 2200-01-01")
    return value.astimezone(UTC)


def _whole(value: datetime) -> datetime:
    if value.microsecond:
        raise ValueError("a step begins with a whole second")
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str | date):
        raise ValueError("a day is text like 2026-03-01")  # noqa: TRY004 - pydantic's way
    return value


def _of_days(value: date) -> date:
    if not _FIRST.date() <= value <= _LAST.date():
        raise ValueError("a day lies between 1970-01-02 and 2200-01-01")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_within)]
Edge = Annotated[Moment, AfterValidator(_whole)]
Day = Annotated[date, BeforeValidator(_day), AfterValidator(_of_days)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-_MOST, le=_MOST)]
AssetName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_\-]+$")]
Quantity = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z][a-z0-9_]*(:[A-Za-z0-9_.\- ]+)*$")]
SiteId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
KnownAt = Annotated[
    Literal["receipt", "end"],
    Field(
        description="When a measurement counts as known: when it was received here, or (for histories imported "
        "later) a quarter of an hour after the end of its interval"
    ),
]


def id_pattern(prefix: str) -> str:
    """What an id that begins so looks like."""
    return rf"^{prefix}_[0-9a-hjkmnp-tv-z]{{26}}$"


class Body(BaseModel):
    """A body in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HorizonAsked(Body):
    """Equal steps from a moment on."""

    start: Annotated[Edge, Field(description="Start of the first step")]
    steps: Annotated[int, Field(ge=1, le=LARGEST_STEPS, strict=True)]
    step_minutes: Annotated[int, Field(ge=1, le=1440, strict=True)] = 60


class WeatherAsked(Body):
    """A run of a weather service that the client has: the store knows no weather by itself."""

    issued_at: Annotated[Moment, Field(description="When the run was issued; it is used for nothing before")]
    start: Annotated[Edge, Field(description="Start of the first interval")]
    step_minutes: Annotated[int, Field(ge=1, le=1440, strict=True)] = 60
    variables: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")], Annotated[list[Number], Field(max_length=4000)]],
        Field(min_length=1, max_length=40, description="By variable with its unit, means over the intervals"),
    ]

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if len({len(values) for values in self.variables.values()}) > 1:
            raise ValueError("all variables need as many values")
        return self


class When(Body):
    """For which steps, made when and on what."""

    day: Annotated[Day | None, Field(description="First local day; instead of a horizon")] = None
    horizon: Annotated[HorizonAsked | None, Field(description="Instead of a day")] = None
    issue_time: Annotated[
        Moment | None, Field(description="Nothing later than this is used; now, or before the horizon, by default")
    ] = None
    known_at: KnownAt = "receipt"
    scenarios: Annotated[
        int | None, Field(ge=0, le=200, strict=True, description="Beside the central path; the park's own by default")
    ] = None
    weather: WeatherAsked | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.day is not None and self.horizon is not None:
            raise ValueError("give a day or a horizon, not both")
        return self


class Accepted(BaseModel):
    """What was accepted will be done; ask the job, or the thing itself."""

    id: Annotated[str, Field(description="Of what will be there")]
    href: Annotated[str, Field(description="Where it will be")]
    job: Annotated[str, Field(description="Of the job that makes it")]
    job_href: Annotated[str, Field(description="Where to ask how far it is")]
    state: JobState = "queued"


class Failed(BaseModel):
    """Why a job gave nothing, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    errors: Annotated[list[dict[str, Any]], Field(default_factory=list)]
