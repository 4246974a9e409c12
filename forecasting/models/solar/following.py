"""How a plant's quantiles follow their own errors, day by day.

All hours together: bands told apart by the height of the sun covered each alike and lost more than that was worth
(decision 23).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from forecasting.learners.adaptive import Adaptive
from forecasting.models.solar.anchor import Tried, trust

Floats = NDArray[np.float64]
RATE, INTEGRAL, FLOOR = 0.3, 0.5, 0.01
FADES_H = 72.0


@dataclass(frozen=True, eq=False)
class Seen:
    """Forecasts of one plant that were made not knowing what came: block and actual (N,), quantiles (N, Q)."""

    block: NDArray[np.int64]
    quantiles: Floats
    actual: Floats

    def take(self, chosen: NDArray[np.bool_]) -> Seen:
        """The chosen rows."""
        return Seen(*(getattr(self, f.name)[chosen] for f in fields(Seen)))

    def then(self, later: Seen) -> Seen:
        """These rows and later ones."""
        return Seen(*(np.concatenate([getattr(part, f.name) for part in (self, later)]) for f in fields(Seen)))


def corrected(before: Seen, raw: Floats, lead_h: Floats, levels: Floats, days: int) -> Floats:
    """Quantiles (N, Q) moved by what the days before have shown; what they show of a day further ahead fades.

    The share of the `days` to be followed that there are, or more where it helped on the days after each of them: a
    handful of days moves quantiles far and says little.
    """
    state = Adaptive.start(levels, rate=RATE, integral=INTEGRAL, floor=FLOOR)
    moved, blocks = before.quantiles.copy(), np.unique(before.block)
    for block in blocks:
        day = before.block == block
        moved[day] = state.apply(before.quantiles[day])
        state = state.updated(before.quantiles[day], before.actual[day])
    tried = Tried.of(moved, before.quantiles, before.actual, before.block, levels)
    share = max(trust({0: tried})[0], min(len(blocks) / max(days, 1), 1.0))
    fresh = share * np.exp(-np.maximum(lead_h - 24.0, 0.0) / FADES_H)[:, None]
    return np.asarray(np.sort(raw + fresh * (state.apply(raw) - raw), axis=1))


__all__ = ["Seen", "corrected"]
