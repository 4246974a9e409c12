"""Methods for baselines as data: their parameters, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from dispatch.config.documents import CONFIGS, read_document
from dispatch.config.mistakes import near_miss
from dispatch.errors import ConfigError, DataError
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative
from dispatch.markets.catalogue import FOLDER, problems

Count = Annotated[int, Field(ge=1)]


class Method(Frozen):
    """One method.

    ``days``: the mean of some of the last like days. ``exponential``: of all, the younger the more. ``match``: of those
    most alike on the rest of the day. ``same_day``: of hours before and after the event. ``same_hour``: of an hour
    before the event, on the day and on days before. ``regression``: on temperature. ``control``: what others did
    meanwhile.

    Attributes:
        look_back_days: days before the event among which it chooses.
        pool: the youngest like days that count (of ``exponential``: over which it begins).
        keep: how many of the pool are averaged.
        pick: which, by their power during the event's hours.
        low_use_share: days below this share of the pool's mean are replaced by older ones.
        weight: of a new day against the mean so far.
        margin_h: left out on both sides of the event when days are compared.
        adjust: the event day's level against that of the days in hours before the event: a ratio or a difference.
        adjust_from_h, adjust_to_h: that window, in hours before the event begins.
        adjust_low, adjust_high: limits of the ratio.
        adjust_up_only: may the adjustment only raise the baseline?
        before_from_h … after_to_h: windows of ``same_day``.
    """

    name: str = Field(min_length=1)
    title: str
    kind: Literal["days", "exponential", "match", "same_day", "same_hour", "regression", "control"]
    look_back_days: Count = 45
    pool: Count = 10
    keep: Count = 10
    pick: Literal["recent", "high", "low", "middle"] = "recent"
    low_use_share: Fraction = 0.0
    weight: Fraction = 0.1
    margin_h: NonNegative = 0.0
    adjust: Literal["none", "ratio", "add"] = "none"
    adjust_from_h: NonNegative = 4.0
    adjust_to_h: NonNegative = 1.0
    adjust_low: NonNegative = 0.0
    adjust_high: Finite = 1e9
    adjust_up_only: bool = False
    before_from_h: NonNegative = 0.0
    before_to_h: NonNegative = 0.0
    after_from_h: NonNegative = 0.0
    after_to_h: NonNegative = 0.0
    heating_below_degc: Finite = 15.0
    cooling_above_degc: Finite = 18.0
    source: str = Field(min_length=1)
    accessed: date
    verified: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Method:
        if self.kind == "days" and self.keep > self.pool:
            raise ValueError(f"keep is {self.keep}, more than the pool of {self.pool}; at most the pool")
        if self.adjust != "none" and self.adjust_from_h <= self.adjust_to_h:
            raise ValueError("adjust_from_h must be more hours before the event than adjust_to_h")
        return self

    @property
    def wants_temperature(self) -> bool:
        """Does it need weather?"""
        return self.kind == "regression"

    @property
    def wants_control(self) -> bool:
        """Does it need meters of others?"""
        return self.kind == "control"


@cache
def methods() -> Mapping[str, Method]:
    """The methods that ship, by name.

    Raises:
        ConfigError: the file is not understood.
    """
    document = read_document(CONFIGS / FOLDER / "baselines.yaml", "baselines.yaml")
    made: dict[str, Method] = {}
    for place, raw in enumerate(document.raw["methods"]):
        try:
            one = Method.model_validate(raw)
        except ValidationError as error:
            raise ConfigError(document.name, list(problems(error, Method, f"methods[{place}]", document))) from None
        made[one.name] = one
    return made


def method(name: str) -> Method:
    """A method that ships.

    Raises:
        DataError: there is none of that name.
    """
    known = methods()
    if name not in known:
        raise DataError(f"there is no baseline method '{name}'; accepted: {near_miss(name, sorted(known))}")
    return known[name]
