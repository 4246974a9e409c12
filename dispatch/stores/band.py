"""The band a store's content must keep, and the soonest way back into it for a start outside.

NumPy alone. Two bands, each (row, step): what must be held whatever it costs, and what is wished on the way there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Rows, full
from dispatch.signals import Array, Horizon
from dispatch.stores.limits import SIDES, Lines
from dispatch.stores.movement import powers


@dataclass(frozen=True)
class Band:
    """Limits of the content [kWh], (row, step), least ≤ lower ≤ upper ≤ most.

    Attributes:
        lower, upper: the band, opened as far as full power cannot reach it yet.
        least, most: the band, opened as far as standing still leaves a store that starts outside it, or that stands
            at its floor and leaks: always in reach, and never to be passed.
    """

    lower: Array
    upper: Array
    least: Array
    most: Array


def edges_kwh(rows: Rows[Any]) -> tuple[Array, Array]:
    """(row, 1) lowest and highest content, with the energy that the fast reserve keeps."""
    capacity = rows.field("energy_kwh")
    lasting = rows.field("fast_reserve_kw") * rows.field("fast_reserve_minutes") / 60
    low = capacity * rows.field("min_fill") + lasting * rows.field("most_drain_kwh_per_kwh")
    return low, capacity * rows.field("max_fill") - lasting * rows.field("most_gain_kwh_per_kwh")


def usable_above_kwh(rows: Rows[Any], horizon: Horizon) -> Array:
    """(row, 1) the content below which nothing comes out: the lowest, or more where cold keeps some back."""
    held_back = type(rows.members[0]).floor_fill(rows, horizon) - rows.field("min_fill")
    lowest, _ = edges_kwh(rows)
    return np.asarray(lowest + rows.field("energy_kwh") * np.maximum(held_back, 0))


def band(rows: Rows[Any], horizon: Horizon, start_kwh: Array) -> Band:
    """The band from a start level on."""
    lowest, highest = edges_kwh(rows)
    last = usable_above_kwh(rows, horizon)
    loss = rows.field("loss_fraction_per_h")
    kept = (1 - loss) ** horizon.edge_h[1:]
    least, most = np.minimum(last, start_kwh) * kept, np.maximum(highest, start_kwh * kept)
    lower, upper = full(rows, horizon, lowest), full(rows, horizon, highest)
    if not (np.array_equal(least, lower) and np.array_equal(most, upper)):
        low, high = _reached(rows, horizon, np.hstack([start_kwh, lowest, highest]))
        # What falls below the band by standing losses may also be refilled in advance.
        lower, upper = np.maximum(np.minimum(lower, low), least), np.minimum(np.maximum(upper, high), most)
    return Band(lower, upper, least, most)


def _reached(rows: Rows[Any], horizon: Horizon, levels: Array) -> tuple[Array, Array]:
    """(row, step) what full charge reaches from below, up to the band, and full discharge from above, down to it.

    Args:
        levels: (row, 3) start, lowest and highest content.
    """
    start, lowest, highest = levels.T
    loss, rated = rows.field("loss_fraction_per_h")[:, 0], powers(rows, horizon)
    moves = type(rows.members[0]).movement(rows, horizon)
    charge, discharge = (rated[side] for side in SIDES)
    charging, discharging = Lines.of(rows, "charge"), Lines.of(rows, "discharge")
    low, high = np.minimum(start, lowest), np.maximum(start, highest)
    lower, upper = np.empty((2, rows.count, horizon.steps))
    for step, hours in enumerate(horizon.hours):
        kept, held = (level * (1 - loss) ** hours for level in (low, high))
        into = charging.most_kw(low, kept, moves.gain[:, step], charge[:, step])
        out = discharging.most_kw(high, held, -moves.drain[:, step], discharge[:, step])
        low = np.minimum(kept + moves.gained(step, into), lowest)
        high = np.maximum(held - moves.drained(step, out), highest)
        lower[:, step], upper[:, step] = low, high
    return lower, upper
