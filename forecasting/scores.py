"""What forecasts are worth, as numbers: scores of quantiles, of joint scenarios and of single values.

Arrays only. `actual` has any shape (…); quantiles (…, Q) at levels (Q,); members (S, …) with weights (S,) that sum
to 1. A missing observation (NaN) gives a missing score, and means go over what is there. Scores are losses: less is
better, in the unit of the forecast. Gneiting & Raftery 2007 (doi:10.1198/016214506000001437) is the common reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
QUALIFIED_SHARE = 0.25  # an interval of the qualification rate: an error of a quarter of the capacity at most
RANGE_LEVELS = (0.05, 0.95)  # what OpenSTEF divides the CRPS by


# ---- quantiles


def pinball(actual: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """Pinball loss (…, Q) of each level:  ρ_τ(y − q) = max(τ (y − q), (τ − 1)(y − q))."""
    miss = np.asarray(actual, np.float64)[..., None] - quantiles
    return np.asarray(np.maximum(levels * miss, (levels - 1) * miss))


def mean_pinball(actual: Floats, quantiles: Floats, levels: Floats) -> float:
    """Mean of the pinball loss over levels and all that was observed: the score of the GEFCom competitions."""
    return _mean(pinball(actual, quantiles, levels))


def level_weights(levels: Floats) -> Floats:
    """Share of probability (Q,) that each level stands for: up to half-way to its neighbours, the ends included.

    Their product with quantiles is the mean of the distribution.
    """
    return np.diff(np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]]))


def crps_of_quantiles(actual: Floats, quantiles: Floats, levels: Floats, *, even: bool = False) -> Floats:
    """CRPS (…) = 2 ∫ ρ_τ dτ, the integral over the levels with the share of probability that each stands for.

    `even` gives each level the same weight, as the published tables of several packages do; for levels that are
    spread evenly both are nearly the same.
    """
    weights = np.full(len(levels), 1 / len(levels)) if even else level_weights(levels)
    return np.asarray(2 * pinball(actual, quantiles, levels) @ weights)


def relative_crps(actual: Floats, quantiles: Floats, levels: Floats) -> float:
    """Relative CRPS as OpenSTEF (4.x) reports it: mean CRPS, levels alike, over the 5 to 95 % range of what came.

    NaN where what came does not move.
    """
    there = np.asarray(actual)[np.isfinite(actual)]
    if not there.size:
        return float("nan")
    low, high = np.quantile(there, RANGE_LEVELS)
    crps = _mean(crps_of_quantiles(actual, quantiles, levels, even=True))
    return float(crps / (high - low)) if high > low else float("nan")


def reliability(actual: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """Share of observations (Q,) at or below the quantile of each level; a calibrated forecast gives the levels.

    An observation that several quantiles equal (calm, dusk, full power) lies below the lower of them in the share of
    cases in which it should: counted as below all, a calibrated forecast with a mass at zero would look too high.
    Forecasts without width (a plant at night) say nothing of calibration and are left out. NaN where none is left.
    """
    use = np.isfinite(actual) & (quantiles[..., -1] > quantiles[..., 0])
    if not use.any():
        return np.full(len(levels), np.nan)
    y, q = np.asarray(actual)[use][:, None], quantiles[use]
    low, high = _mass(y, q, levels)
    share = (levels - low) / np.where(high > low, high - low, 1.0)
    return np.asarray(np.where(q == y, share, q > y).mean(axis=0))


def _mass(y: Floats, q: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Probabilities (N, 1) below and up to y (N, 1) as far as the quantiles (N, Q) that equal it tell."""
    low = np.where(q < y, levels, 0.0).max(axis=1, keepdims=True)
    return low, np.where(q == y, levels, 0.0).max(axis=1, keepdims=True)


def coverage(actual: Floats, quantiles: Floats, levels: Floats, share: float = 0.9) -> float:
    """Share of observations inside the central band that should hold `share` of them; both ends belong to it.

    Raises:
        ForecastError: the levels hold no such band.
    """
    low, high = band(levels, share)
    known = np.isfinite(actual)
    if not known.any():
        return float("nan")
    there = np.asarray(actual)[known]
    return float(((there >= quantiles[known][:, low]) & (there <= quantiles[known][:, high])).mean())


