"""Quantiles moved by what is learnt of their error, but never off a bound at which they stand.

    q' = q + sgn(b) min(|b|, room),    room = q_most − q of a move b down, q − q_least of one up

A farm stands at its rating, or still, for hours on end: those powers have a probability of their own, and a level that
is there stays there until enough of it is elsewhere. An error of the mean says nothing of that. Where all levels moved
alike, a tenth of full power or calm lay outside a band that had it inside. q' rises with q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest power that a farm was seen at [kW]."""

    least_kw: float
    most_kw: float

    def moved(self, quantiles: Floats, by: Floats) -> Floats:
        """Quantiles (N, Q) moved by (N,), each no further from a bound than it was towards it."""
        shift = by[:, None]
        room = np.where(shift < 0, self.most_kw - quantiles, quantiles - self.least_kw)
        return np.asarray(quantiles + np.sign(shift) * np.minimum(np.abs(shift), np.maximum(room, 0.0)))
