"""What is wrong with a park's file, in the words of the person who wrote it.

Field checks are the models' own; here each of their errors gets its path in the file, the value found and what would be
accepted, read from the field's declaration. Names that point nowhere are found in the raw mapping, so that they add to
the field checks and do not wait for them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from dispatch.assets import kinds
from dispatch.errors import Problem
from dispatch.signals import accepted_units
from dispatch.site import Site

_TIME = "a time with offset, like 2016-10-14T06:00+02:00"
_PLAIN: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    date: "a date, like 2016-10-14",
    datetime: _TIME,
    AwareDatetime: _TIME,
    timedelta: "a duration, like PT15M",
}
_LONGEST_VALUE = 60
_MANY_NAMES = 12
_SHAPES = {
    "name": "letters, digits, '_' and '-'",
    "currency": "three capital letters, like EUR",
    "day": "a day, like 2016-10-14",
    "time_zone": "an IANA name, like Europe/Berlin",
}
_WORDS = {
    "missing": "is missing",
    "bool_parsing": "is not true or false",
    "bool_type": "is not true or false",
    "finite_number": "is not a finite number",
    "float_parsing": "is not a number",
    "float_type": "is not a number",
    "int_from_float": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than": "is too large",
    "less_than_equal": "is too large",
    "literal_error": "is not known",
    "string_type": "is not text",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "is not written as it must be",
    "too_short": "has too few entries",
    "tuple_type": "is not a list",
    "dict_type": "is not a mapping",
    "model_type": "is not a mapping",
    "model_attributes_type": "is not a mapping",
    "union_tag_not_found": "is not understood",
    "timezone_aware": "has no offset from UTC",
}
_LIMITS = {"gt": "above {}", "ge": "{} or more", "lt": "below {}", "le": "at most {}"}


def near_miss(value: object, valid: Sequence[str], nothing: str = "none yet") -> str:
    """``did you mean …? one of …`` for a name that is not among ``valid``."""
    near = difflib.get_close_matches(str(value), valid, 1) or [
        v for v in valid if len(str(value)) > 1 and str(value) in v
    ]
    listed = ", ".join(valid[:_MANY_NAMES]) + (" …" if len(valid) > _MANY_NAMES else "")
    return (f"did you mean '{near[0]}'? " if near else "") + (f"one of {listed}" if valid else nothing)


def shown(value: object) -> str:
    """A value as it stands in YAML, cut where it is long."""
    if isinstance(value, bool | NoneType):
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, Mapping | list | tuple):
        return f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def accepted(owner: type[BaseModel], name: str) -> str:
    """What may be written for a field of a model."""
    field = owner.model_fields[name]
    return _accepted(_Place(name, name, field.annotation, tuple(field.metadata), owner))


def field_problems(error: ValidationError, raw: Mapping[str, Any], root: type[BaseModel] = Site) -> Iterator[Problem]:
    """One problem for each of the models' errors.

    Of a choice of shapes (a number or a list of intervals) only the one that the value was meant for is reported.

    Args:
        raw: the file; root: the model that it was read as.
    """
    errors = error.errors(include_url=False)
    # The length of a list is counted over its valid entries alone: what is wrong with them is said already.
    placed = [
        (p, e) for e in errors if (p := _place(e["loc"], raw, root)) is not None and not (_is_short(e) and e["input"])
    ]
    for place, details in placed:
        yield _problem(place, details)
    if not placed:
        for details in errors:
            yield Problem(_joined(details["loc"]), _message(details))


def _is_short(details: ErrorDetails) -> bool:
    return details["type"] == "too_short"


@dataclass(frozen=True)
class _Place:
    """Where an error stands.

    Attributes:
        path: as in the file.
        name: of the innermost field.
        declared: its annotation; None where there is no such field.
        limits: bounds declared beside the annotation.
        owner: the model that has, or lacks, the field.
    """

    path: str
    name: str
    declared: Any
    limits: tuple[Any, ...]
    owner: Any


def _place(loc: Sequence[int | str], raw: Mapping[str, Any], root: type[BaseModel]) -> _Place | None:
    """Follow an error's location through models and file; None if it is in a shape that the value was not meant for."""
    place, value = _Place("", "file", root, (), root), raw
    for part in loc:
        branches = _branches(place.declared)
        if len(branches) > 1:
            meant = max(branches, key=lambda b: _likeness(b, value))
            if not _is_label(str(part), meant):
                return None
            place = replace(place, declared=meant)
            continue
        place = _inside(place, branches[0] if branches else None, part)
        value = _entry(value, part)
    return place


