r"""Awards that ask something of the same sites at the same time: what meters show is counted once.

Against its baseline a site s shows D_s, what it gave for all awards together. Of that counts for award k

.. math:: d_{ks} = g_{ks} + \Bigl(D_s - \sum_j g_{js}\Bigr) \frac{|g_{ks}|}{\sum_j |g_{js}|}

with g its set-points, all upwards: what was asked of it, and of the deviation from what all awards asked its part by
what each asked. So :math:`\sum_k d_{ks} = D_s`. A site of which nobody asked anything deviates by the awarded power
of the awards that it has a part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.markets.delivery import by_period
from dispatch.markets.product import Side
from dispatch.signals import Array, Horizon

Times = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Other:
    """Another award, (N, T) on the steps of the meters; 0 where it asks for nothing, and of sites that it has not.

    Attributes:
        award: its id.
        up_kw: set-points, above 0 where less is to be drawn.
        awarded_kw: all that was won, of each of its sites alike.
    """

    award: str
    up_kw: Array
    awarded_kw: Array


@dataclass(frozen=True, eq=False)
class Asked:
    """Of an award what it asks of N sites in P periods.

    Attributes:
        side, start, end: the award's, in UTC.
        kw: (P,) all together.
        parts_kw: (N, P) of each.
    """

    side: Side
    start: Times
    end: Times
    kw: Array
    parts_kw: Array


def own_part(asked: Asked, given_kw: Array, others: Sequence[Other], steps: Horizon) -> Array:
    """(N, P) what counts for an award of what meters show; all of it where no other award asks for anything.

    Args:
        given_kw: (N, P) what they show, in the award's direction.
        steps: of the others.
    """
    if not others:
        return given_kw
    sign = 1.0 if asked.side == "up" else -1.0
    stacked = np.stack([np.stack([one.up_kw, np.abs(one.up_kw), one.awarded_kw]) for one in others]).sum(axis=0)
    up, size, awarded = by_period(stacked, steps, asked.start, asked.end)
    own = np.abs(asked.parts_kw)
    whole = own + size
    by_award = asked.kw / np.maximum(asked.kw + awarded, 1e-12)
    weight = np.where(whole > 0, own / np.where(whole > 0, whole, 1.0), by_award)
    made = asked.parts_kw + (given_kw - asked.parts_kw - sign * up) * weight
    return np.asarray(np.where(awarded > 0, made, given_kw))


def without(net_import_kw: Array, others: Sequence[Other]) -> Array:
    """(N, T) what meters would have shown without other awards, had their set-points been met."""
    return np.asarray(net_import_kw + sum((one.up_kw for one in others), np.zeros(1)))
