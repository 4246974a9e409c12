"""One site of a fleet, and what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dispatch.asset import Inputs
from dispatch.errors import DataError
from dispatch.fields.frozen import Frozen
from dispatch.problem import structure, wanted
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
        failure: why nothing can be planned for it; empty where it can.
    """

    site: Site
    series: Mapping[tuple[str, str], Array]
    state: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str | float] = field(default_factory=dict)
    failure: str = ""

    @property
    def name(self) -> str:
        """The site's."""
        return self.site.name

    def digest(self) -> str:
        """Of all that is known of the site."""
        sha = hashlib.sha256((self.site.model_dump_json() + self.failure).encode())
        for key in sorted(self.series):
            values = np.ascontiguousarray(self.series[key], float)
            sha.update(repr((key, values.shape)).encode() + values.tobytes())
        sha.update(repr(sorted((name, sorted(own.items())) for name, own in self.state.items())).encode())
        return sha.hexdigest()

    def inputs(self, horizon: Horizon) -> Inputs:
        """All that a problem of the site reads.

        Raises:
            DataError: the site's tariff or signals do not cover the horizon, or nothing can be planned.
        """
        if self.failure:
            raise DataError(self.failure)
        return Inputs(horizon, 1, self.site.known_series(horizon) | dict(self.series), self.state)


def structure_of(site: Site) -> Hashable:
    """What sites that share one template have in common; everything else is data."""
    asked = (*wanted(site), site.grid)
    # By what they say: some of them hold mappings, which have no hash.
    return (*structure(site), *(one.model_dump_json() if isinstance(one, Frozen) else one for one in asked))


def references(members: Iterable[Member]) -> tuple[Member, ...]:
    """The first site of each structure, in the fleet's order: searches of that structure begin from its plan."""
    first: dict[Hashable, Member] = {}
    for member in members:
        first.setdefault(structure_of(member.site), member)
    return tuple(first.values())
