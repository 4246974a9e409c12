"""What can be given beside a plan and what it costs: blocks of power per step, cheapest first.

*Up* is what a grid operator calls upward: less drawn from the grid or more fed in. *Down* is more drawn or less fed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dispatch.errors import DataError
from dispatch.signals import Array

Way = Literal["up", "down"]
_RISING = 1e-6


@dataclass(frozen=True)
class Flexibility:
    """Blocks of power beside a plan, B of them in each of T steps, cheapest first: a convex curve of cost per step.

    A step's blocks hold for that step *alone*, the rest of the horizon being free to answer (rebound): two steps' full
    blocks need not be possible together. What is asked for in several steps goes through a feasibility check.

    Attributes:
        hours: (T,) lengths of the steps [h].
        up_kw, down_kw: (B, T) how wide each block is [kW]; 0 where there is none.
        up_cost_per_kwh, down_cost_per_kwh: (B, T) money per kWh delivered in a block; never falling along the blocks of
            a step. Negative: giving it saves money.
        exact: is the curve the true cost (a bound from below otherwise, see ``about``)?
        about: how it was found, in words.

    Raises:
        DataError: shapes that do not fit, something that is no number, a negative width, or costs that fall.
    """

    hours: Array
    up_kw: Array
    down_kw: Array
    up_cost_per_kwh: Array
    down_cost_per_kwh: Array
    exact: bool = True
    about: str = ""

    def __post_init__(self) -> None:
        hours = np.asarray(self.hours, float).reshape(-1)
        object.__setattr__(self, "hours", hours)
        for way in ("up", "down"):
            width, cost = (_blocks(getattr(self, f"{way}_{what}"), hours.size, f"{way}_{what}") for what in _TWO)
            if width.shape != cost.shape:
                raise DataError(
                    f"{way}_kw has shape {width.shape}, {way}_cost_per_kwh {cost.shape}: they must be alike"
                )
            if (width < 0).any():
                raise DataError(
                    f"{way}_kw has a width of {width.min():g} kW; accepted: 0 or more, direction is its name"
                )
            _require_rising(way, width, cost)
            object.__setattr__(self, f"{way}_kw", width)
            object.__setattr__(self, f"{way}_cost_per_kwh", cost)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.hours.size)

    def most_kw(self, way: Way) -> Array:
        """(T,) all blocks of a step together."""
        return np.asarray(getattr(self, f"{way}_kw").sum(axis=0))

    def cost(self, way: Way, power_kw: Any) -> Array:
        """(T,) money for so much power in each step, each step taken alone; infinite beyond the last block."""
        asked = np.broadcast_to(np.asarray(power_kw, float), (self.steps,))
        if not (asked >= 0).all():
            raise DataError(f"asked for {asked.min():g} kW {way}; accepted: 0 or more, direction is the way's name")
        width, price = getattr(self, f"{way}_kw"), getattr(self, f"{way}_cost_per_kwh")
        before = np.cumsum(width, axis=0) - width
        used = np.clip(asked - before, 0, width)
        beyond = asked > self.most_kw(way) + _RISING * np.maximum(1.0, asked)
        return np.where(beyond, np.inf, (used * price).sum(axis=0) * self.hours)


_TWO = ("kw", "cost_per_kwh")


def _blocks(values: Any, steps: int, name: str) -> Array:
    array = np.asarray(values, float)
    array = array[None, :] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] != steps:
        raise DataError(f"{name} has shape {array.shape}; accepted: (blocks, {steps}) or ({steps},)")
    if not np.isfinite(array).all():
        block, step = np.argwhere(~np.isfinite(array))[0]
        raise DataError(f"{name} is {array[block, step]} in block {block} of step {step}; accepted: a finite number")
    return array


def _require_rising(way: Way, width: Array, cost: Array) -> None:
    """Costs along the blocks that have a width never fall."""
    highest = np.maximum.accumulate(np.where(width > 0, cost, -np.inf), axis=0)
    falls = (width > 0) & (cost < highest - _RISING * np.maximum(1.0, np.abs(cost)))
    if falls.any():
        block, step = np.argwhere(falls)[0]
        text = f"{cost[block, step]:g} in block {block} of step {step}, below {highest[block, step]:g} before it"
        raise DataError(f"{way}_cost_per_kwh falls to {text}; accepted: blocks cheapest first")


def together(offers: Sequence[Flexibility]) -> Flexibility:
    """The blocks of several sites in one merit order, as many as all have together.

    Raises:
        DataError: there is none, or their steps differ.
    """
    if not offers:
        raise DataError("no flexibility to put together; accepted: one or more")
    hours = offers[0].hours
    for place, offer in enumerate(offers):
        if not np.array_equal(offer.hours, hours):
            raise DataError(f"offer {place} has {offer.steps} steps unlike those of the first ({hours.size})")
    made = {}
    for way in ("up", "down"):
        width = np.vstack([getattr(offer, f"{way}_kw") for offer in offers])
        cost = np.vstack([getattr(offer, f"{way}_cost_per_kwh") for offer in offers])
        # Blocks without width come last: they have no place in the order.
        order = np.argsort(np.where(width > 0, cost, np.inf), axis=0, kind="stable")
        made[f"{way}_kw"] = np.take_along_axis(width, order, axis=0)
        made[f"{way}_cost_per_kwh"] = np.take_along_axis(cost, order, axis=0)
    about = "; ".join(dict.fromkeys(offer.about for offer in offers if offer.about))
    return Flexibility(hours, exact=all(offer.exact for offer in offers), about=about, **made)
