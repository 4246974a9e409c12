"""Types of fields that several bodies have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too close to the end of the calendar") from None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# RFC 3339 with an offset, refused without; UTC inside, and out with Z.
_Out = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_text, return_type=_Out, when_used="json")]
# One line of text for people.
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Body(BaseModel):
    """What comes in: nothing that is not known, and no number where text stands."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)
