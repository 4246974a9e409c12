r"""The stepwise price of emissions above a quota (阶梯式碳交易): dearer with every interval by which it is passed.

With E what is emitted above the quota (below zero: what may be sold), base price λ, interval d and growth α,

.. math:: C(E) = \max_{k ≥ 0} \{ λ [k + α k (k-1)/2] d + λ (1 + kα)(E - kd) \},

the greatest of its lines because it is convex for α ≥ 0: in a plan an epigraph, without binaries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import DataError
from dispatch.signals import Array
from dispatch.step_price import lines


def ladder(excess: ArrayLike, price: float, interval: float, growth: float, steps: int | None = None) -> Array:
    """Cost of an excess over the quota, of the same shape; negative excess earns the base price.

    Args:
        excess: E, emissions less quota [t].
        price: λ, money per t within the first interval.
        interval: d [t].
        growth: α, by which the price rises per interval, as a share of the base price.
        steps: intervals after which the price stays; as many as the excess reaches by default.

    Raises:
        DataError: an interval that is not above zero, or a growth below zero.
    """
    above = np.asarray(excess, dtype=np.float64)
    if not interval > 0 or growth < 0:
        raise DataError(f"ladder: interval {interval:g} and growth {growth:g}; accepted: above 0, and 0 or more")
    last = int(np.ceil(max(float(above.max(initial=0.0)), 0.0) / interval)) if steps is None else steps
    start, slope = lines(price, interval, growth, last)
    return np.asarray((start + slope * above[..., None]).max(axis=-1))
