"""How a load answers to temperature, calendar and time: one ridge regression for each time of day.

    g(load) = c + trend + days + season + Σ_m f_m(S_m) + error,    g = log for loads that stay well above zero, else 1

S_m are the temperature and its smoothed kin, f_m piecewise linear with knots every few degrees (heating and cooling
degrees are two of the pieces). One regression per time of day lets every coefficient follow the hours (Hong, Wilson &
Xie 2014, doi:10.1109/TSG.2013.2274373; Gaillard, Goude & Nedellec 2016, doi:10.1016/j.ijforecast.2015.12.001). Old days
weigh less. Residuals are those of held-out blocks, from the same sums of squares less a block's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.models.calendar import DAY_NAMES, SEASON_NAMES, YEAR_DAYS, Calendar

Floats = NDArray[np.float64]
KNOTS_DEG_C = np.array([-2.0, 4.0, 10.0, 15.0, 19.0, 23.0, 27.0, 31.0])
COARSE_KNOTS_DEG_C = KNOTS_DEG_C[1::2]
KNOTS_OF = (KNOTS_DEG_C, KNOTS_DEG_C, KNOTS_DEG_C, COARSE_KNOTS_DEG_C, COARSE_KNOTS_DEG_C)
HALF_LIFE_DAYS = 1.5 * YEAR_DAYS  # mean error given temperature, 2008–2010: 6.09 MW; with 3 years 6.21
PENALTY = 1e-3  # on standardised columns; 1e-2 is 2 % worse, 1e-4 the same
HELD_OUT_DAYS = 30
FOLDS = 8
LEAST_SHARE_FOR_LOG = 0.05
SEASON_DAYS = 60.0  # half the season whose residuals count: the load answers to weather as the season lets it
LEAST_OF_SEASON = 60
BEYOND_K = 2.0  # no straight line is trusted farther beyond the temperatures it was learnt from
OUTLIER = 8.0  # robust spreads: an outage or a broken meter, which no temperature explains
LEAST_DAYS = 28
LEAST_ROWS = 3  # of a column that differ from its usual value


@dataclass(frozen=True, eq=False)
class Response:
    """Coefficients (bins, F + 1) by time of day, the intercept last; residuals [bins][n] in g's unit and their days.

    `last_day` is day 0 of the trend; `reach` (bins, 1 + memories, 2) the least and greatest
    temperatures learnt from, empty where none were.
    """

    beta: Floats
    residual: tuple[Floats, ...] = field(repr=False)
    residual_day: tuple[NDArray[np.int64], ...] = field(repr=False)
    last_day: int
    logarithmic: bool
    reach: Floats

    @property
    def with_temperature(self) -> bool:
        """Whether it answers to temperature."""
        return bool(len(self.reach))

    @property
    def bins(self) -> int:
        """Times of day."""
        return len(self.beta)

    def paths(self, days: Calendar, felt: Floats | None) -> Floats:
        """g(load) (S, H) given the calendar (H,) and the temperature felt (1 + memories, S, H)."""
        bin_of = bins_of(days, self.bins)
        x = calendar_columns(days, self.last_day)
        count = felt.shape[1] if felt is not None and self.with_temperature else 1
        found = np.empty((count, len(bin_of)))
        for number in np.unique(bin_of):
            inside = np.flatnonzero(bin_of == number)
            beta = self.beta[number]
            found[:, inside] = x[inside] @ beta[: x.shape[1]] + beta[-1]
            if felt is not None and self.with_temperature:
                low, high = (
                    self.reach[number].T[:, :, None, None] + np.array([-BEYOND_K, BEYOND_K])[:, None, None, None]
                )
                found[:, inside] += temperature_columns(np.clip(felt[:, :, inside], low, high)) @ beta[x.shape[1] : -1]
        return found

    def left_over(self, number: int, middle_day: float) -> Floats:
        """Residuals (n,) of the neighbouring times of day and of the season around a day since 1970, if enough."""
        near = [(number + d) % self.bins for d in (-1, 0, 1)]
        left = np.concatenate([self.residual[k] for k in near])
        day = np.concatenate([self.residual_day[k] for k in near])
        away = np.abs((day - middle_day + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)
        season = left[away <= SEASON_DAYS]
        return season if len(season) >= LEAST_OF_SEASON else left

    def back(self, values: Floats) -> Floats:
        """From g's unit to that of the load."""
        return np.exp(values) if self.logarithmic else values


def bins_of(days: Calendar, bins: int) -> NDArray[np.int64]:
    """Time of day (N,) as a number below `bins`."""
    return np.asarray(np.floor(days.hour * bins / 24 + 1e-9), dtype=np.int64)


def calendar_columns(days: Calendar, last_day: int) -> Floats:
    """Indicators, season, season of days off, and years since `last_day` (N, F)."""
    off = days.day_off[:, None] * days.season[:, :2]
    trend = (days.day - last_day)[:, None] / YEAR_DAYS
    return np.concatenate([days.days, days.season, off, trend], axis=1)


