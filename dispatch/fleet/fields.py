"""Fields of a park by their path: ``roof.peak_kw``, ``works.history.year_kwh``, ``latitude_deg``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

SITE_FIELDS = ("title", "latitude_deg", "longitude_deg", "altitude_m")
"""What of a park itself, and not of one of its assets, differs from site to site."""


def split(path: str) -> tuple[str, str]:
    """Asset and the path inside it; the asset is empty for a field of the park itself."""
    if path in SITE_FIELDS:
        return "", path
    asset, _, inside = path.partition(".")
    return asset, inside


def changed(model: M, changes: Mapping[str, Any]) -> M:
    """A model with other values at some paths inside it, checked as if they stood in its file.

    Parts that do not change are taken over as they are.

    Raises:
        ValidationError: a value is none that the model takes, or a path is none of its fields.
    """
    return type(model).model_validate(_values(model, changes))


def _values(model: BaseModel, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: getattr(model, name) for name in model.model_fields_set}
    nested: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            values[head] = value
    for head, inner in nested.items():
        held = getattr(model, head, None)
        values[head] = _values(held, inner) if isinstance(held, BaseModel) else inner
    return values


def number_fields(model: BaseModel, path: str = "") -> tuple[str, ...]:
    """Paths of all numbers inside a model, those of models inside it too."""
    found: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        here = f"{path}{name}"
        if isinstance(value, BaseModel):
            found += number_fields(value, f"{here}.")
        elif (isinstance(value, int | float) and not isinstance(value, bool)) or _takes_number(type(model), name):
            found.append(here)
    return tuple(found)


def _takes_number(owner: type[BaseModel], name: str) -> bool:
    """May a number stand in a field that holds none now?"""
    declared = str(owner.model_fields[name].annotation)
    return "float" in declared or declared in ("<class 'int'>", "int | None")
