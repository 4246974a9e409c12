r"""The stepwise price of emissions above a quota (阶梯式碳交易): dearer with every interval by which it is passed.

With E what is emitted above the quota (below zero: what may be sold), base price λ, interval d and growth α,

.. math:: C(E) = \max_{k ≥ 0} \{ λ [k + α k (k-1)/2] d + λ (1 + kα)(E - kd) \},

the greatest of its lines because it is convex for α ≥ 0: in a plan an epigraph, without binaries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dispatch.emissions.step_price import lines
from dispatch.errors import DataError
from dispatch.signals import Array


def ladder(excess: ArrayLike, price: float, interval: float, growth: float, steps: int | None = None) -> Array:
    """Cost of an excess over the quota, of the same shape; negative excess earns the base price.

    Args:
        excess: E, emissions less quota [t].
        price: λ, money per t within the first interval.
        interval: d [t].
        growth: α, by which the price rises per interval, as a share of the base price.
        steps: intervals after which the price stays; as many as the excess reaches by default.

    Raises:
        DataError: an interval that is not above zero, a price or growth below zero, or an excess that is no number.
    """
    above = np.asarray(excess, dtype=np.float64)
    if not (interval > 0 and growth >= 0 and price >= 0):
        raise DataError(
            f"ladder: price {price:g}, interval {interval:g} and growth {growth:g}; "
            "accepted: an interval above 0, price and growth of 0 or more"
        )
    if not np.isfinite(above).all() or (steps is not None and steps < 0):
        raise DataError("ladder: accepted are finite excesses, and 0 or more steps")
    last = int(np.ceil(max(float(above.max(initial=0.0)), 0.0) / interval)) if steps is None else steps
    start, slope = lines(price, interval, growth, last)
    return np.asarray((start + slope * above[..., None]).max(axis=-1))


def ladder_price(excess: ArrayLike, price: float, interval: float, growth: float, steps: int | None = None) -> Array:
    """What the next t costs at an excess, of the same shape; at the edge of an interval the price of the next one."""
    above = np.asarray(excess, dtype=np.float64)
    ladder(above, price, interval, growth, steps)  # what is no ladder is refused there
    reached = np.clip(np.floor(above / interval), 0, np.inf if steps is None else steps)
    return np.asarray(price * (1 + reached * growth))
