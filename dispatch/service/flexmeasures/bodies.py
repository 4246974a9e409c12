"""Bodies that a FlexMeasures client sends; what is JSON within JSON there (attributes, flex-models) may be either."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema

MOST_VALUES = 20_000
_LONGEST_TEXT = 100_000
_MOST_ENTRIES = 500


class Body(BaseModel):
    """Base of all: nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"is {len(value)} characters long; accepted: at most {_LONGEST_TEXT}")
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("is text that is no JSON") from None
    _require_plain(found)
    return found


def _require_plain(value: Any, depth: int = 0) -> None:
    """Finite numbers, no lone surrogates, not nested without end: what the service's own bodies are held to."""
    if depth > 20:
        raise ValueError("is nested too deeply")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in value):
        raise ValueError("holds text that is none")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _require_plain(part, depth + 1)
    for key in value if isinstance(value, dict) else ():
        _require_plain(key, depth + 1)


def _container(value: Any) -> Any:
    if not isinstance(value, list | dict) or len(value) > _MOST_ENTRIES:
        raise ValueError(f"accepted: a list or an object, of at most {_MOST_ENTRIES} entries")
    return value


def _several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Object = Annotated[dict[str, Any], BeforeValidator(_parsed), Field(max_length=_MOST_ENTRIES)]
# One validator and no union: an error then has the place that the client knows.
Container = Annotated[
    Any, BeforeValidator(_container), BeforeValidator(_parsed), WithJsonSchema({"type": ["array", "object"]})
]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Number = Annotated[StrictFloat, Field(ge=-1e15, le=1e15)]
Id = Annotated[StrictInt, Field(ge=1, lt=2**31)]
Latitude = Annotated[Number, Field(ge=-90, le=90)]
Longitude = Annotated[Number, Field(ge=-180, le=180)]
Moment = Annotated[StrictStr, Field(max_length=64)]
Length = Annotated[StrictStr, Field(max_length=64)]
Unit = Annotated[StrictStr, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")]


class TokenRequest(Body):
    """Address and password: ``<key id>@…`` and the key's secret, or any address and the whole API key."""

    email: Annotated[StrictStr, Field(min_length=3, max_length=254)]
    password: Annotated[StrictStr, Field(min_length=1, max_length=200)]


class NewAsset(Body):
    """An asset to make."""

    name: Name
    account_id: Id
    generic_asset_type_id: Id
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    parent_asset_id: Id | None = None
    attributes: Object = {}
    flex_context: Object = {}
    flex_model: Object = {}
    sensors_to_show: Container = []


class AssetChange(Body):
    """Fields of an asset to change."""

    name: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    attributes: Object | None = None
    flex_context: Object | None = None
    flex_model: Object | None = None
    sensors_to_show: Container | None = None


class NewSensor(Body):
    """A sensor to make."""

    name: Name
    event_resolution: Length
    unit: Unit
    generic_asset_id: Id
    timezone: Annotated[StrictStr, Field(max_length=64)] = "UTC"
    attributes: Object = {}


class SensorChange(Body):
    """Fields of a sensor to change; what its values are of stays what it was."""

    name: Name | None = None
    attributes: Object | None = None
    timezone: Annotated[StrictStr, Field(max_length=64)] | None = None


class Values(Body):
    """Values of a sensor from a time on."""

    start: Moment
    duration: Length
    values: Annotated[list[Number | None], BeforeValidator(_several), Field(min_length=1, max_length=MOST_VALUES)]
    unit: Unit
    prior: Moment | None = None
    horizon: Length | None = None
    type: StrictStr | None = None


class ScheduleTrigger(BaseModel):
    """A schedule to make; names with hyphens, as FlexMeasures writes them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Moment
    duration: Length = "PT48H"
    flex_model: Annotated[Container | None, Field(alias="flex-model")] = None
    flex_context: Annotated[Object | None, Field(alias="flex-context")] = None
    resolution: Length | None = None
    prior: Moment | None = None
    force: Annotated[bool, Field(alias="force-new-job-creation")] = True
