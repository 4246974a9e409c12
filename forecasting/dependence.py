"""How errors hang together across time, sites and kinds, and joint paths drawn so; wind, PV, load and price alike.

toeplitz      Gaussian copula, separable: correlation in time by lag as measured, one per kind, times correlation of
              all targets at equal times. Best for sums: energy of a day, of a portfolio.
exponential   the same with the lag's correlation as a curve of two numbers; needs little history.
schaake       Schaake shuffle (Clark et al. 2004, doi:10.1175/1525-7541(2004)005<0243:TSSAMF>2.0.CO;2): the
              forecast's own values in the order of ranks of past forecasts' errors. Best for ramps.

Ranks are of errors (normal scores) and not, as first published, of what was observed: observations move with weather
that a forecast knows already. Decision 21 has the scores.

Normal scores z (I, T) of past forecasts come from `scenarios.normal_scores`. Correlation at a lag is measured over all
pairs of known z inside a forecast, pooled over the sites of a kind; where pairs are few the fitted curve goes on. The
matrices are made positive definite (a Toeplitz matrix of unbiased estimates need not be).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz
from scipy.special import ndtri

from forecasting import scenarios
from forecasting.clock import DAY_NS, Ns
from forecasting.errors import ForecastError
from forecasting.quantiles import LEVELS

Floats = NDArray[np.float64]
Method = Literal["toeplitz", "exponential", "schaake"]
PAIRS_PER_LAG = 200
FEWEST_PAST = 10
CURVE_IS_WORTH = 60  # forecasts


@dataclass(frozen=True)
class Wanted:
    """How many joint scenarios, and how they hang together."""

    count: int = 10
    method: Method = "toeplitz"


@dataclass(frozen=True, eq=False)
class Dependence:
    """What joint paths are drawn from.

    names (K,) and the kind of each; by kind the correlation ρ (T,) at lags of 0, 1, 2 … steps; across (K, K).
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    by_lag: Mapping[str, Floats]
    across: Floats

    @classmethod
    def independent(cls, names: Sequence[str], steps: int) -> Dependence:
        """Nothing hangs together."""
        alone = np.zeros(steps)
        alone[0] = 1.0
        return cls(tuple(names), ("any",) * len(names), {"any": alone}, np.eye(len(names)))

    @classmethod
    def alike(cls, names: Sequence[str], steps: int) -> Dependence:
        """Everything errs in the same direction at all times: what paths along the quantiles would mean."""
        count = len(names)
        return cls(tuple(names), ("any",) * count, {"any": np.ones(steps)}, np.ones((count, count)))


@dataclass(frozen=True, eq=False)
class Lags:
    """Correlation of one target in time as measured at whole steps (L,), linear between them."""

    step_h: float
    rho: Floats

    def correlation(self, distance_h: Floats) -> Floats:
        """ρ(Δ) for distances [h]; 1 at 0."""
        steps = np.abs(distance_h) / self.step_h
        return np.asarray(np.interp(steps, np.arange(len(self.rho)), self.rho), dtype=np.float64)


def memory(scores: Floats, step_h: float, reach_h: float) -> Lags:
    """The measured memory of one target from normal scores (I, T′), for distances of up to so many hours."""
    return Lags(step_h, lag_correlation([scores], int(np.ceil(reach_h / step_h)) + 2, step_h))


def joint(
    quantiles: Mapping[str, Floats],
    scores: Mapping[str, Floats],
    kinds: Mapping[str, str],
    step_h: float,
    *,
    method: Method = "toeplitz",
    seed: int = 0,
    count: int = scenarios.PATHS,
    levels: Floats = LEVELS,
) -> dict[str, Floats]:
    """Joint paths (S, T) of all targets, S = count, from quantiles (T, Q) and normal scores (I, T) of past forecasts.

    The shuffle has as many paths as there are past forecasts with a known error at every step of every target, at
    most `count`, the newest; with fewer than ten it is the copula that is drawn from.
    """
    steps = len(next(iter(quantiles.values())))
    if method == "schaake" and all(z.shape[1] >= steps for z in scores.values()):
        stacked = np.stack([scores[name][:, :steps] for name in quantiles])
        whole = np.flatnonzero(np.isfinite(stacked).all(axis=(0, 2)))[-count:]
        if len(whole) >= FEWEST_PAST:
            return shuffle(quantiles, dict(zip(quantiles, stacked[:, whole], strict=True)), seed, levels)
    ordered = {name: scores[name] for name in quantiles}
    found = fit(ordered, kinds, steps, step_h, "exponential" if method == "exponential" else "toeplitz")
    return draw(quantiles, found, seed, count, levels)


def fit(
    scores: Mapping[str, Floats],
    kinds: Mapping[str, str],
    steps: int,
    step_h: float,
    method: Literal["toeplitz", "exponential"] = "toeplitz",
) -> Dependence:
    """Learn from normal scores (I, T′) of past forecasts, by target; T′ may be less than `steps`."""
    names = tuple(scores)
    by_lag = {}
    for kind in dict.fromkeys(kinds[name] for name in names):
        pooled = [scores[name] for name in names if kinds[name] == kind]
        by_lag[kind] = lag_correlation(pooled, steps, step_h, measured=method == "toeplitz")
    across = scenarios.cross_correlation([scores[name] for name in names])
    return Dependence(names, tuple(kinds[name] for name in names), by_lag, across)


