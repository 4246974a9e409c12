"""Objects of OpenADR 3.1 as they are sent and answered: names, lengths and which fields are required.

A request may carry what the node itself fills in (``id``, ``createdDateTime``, ``modificationDateTime``): the standard
wants it ignored. Everything else that is not of an object is refused, so that a misspelt name is not lost.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from dispatch.service.openadr.timing import length, moment

ObjectKind = Literal["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]
Operation = Literal["READ", "CREATE", "UPDATE", "DELETE"]
MOST_INTERVALS = 3000
MOST_LISTED = 50
_OURS = ("id", "createdDateTime", "modificationDateTime")
_LARGEST = 1e300
_WORDS = {"Id": "ID", "Url": "Url"}


def _camel(name: str) -> str:
    """``program_id`` → ``programID``, ``callback_url`` → ``callbackUrl``."""
    first, *rest = name.split("_")
    return first + "".join(_WORDS.get(word.title(), word.title()) for word in rest)


class Shape(BaseModel):
    """Base of all: names in camel case, nothing unknown, nothing changed once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_camel, populate_by_name=False)

    def plain(self) -> dict[str, Any]:
        """As it is sent; fields that were not given are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _printable(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValueError("control characters and lone surrogates are no text")
    return text


def _readable(read: Any) -> Any:
    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


Text = Annotated[StrictStr, AfterValidator(_printable)]
Name = Annotated[Text, Field(min_length=1, max_length=128)]
ObjectId = Annotated[StrictStr, Field(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
DateTime = Annotated[StrictStr, Field(max_length=40), _readable(moment), Field(examples=["2026-03-01T07:00:00Z"])]
Duration = Annotated[StrictStr, Field(max_length=40), _readable(length), Field(examples=["PT15M"])]
Targets = Annotated[list[Name], Field(max_length=200)] | None
FiniteFloat = Annotated[StrictFloat, Field(allow_inf_nan=False)]


_LONGEST_TEXT = 2000
_POINT = {"type": "object", "required": ["x", "y"], "additionalProperties": False,
          "properties": {"x": {"type": "number"}, "y": {"type": "number"}}}  # fmt: skip


def _value(value: Any) -> Any:
    """One check and no union: an error then has the place that the client knows."""
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise ValueError(f"is text of {len(value)} characters; accepted: at most {_LONGEST_TEXT}")
        return _printable(value)
    is_point = isinstance(value, dict) and set(value) == {"x", "y"}
    numbers = list(value.values()) if is_point else [value]
    if not all(isinstance(one, int | float) and abs(one) < _LARGEST for one in numbers) or (
        is_point and any(isinstance(one, bool) for one in numbers)
    ):
        raise ValueError("accepted: a number, text, true or false, or a point {x, y}")
    return value


Value = Annotated[
    Any,
    BeforeValidator(_value),
    WithJsonSchema({"anyOf": [{"type": ["number", "string", "boolean"], "maxLength": _LONGEST_TEXT}, _POINT]}),
]


class ValuesMap(Shape):
    """Values and what they are, such as ``PRICE`` or ``USAGE``."""

    type: Name
    values: Annotated[list[Value], Field(max_length=MOST_INTERVALS)]


class IntervalPeriod(Shape):
    """When something begins, and for how long it lasts."""

    start: DateTime
    duration: Duration | None = None
    randomize_start: Duration | None = None


class Interval(Shape):
    """Values of a time."""

    id: Annotated[StrictInt, Field(ge=-(2**31), lt=2**31)]
    interval_period: IntervalPeriod | None = None
    payloads: Annotated[list[ValuesMap], Field(max_length=50)]


class EventPayloadDescriptor(Shape):
    """Unit and currency of an event's payload."""

    object_type: Literal["EVENT_PAYLOAD_DESCRIPTOR"] = "EVENT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    units: Name | None = None
    currency: Annotated[StrictStr, Field(pattern=r"^[A-Z]{3}$")] | None = None


class ReportPayloadDescriptor(Shape):
    """Unit and quality of a report's payload."""

    object_type: Literal["REPORT_PAYLOAD_DESCRIPTOR"] = "REPORT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    reading_type: Name | None = None
    units: Name | None = None
    accuracy: FiniteFloat | None = None
    confidence: Annotated[StrictInt, Field(ge=0, le=100)] | None = None


class ReportDescriptor(Shape):
    """A report that an event asks for."""

    payload_type: Name
    reading_type: Name | None = None
    units: Name | None = None
    targets: Targets = None
    aggregate: StrictBool = False
    start_interval: StrictInt = -1
    num_intervals: StrictInt = -1
    historical: StrictBool = True
    frequency: StrictInt = -1
    repeat: StrictInt = 1
    report_intervals: Name | None = None


