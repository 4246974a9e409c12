"""Values that bodies of markets are made of, beside those of plans."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from dispatch.service.schemas.plan_parts import Accepted, Body, Day, KnownAt, Moment, Number, SiteId

__all__ = ["Accepted", "Body", "Day", "KnownAt", "Moment", "Number", "SiteId"]


def _id(prefix: str) -> Any:
    return Field(pattern=rf"^{prefix}_[0-9a-hjkmnp-tv-z]{{26}}$")


ForecastId = Annotated[str, _id("fcs")]
PlanId = Annotated[str, _id("fpl")]
FlexibilityId = Annotated[str, _id("flx")]
EvaluationId = Annotated[str, _id("evl")]
BidId = Annotated[str, _id("bid")]
AwardId = Annotated[str, _id("awd")]
SettlementId = Annotated[str, _id("stl")]
Time = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e12)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
ShortText = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