def lag_correlation(scores: Sequence[Floats], steps: int, step_h: float, *, measured: bool = True) -> Floats:
    """Correlation (steps,) at lags of 0 … steps − 1, of z (I, T′) of one kind; made that of a possible series.

    Products over all pairs at a lag by Fourier transform, zeros where z is unknown, over the mean square of z at the
    same pairs. Lags with fewer than 200 pairs follow the exponential curve that fits the others, scaled to meet the
    last measured lag. Errors of one forecast hang together, so what counts as cases are forecasts: the measured
    correlation weighs I/(I + 60) beside the curve.
    """
    same = [z for z in scores if z.shape[1] == scores[0].shape[1]]
    z = np.concatenate(same)
    curve = scenarios.fit_memory(z, step_h).correlation(np.arange(steps, dtype=np.float64) * step_h)
    if not measured or z.shape[1] < 2:
        return curve
    size = 2 * z.shape[1]
    known = np.isfinite(z).astype(np.float64)
    spectra = [np.fft.rfft(values, size, axis=1) for values in (np.nan_to_num(z), known, np.nan_to_num(z) ** 2)]
    product, pairs = (np.fft.irfft((np.abs(s) ** 2).sum(axis=0), size)[: z.shape[1]] for s in spectra[:2])
    square = np.fft.irfft((spectra[2].conj() * spectra[1]).sum(axis=0), size)
    both = np.sqrt(np.maximum(square[: z.shape[1]] * square[-np.arange(z.shape[1])], 0.0))
    trusted = np.minimum.accumulate((pairs > PAIRS_PER_LAG) & (both > 0))
    reach = min(int(trusted.sum()), steps)
    if reach < 2:
        return curve
    rho = curve.copy()
    weight = len(z) / (len(z) + CURVE_IS_WORTH)
    rho[:reach] = weight * product[:reach] / both[:reach] + (1 - weight) * curve[:reach]
    if reach < steps and curve[reach - 1] > 0:
        rho[reach:] = curve[reach:] * max(rho[reach - 1] / curve[reach - 1], 0.0)  # below 1: the curve falls
    rho[0] = 1.0
    return np.clip(rho, -1.0, 1.0)


def draw(
    quantiles: Mapping[str, Floats], dependence: Dependence, seed: int, count: int, levels: Floats = LEVELS
) -> dict[str, Floats]:
    """So many equally likely joint paths (count, T) per target, through quantiles (T, Q) of the targets in order.

    z = R ε Cᵀ with R R = ρ of the kind and C Cᵀ the correlation of noise that makes that of z `across`, see
    `scenarios.noise_correlation`; antithetic, so the median path is kept.

    Raises:
        ForecastError: the targets are not those of the dependence.
    """
    if tuple(quantiles) != dependence.names:
        raise ForecastError(f"quantiles of {list(quantiles)} cannot be joined by a dependence of {dependence.names}")
    steps = len(next(iter(quantiles.values())))
    half = np.random.default_rng(seed).standard_normal((-(-count // 2), steps, len(quantiles)))
    roots = {
        kind: scenarios.root_of(scenarios.positive_definite(toeplitz(rho[:steps])))
        for kind, rho in dependence.by_lag.items()
    }
    overlap = scenarios.overlap_of(list(roots.values()))
    kind_at = [list(roots).index(kind) for kind in dependence.kinds]
    apart = scenarios.noise_correlation(dependence.across, overlap[np.ix_(kind_at, kind_at)])
    noise = np.concatenate([half, -half])[:count] @ np.linalg.cholesky(apart).T
    return {
        name: scenarios.values_at(noise[:, :, k] @ roots[kind], quantiles[name], levels)
        for k, (name, kind) in enumerate(zip(dependence.names, dependence.kinds, strict=True))
    }


def blocks(
    end_ns: Ns, values: Mapping[str, Floats], start_ns: int, steps: int, count: int, season_days: float = 60.0
) -> dict[str, Floats]:
    """Past paths (S, steps) of all targets at once, from the same time of day: S ≤ count days, nearest in season.

    `end_ns` (N,) are the ends of equal steps, values (N,) what was known by the time of the forecast; `start_ns` is
    the start of its first interval. Days with a gap in any target are left out; of the days of about this season the
    newest are taken, then the nearest of the others.

    Raises:
        ForecastError: there are fewer than two such days.
    """
    step = int(end_ns[1] - end_ns[0])
    per_day = DAY_NS // step
    shift = (start_ns + step - int(end_ns[0])) // step
    first = np.arange(shift % per_day, len(end_ns) - steps + 1, per_day)
    first = first[end_ns[first + steps - 1] <= start_ns] if len(first) else first
    stacked = np.stack(list(values.values()))
    gaps = np.concatenate([[0], np.cumsum(~np.isfinite(stacked).all(axis=0))])
    first = first[gaps[first + steps] == gaps[first]]
    if len(first) < 2:
        raise ForecastError(f"the Schaake shuffle needs two whole past days of all of {list(values)}")
    apart = (start_ns - end_ns[first]) / DAY_NS % 365.25
    apart = np.minimum(apart, 365.25 - apart)
    order = np.lexsort((-first, np.maximum(apart, season_days)))
    chosen = np.sort(first[order[:count]])
    at = chosen[:, None] + np.arange(steps)
    return {name: row[at] for name, row in zip(values, stacked, strict=True)}


def shuffle(
    quantiles: Mapping[str, Floats], past: Mapping[str, Floats], seed: int, levels: Floats = LEVELS
) -> dict[str, Floats]:
    """Joint paths (S, T): the forecast's values at (rank + ½)/S in the order of ranks of past paths (S, T).

    Equal past values (calm, night) get their ranks by lot.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for name, table in quantiles.items():
        before = past[name]
        lot = rng.random(before.shape)
        rank = np.argsort(np.lexsort((lot, before), axis=0), axis=0)
        found[name] = scenarios.values_at(ndtri((rank + 0.5) / len(before)), table, levels)
    return found
