"""What pydantic found wrong, as faults: each with what would be taken, from the error or from the model it is of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from starlette.requests import Request

from dispatch.service.errors import Fault, escaped
from dispatch.service.http.intake import received
from dispatch.service.http.media import is_json, media_type

_TIME = "RFC 3339 with an offset, such as 2026-05-01T12:15:00Z"
_LIMITS = {
    "ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}",
    "multiple_of": "a multiple of {}",
}  # fmt: skip
_LENGTHS = {"min_length": "at least {} {}", "max_length": "at most {} {}"}
# By the beginning of an error's type; the first that fits.
_KINDS = {
    "timezone": _TIME, "datetime": _TIME, "date": "a date, such as 2026-05-01", "int": "a whole number",
    "float": "a number", "finite": "a finite number", "decimal": "a number", "string": "text",
    "bool": "true or false", "tuple": "a list", "list": "a list", "dict": "an object", "model": "an object",
    "json": "JSON",
}  # fmt: skip
_LARGEST = 2**20  # a body that is read a second time
_PREFIX = "Value error, "


def faults(errors: Sequence[Mapping[str, Any]], request: Request) -> list[Fault]:
    """All that is wrong; of a list that is too short only because its entries are wrong the entries alone."""
    places = [tuple(each["loc"]) for each in errors]

    def is_noise(kind: str, place: tuple[int | str, ...]) -> bool:
        return kind == "too_short" and any(len(one) > len(place) and one[: len(place)] == place for one in places)

    return [
        fault(each, request) for each, place in zip(errors, places, strict=True) if not is_noise(each["type"], place)
    ]


def fault(details: Mapping[str, Any], request: Request | None = None) -> Fault:
    """One of pydantic's errors as a fault."""
    place, *rest = details["loc"] or ("body",)
    value = None if details["type"] == "missing" else details.get("input")
    if details["type"] == "extra_forbidden":
        message = "is not a known field"
    else:
        message = str(details["msg"]).removeprefix(_PREFIX)
    accepted = _from_context(details) or _from_model(details, request)
    return Fault("".join(f"/{escaped(part)}" for part in rest), message, value, accepted, str(place))


def _from_context(details: Mapping[str, Any]) -> str:
    """What the error itself says would be taken."""
    kind = str(details["type"])
    context = {name: value for name, value in (details.get("ctx") or {}).items() if not isinstance(value, Exception)}
    if said := context.get("expected") or context.get("expected_tags") or context.get("pattern"):
        return str(said)
    one, many = ("character", "characters") if kind.startswith("string") else ("entry", "entries")
    told = [text.format(f"{context[name]:g}") for name, text in _LIMITS.items() if _is_number(context.get(name))]
    lengths = {name: context[name] for name in _LENGTHS if name in context}
    told += [_LENGTHS[name].format(n, one if n == 1 else many) for name, n in lengths.items()]
    return " and ".join(told) or next((text for start, text in _KINDS.items() if kind.startswith(start)), "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _from_model(details: Mapping[str, Any], request: Request | None) -> str:
    """What the model has: its fields for one that it has not, the kind of one that is missing."""
    from dispatch.config import mistakes  # it brings all kinds of asset along

    place, *rest = details["loc"] or ("body",)
    owner = _owner(request, rest) if place == "body" and rest else None
    if owner is None:
        return ""
    name = str(rest[-1])
    if details["type"] == "extra_forbidden":
        return mistakes.near_miss(name[:100], [field.alias or key for key, field in owner.model_fields.items()])
    own = next((key for key, field in owner.model_fields.items() if name in (key, field.alias)), None)
    return mistakes.accepted(owner, own) if details["type"] == "missing" and own else ""


def _owner(request: Request | None, path: Sequence[int | str]) -> type[BaseModel] | None:
    """The model whose field stands at the end of a path into the body; None where none or several are."""
    field = getattr(request.scope.get("route"), "body_field", None) if request is not None else None
    found = [] if field is None else _bare(field.field_info.annotation)
    for part in path[:-1]:
        if len(found) != 1:
            return None
        found = _inside(found[0], part)
    models = [each for each in found if isinstance(each, type) and issubclass(each, BaseModel)]
    return models[0] if len(models) == 1 else None


def _inside(declared: Any, part: int | str) -> list[Any]:
    """What is declared for an entry."""
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        fields = declared.model_fields.items()
        return next((_bare(field.annotation) for name, field in fields if part in (name, field.alias)), [])
    inner = get_args(declared)
    return _bare(inner[0] if isinstance(part, int) else inner[-1]) if inner else []


def _bare(declared: Any) -> list[Any]:
    """The shapes that something may have, without limits and None."""
    if get_origin(declared) is Annotated:
        return _bare(get_args(declared)[0])
    if get_origin(declared) is not None and NoneType in get_args(declared):
        return [shape for each in get_args(declared) if each is not NoneType for shape in _bare(each)]
    return [declared]


def with_values(found: Sequence[Fault], request: Request) -> list[Fault]:
    """Faults of a JSON body that do not say what was found, with the value that stands there."""
    wanted = any(each.value is None and each.place == "body" and each.pointer for each in found)
    content = received(request.scope) if wanted and is_json(media_type(request.headers.get("content-type"))) else b""
    if not 0 < len(content) <= _LARGEST:
        return list(found)
    body = json.loads(content)
    return [
        replace(each, value=_at(body, each.pointer)) if each.value is None and each.place == "body" else each
        for each in found
    ]


def _at(body: Any, pointer: str) -> Any:
    """What a pointer points at; None where there is nothing."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body