def sharpness(quantiles: Floats, levels: Floats, share: float = 0.9) -> float:
    """Mean width of the central band that should hold `share`; in the unit of the forecast."""
    low, high = band(levels, share)
    return _mean(quantiles[..., high] - quantiles[..., low])


def band(levels: Floats, share: float) -> tuple[int, int]:
    """Positions of the levels (1 − share)/2 and (1 + share)/2."""
    wanted = np.array([(1 - share) / 2, (1 + share) / 2])
    at = np.abs(levels[None, :] - wanted[:, None]).argmin(axis=1)
    if np.abs(levels[at] - wanted).max() > 1e-6:
        raise ForecastError(
            f"a band of {share:g} needs the levels {wanted[0]:g} and {wanted[1]:g}; there are {levels.tolist()}"
        )
    return int(at[0]), int(at[1])


# ---- joint scenarios


def crps_of_members(actual: Floats, members: Floats, weights: Floats | None = None) -> Floats:
    """CRPS (…) of weighted members (S, …):  E|X − y| − ½ E|X − X′|, exact for the discrete distribution.

    With members sorted and cumulated weights W:  ½ E|X − X′| = Σ wᵢ xᵢ (2 Wᵢ − wᵢ − 1).
    """
    weight = _weights(members, weights)
    order = np.argsort(members, axis=0, kind="stable")
    x = np.take_along_axis(members, order, axis=0)
    w = weight[order]
    spread = (w * x * (2 * np.cumsum(w, axis=0) - w - 1)).sum(axis=0)
    return np.asarray((w * np.abs(x - actual)).sum(axis=0) - spread)


def energy_score(actual: Floats, members: Floats, weights: Floats | None = None) -> float:
    """E‖X − y‖ − ½ E‖X − X′‖ of members (S, …) as points in all their steps and sites; needs the whole of `actual`."""
    weight = _weights(members, weights)
    points, y = members.reshape(len(members), -1), np.asarray(actual, np.float64).ravel()
    centred = points - y
    square = (centred**2).sum(axis=1)
    between = np.sqrt(np.maximum(square[:, None] + square[None, :] - 2 * centred @ centred.T, 0.0))
    np.fill_diagonal(between, 0.0)
    return float(weight @ np.sqrt(square) - weight @ between @ weight / 2)


def variogram_score(
    actual: Floats, members: Floats, weights: Floats | None = None, *, power: float = 0.5, pairs: Floats | None = None
) -> float:
    """Mean over pairs (i, j) of  w_ij (|yᵢ − yⱼ|ᵖ − E|Xᵢ − Xⱼ|ᵖ)²  (Scheuerer & Hamill 2015).

    doi:10.1175/MWR-D-14-00269.1. Members (S, D), actual (D,); `pairs` (D, D) are the weights w_ij, all alike if None.
    """
    weight = _weights(members, weights)
    expected = np.zeros((members.shape[1],) * 2)
    for share, member in zip(weight, members, strict=True):  # one (D, D) at a time: S of them need not fit
        expected += share * np.abs(member[:, None] - member[None, :]) ** power
    came = np.abs(actual[:, None] - actual[None, :]) ** power
    importance = np.ones_like(came) if pairs is None else pairs
    return float((importance * (came - expected) ** 2).sum() / importance.sum())


def largest_ramp(values: Floats, steps: int) -> Floats:
    """Largest change (…), up or down, of powers (…, T) within so many steps."""
    if not 0 < steps < values.shape[-1]:
        raise ForecastError(f"a ramp over {steps} steps does not fit in {values.shape[-1]}")
    return np.asarray(np.abs(values[..., steps:] - values[..., :-steps]).max(axis=-1))


# ---- single values


@dataclass(frozen=True)
class PointErrors:
    """Errors of single values, the last four over the capacity.

    `accuracy` is C_R = 1 − √mean(((P_M − P_P)/C)²), `qualified` is Q_R, the share of intervals with an error of at
    most 25 % of the capacity: the two figures that grid operators in China settle on. `count` is what was compared.
    """

    mae: float
    rmse: float
    bias: float
    nmae: float
    nrmse: float
    accuracy: float
    qualified: float
    count: int


