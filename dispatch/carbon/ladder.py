r"""The stepwise price of emissions above a quota (阶梯式碳交易): dearer with every interval by which it is passed.

With E what is emitted above the quota (below zero: what may be sold), base price λ, interval d and growth α,

.. math:: C(E) = \max_{k ≥ 0} \{ λ [k + α k (k-1)/2] d + λ (1 + kα)(E - kd) \},

the greatest of its lines because it is convex for α ≥ 0: in a plan an epigraph, without binaries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import numbers
from dispatch.emissions.step_price import line
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
    above = numbers(excess, "ladder: excess")
    start, slope = line(_passed(above, price, interval, growth, steps), price, interval, growth)
    return np.asarray(start + slope * above)


def ladder_price(excess: ArrayLike, price: float, interval: float, growth: float, steps: int | None = None) -> Array:
    """What the next t costs at an excess, of the same shape; at the edge of an interval the price of the next one."""
    passed = _passed(numbers(excess, "ladder: excess"), price, interval, growth, steps)
    return np.asarray(price * (1 + passed * growth))


def _passed(above: Array, price: float, interval: float, growth: float, steps: int | None) -> Array:
    """Intervals that lie below each excess, at most ``steps``: the greatest line of a convex cost is theirs."""
    if not all(np.ndim(one) == 0 and np.isfinite(one) for one in (price, interval, growth)) or not (
        interval > 0 and growth >= 0 and price >= 0
    ):
        raise DataError(
            f"ladder: price {price}, interval {interval} and growth {growth}; "
            "accepted: one finite number each, an interval above 0, price and growth of 0 or more"
        )
    if not np.isfinite(above).all() or (steps is not None and (steps < 0 or steps != int(steps))):
        raise DataError("ladder: accepted are finite excesses, and 0 or more whole steps")
    # 0.3 over 0.1 is 2.9999999999999996, and at the edge it is the next interval's price.
    return np.asarray(np.clip(np.floor(above / interval * (1 + 1e-12)), 0, np.inf if steps is None else steps))
