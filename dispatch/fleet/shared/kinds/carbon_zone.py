"""Zones with a carbon price and a grid mix of their own."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dispatch.assets.grid_connection import GridConnection
from dispatch.fields.frozen import NonNegative
from dispatch.fields.series import Intensity
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array
from dispatch.site import Site


class CarbonZone(Shared):
    """The carbon price, the mix of the grid, or both, of all sites of a zone.

    A price without a limit couples nothing: it takes the place of the price in each site's own objective, and the
    intensity that of what the site's connections import.
    """

    kind: Literal["carbon_zone"] = "carbon_zone"
    price_per_t: NonNegative | None = Field(default=None, description="of emissions, in the objective of each site")
    carbon_intensity_kg_per_kwh: Intensity | None = Field(default=None, description="of what its sites import")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.price_per_t is None and self.carbon_intensity_kg_per_kwh is None:
            raise ValueError("it changes nothing: give price_per_t or carbon_intensity_kg_per_kwh")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """None."""
        return ()

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """Nothing is joined."""

    def site(self, site: Site) -> Site:
        """With the zone's price and mix."""
        if self.price_per_t is not None:
            wanted = site.objective.model_copy(update={"carbon_price_per_t": self.price_per_t})
            site = site.model_copy(update={"objective": wanted})
        if self.carbon_intensity_kg_per_kwh is None:
            return site
        mix = {"carbon_intensity_kg_per_kwh": self.carbon_intensity_kg_per_kwh}
        assets = tuple(a.model_copy(update=mix) if isinstance(a, GridConnection) else a for a in site.assets)
        return site.model_copy(update={"assets": assets})
