"""Base of every configuration model, and the number types its fields use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from dispatch.signals import parse_quantity, unit_of


class Frozen(BaseModel):
    """Immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _read_quantity(value: object, info: ValidationInfo) -> object:
    name = info.field_name or ""
    if isinstance(value, str) and unit_of(name) is not None:
        return parse_quantity(name, value)
    if isinstance(value, bool):
        raise ValueError("a truth value is not a number")  # noqa: TRY004 — pydantic collects ValueError only
    return value


Finite = Annotated[float, BeforeValidator(_read_quantity), Field(allow_inf_nan=False)]
"""A finite number; text with a unit is read where the field's name ends in one."""
Positive = Annotated[Finite, Field(gt=0)]
NonNegative = Annotated[Finite, Field(ge=0)]
Fraction = Annotated[Finite, Field(ge=0, le=1)]
Efficiency = Annotated[Finite, Field(gt=0, le=1)]
