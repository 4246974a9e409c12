"""Joint scenarios: a Gaussian copula over time and targets, then a reduction to a few weighted paths.

`forecasting.dependence` has the same with correlation in time as measured at every lag, and the Schaake shuffle.

z(t, k) = Φ⁻¹(F_k,t(y)) of past forecasts gives, per target k, the correlation in time ρ_k(Δ) = (1 −
η)·exp(−Δ/τ) for Δ > 0 (1 at Δ = 0) and between targets the correlation of z at equal times (Pinson et al.
2009, doi:10.1002/we.284). Draws: z_k = R_k ε_k, R_k R_k = ρ_k with R_k symmetric, ε correlated between targets so
that z is as measured (see `noise_correlation`); then through each step's quantile function. Reduction: fast forward
selection of Heitsch & Römisch 2003 (doi:10.1023/A:1021805924152), each dropped path gives its probability to the
nearest kept one; few paths lie too near to the middle, so they are spread again (`respread`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.quantiles import LEVELS

Floats = NDArray[np.float64]
Z_REACH = 2.6  # Φ(2.6) = .995: how far the outer segments of the quantile function are drawn out
PATHS = 240
PAIRS_AT_LEAST = 100
TAUS_H = np.array([1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 18.0, 30.0])
NUGGETS = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.5])


class Correlation(Protocol):
    """Correlation of one target in time."""

    def correlation(self, distance_h: Floats) -> Floats:
        """ρ(Δ) for distances [h]; 1 at 0."""
        ...


@dataclass(frozen=True)
class Memory:
    """Correlation of one target in time: range τ [h] and the share η of noise without memory."""

    tau_h: float = 6.0
    nugget: float = 0.1

    def correlation(self, distance_h: Floats) -> Floats:
        """ρ(Δ) for distances [h]; 1 at 0."""
        fading = (1 - self.nugget) * np.exp(-np.abs(distance_h) / self.tau_h)
        return np.asarray(np.where(distance_h == 0, 1.0, fading))


def normal_scores(actual: Floats, quantiles: Floats, levels: Floats = LEVELS) -> Floats:
    """Normal scores z of observations (…) in forecasts (…, Q) at levels (Q,).

    Linear in z between levels, beyond them with the outer slope, within ±Z_REACH.

    NaN where the observation is, or where the forecast has no width (night).
    """
    z_levels = ndtri(levels)
    step = np.diff(quantiles, axis=-1)
    slope = np.diff(z_levels) / np.where(step > 0, step, np.inf)
    k = np.clip((actual[..., None] > quantiles).sum(axis=-1) - 1, 0, len(levels) - 2)
    at = np.take_along_axis(quantiles, k[..., None], axis=-1)[..., 0]
    rise = np.take_along_axis(slope, k[..., None], axis=-1)[..., 0]
    z = z_levels[k] + (actual - at) * rise
    flat = quantiles[..., -1] - quantiles[..., 0] <= 0
    return np.where(flat, np.nan, np.clip(z, -Z_REACH, Z_REACH))


def values_at(z: Floats, quantiles: Floats, levels: Floats = LEVELS) -> Floats:
    """The inverse of `normal_scores`.

    Values (S, T) at normal scores (S, T) of quantile functions (T, Q), linear in z, outer slopes drawn out.
    """
    z_levels = ndtri(levels)
    z = np.clip(z, -Z_REACH, Z_REACH)
    k = np.clip(np.searchsorted(z_levels, z) - 1, 0, len(levels) - 2)
    column = np.arange(quantiles.shape[0])
    low, high = quantiles[column, k], quantiles[column, k + 1]
    share = (z - z_levels[k]) / (z_levels[k + 1] - z_levels[k])
    return np.asarray(low + share * (high - low))


def fit_memory(z: Floats, step_h: float) -> Memory:
    """τ and η nearest (least squares) to the correlation of z (I, H) at lags of up to 12 h.

    The default where z is too thin.
    """
    if z.shape[1] < 3:
        return Memory()
    lags = np.unique(np.linspace(1, min(z.shape[1] - 1, round(12 / step_h)), 12).astype(int))
    scale = np.nanmean(z**2) if np.isfinite(z).any() else 0.0
    found, at = [], []
    for lag in lags:
        product = z[:, lag:] * z[:, :-lag]
        if np.isfinite(product).sum() > 30 and scale > 0:
            found.append(np.nanmean(product) / scale)
            at.append(lag * step_h)
    if len(found) < 3:
        return Memory()
    options = [Memory(float(tau), float(nugget)) for tau in TAUS_H for nugget in NUGGETS]
    misses = [float(np.sum((option.correlation(np.array(at)) - np.array(found)) ** 2)) for option in options]
    return options[int(np.argmin(misses))]


def cross_correlation(scores: Sequence[Floats | None]) -> Floats:
    """Correlation (K, K) of z at equal times; 0 where a target has none or the overlap is thin.

    Made positive definite. All pairs of series of one shape at once, about their means over what both know: a
    forecast that is always too low does not hang together with another by that.
    """
    matrix = np.eye(len(scores))
    for shape in {z.shape for z in scores if z is not None}:
        at = [k for k, z in enumerate(scores) if z is not None and z.shape == shape]
        stacked = np.stack([np.asarray(scores[k]).ravel() for k in at])
        known = np.isfinite(stacked).astype(np.float64)
        z = np.nan_to_num(stacked)
        pairs = known @ known.T
        count = np.maximum(pairs, 1.0)
        mean = z @ known.T / count  # of the row over what the column knows too
        square = np.maximum((z**2) @ known.T / count - mean**2, 0.0)
        spread = np.sqrt(square * square.T)
        there = (pairs > PAIRS_AT_LEAST) & (spread > 1e-9)
        found = np.where(there, (z @ z.T / count - mean * mean.T) / np.where(there, spread, 1.0), 0.0)
        np.fill_diagonal(found, 1.0)
        matrix[np.ix_(at, at)] = found
    return positive_definite(matrix)


def positive_definite(matrix: Floats, least: float = 1e-6) -> Floats:
    """The correlation matrix with its eigenvalues held above `least` and its diagonal brought back to 1."""
    values, vectors = np.linalg.eigh(matrix)
    fixed = (vectors * np.maximum(values, least)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / scale[:, None] / scale[None, :])


def draw(
    quantiles: Mapping[str, Floats],
    memories: Mapping[str, Correlation],
    cross: Floats,
    middle_h: Floats,
    seed: int,
) -> dict[str, Floats]:
    """Equally likely joint paths (PATHS, T) per target; quantiles (T, Q) in the order of `cross`.

    Antithetic, so the median path is kept.
    """
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((PATHS // 2, len(middle_h), len(quantiles)))
    distance = middle_h[:, None] - middle_h[None, :]
    roots = [root_of(memories[name].correlation(distance)) for name in quantiles]
    apart = noise_correlation(cross, overlap_of(roots))
    noise = np.concatenate([half, -half]) @ np.linalg.cholesky(apart).T
    return {name: values_at(noise[:, :, k] @ roots[k], levels) for k, (name, levels) in enumerate(quantiles.items())}


def root_of(matrix: Floats) -> Floats:
    """The symmetric root R (T, T) of a correlation matrix R R, which is mended first where it is none.

    Of all roots the symmetric ones of two memories have most in common, so that targets can hang together.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < 0:
        values, vectors = np.linalg.eigh(positive_definite(matrix))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def overlap_of(roots: Sequence[Floats]) -> Floats:
    """mean_t (R_k R_l)_tt (K, K): what the memories of two targets leave of the correlation of their noise."""
    flat = np.stack([root.ravel() for root in roots])
    return np.asarray(flat @ flat.T / len(roots[0]))


