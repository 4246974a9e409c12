"""What usually comes at the time of day, moved by what is known at the issue, the less the longer ago that is.

With F the distribution of like times of day (`Usual`), Φ the normal one and u the states known at the issue, each by
its rank among those of the past,

    z = Φ⁻¹(F(y)) = b(h)ᵀ Φ⁻¹(u) + s(h) ε,    q_τ = F⁻¹(Φ(b(h)ᵀ Φ⁻¹(u) + s(h) Φ⁻¹(τ)))

b ≥ 0 by least squares around each lead h [h] of `LEADS_H`, drawn to 0 as by `DRAWN_BLOCKS` days without effect; s is
what is left; both are interpolated between them. A lead counts from the last value that is known. So a long lead gives
the usual quantiles, a short one what persists, and whatever is in between keeps to what a series can be: a wind farm to
nothing and its rating. It is persistence towards the usual (Nielsen et al. 1998, Wind Energy 1(1)), on ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import ndtr, ndtri

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame
from forecasting.learners.usual import Usual, UsualFitted

Floats = NDArray[np.float64]
RANKS = np.linspace(0.005, 0.995, 100)
LEADS_H = (0.0, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 22.0, 30.0, 42.0, 60.0, 84.0, 120.0, 168.0)
DRAWN_BLOCKS = 10.0


@dataclass(frozen=True)
class Fading:
    """Around the `usual` of wind or photovoltaics, moved by the columns `states`; `age` says how old they are [h].

    `folds`: as `Usual`'s.
    """

    usual: Usual
    states: tuple[str, ...]
    lead: str = "lead_h"
    age: str = "age_h"
    folds: int = 8
    name: str = "fading"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> FadingFitted:
        """Learn from rows whose actual (N,) is finite."""
        usual = self.usual.fit(rows, actual, RANKS)
        scores = _scores(usual, rows, actual)
        marginals = np.stack([np.nanquantile(rows.column(name), RANKS) for name in self.states])
        state = _state(self, rows, marginals)
        slopes, spread = _by_lead(_lead_h(self, rows), state, scores, rows.block)
        return FadingFitted(self, usual, marginals, slopes, spread, dense.checked(levels))


@dataclass(frozen=True, eq=False)
class FadingFitted:
    """marginals (K, R) of the states; slopes (G, K) and spread (G,) at the leads."""

    of: Fading
    usual: UsualFitted
    marginals: Floats
    slopes: Floats
    spread: Floats
    levels: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        lead_h = _lead_h(self.of, rows)
        slopes = np.stack([np.interp(lead_h, LEADS_H, slope) for slope in self.slopes.T], axis=1)
        middle = (slopes * _state(self.of, rows, self.marginals)).sum(axis=1)
        spread = np.interp(lead_h, LEADS_H, self.spread)
        rank = ndtr(middle[:, None] + spread[:, None] * ndtri(self.levels))
        return _at(self.usual.predict(rows), rank)


def _lead_h(of: Fading, rows: Frame) -> Floats:
    return np.asarray(rows.column(of.lead) + np.nan_to_num(rows.column(of.age)))


def _state(of: Fading, rows: Frame, marginals: Floats) -> Floats:
    """Normal scores (N, K) of the states among those of the past; 0, as the middle has, where one is unknown."""
    columns = [rows.column(name) for name in of.states]
    found = [_normal(_rank(np.broadcast_to(m, (len(c), len(m))), c)) for m, c in zip(marginals, columns, strict=True)]
    return np.nan_to_num(np.stack(found, axis=1))


def _scores(usual: UsualFitted, rows: Frame, actual: Floats) -> Floats:
    """Normal scores (N,) of what came among what is usual."""
    return _normal(_rank(usual.predict(rows), actual))


def _normal(rank: Floats) -> Floats:
    return np.asarray(ndtri(np.clip(rank, RANKS[0], RANKS[-1])))


def _rank(quantiles: Floats, value: Floats) -> Floats:
    """Rank (N,) of values among quantiles (N, R); the middle of its ranks where several are the same."""
    below = (quantiles < value[:, None]).sum(axis=1)
    equal = (quantiles == value[:, None]).sum(axis=1)
    last = quantiles.shape[1] - 1
    low, high = np.clip(below - 1, 0, last), np.clip(below, 0, last)
    row = np.arange(len(value))
    width = quantiles[row, high] - quantiles[row, low]
    share = np.where(width > 0, (value - quantiles[row, low]) / np.where(width > 0, width, 1.0), 0.0)
    between = RANKS[low] + np.clip(share, 0.0, 1.0) * (RANKS[high] - RANKS[low])
    tied = (RANKS[high] + RANKS[np.clip(below + equal - 1, 0, last)]) / 2
    return np.where(np.isfinite(value), np.where(equal > 0, tied, between), np.nan)


def _at(quantiles: Floats, rank: Floats) -> Floats:
    """Values (N, Q) at ranks (N, Q) of quantiles (N, R)."""
    at = np.clip((rank - RANKS[0]) / (RANKS[1] - RANKS[0]), 0.0, len(RANKS) - 1.0)
    low = np.floor(at).astype(np.int64)
    share = at - low
    row = np.arange(len(rank))[:, None]
    return np.asarray(quantiles[row, low] * (1 - share) + quantiles[row, np.minimum(low + 1, len(RANKS) - 1)] * share)


def _by_lead(lead_h: Floats, state: Floats, scores: Floats, block: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Slopes (G, K) and spread (G,) at the leads of `LEADS_H`, from the rows around each, else as the nearest."""
    group = np.searchsorted((np.array(LEADS_H[1:]) + LEADS_H[:-1]) / 2, lead_h, side="right")
    there, kinds = np.unique(group), state.shape[1]
    slopes, spread = np.empty((len(there), kinds)), np.empty(len(there))
    for at, mine in enumerate(group == each for each in there):
        per_block = mine.sum() / len(np.unique(block[mine]))
        drawn = np.sqrt(DRAWN_BLOCKS * per_block) * np.eye(kinds)
        slopes[at], _ = nnls(np.vstack([state[mine], drawn]), np.concatenate([scores[mine], np.zeros(kinds)]))
        spread[at] = np.sqrt(np.mean((scores[mine] - state[mine] @ slopes[at]) ** 2))
    nearest = np.abs(np.arange(len(LEADS_H))[:, None] - there[None, :]).argmin(axis=1)
    return slopes[nearest], spread[nearest]
