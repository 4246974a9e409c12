"""What photovoltaic models stand on while little is known: physics times the plant's gain, and trust by evidence.

    q_τ = (1 − w) q_τ,physics + w q_τ,learnt

Physics needs no history; learners of a few days know nothing beyond them (alone, with 4 to 14 days, they had up to
twice its loss). w minimises the pinball loss of the mean over days that the learners had not seen, and over
`DOUBTED_DAYS` more on which they are taken to have lost twice what physics did: with no such days w is 0, and it tends
to the best weight as days come. Quantiles are averaged and not distributions, as in `forecasting.learners.stack`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame
from forecasting.models.spread import SPREAD
from forecasting.scores import pinball

Floats = NDArray[np.float64]
Blocks = NDArray[np.int64]
USUAL_DAYS = 5.0  # as if so many days had had errors as wide as published ones
DOUBTED_DAYS = 3.0
OTHERS_DAYS = 20.0  # what other plants' days count at most, as in what is borrowed of their learners
WEIGHTS = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True)
class Physical:
    """Gain × physics with normal errors in units of the clear sky, whose width is drawn from published to its own.

        σ = (n √(π/2) ē + n_0 σ_0)/(n + n_0),   ē the mean absolute error of n days, n_0 = `USUAL_DAYS`

    Absolute errors, so that a week of snow does not widen every day after it.
    """

    name: str = "physical"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> PhysicalFitted:
        """Learn the errors of uncurtailed rows, of all plants together."""
        levels = dense.checked(levels)
        free = rows.column("curtailed") == 0 if "curtailed" in rows.names else np.ones(len(rows), dtype=bool)
        power, scale = _power(rows)
        use = free & (scale > 0) & np.isfinite(power)
        days = len(np.unique(rows.block[use]))
        own = float(np.mean(np.abs(actual[use] - power[use]) / scale[use])) * np.sqrt(np.pi / 2) if days else 0.0
        spread = (days * own + USUAL_DAYS * SPREAD["pv"]) / (days + USUAL_DAYS)
        return PhysicalFitted(spread * ndtri(levels))


@dataclass(frozen=True, eq=False)
class PhysicalFitted:
    """Quantiles (Q,) of the error of gain × physics, as shares of the clear sky's power or of its own if greater."""

    error: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q) within 0 … 1."""
        power, scale = _power(rows)
        return np.clip(power[:, None] + scale[:, None] * self.error, 0.0, 1.0)


def _power(rows: Frame) -> tuple[Floats, Floats]:
    """Gain × physics (N,), of the clear-sky index where only clouds are forecast, and the scale of its errors (N,)."""
    clear, gain, physics = (rows.column(name) for name in ("clear_share", "gain", "physics_share"))
    power = gain * np.where(np.isfinite(physics), physics, clear * rows.column("k"))
    return power, np.maximum(gain * clear, power)


@dataclass(frozen=True, eq=False)
class Tried:
    """By weight (D, W) the loss on each of D held-out days of one plant, over that of physics on all of them."""

    loss: Floats

    @classmethod
    def of(cls, learnt: Floats, physics: Floats, actual: Floats, block: Blocks, levels: Floats) -> Tried:
        """From quantiles (N, Q) of both, what came (N,) and its day (N,)."""
        _, day = np.unique(block, return_inverse=True)
        count = np.bincount(day)
        sums = [
            np.bincount(day, pinball(actual, physics + w * (learnt - physics), levels).mean(axis=1)) for w in WEIGHTS
        ]
        by_day = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
        return cls(by_day / max(float(by_day[:, 0].mean()), 1e-9) if len(by_day) else by_day)


def trust(tried: Mapping[int, Tried]) -> dict[int, float]:
    """The weight of what was learnt, by plant; other plants' days bear on one with few of its own."""
    found = {}
    for number, own in tried.items():
        others = [one.loss for other, one in tried.items() if other != number and len(one.loss)]
        total = own.loss.sum(axis=0) + DOUBTED_DAYS * (1 + WEIGHTS)
        if others:
            days = np.concatenate(others)
            total = total + days.mean(axis=0) * min(float(len(days)), OTHERS_DAYS)
        found[number] = float(WEIGHTS[np.argmin(total)])
    return found


@dataclass(frozen=True, eq=False)
class Anchored:
    """Both, and the weight of what was learnt by plant (`site`)."""

    learnt: Fitted
    physics: PhysicalFitted
    weight: Mapping[int, float] = field(default_factory=dict)

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        return mixed(self.learnt.predict(rows), self.physics.predict(rows), rows.column("site"), self.weight)


def mixed(learnt: Floats, physics: Floats, site: Floats, weight: Mapping[int, float]) -> Floats:
    """Mean (N, Q) of two sets of quantiles with the weight of each row's plant; physics alone where none is given."""
    share = np.zeros(len(site))
    for number, value in weight.items():
        share[site == number] = value
    return np.sort(physics + share[:, None] * (learnt - physics), axis=1)
