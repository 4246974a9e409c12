"""What a power at the bus moves in a store's content, in NumPy: for rules, the way back into the band, and checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dispatch.asset import Rows
from dispatch.signals import Array, Horizon


@dataclass(frozen=True)
class Movement:
    """Content moved in proportion to power; a kind whose losses bend overrides the four methods.

    Attributes:
        gain, drain: (row, step) kWh of content per kW of charge and of discharge.
    """

    gain: Array
    drain: Array

    def gained(self, step: int, charge_kw: Array) -> Array:
        """(row,) kWh that a charge adds in a step."""
        return np.asarray(self.gain[:, step] * charge_kw)

    def drained(self, step: int, discharge_kw: Array) -> Array:
        """(row,) kWh that a discharge takes in a step."""
        return np.asarray(self.drain[:, step] * discharge_kw)

    def to_gain(self, step: int, kwh: Array) -> Array:
        """(row,) kW of charge that add so much."""
        return np.asarray(kwh / self.gain[:, step])

    def to_drain(self, step: int, kwh: Array) -> Array:
        """(row,) kW of discharge that take so much."""
        return np.asarray(kwh / self.drain[:, step])


def powers(rows: Rows[Any], horizon: Horizon) -> dict[Literal["charge", "discharge"], Array]:
    """(row, step) rated power of each side, less the fast reserve; none of a store that is out of service."""
    own, reserve, out = type(rows.members[0]).by_step, rows.field("fast_reserve_kw"), rows.standing(horizon)
    return {
        "charge": np.where(out, 0.0, own(rows, horizon, "charge_kw") - reserve),
        "discharge": np.where(out, 0.0, own(rows, horizon, "discharge_kw") - reserve),
    }
