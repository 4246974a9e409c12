"""Bodies of fleets, and of what is forecast and planned of them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from dispatch.service.schemas.results import DayResult, OfDay
from dispatch.service.schemas.values import Body, Name, NotNegative, ShortText, SiteId, Time

MOST_SITES = 10_000
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[^\x00]+$")]


class SharedThing(Body):
    """Something that sites share, as it stands in a fleet's file."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: Name
    name: Name


class FleetBody(Body):
    """Sites by name or by label, and what they share."""

    title: ShortText = ""
    sites: Annotated[
        tuple[SiteId, ...] | None, Field(min_length=1, max_length=MOST_SITES, description="By name; instead of where")
    ] = None
    where: Annotated[
        dict[Label, Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]] | None,
        Field(min_length=1, max_length=10, description="Labels with the value they must have; instead of sites"),
    ] = None
    shared: Annotated[
        tuple[SharedThing, ...],
        Field(max_length=100, description="Limits, meters, budgets that sites share, as in a fleet's file"),
    ] = ()
    gap: Annotated[float, Field(strict=True, ge=1e-7, le=0.05, description="At which a search ends")] = 1e-4

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.sites is None) == (self.where is None):
            raise ValueError("give the sites by name (sites) or by label (where), one of them")
        if self.sites is not None and len(set(self.sites)) < len(self.sites):
            raise ValueError("a site is named twice")
        return self


class Fleet(Body):
    """A fleet as it is."""

    id: str
    version: int
    etag: str
    body: FleetBody
    sites: Annotated[int, Field(description="How many it has now")]
    created: Time
    updated: Time


class FleetShort(Body):
    """A fleet in a list."""

    id: str
    version: int
    etag: str
    title: str
    created: Time
    updated: Time


class PlanAsked(OfDay):
    """Plans of all sites, under what they share where the fleet's body says so."""

    priority: Annotated[int, Field(ge=0, le=9, strict=True)] = 0


class FleetForecast(DayResult):
    """What is forecast of a fleet's day."""


class FleetPlan(DayResult):
    """What became of a fleet's sites."""

    coordinated: Annotated[bool | None, Field(description="Were they planned under what they share?")] = None
    qualities: dict[str, int] = Field(
        default_factory=dict, description="How many sites stand on which rung of the ladder"
    )
    money: dict[str, float] = Field(default_factory=dict, description="By currency, over the horizon")
    co2_kg: float | None = None
    penalty: NotNegative | None = None
    gap: Annotated[float | None, Field(description="Of the whole, where sites share something")] = None
    notes: tuple[str, ...] = ()
