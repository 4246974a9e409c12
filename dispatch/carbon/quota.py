r"""Where a plant stands under a quota: what to buy, sell and offset so that every t emitted is surrendered.

.. math:: \min \; p_{buy} b - p_{sell} s + p_{off} o \quad \text{with} \quad
          Q_{free} + b - s + o ≥ E, \; 0 ≤ o ≤ x \, E, \; b, s ≥ 0

Offsets stand for at most a share x of the obligation E. No optimiser is needed: an offset is worth what it saves, the
price of buying as long as something lacks, that of selling beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import numbers
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

OFFSETS_MOST = 0.05
"""Share of the obligation; China's national market, measures for the allocation of 2021 and later."""


@dataclass(frozen=True, eq=False)
class Quota:
    """The cheapest way to comply; all of the shape of what was emitted [t].

    Attributes:
        bought, sold, offset: allowances bought and sold, offsets used.
        cost: money; below zero where more is earned than spent.
    """

    bought: Array
    sold: Array
    offset: Array
    cost: Array


def quota(
    emitted: ArrayLike,
    free: ArrayLike,
    price: float,
    *,
    sell_price: float | None = None,
    offset_price: float | None = None,
    offsets_most: float = OFFSETS_MOST,
) -> Quota:
    """Buy, sell and offset.

    Args:
        emitted: E, the obligation [t].
        free: allowances held [t].
        price: of an allowance bought, per t.
        sell_price: of one sold; the same by default.
        offset_price: of an offset; without one none is used.
        offsets_most: x, share of the obligation that offsets may stand for.

    Raises:
        DataError: an allowance sells for more than it costs, or a number is negative or missing.
        AlignmentError: numbers of obligations and allowances differ.
    """
    given = numbers(emitted, "quota: emitted"), numbers(free, "quota: free")
    try:
        due, held = np.broadcast_arrays(*given)
    except ValueError:
        shapes = f"emitted is {given[0].shape} and free {given[1].shape}"
        raise AlignmentError(f"quota: {shapes}; give as many, or one number of either") from None
    sells = price if sell_price is None else sell_price
    if not (0 <= sells <= price):
        raise DataError(f"quota: bought at {price:g} and sold at {sells:g}; accepted: 0 ≤ sell_price ≤ price")
    every = np.concatenate([due.ravel(), held.ravel(), [offsets_most, 0.0 if offset_price is None else offset_price]])
    if not ((every >= 0) & np.isfinite(every)).all() or offsets_most > 1:
        raise DataError("quota: emissions, allowances and prices are numbers of 0 or more, offsets_most a share")
    lacking, most = np.maximum(due - held, 0.0), offsets_most * due
    offset = np.zeros_like(due)
    if offset_price is not None and offset_price < sells:
        offset = most
    elif offset_price is not None and offset_price < price:
        offset = np.minimum(most, lacking)
    bought = np.maximum(due - held - offset, 0.0)
    sold = np.maximum(held + offset - due, 0.0)
    return Quota(bought, sold, offset, np.asarray(price * bought - sells * sold + (offset_price or 0.0) * offset))
