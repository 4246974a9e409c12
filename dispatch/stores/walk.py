"""A store's content step by step, and the bands it must keep, for the check.

Apart from what the plan is made with: efficiencies, losses and powers are those of :mod:`dispatch.stores.paces`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.signals import Array
from dispatch.stores.limits import SIDES, fastest_kw
from dispatch.stores.paces import paces


@dataclass(frozen=True)
class Walk:
    """Content that follows from the powers, and its bands, from the members' fields along the clock; (row, step)."""

    content: Array
    lower: Array
    upper: Array
    least: Array
    most: Array


def walk(rows: Rows[Any], given: Inputs, charge: Array, discharge: Array) -> Walk:
    """Apart from ``band``: a start outside the band must come back at full power; inside, the band holds."""
    horizon, moves = given.horizon, paces(rows, given.horizon)
    capacity, loss = (rows.field(name)[:, 0] for name in ("energy_kwh", "loss_fraction_per_h"))
    reserve = rows.field("fast_reserve_kw")[:, 0]
    lasting = reserve * rows.field("fast_reserve_minutes")[:, 0] / 60
    kept_below, kept_above = lasting * moves.most_drain, lasting * moves.most_gain
    floor = capacity * rows.field("min_fill")[:, 0] + kept_below
    last = capacity * np.maximum(rows.field("min_fill")[:, 0], moves.lowest_fill) + kept_below
    ceiling = capacity * rows.field("max_fill")[:, 0] - kept_above
    level = still = capacity * rows.state(given, "start_fill")[:, 0]
    filled, emptied, left = np.minimum(still, floor), np.maximum(still, ceiling), np.minimum(still, last)
    made: dict[str, list[Array]] = {name: [] for name in ("content", "lower", "upper", "least", "most")}
    for step, hours in enumerate(horizon.hours):
        kept = (1 - loss) ** hours
        into, out = hours * moves.into[:, step], hours / moves.out[:, step]
        level = level * kept + moves.gained(step, hours, charge[:, step])
        level = level - moves.drained(step, hours, discharge[:, step])
        still, left = still * kept, left * kept
        fast = [moves.power_kw[side][:, step] - reserve for side in SIDES]
        filling = fastest_kw(rows, "charge", (filled, filled * kept), into, filled * kept < floor, fast[0])
        filled = np.minimum(floor, filled * kept + moves.gained(step, hours, filling))
        emptying = fastest_kw(rows, "discharge", (emptied, emptied * kept), -out, emptied * kept > ceiling, fast[1])
        emptied = np.maximum(ceiling, emptied * kept - moves.drained(step, hours, emptying))
        made["content"].append(level)
        made["least"].append(left)
        made["most"].append(np.maximum(ceiling, still))
        made["lower"].append(np.maximum(filled, made["least"][-1]))
        made["upper"].append(np.minimum(emptied, made["most"][-1]))
    return Walk(**{name: np.stack(values, axis=1) for name, values in made.items()})
