"""What asks the site's plant for reserve: in which direction, and how long it must last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Carrier, Direction, Rows
from dispatch.fields.frozen import Positive
from dispatch.signals import Array


class ReserveAsked(Asset):
    """A requirement or a product: on no bus, and met by what units and stores offer."""

    direction: Direction = "up"
    duration_minutes: Positive = Field(default=30.0, description="how long it must last once called")

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
    def asks_directions(self) -> tuple[Direction, ...]:
        """Its own."""
        return (self.direction,)


def is_direction(rows: Rows[Any], direction: Direction) -> Array:
    """(row, 1) ones where the member has this direction."""
    flags = [float(member.direction == direction) for member in rows.members]
    return np.tile(np.array(flags), rows.scenarios)[:, None]
