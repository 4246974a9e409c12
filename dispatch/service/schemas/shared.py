"""Types of fields that several bodies have."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

_NUMBER = re.compile(r"\s*[-+]?[\d_]*\.?[\d_]*(e[-+]?\d+)?\s*", re.IGNORECASE)


def _written_out(value: Any) -> Any:
    """No number of seconds since 1970, be it as text, which pydantic would take too."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise PydanticCustomError("datetime_type", "Input should be a date and time, not a number")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too close to the end of the calendar") from None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# RFC 3339 with an offset, refused without; UTC inside, and out with Z.
_Out = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out, json_schema_input_type=AwareDatetime),
    AfterValidator(_in_utc),
    PlainSerializer(_text, return_type=_Out, when_used="json"),
]
# One line of text for people.
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Body(BaseModel):
    """What comes in: nothing that is not known, and no number where text stands."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)
