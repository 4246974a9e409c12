"""Base of every configuration model, and the number types its fields use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from dispatch.signals import parse_quantity, takes_percent, unit_of

_MOST, _LEAST = 1e12, 1e-15


class Frozen(BaseModel):
    """Immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def rebuilt(value: Any, change: Callable[[Any, str], Any], path: str = "") -> Any:
    """A copy of nested models in which some are replaced; the same object where none is.

    Args:
        change: what stands in the place of a value at its path; None: the value, with what is in it looked at too.
        path: of ``value`` in the user's file.
    """
    if (other := change(value, path)) is not None:
        return other
    if isinstance(value, tuple):
        made = tuple(rebuilt(entry, change, f"{path}[{i}]") for i, entry in enumerate(value))
        return made if any(a is not b for a, b in zip(made, value, strict=True)) else value
    if not isinstance(value, Frozen):
        return value
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    new = {name: rebuilt(old, change, f"{path}.{name}" if path else name) for name, old in fields.items()}
    changes = {name: other for name, other in new.items() if other is not fields[name]}
    return value.model_copy(update=changes) if changes else value


def _read_quantity(value: object, info: ValidationInfo) -> object:
    name = info.field_name or ""
    if isinstance(value, str) and (unit_of(name) is not None or (takes_percent(name) and "%" in value) or "," in value):
        return parse_quantity(name, value)
    if isinstance(value, bool):
        raise ValueError("a truth value is not a number")  # noqa: TRY004 — pydantic collects ValueError only
    return value


def _read_percent(value: object) -> object:
    """Whatever the name: a number that lies between nothing and all of something is a share."""
    return parse_quantity("share", value) if isinstance(value, str) and value.strip().endswith("%") else value


def _within_reach(value: float) -> float:
    """Beyond it sums and quotients overflow, in the forecast or in the solver, long after the file was read.

    What is nearer to nothing than that is what arithmetic leaves of nothing: it counts as 0, and where 0 may not stand
    it is refused as 0 is.
    """
    if abs(value) > _MOST:
        raise ValueError(f"is larger than {_MOST:g}, more than can be reckoned with")
    return value if abs(value) >= _LEAST else 0.0


Finite = Annotated[float, BeforeValidator(_read_quantity), Field(allow_inf_nan=False), AfterValidator(_within_reach)]
"""A finite number; text with a unit is read where the field's name ends in one, text in % where it says a share."""
Positive = Annotated[Finite, Field(gt=0)]
NonNegative = Annotated[Finite, Field(ge=0)]
Fraction = Annotated[Finite, BeforeValidator(_read_percent), Field(ge=0, le=1)]
Efficiency = Annotated[Finite, BeforeValidator(_read_percent), Field(gt=0, le=1)]
"""Shares of a whole: a number, or text in %."""
