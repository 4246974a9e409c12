"""One member of the average: what of the past days it looks at, how far back, and how fast it forgets.

Prices p are seen as z = asinh((p − median) / (1.4826 · median absolute deviation)) of the member's window, so that a
spike of 2 000 does not outweigh a year and negative prices need no shift (Uniejewski, Weron & Ziel 2018,
doi:10.1109/TPWRS.2017.2734563). What bears on a day is that of Lago et al. 2021 (doi:10.1016/j.apenergy.2021.116983):
all hours of the prices 1, 2, 3 and 7 days before, all hours of each forecast for the day and the day before, the
weekday; and the season. The covariance of two days is

    k = [4 λ s/s̄ + matern(d²/d̃²)] · (1 − φ + φ e^(−Δ/τ)) + δ e^(−Δ/60)

with s, d² inner product and squared distance of their features, s̄ and d̃² the usual ones, Δ days between them. The
noise grows as e^(age/700). Everything is scaled by its own past only, anew with every block of 28 days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.models.price import process
from forecasting.models.price.days import Days

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
BLOCK_DAYS = 28
LEAST_DAYS = 28  # of a window with prices, or the member says nothing
LAG_WEIGHT = {1: 1.0, 2: 0.25, 3: 0.2, 7: 0.4}  # of prices so many days before
FORECAST_WEIGHT = {0: 1.7, 1: 0.25}
WEEKDAY_WEIGHT, SEASON_WEIGHT, LEVEL_WEIGHT = 0.7, 0.5, 0.3
LINEAR_AMPLITUDE, DRIFT, DRIFT_DAYS, AGE_DAYS = 4.0, 0.15, 60.0, 700.0
LEVEL_DAYS = 7
MEDIAN_OF_EVERY = 7  # a seventh of the days tells the usual distance as well
BEYOND = 1.0  # of transformed prices: an input gone wild makes a price of e times the highest ever seen, and no more
LEAST_KNOWN_SHARE = 0.3  # of a window, or an input is left out


@dataclass(frozen=True)
class Member:
    """Settings; `level` has departures from the last week's mean instead of prices.

    `fading_share` of what was learnt fades with e^(−days/`fading_days`).
    """

    name: str
    window_days: int
    noise: float
    linear: float = 0.5
    level: bool = False
    fading_share: float = 0.0
    fading_days: float = 60.0

    def forecast(self, days: Days, first: int, last: int, lead: int) -> Floats:
        """Prices (last − first, 24) of rows first … last − 1, each from prices up to `lead` days before it.

        NaN where too little is known.
        """
        found = np.full((last - first, days.price.shape[1]), np.nan)
        row = first
        while row < last:
            begin = row - int(days.number[row] % BLOCK_DAYS)
            end = min(begin + BLOCK_DAYS, last)
            found[row - first : end - first] = self._block(days, max(begin, 0), end, lead)[-(end - row) :]
            row = end
        return found

    def _block(self, days: Days, begin: int, end: int, lead: int) -> Floats:
        """Prices (end − begin, 24) of one block of days."""
        until = max(begin - lead + 1, 0)
        start = max(until - self.window_days, 0)
        found = np.full((end - begin, days.price.shape[1]), np.nan)
        past = slice(start, until)
        known = np.isfinite(days.price[past]).all(axis=1)
        if known.sum() < LEAST_DAYS:
            return found
        there = {name: ~np.isnan(value.sum(axis=1)) for name, value in days.exogenous.items()}
        there = {name: known for name, known in there.items() if known[past].mean() >= LEAST_KNOWN_SHARE}
        patterns = np.stack(
            [np.zeros(end - begin, dtype=bool), *(known[begin:end] for known in there.values())], axis=1
        )
        for pattern in np.unique(patterns, axis=0):
            names = tuple(name for name, use in zip(there, pattern[1:], strict=True) if use)
            same = (patterns == pattern).all(axis=1)
            found[same] = self._with(days, names, slice(start, end), until - start, lead)[begin - start :][same]
        return found

    def _with(self, days: Days, names: tuple[str, ...], rows: slice, until: int, lead: int) -> Floats:
        """Prices (N, 24) of the rows from `until` on, NaN before, from the named forecasts; scaled by rows before."""
        z, centre, scale = squashed(days.price, rows.start, rows.start + until)
        level = _level(z, lead) if self.level else np.zeros((len(z), 1))
        x = _features(days, names, z, level, rows, until, lead, self.level)
        y = (z - level)[rows]
        mean = np.nanmean(y[:until], axis=0)
        spread = float(np.nanstd(y[:until])) or 1.0
        number = days.number[rows].astype(np.float64)
        noise = self.noise * np.exp(np.maximum(number[until - 1] + lead - number, 0.0) / AGE_DAYS)
        found = np.full(y.shape, np.nan)
        covariance = self._covariance(x, number, until)
        ahead = process.ahead(covariance, noise, (y - mean) / spread, until, lead) * spread + mean + level[rows][until:]
        low, high = np.nanmin(z[rows][:until]) - BEYOND, np.nanmax(z[rows][:until]) + BEYOND
        found[until:] = np.sinh(np.clip(ahead, low, high)) * scale + centre
        return found

    def _covariance(self, x: Floats, number: Floats, until: int) -> Floats:
        """Covariance (N, N) of days with features x (N, F); what is usual is of the rows before `until`."""
        from scipy.linalg import toeplitz

        k = x @ x.T
        norm = np.diag(k).copy()
        squared = norm[:, None] + norm[None, :]
        squared -= 2 * k
        usual = float(np.median(squared[:until:MEDIAN_OF_EVERY, :until])) or 1.0
        k *= LINEAR_AMPLITUDE * self.linear / (float(norm[:until].mean()) or 1.0)
        squared /= usual
        k += process.matern(squared)
        apart = number - number[0]  # days follow each other, so that covariances of time are constant along diagonals
        if self.fading_share:
            k *= toeplitz(1 - self.fading_share + self.fading_share * np.exp(-apart / self.fading_days))
        k += toeplitz(DRIFT * np.exp(-apart / DRIFT_DAYS))
        return np.asarray(k)


def squashed(price: Floats, start: int, until: int) -> tuple[Floats, float, float]:
    """Prices by asinh in units of the spread of rows start … until − 1, with centre and scale."""
    past = price[start:until]
    centre = float(np.nanmedian(past))
    scale = 1.4826 * float(np.nanmedian(np.abs(past - centre)))
    if scale <= 0:  # more than half of all prices are one and the same
        scale = float(np.nanstd(past)) or 1.0
    return np.asarray(np.arcsinh((price - centre) / scale)), centre, scale


def lags_of(lead: int) -> dict[int, float]:
    """Days back and their weights; the weekly one stays on the weekday."""
    week = 7 * -(-lead // 7)
    found = {lead + back - 1: weight for back, weight in LAG_WEIGHT.items() if back < 7}
    return found | {week: max(LAG_WEIGHT[7], found.get(week, 0.0))}


def lagged(value: Floats, back: int) -> Floats:
    """Rows (D, …) moved down by so many days."""
    found = np.full_like(value, np.nan)
    found[back:] = value[: max(len(value) - back, 0)]
    return found


def _level(z: Floats, lead: int) -> Floats:
    """Mean (D, 1) of what is known of the last week; the centre, 0, where nothing is."""
    daily = z.mean(axis=1, keepdims=True)
    past = np.stack([lagged(daily, back) for back in range(lead, lead + LEVEL_DAYS)])
    there = np.isfinite(past)
    return np.asarray(np.where(there, past, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def _features(
    days: Days, names: tuple[str, ...], z: Floats, level: Floats, rows: slice, until: int, lead: int, departures: bool
) -> Floats:
    """Features (N, F) of the rows, each group's square sum worth its weight; what is unknown is at its mean."""
    past = slice(rows.start, rows.start + until)
    usual, spread = np.nanmean(z[past], axis=0), float(np.nanstd((z - np.nanmean(z[past], axis=0))[past])) or 1.0
    groups = [(lagged(z, back) - level - usual, weight / spread) for back, weight in lags_of(lead).items()]
    if departures:
        groups.append((level - level[past].mean(), LEVEL_WEIGHT / (float(level[past].std()) or 1.0)))
    for name in names:
        value = days.exogenous[name]
        each = np.nanstd(value[past], axis=0)
        each = np.maximum(each, 0.1 * each.max()) if each.max() > 0 else np.ones_like(each)
        scaled = (value - np.nanmean(value[past], axis=0)) / each
        groups += [(lagged(scaled, back), weight) for back, weight in FORECAST_WEIGHT.items()]
    groups.append((np.eye(7)[days.weekday], WEEKDAY_WEIGHT * np.sqrt(7)))
    groups.append((np.stack([np.sin(days.angle), np.cos(days.angle)], axis=1), SEASON_WEIGHT * np.sqrt(2)))
    return np.concatenate([np.nan_to_num(v[rows]) * (w / np.sqrt(v.shape[1])) for v, w in groups], axis=1)
