"""What share of the clear sky reaches a plant by where the sun stands: a profile by elevation, and a horizon.

    best share(elevation, azimuth) = level(half of the day, elevation) · (1 or left_j below horizon_j)

The level is the share of the clear-sky power that one step in six reached, in bands of elevation before and after noon,
drawn through their middles. In each sector of 15° of azimuth the horizon is the elevation that parts the shares best by
their pinball loss, where both sides hold enough days, what is left below it is clearly less, and the loss falls by more
than noise: ten numbers, and two for each sector with an obstacle. What moves with the seasons in a profile by time of
day stands still here, so all of a plant's history bears on it. On PVOD's open ground it gains nothing (decision 33), so
it is there for those who ask and not by default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.models.solar.past import Past, ratio
from forecasting.scores import pinball

Floats = NDArray[np.float64]
BEST = 5 / 6
BANDS_DEG = np.array([2.0, 8.0, 16.0, 28.0, 45.0, 90.0])
SECTOR_DEG = 15.0
HORIZONS_DEG = np.arange(4.0, 46.0)
SOFT_DEG = 0.75  # half a degree of sun, and some of interpolation
LEAST_DAYS, LEAST_DAYS_OF_PLANT = 12, 60
LEAST_POWER_SHARE = 0.03
LEAST_SHADE = 0.25
LEAST_GAIN = 0.05  # of the loss without a horizon


@dataclass(frozen=True, eq=False)
class Shade:
    """level (2, B) before and after noon at the bands' middles; horizon_deg, left (S,), NaN without an obstacle."""

    level: Floats
    horizon_deg: Floats
    left: Floats

    def share(self, elevation: Floats, azimuth: Floats) -> Floats:
        """Best share (…) of the clear-sky power with the sun there."""
        middle = (BANDS_DEG[1:] + BANDS_DEG[:-1]) / 2
        before, after = (np.interp(elevation, middle, level) for level in self.level)
        sector = sector_of(azimuth)
        horizon, left = self.horizon_deg[sector], self.left[sector]
        risen = np.clip((elevation - horizon + SOFT_DEG) / (2 * SOFT_DEG), 0.0, 1.0)
        reaches = np.where(np.isfinite(horizon), left + (1 - left) * risen, 1.0)
        return np.asarray(np.where(azimuth < 180.0, before, after) * reaches)


def sector_of(azimuth: Floats) -> NDArray[np.intp]:
    """Sector of each azimuth."""
    return np.asarray(azimuth % 360.0 // SECTOR_DEG, dtype=np.intp)


def shade_of(past: Past) -> Shade | None:
    """The map of a plant from all of its past that is known; None where days are too few for one."""
    step = np.arange(past.history.last_step + 1)
    sun = past.sun.at(step)
    value, clear = past.free.value[step], sun.clear_kw
    share = ratio(value, clear, LEAST_POWER_SHARE * past.plant.peak_kw)
    use = np.isfinite(share) & (sun.elevation > BANDS_DEG[0])
    day = past.day(past.grid.start_of(step[use]))
    if len(np.unique(day)) < LEAST_DAYS_OF_PLANT:
        return None
    return fit(share[use], sun.elevation[use], sun.azimuth[use], day)


def fit(share: Floats, elevation: Floats, azimuth: Floats, day: NDArray[np.int64]) -> Shade | None:
    """The map from shares of the clear sky (N,), the sun's place and the days; None where no band has enough days."""
    level = np.stack([_profile(share, elevation, day, half) for half in (azimuth < 180.0, azimuth >= 180.0)])
    if np.isnan(level).any():
        return None
    count = round(360.0 / SECTOR_DEG)
    plain = Shade(level, np.full(count, np.nan), np.full(count, np.nan))
    over = share / np.maximum(plain.share(elevation, azimuth), 1e-6)
    horizon, left, sector = plain.horizon_deg.copy(), plain.left.copy(), sector_of(azimuth)
    for number in np.unique(sector):
        inside = sector == number
        horizon[number], left[number] = _horizon(over[inside], elevation[inside], day[inside])
    return Shade(level, horizon, left)


def _profile(share: Floats, elevation: Floats, day: NDArray[np.int64], half: NDArray[np.bool_]) -> Floats:
    """Best shares (B,) by band, those with few days from the nearest band; NaN where no band has enough."""
    band = np.digitize(elevation, BANDS_DEG) - 1
    found = np.full(len(BANDS_DEG) - 1, np.nan)
    for number in range(len(found)):
        inside = half & (band == number)
        if len(np.unique(day[inside])) >= LEAST_DAYS:
            found[number] = np.quantile(share[inside], BEST)
    there = np.flatnonzero(np.isfinite(found))
    return np.interp(np.arange(len(found)), there, found[there]) if len(there) else found


def _horizon(over: Floats, elevation: Floats, day: NDArray[np.int64]) -> tuple[float, float]:
    """Horizon of one sector and what is left below it, from shares over their level (N,); NaN where there is none."""
    whole = _loss(over)
    best = (1 - LEAST_GAIN) * whole, np.nan, np.nan
    for horizon in HORIZONS_DEG:
        below = elevation < horizon
        if min(len(np.unique(day[below])), len(np.unique(day[~below]))) < LEAST_DAYS:
            continue
        left = float(np.quantile(over[below], BEST) / max(np.quantile(over[~below], BEST), 1e-6))
        loss = _loss(over[below]) + _loss(over[~below])
        if left < 1 - LEAST_SHADE and loss < best[0]:
            best = loss, float(horizon), left
    return best[1], best[2]


def _loss(over: Floats) -> float:
    level = np.array([BEST])
    return float(pinball(over, np.full((len(over), 1), np.quantile(over, BEST)), level).sum())
