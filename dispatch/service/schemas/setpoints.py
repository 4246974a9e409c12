"""Bodies of set-points and of what overrides them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dispatch.service.schemas.plan_parts import AssetName, Body, Moment, Number, Quantity, id_pattern
from dispatch.service.schemas.shared import Answer, Title

OverrideId = Annotated[str, Field(pattern=id_pattern("ovr"))]
Source = Literal["override", "hold", "schedule", "safe_state", "none"]


class SetpointOfStep(Answer):
    """What an asset is told for a step, as its schedule says."""

    asset: str
    quantity: Annotated[str, Field(description="With its unit; on: how many units run")]
    start: datetime
    end: datetime
    value: float
    valid_until: Annotated[datetime, Field(description="From then on the safe state holds unless something newer does")]


class SetpointSeries(Answer):
    """The set-points of a schedule."""

    site: str
    schedule: str
    items: list[SetpointOfStep]


class SetpointNow(Answer):
    """What holds of one set-point at a moment, and who says so."""

    asset: str
    quantity: str
    value: Annotated[float | None, Field(description="null: nothing is known, and the asset's own control decides")]
    source: Annotated[Source, Field(description="override > hold > schedule > the safe state of the last schedule")]
    valid_until: Annotated[datetime | None, Field(description="null: until something newer is said")] = None
    issued_at: Annotated[datetime | None, Field(description="When the schedule or the override was made")] = None
    schedule: str | None = None
    override: Annotated[str | None, Field(description="The override that says it, or that bounds it")] = None
    bounded_from: Annotated[float | None, Field(description="What it would be without these bounds")] = None


class SetpointsNow(Answer):
    """All that holds of a site at a moment."""

    site: str
    at: datetime
    items: list[SetpointNow]


class SetpointSpan(SetpointNow):
    """What holds of one set-point from a moment to another."""

    start: datetime
    end: datetime


class SetpointSpans(Answer):
    """All that holds of a site over a time, as it is known now."""

    site: str
    start: datetime
    end: datetime
    items: list[SetpointSpan]


class OverrideAsked(Body):
    """What an operator wants of one set-point instead: a value, what it is now, or bounds that plans keep to."""

    asset: AssetName
    quantity: Annotated[Quantity, Field(examples=["charge_kw"])]
    value: Number | None = None
    hold: Annotated[bool, Field(strict=True, description="Keep what holds now")] = False
    least: Annotated[Number | None, Field(description="Nothing of lower priority goes below")] = None
    most: Annotated[Number | None, Field(description="Nothing of lower priority goes above")] = None
    start: Annotated[Moment | None, Field(description="Now by default")] = None
    until: Annotated[Moment, Field(description="Then it ends by itself")]
    reason: Annotated[Title | None, Field(description="For those who come after")] = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        bounds = self.least is not None or self.most is not None
        if (self.value is not None) + self.hold + bounds != 1:
            raise ValueError("give one of value, hold: true, and bounds (least, most)")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least {self.least:g} is above most {self.most:g}")
        if self.hold and self.start is not None:
            raise ValueError("hold keeps what holds now: leave out start")
        if self.start is not None and self.start >= self.until:
            raise ValueError("until is not after start")
        return self


class OverrideShown(Answer):
    """An override; past ones too."""

    id: str
    site: str
    asset: str
    quantity: str
    kind: Literal["value", "hold", "bounds"]
    value: Annotated[float | None, Field(description="Of a hold what it was when it began")] = None
    least: float | None = None
    most: float | None = None
    start: datetime
    until: datetime
    ended_at: Annotated[datetime | None, Field(description="Where somebody ended it early")] = None
    reason: str | None = None
    created_at: datetime
    created_by: str
