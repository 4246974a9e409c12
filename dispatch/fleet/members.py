"""One site of a fleet, and what is known of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from dispatch.asset import Inputs
from dispatch.problem import _structure as structure
from dispatch.signals import Array, Horizon
from dispatch.site import Site


@dataclass(frozen=True)
class Member:
    """One site of a fleet, and what is known of it.

    Attributes:
        site: the park.
        series: by (asset, quantity), (1, T) what is known beyond what the park's file decides.
        state: by asset, what is carried in from before the horizon.
        labels: master data: feeder, zone, owner …
    """

    site: Site
    series: Mapping[tuple[str, str], Array]
    state: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The site's."""
        return self.site.name

    def inputs(self, horizon: Horizon) -> Inputs:
        """All that a problem of the site reads.

        Raises:
            DataError: the site's tariff or signals do not cover the horizon.
        """
        return Inputs(horizon, 1, self.site.known_series(horizon) | dict(self.series), self.state)


def structure_of(site: Site) -> Hashable:
    """What sites that share one template have in common; everything else is data."""
    return (*structure(site), site.wishes, site.objective, site.carbon, site.grid)
