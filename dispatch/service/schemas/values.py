"""Values that bodies of markets are made of: numbers that are numbers, times with an offset, names of limited length."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$"
FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
_LONGEST_TIME = 40


class Body(BaseModel):
    """A body, or a part of one: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _text(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TIME:
        raise ValueError("is too long for a time")
    if not isinstance(value, str | date):
        raise ValueError("a time is a text, like 2026-01-15 or 2026-01-15T17:00:00+01:00")  # noqa: TRY004 — pydantic
    return value


def _within(value: datetime) -> datetime:
    if not FIRST <= value.date() <= LAST:
        raise ValueError(f"accepted: from {FIRST} to {LAST}")
    return value


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e12)]
Day = Annotated[date, BeforeValidator(_text), Field(ge=FIRST, le=LAST, description="Local day, like 2026-01-15")]
Moment = Annotated[
    AwareDatetime, BeforeValidator(_text), AfterValidator(_within), PlainSerializer(_utc, return_type=str),
    Field(description="RFC 3339 with an offset; answered in UTC"),
]  # fmt: skip
Name = Annotated[str, Field(pattern=NAME, min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
ShortText = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
