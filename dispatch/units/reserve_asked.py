"""What asks the site's plant for reserve: in which direction, and how long it must last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Carrier, Direction, Inputs, Rows
from dispatch.fields.frozen import Positive
from dispatch.signals import Array
from dispatch.worth import Worth


class ReserveAsked(Asset):
    """A requirement or a product: on no bus, and met by what units and stores offer.

    What a unit with a ramp offers must be there within ``activation_minutes`` of its call: the ramp times that time,
    less what its plan uses of the ramp (:mod:`dispatch.units.spinning`), whatever the length of a step. Without it the
    time is one step, as benchmarks of unit commitment define reserve; a unit then offers more in longer steps. All
    reserve of a site is one pool, for which the shortest time and the longest duration of all that ask count. Stores
    need no time.
    """

    direction: Direction = "up"
    duration_minutes: Positive = Field(default=30.0, description="how long it must last once called")
    activation_minutes: Positive | None = Field(
        default=None, description="within which it must be there once called, for ramps; default: one step"
    )

    never_out: ClassVar[str] = "it asks for reserve, and is no plant"

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {}

    @property
    def structure(self) -> tuple[object, ...]:
        """Direction; the duration is part of the site's."""
        return (self.direction,)

    @property
    def asks_reserve_h(self) -> float:
        """The duration [h]."""
        return self.duration_minutes / 60

    @property
    def asks_activation_h(self) -> float:
        """The time it gives [h]."""
        return np.inf if self.activation_minutes is None else self.activation_minutes / 60

    @property
    def asks_for_grid(self) -> bool:
        """Does the grid call it, over the site's connections?"""
        return False

    @property
    def asks_directions(self) -> tuple[Direction, ...]:
        """Its own."""
        return (self.direction,)

    def worth(self, inputs: Inputs) -> Worth:
        """Nothing: reserve is no energy."""
        return Worth()


def is_direction(rows: Rows[Any], direction: Direction) -> Array:
    """(row, 1) ones where the member has this direction."""
    flags = [float(member.direction == direction) for member in rows.members]
    return np.tile(np.array(flags), rows.scenarios)[:, None]