def noise_correlation(cross: Floats, overlap: Floats) -> Floats:
    """Correlation (K, K) of the noise behind targets that are to correlate as `cross` at equal times.

    Two targets of one memory keep that of their noise; of unlike memories they keep a share, their `overlap`, by
    which the noise must correlate the more. What would be above 1 cannot be had.
    """
    return positive_definite(np.clip(cross / np.maximum(overlap, 1e-6), -1.0, 1.0))


def reduce(paths: Mapping[str, Floats], count: int, weight_h: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Positions (n,) of the kept paths and their probabilities (n,), likeliest first.

    Distance of two paths: Euclidean over all targets and steps, each target scaled by its spread, each step
    by its length [h].
    """
    scaled = []
    for values in paths.values():
        spread = float(values.std())
        scaled.append(values * np.sqrt(weight_h) / (spread if spread > 0 else 1.0))
    flat = np.concatenate(scaled, axis=1)
    square = (flat**2).sum(axis=1)
    distance = np.sqrt(np.maximum(square[:, None] + square[None, :] - 2 * flat @ flat.T, 0.0))
    kept: list[int] = []
    nearest = np.full(len(flat), np.inf)
    for _ in range(min(count, len(flat))):
        gain = np.minimum(nearest[:, None], distance).sum(axis=0)
        gain[kept] = np.inf
        kept.append(int(np.argmin(gain)))
        nearest = np.minimum(nearest, distance[:, kept[-1]])
    owner = np.argmin(distance[:, kept], axis=1)
    weights = np.bincount(owner, minlength=len(kept)) / len(flat)
    order = np.argsort(-weights, kind="stable")
    return np.asarray(kept)[order], weights[order]


def respread(
    paths: Mapping[str, Floats], kept: NDArray[np.intp], weights: Floats, weight_h: Floats
) -> dict[str, Floats]:
    """The kept paths (n, T) with the mean by step, the spread of each day's energy and that around it of all paths.

    Of a path's departure from the mean, e_d σ_t is the part of its day d, with σ (T,) the spread by step and e_d such
    that the rest r_t holds no energy: Σ_t h_t r_t = 0. The kept paths' e and r are stretched to the spread of all
    paths (moment matching, Høyland & Wallace 2001, doi:10.1287/mnsc.47.2.295.9834), but to none of their steps beyond
    all paths. Days are 24 h from the first step. One path alone stays as it is.
    """
    if len(kept) < 2:
        return {name: values[kept] for name, values in paths.items()}
    elapsed_h = np.cumsum(weight_h) - weight_h / 2
    day = np.asarray(elapsed_h // 24, dtype=np.int64)
    in_day = (day == np.arange(day[-1] + 1)[:, None]) * weight_h  # (D, T)
    return {name: _respread(values, kept, weights, in_day, day) for name, values in paths.items()}


def _respread(
    values: Floats, kept: NDArray[np.intp], weights: Floats, in_day: Floats, day: NDArray[np.int64]
) -> Floats:
    mean, spread = values.mean(axis=0), values.std(axis=0)
    of_day = np.maximum(in_day @ spread, 1e-12)

    def parts(departure: Floats) -> tuple[Floats, Floats]:
        energy = departure @ in_day.T / of_day
        return energy, departure - energy[:, day] * spread

    energy, rest = parts(values - mean)
    few_energy, few_rest = parts(values[kept] - weights @ values[kept])
    wanted = np.sqrt((energy**2).mean(axis=0)), np.sqrt((rest**2).mean())
    there = np.sqrt(weights @ few_energy**2), np.sqrt((weights @ few_rest**2).mean())
    by_day, around = (
        np.where(has > 0, wish / np.where(has > 0, has, 1.0), 1.0) for wish, has in zip(wanted, there, strict=True)
    )
    made = mean + (few_energy * by_day)[:, day] * spread + few_rest * around
    # Stretched steps of a skewed series would go where none of all paths goes.
    return np.asarray(np.clip(made, values.min(axis=0), values.max(axis=0)))


def correlation_shrink(share: Floats, memory: Memory, distance_h: Floats) -> Floats:
    """√(wᵀ ρ w) (T,): spread of a mean over steps, as a share of the spread were all steps to err alike.

    Share (T, N) rows sum to 1.
    """
    matrix = memory.correlation(distance_h)
    return np.asarray(np.sqrt(np.einsum("tn,nm,tm->t", share, matrix, share)))
