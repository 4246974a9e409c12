"""Linear quantiles: the sister that goes on where trees stand still, beyond what was ever seen.

Per level τ  min_β mean ρ_τ,h(y − xᵀβ) + λ/2 ‖β‖²  with the pinball loss smoothed by a logistic kernel of width h,
ρ_τ,h(r) = τ r + h log(1 + e^(−r/h)): smooth and convex, so that Newton's method finds it in a dozen steps of one
(F, F) solve each (Fernandes, Guerre & Horta 2021, doi:10.1080/07350015.2019.1660177; He et al. 2023,
doi:10.1016/j.jeconom.2021.07.010). 8 760 rows × 20 columns × 7 levels take .1 s; the simplex of HiGHS takes minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame
from forecasting.learners.boosted import base_of, picked

Floats = NDArray[np.float64]
STEPS = 30
SMOOTHING = 0.05  # h in spreads of y: the pinball loss is within .1 % of the exact programme's (.5 % at 0.1)
REACH = 6.0  # standardised features are held to ±6: a broken sensor must not carry a straight line away


@dataclass(frozen=True)
class Linear:
    """Straight lines in standardised columns (`columns`, all where empty) above `base`.

    An unknown feature takes its mean in training, that is, it says nothing. `penalty` is λ on standardised features
    and y in units of its spread.
    """

    columns: tuple[str, ...] = ()
    base: str | None = None
    penalty: float = 1e-3
    half_life_blocks: float | None = None
    knots: int = dense.KNOTS
    name: str = "linear"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> LinearFitted:
        """Learn from rows whose actual (N,) is finite."""
        levels = dense.checked(levels)
        trained = dense.knots(levels, self.knots)
        names = tuple(name for name in rows.names if not self.columns or name in self.columns)
        x = np.asarray(picked(rows, names), dtype=np.float64)
        centre, scale = _centre(x)
        middle = float(np.median(actual)) if self.base is not None else 0.0
        target = actual - base_of(rows, self.base, middle)
        spread = float(np.std(target)) or 1.0
        age = float(rows.block.max()) - rows.block
        weight = np.ones(len(rows)) if self.half_life_blocks is None else np.exp2(-age / self.half_life_blocks)
        beta = _newton(_design(x, centre, scale), target / spread, trained, weight / weight.sum(), self.penalty)
        return LinearFitted(names, centre, scale, beta * spread, self.base, middle, dense.spread(trained, levels))


@dataclass(frozen=True, eq=False)
class LinearFitted:
    """Coefficients beta (1 + F, K) on standardised columns."""

    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    beta: Floats
    base: str | None
    middle: float
    to_levels: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        x = np.asarray(picked(rows, self.names), dtype=np.float64)
        raw = np.sort(_design(x, self.centre, self.scale) @ self.beta, axis=1)
        return np.asarray(raw @ self.to_levels + base_of(rows, self.base, self.middle)[:, None])


def _centre(x: Floats) -> tuple[Floats, Floats]:
    """Mean and spread of each column over what is known; 0 and 1 where nothing is or nothing varies."""
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, x, 0.0).sum(axis=0) / count
    square = (np.where(known, x - centre, 0.0) ** 2).sum(axis=0) / count
    scale = np.sqrt(square)
    return centre, np.where(scale > 1e-9 * (1 + np.abs(centre)), scale, np.inf)


def _design(x: Floats, centre: Floats, scale: Floats) -> Floats:
    standard = np.clip((x - centre) / scale, -REACH, REACH)
    return np.concatenate([np.ones((len(x), 1)), np.where(np.isfinite(standard), standard, 0.0)], axis=1)


def _newton(x: Floats, y: Floats, levels: Floats, weight: Floats, penalty: float) -> Floats:
    """Coefficients (F, Q), each level starting from its neighbour's."""
    ridge = np.full(x.shape[1], penalty)
    ridge[0] = 1e-9  # the intercept is free
    root = np.sqrt(weight)[:, None]
    start: Floats = np.linalg.solve((x * root).T @ (x * root) + np.diag(ridge), x.T @ (weight * y)).astype(np.float64)
    found = np.empty((x.shape[1], len(levels)))
    for k in np.argsort(np.abs(levels - 0.5), kind="stable"):
        done = [j for j in range(len(levels)) if abs(levels[j] - 0.5) < abs(levels[k] - 0.5)]
        near = min(done, key=lambda j: abs(levels[j] - levels[k])) if done else None
        found[:, k] = _one(x, y, levels[k], weight, ridge, start if near is None else found[:, near])
    return found


def _loss(x: Floats, y: Floats, level: float, weight: Floats, ridge: Floats, beta: Floats) -> float:
    rest = y - x @ beta
    smooth = level * rest + SMOOTHING * np.logaddexp(0.0, -rest / SMOOTHING)
    return float(weight @ smooth + 0.5 * ridge @ beta**2)


def _one(x: Floats, y: Floats, level: float, weight: Floats, ridge: Floats, beta: Floats) -> Floats:
    """Newton's method with halved steps for one level."""
    loss = _loss(x, y, level, weight, ridge, beta)
    for _ in range(STEPS):
        below = expit(-(y - x @ beta) / SMOOTHING)
        slope = x.T @ (weight * (below - level)) + ridge * beta
        curve = (x * (weight * below * (1 - below) / SMOOTHING)[:, None]).T @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-3 and _loss(x, y, level, weight, ridge, beta - size * step) > loss:
            size /= 2
        beta = beta - size * step
        before, loss = loss, _loss(x, y, level, weight, ridge, beta - 0.0)
        if before - loss < 1e-7 * max(abs(before), 1e-9):
            break
    return beta
