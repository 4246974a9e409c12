"""Bodies of flexibility: envelopes, priced blocks, and whether a profile is possible."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dispatch.service.schemas.results import DayResult, OfDay, Result
from dispatch.service.schemas.values import Body, FlexibilityId, NotNegative, Number, Time

MOST_STEPS = 3000


class FlexibilityAsked(OfDay):
    """What is wanted of a day."""

    blocks: Annotated[int, Field(ge=0, le=20, strict=True, description="Of cost, each step and direction")] = 4
    dearest_per_kwh: Annotated[
        NotNegative | None, Field(description="What costs more is no offer; by default half the value of lost load")
    ] = None


class EnvelopeStep(Body):
    """What the fleet can do in a step: net draw, above zero from the grid."""

    start: Time
    plan_kw: float
    least_kw: float
    most_kw: float
    least_kwh: Annotated[float, Field(description="Drawn since the first step, at its end")]
    most_kwh: float
    up_offered_kw: float
    down_offered_kw: float


class Flexibility(DayResult):
    """What a fleet can do beside its plan."""

    currency: str | None = None
    most_up_kw: float | None = None
    most_down_kw: float | None = None
    tight: Annotated[bool | None, Field(description="Can each number of the envelope be reached by itself?")] = None
    notes: Annotated[tuple[str, ...], Field(description="What sites can do that no block prices")] = ()
    envelope: tuple[EnvelopeStep, ...] = ()


class ProfileAsked(Body):
    """A profile of the fleet's net draw."""

    flexibility: FlexibilityId
    profile_kw: Annotated[list[Number], Field(min_length=1, max_length=MOST_STEPS, description="One for each step")]
    cheapest: Annotated[bool, Field(description="By the sites' own prices instead of evenly")] = False


class MissedStep(Body):
    """A step of a profile that cannot be met."""

    start: Time
    asked_kw: float
    nearest_kw: float
    missed_kwh: float


class Evaluation(Result):
    """Whether a profile is possible, which is nearest, and who does what."""

    flexibility: str
    feasible: bool | None = None
    how: Annotated[str | None, Field(description="devices: exact; problems: by the sites' own programs")] = None
    nearest_kw: Annotated[tuple[float, ...], Field(description="The profile, or the nearest to it by energy")] = ()
    missed_kwh: float | None = None
    missed: Annotated[tuple[MissedStep, ...], Field(description="Where it is missed")] = ()
    certificate: Annotated[tuple[str, ...], Field(description="Why: what holds for all that is possible")] = ()