class Description(BaseModel):
    """Where a program is described."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[Text, Field(alias="URL", max_length=2000)]


Descriptors = Annotated[list[EventPayloadDescriptor | ReportPayloadDescriptor], Field(max_length=100)] | None
Attributes = Annotated[list[ValuesMap], Field(max_length=100)] | None


class Request(Shape):
    """An object as a client sends it."""

    @model_validator(mode="before")
    @classmethod
    def _without_ours(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        dropped = {*_OURS, "objectType"} - cls._sent()
        return {key: value for key, value in given.items() if key not in dropped}

    @classmethod
    def _sent(cls) -> set[str]:
        return {field.alias or name for name, field in cls.model_fields.items()}


class ProgramRequest(Request):
    """A program: what events are about."""

    program_name: Name
    interval_period: IntervalPeriod | None = None
    program_descriptions: Annotated[list[Description], Field(max_length=50)] | None = None
    payload_descriptors: Descriptors = None
    attributes: Attributes = None
    targets: Targets = None


class EventRequest(Request):
    """An event of a program: values that hold at certain times for certain targets."""

    program_id: ObjectId
    event_name: Name | None = None
    duration: Duration | None = None
    priority: Annotated[StrictInt, Field(ge=0, lt=2**31)] | None = None
    targets: Targets = None
    report_descriptors: Annotated[list[ReportDescriptor], Field(max_length=50)] | None = None
    payload_descriptors: Annotated[list[EventPayloadDescriptor], Field(max_length=100)] | None = None
    interval_period: IntervalPeriod | None = None
    intervals: Annotated[list[Interval], Field(max_length=MOST_INTERVALS)] | None = None


class ReportResource(Shape):
    """What a report says of one resource."""

    resource_name: Name
    interval_period: IntervalPeriod | None = None
    intervals: Annotated[list[Interval], Field(max_length=MOST_INTERVALS)]


class ReportRequest(Request):
    """A report on an event."""

    event_id: ObjectId
    client_name: Name
    report_name: Name | None = None
    client_id: ObjectId | None = Field(default=None, description="filled in by the node")
    payload_descriptors: Annotated[list[ReportPayloadDescriptor], Field(max_length=100)] | None = None
    resources: Annotated[list[ReportResource], Field(max_length=200)]


class VenRequest(Request):
    """A VEN, as business logic (with ``clientID`` and targets) or the VEN itself sends it."""

    object_type: Literal["BL_VEN_REQUEST", "VEN_VEN_REQUEST", "VEN"] = "VEN_VEN_REQUEST"
    ven_name: Name
    client_id: ObjectId | None = None
    attributes: Attributes = None
    targets: Targets = None


class ResourceRequest(Request):
    """A device or load of a VEN."""

    object_type: Literal["BL_RESOURCE_REQUEST", "VEN_RESOURCE_REQUEST", "RESOURCE"] = "VEN_RESOURCE_REQUEST"
    resource_name: Name
    ven_id: ObjectId
    client_id: ObjectId | None = None
    attributes: Attributes = None
    targets: Targets = None


class ObjectOperation(Shape):
    """Which changes of which objects are told to which address."""

    objects: Annotated[list[ObjectKind], Field(min_length=1, max_length=6)]
    operations: Annotated[list[Operation], Field(min_length=1, max_length=4)]
    callback_url: Annotated[Text, Field(min_length=1, max_length=2000)]
    bearer_token: Annotated[Text, Field(min_length=1, max_length=2000)] | None = None
    mechanism: Literal["WEBHOOK"] = "WEBHOOK"


class SubscriptionRequest(Request):
    """What a client wants to be told of."""

    client_name: Name
    client_id: ObjectId | None = Field(default=None, description="filled in by the node")
    program_id: ObjectId | None = None
    object_operations: Annotated[list[ObjectOperation], Field(min_length=1, max_length=20)]
    targets: Targets = None


class _Made(Shape):
    """What the node adds to every object."""

    id: ObjectId
    created_date_time: DateTime
    modification_date_time: DateTime


class Program(_Made, ProgramRequest):
    """A program."""

    object_type: Literal["PROGRAM"] = "PROGRAM"


class Event(_Made, EventRequest):
    """An event."""

    object_type: Literal["EVENT"] = "EVENT"


class Report(_Made, ReportRequest):
    """A report."""

    object_type: Literal["REPORT"] = "REPORT"
    client_id: ObjectId = ""


class Ven(_Made, VenRequest):
    """A VEN."""

    object_type: Literal["VEN"] = "VEN"
    client_id: ObjectId = ""


class Resource(_Made, ResourceRequest):
    """A resource."""

    object_type: Literal["RESOURCE"] = "RESOURCE"
    client_id: ObjectId = ""


class Subscription(_Made, SubscriptionRequest):
    """A subscription."""

    object_type: Literal["SUBSCRIPTION"] = "SUBSCRIPTION"
    client_id: ObjectId = ""


class AuthServer(Shape):
    """Where tokens come from."""

    token_url: Annotated[str, Field(alias="tokenURL")]


class Token(BaseModel):
    """An access token, as OAuth2 answers."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    scope: str = ""


class Notifiers(BaseModel):
    """How clients can be told."""

    webhook: Annotated[bool, Field(alias="WEBHOOK")] = True