def point_errors(actual: Floats, forecast: Floats, capacity: float | Floats = 1.0) -> PointErrors:
    """Errors of forecasts (…) against what came (…); intervals without both are left out."""
    miss = np.asarray(forecast, np.float64) - actual
    use = np.isfinite(miss)
    if not use.any():
        gone = float("nan")
        return PointErrors(gone, gone, gone, gone, gone, gone, gone, 0)
    share = (miss / capacity)[use]
    miss = miss[use]
    nrmse = float(np.sqrt((share**2).mean()))
    qualified = float((np.abs(share) <= QUALIFIED_SHARE + 1e-12).mean())
    return PointErrors(
        mae=float(np.abs(miss).mean()),
        rmse=float(np.sqrt((miss**2).mean())),
        bias=float(miss.mean()),
        nmae=float(np.abs(share).mean()),
        nrmse=nrmse,
        accuracy=1 - nrmse,
        qualified=qualified,
        count=int(use.sum()),
    )


# ---- comparison


def skill(score: float, reference: float) -> float:
    """1 − score / reference: 1 is perfect, 0 no better than the reference."""
    return 1 - score / reference if reference else float("nan")


@dataclass(frozen=True)
class Compared:
    """A test of Diebold and Mariano: mean of loss A − loss B, its statistic, probability of it if both were alike.

    `p_two_sided` against "not alike", `p_first_better` against "A is better".
    """

    difference: float
    statistic: float
    p_two_sided: float
    p_first_better: float
    days: int


def diebold_mariano(first: Floats, second: Floats, lags: int | None = None) -> Compared:
    """Compare losses by day (N,) of two forecasts (Diebold & Mariano 1995, doi:10.1080/07350015.1995.10524599).

    One loss a day, since the hours of a day err together. The variance of the mean difference counts correlation
    between days up to `lags` (Newey & West 1987, Bartlett weights; by default ⌊4 (N/100)^(2/9)⌋), the statistic gets
    the small-sample factor of Harvey, Leybourne & Newbold 1997 and is held against Student's t with N − 1.
    """
    from scipy.stats import t as student

    d = np.asarray(first, np.float64) - second
    d = d[np.isfinite(d)]
    n = len(d)
    if n < 2:
        return Compared(float("nan"), float("nan"), float("nan"), float("nan"), n)
    q = min(int(4 * (n / 100) ** (2 / 9)) if lags is None else lags, n - 1)
    centred = d - d.mean()
    covariance = np.array([(centred[k:] @ centred[: n - k]) / n for k in range(q + 1)])
    variance = covariance[0] + 2 * ((1 - np.arange(1, q + 1) / (q + 1)) @ covariance[1:])
    if variance <= 0:
        same = float(d.mean()) == 0.0
        sure = 1.0 if same else 0.0
        sign = float(np.sign(d.mean()))
        return Compared(float(d.mean()), 0.0 if same else sign * np.inf, sure, 0.5 if same else (1 + sign) / 2, n)
    h = q + 1
    factor = np.sqrt(max(n + 1 - 2 * h + h * (h - 1) / n, 0.0) / n)
    statistic = float(factor * d.mean() / np.sqrt(variance / n))
    return Compared(
        float(d.mean()),
        statistic,
        float(2 * student.sf(abs(statistic), n - 1)),
        float(student.cdf(statistic, n - 1)),
        n,
    )


def by_group(values: Floats, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Groups (G,), rising, and the mean (G,) of what is there of values (N,) in each; NaN where nothing is."""
    groups, at = np.unique(group, return_inverse=True)
    known = np.isfinite(values)
    total = np.bincount(at[known], weights=values[known], minlength=len(groups))
    count = np.bincount(at[known], minlength=len(groups))
    return groups, np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean(values: Floats) -> float:
    there = np.asarray(values)[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")


def _weights(members: Floats, weights: Floats | None) -> Floats:
    if weights is None:
        return np.full(len(members), 1 / len(members))
    if len(weights) != len(members) or abs(float(np.sum(weights)) - 1) > 1e-9:
        raise ForecastError(f"{len(weights)} weights that sum to {np.sum(weights):g} for {len(members)} members")
    return np.asarray(weights, np.float64)