def temperature_columns(felt: Floats) -> Floats:
    """Pieces of the temperature and its kin (1 + memories, …) as columns (…, F)."""
    parts = []
    for values, knots in zip(felt, KNOTS_OF, strict=True):
        parts += [values[..., None], np.maximum(values[..., None] - knots, 0.0)]
    return np.concatenate(parts, axis=-1)


def fit(load: Floats, days: Calendar, felt: Floats | None, bins: int, positive: bool) -> Response:
    """Learn from load (N,), calendar (N,) and felt temperature (1 + memories, N); NaN rows are left out."""
    known = np.isfinite(load)
    logarithmic = positive and float(np.quantile(load[known], 0.01)) > LEAST_SHARE_FOR_LOG * float(load[known].mean())
    floor = LEAST_SHARE_FOR_LOG * float(load[known].mean())
    y = np.log(np.maximum(load, floor)) if logarithmic else load
    last_day = int(days.day[-1])
    x = calendar_columns(days, last_day)
    if felt is not None:
        x = np.concatenate([x, temperature_columns(felt)], axis=1)
        known &= np.isfinite(felt).all(axis=0)
    bin_of = bins_of(days, bins)
    weight = np.exp2(-(last_day - days.day) / HALF_LIFE_DAYS)
    fold = (days.day // HELD_OUT_DAYS) % FOLDS
    beta, residual, when = np.zeros((bins, x.shape[1] + 1)), [], []
    for number in range(bins):
        rows = np.flatnonzero((bin_of == number) & known)
        beta[number], left, kept = _ridge(x[rows], y[rows], weight[rows], fold[rows])
        residual.append(left)
        when.append(days.day[rows[kept]])
    reach = np.empty((0, 0, 2)) if felt is None else _reach(felt, bin_of, known, bins)
    return Response(beta, tuple(residual), tuple(when), last_day, logarithmic, reach)


def _reach(felt: Floats, bin_of: NDArray[np.int64], known: NDArray[np.bool_], bins: int) -> Floats:
    """Least and greatest temperature and kin (bins, 1 + memories, 2) of the known rows of each time of day."""
    found = np.zeros((bins, len(felt), 2))
    for number in range(bins):
        part = felt[:, (bin_of == number) & known]
        if part.shape[1]:
            found[number] = np.stack([part.min(axis=1), part.max(axis=1)], axis=1)
    return found


def _ridge(x: Floats, y: Floats, weight: Floats, fold: NDArray[np.int64]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Coefficients (F + 1,), held-out residuals, and which rows (N,) they are of; outliers are left out."""
    keep = np.ones(len(y), dtype=bool)
    beta, left = _held_out(x, y, weight, fold)
    spread = 1.4826 * np.median(np.abs(left - np.median(left))) if len(left) else 0.0
    if spread > 0:
        keep = np.abs(left) <= OUTLIER * spread
    if not keep.all():
        beta, left = _held_out(x[keep], y[keep], weight[keep], fold[keep])
    return beta, left, keep


def _held_out(x: Floats, y: Floats, weight: Floats, fold: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Ridge on standardised columns; each fold's residuals come from the sums without it."""
    if not len(y):
        return np.zeros(x.shape[1] + 1), np.zeros(0)
    total = weight.sum()
    centre, middle = weight @ x / total, float(weight @ y / total)
    scale = np.sqrt(weight @ (x - centre) ** 2 / total)
    rare = (np.abs(x - np.median(x, axis=0)) > 1e-9).sum(axis=0) < LEAST_ROWS
    scale[(scale < 1e-9) | rare] = np.inf  # says nothing here, as a holiday that never came
    z = np.concatenate([(x - centre) / scale, np.ones((len(y), 1))], axis=1)
    pull = PENALTY * np.diag(np.append(np.ones(x.shape[1]), 0.0)) * total
    grams, sums, left = np.zeros((FOLDS, z.shape[1], z.shape[1])), np.zeros((FOLDS, z.shape[1])), np.empty(len(y))
    for part in range(FOLDS):
        inside = fold == part
        weighed = z[inside] * weight[inside, None]
        grams[part], sums[part] = weighed.T @ z[inside], weighed.T @ (y[inside] - middle)
    whole = np.linalg.solve(grams.sum(axis=0) + pull, sums.sum(axis=0))
    for part in np.unique(fold):
        inside = fold == part
        rest = grams.sum(axis=0) - grams[part] + pull + 1e-9 * np.eye(len(pull))
        left[inside] = y[inside] - middle - z[inside] @ np.linalg.solve(rest, sums.sum(axis=0) - sums[part])
    beta = whole[:-1] / scale
    return np.append(beta, whole[-1] + middle - float(centre @ beta)), left


FEATURES = (*DAY_NAMES, *SEASON_NAMES, "season of days off", "trend", "temperature and its memories")
