"""A learner of learners: quantiles averaged with weights that the members earned on days they had not seen.

    q_τ = Σ_m w_m,g(τ) q_m,τ,    w on the simplex, w_keep ≥ floor,    g(τ) the group of levels (low, middle, high)

w minimises the pinball loss of the average over held-out blocks, a block's rows weighing 2^(−age / half-life), so
recent blocks count more. Averaging quantiles and not distributions keeps the combination sharp (Lichtendahl et al.
2013, doi:10.1287/mnsc.1120.1667). The loss is convex in w. One member, the empirical one, is never dropped: a shift of
level once made a tuned model 12 % worse than it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame, Learner
from forecasting.learners.held import Held, forward

Floats = NDArray[np.float64]
ROWS_TO_WEIGH = 20_000  # for the weights' few numbers more rows change nothing but the time
LEVELS_TO_WEIGH = 13


@dataclass(frozen=True)
class Stack:
    """Members and how they are weighed.

    `keep` names the member that keeps a share of `floor` whatever happens (the last one where empty). `blocks` are
    held out in `folds` windows; `parts` are the bounds between groups of levels with weights of their own. `pull` draws
    the weights towards equal ones, by the share of the loss it adds at the far corner of the simplex.
    """

    members: tuple[Learner, ...]
    keep: str = ""
    floor: float = 0.1
    blocks: int = 60
    folds: int = 2
    half_life_blocks: float = 30.0
    parts: tuple[float, ...] = (0.2, 0.8)
    pull: float = 0.02
    name: str = "stack"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> Stacked:
        """Weigh on held-out blocks, then fit each member on all rows."""
        return self.fit_held(rows, actual, levels, self.blocks)[0]

    def fit_held(self, rows: Frame, actual: Floats, levels: Floats, last: int) -> tuple[Stacked, Held]:
        """As `fit`, with the weighted quantiles of the held-out blocks, `last` of them at least."""
        levels = dense.checked(levels)
        last = max(last, self.blocks)
        held = [forward(member, rows, actual, levels, last, self.folds) for member in self.members]
        position, each = held[0].position, np.stack([part.quantiles for part in held])
        weights = self._weights(each, actual[position], rows.block[position], levels)
        fitted = tuple(member.fit(rows, actual, levels) for member in self.members)
        names = tuple(member.name for member in self.members)
        return Stacked(names, fitted, weights), Held(position, combined(weights, each))

    def _weights(self, each: Floats, actual: Floats, block: NDArray[np.int64], levels: Floats) -> Floats:
        """Weights (M, Q) of the members from their held-out quantiles (M, N, Q)."""
        least = np.zeros(len(self.members))
        names = [member.name for member in self.members]
        least[names.index(self.keep) if self.keep else -1] = self.floor
        every = -(-len(actual) // ROWS_TO_WEIGH)
        each, actual, block = each[:, ::every], actual[::every], block[::every]
        recent = np.exp2(-(float(block.max()) - block) / self.half_life_blocks)
        group = np.searchsorted(np.array(self.parts), levels)
        weights = np.empty((len(self.members), len(levels)))
        for part in np.unique(group):
            inside = np.flatnonzero(group == part)
            thin = inside[:: -(-len(inside) // LEVELS_TO_WEIGH)]
            weights[:, inside] = convex_weights(each[..., thin], actual, levels[thin], recent, least, self.pull)[
                :, None
            ]
        return weights


def combined(weights: Floats, each: Floats) -> Floats:
    """Weighted mean (N, Q) of quantiles (M, N, Q), rising along Q."""
    return np.sort(np.einsum("mq,mnq->nq", weights, each), axis=1)


def convex_weights(
    each: Floats, actual: Floats, levels: Floats, recent: Floats, least: Floats, pull: float = 0.0
) -> Floats:
    """Weights (M,) on the simplex, not below least (M,), of the smallest recency-weighted pinball loss."""
    from scipy.optimize import minimize

    count = len(each)
    if count == 1:
        return np.ones(1)
    equal = np.full(count, 1 / count)
    share = recent[:, None] / recent.sum() / len(levels)

    def slopes(weights: Floats) -> tuple[float, Floats]:
        miss = actual[:, None] - np.tensordot(weights, each, axes=1)
        tilt = np.where(miss >= 0, levels, levels - 1) * share
        return float((tilt * miss).sum()), -np.tensordot(each, tilt, axes=2)

    scale = max(slopes(equal)[0], 1e-12)

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, slope = slopes(weights)
        away = weights - equal
        return value / scale + pull * float(away @ away), slope / scale + 2 * pull * away

    found = minimize(
        loss,
        np.maximum(equal, least) / np.maximum(equal, least).sum(),
        jac=True,
        method="SLSQP",
        bounds=[(float(low), 1.0) for low in least],
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
        options={"maxiter": 60, "ftol": 1e-6},
    )
    weights = np.clip(found.x, least, 1.0)
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True, eq=False)
class Stacked:
    """Fitted members and their weights (M, Q)."""

    names: tuple[str, ...]
    members: tuple[Fitted, ...]
    weights: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        return combined(self.weights, np.stack([member.predict(rows) for member in self.members]))

    @property
    def shares(self) -> dict[str, Any]:
        """Mean weight by member, for model cards."""
        return {name: round(float(w), 3) for name, w in zip(self.names, self.weights.mean(axis=1), strict=True)}