def _inside(place: _Place, declared: Any, part: int | str) -> _Place:
    path = _joined([part], place.path)
    bare = _bare(declared)
    if isinstance(part, int):
        inner = get_args(bare)
        return _Place(path, place.name, inner[0] if inner else None, _limits_in(inner[0] if inner else None), bare)
    if _is_model(bare):
        field = bare.model_fields.get(part)
        declared, limits = (field.annotation, tuple(field.metadata)) if field else (None, ())
        return _Place(path, part, declared, limits, bare)
    inner = get_args(bare)
    return _Place(path, part, inner[-1] if inner else None, (), bare)


def _entry(value: Any, part: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _joined(parts: Sequence[int | str], path: str = "") -> str:
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _bare(declared: Any) -> Any:
    return get_args(declared)[0] if get_origin(declared) is Annotated else declared


def _is_model(declared: Any) -> bool:
    return isinstance(declared, type) and issubclass(declared, BaseModel)


def _branches(declared: Any) -> list[Any]:
    """The shapes a value may take, None left out."""
    bare = _bare(declared)
    if get_origin(bare) in (Union, UnionType):
        return [b for inner in get_args(bare) if inner is not NoneType for b in _branches(inner) or [inner]]
    return [] if declared is None else [declared]


def _likeness(branch: Any, value: Any) -> float:
    """How much a value looks meant for a shape."""
    bare = _bare(branch)
    if _is_model(bare):
        if not isinstance(value, Mapping):
            return 0.0
        tag = _tag(bare)
        same_tag = tag is not None and value.get(tag[0]) == tag[1]
        return 1.0 + 100.0 * same_tag + sum(isinstance(key, str) and key in bare.model_fields for key in value)
    if get_origin(bare) is dict:
        return float(isinstance(value, Mapping))
    is_list = get_origin(bare) is tuple
    return float(is_list == isinstance(value, list) and not isinstance(value, Mapping))


def _tag(model: type[BaseModel]) -> tuple[str, str] | None:
    """The field, with its only value, by which a model is told from others."""
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Literal and get_args(field.annotation) == (field.default,):
            return name, str(field.default)
    return None


def _is_label(part: str, branch: Any) -> bool:
    """Does pydantic call the branch so?"""
    tags = [m.tag for m in get_args(branch)[1:] if isinstance(m, Tag)] if get_origin(branch) is Annotated else []
    bare = _bare(branch)
    if _is_model(bare):
        tag = _tag(bare)
        # A model with a check of its own is called 'function-after[check(), Model]'.
        return part in (*tags, bare.__name__, tag[1] if tag else None) or part.endswith(f" {bare.__name__}]")
    name = "tuple" if get_origin(bare) is tuple else getattr(bare, "__name__", "")
    # The label of a mapping holds those of its values: 'dict[str,tuple[…]]'.
    of_mapping = part.startswith("dict[")
    return part in tags or (bool(name) and name in part and of_mapping == (name == "dict"))


def _problem(place: _Place, details: ErrorDetails) -> Problem:
    kind, found = details["type"], details.get("input")
    path = place.path or "file"
    if kind == "extra_forbidden":
        return Problem(path, "is not a known field", near_miss(place.name, _fields(place.owner)))
    if kind == "invalid_key":
        text = f"{shown(found)} stands where a field's name should be: in braces a comma ends an entry"
        return Problem(path, text, "numbers with a decimal point, like 0.33")
    if _is_asset(place) and (kind.startswith("union_tag") or not isinstance(found, Mapping)):
        return _kind_problem(path, found)
    if kind.startswith("union_tag") and isinstance(found, Mapping):
        return _tag_problem(place, path, found)
    if kind == "literal_error":
        valid = [str(v) for v in get_args(_bare(_branches(place.declared)[0]))]
        return Problem(path, _message(details), near_miss(found, valid))
    accepted = _accepted(place)
    if kind == "missing" and (description := _description(place)):
        accepted = f"{accepted} ({description})"
    # A check of a whole entry has said in its own words what is wrong; which fields it has is no news then.
    message = _message(details)
    said = accepted == "text" or isinstance(found, Mapping | BaseModel) or "; accepted: " in message
    return Problem(path, message, "" if kind == "value_error" and said else accepted)


def _description(place: _Place) -> str:
    field = place.owner.model_fields.get(place.name) if _is_model(place.owner) else None
    return (field.description or "") if field else ""


def _kind_problem(path: str, found: Any) -> Problem:
    if not isinstance(found, Mapping):
        return Problem(path, f"is not a mapping (found {shown(found)})", "an asset like {kind: pv, name: …, bus: …}")
    kind = found.get("kind")
    message = "is missing" if kind is None else f"is no kind of asset (found {shown(kind)})"
    return Problem(f"{path}.kind", message, near_miss(kind, list(kinds())))


def _tag_problem(place: _Place, path: str, found: Mapping[str, Any]) -> Problem:
    """A mapping that does not say, or not in words we know, which of several shapes it has."""
    tags = [tag for branch in _branches(place.declared) if (tag := _tag(_bare(branch))) is not None]
    name = tags[0][0]
    message = f"is not known (found {shown(found[name])})" if name in found else "is missing"
    return Problem(f"{path}.{name}", message, near_miss(found.get(name, ""), [value for _, value in tags]))


def _is_asset(place: _Place) -> bool:
    return re.fullmatch(r"assets\[\d+\]", place.path) is not None


def _message(details: ErrorDetails) -> str:
    kind, found = details["type"], details.get("input")
    if kind == "value_error":
        text = details["msg"].removeprefix("Value error, ")
        return text if isinstance(found, Mapping) or str(found) in text else f"{text} (found {shown(found)})"
    default = details["msg"].replace("Input should be", "should be").replace("Input", "value")
    text = _WORDS.get(kind, default)
    return text if kind == "missing" else f"{text} (found {shown(found)})"


def _fields(owner: Any) -> list[str]:
    if not _is_model(owner):
        return []
    extra = ["use"] if owner in kinds().values() else []
    return sorted([*owner.model_fields, *extra])


def _accepted(place: _Place) -> str:
    """What may be written at a place, from its declaration."""
    texts = [_shape(branch, place.name) for branch in _branches(place.declared)]
    bounds = [_LIMITS[name].format(f"{bound:g}") for name, bound in _bounds(place)]
    return ", ".join([" or ".join(dict.fromkeys(t for t in texts if t)), *bounds]).strip(", ")


def _bounds(place: _Place) -> Iterator[tuple[str, float]]:
    limits = [*place.limits, *(m for branch in _branches(place.declared) for m in _limits_in(branch))]
    for name in _LIMITS:
        held = [getattr(m, name) for m in limits if isinstance(getattr(m, name, None), int | float)]
        if held:
            yield name, held[0]


def _limits_in(declared: Any) -> tuple[Any, ...]:
    """Bounds inside ``Annotated[float, …]``, nested fields flattened."""
    if get_origin(declared) is not Annotated:
        return ()
    outer = get_args(declared)[1:]
    return tuple(m for entry in outer for m in (entry, *getattr(entry, "metadata", ())))


def _shape(declared: Any, name: str) -> str:
    bare = _bare(declared)
    origin = get_origin(bare)
    if _is_model(bare):
        needed = [n for n, f in bare.model_fields.items() if f.is_required()] or list(bare.model_fields)[:3]
        return f"a mapping with {', '.join(needed)}"
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(bare)))}"
    if origin is tuple:
        inner = _branches(get_args(bare)[0])
        return f"a list, each {_shape(inner[0], name)}" if len(inner) == 1 else "a list"
    if origin is dict:
        return "a mapping of names"
    plain = _PLAIN.get(bare, "")
    return accepted_units(name) if bare is float else _SHAPES.get(name, plain) if bare in (str, Any) else plain
