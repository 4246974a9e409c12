"""Photovoltaics and wind behind a meter: what of a net load is generation, from the net load and the weather alone.

    net_t = load_t − Σ_i c_i s_i(ghi) − Σ_j d_j w_j(wind),    c, d ≥ 0

s_i are powers of 1 kW of modules of a few tilts and directions (pvlib), w_j power curves of a few ratings. The load is
like that of the same time of day on the days around of its kind (workday or not): what departs from their mean, on both
sides, has no calendar left in it, and non-negative least squares on the departures gives the capacities. Clocks of
meters and of weather often differ (an hour of daylight saving, a stamp at the other end), and some meters count feed-in
as positive: shift and direction are those that explain the departures best.

What the weather does not explain by day is partly clouds that were forecast wrongly and partly load. At night it is all
load; what varies more by day than at night is taken for sun, by time of day (Wiener's filter):

    solar_t ← solar_t − g r_t,    g = (var r − var r_night) / var r

Where the most that a part can give is known, as from its connection contract, it is scaled to that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, index_ns, utc_index
from forecasting.errors import ForecastError
from forecasting.physics import PvPlant, pv_power_at_kw, sun_at
from forecasting.targets import Place

Floats = NDArray[np.float64]
AROUND_DAYS = 7
LEAST_DAYS = 14
SHIFTS_H = 4.0
MODULES = ((15.0, 0.0), (35.0, 0.0), (15.0, -90.0), (15.0, 90.0))  # tilt, degrees away from the equator (east < 0)
CUT_IN_M_S, RATED_M_S = 3.0, (9.0, 11.0, 13.0)
LEAST_SHARE = 0.01  # of the net load's range: below it a part is not told from noise


@dataclass(frozen=True, eq=False)
class Parts:
    """Generation behind the meter (N,) as magnitudes [kW], and what it was found with.

    load_kw = net + solar + wind. `shift_h` is how much later the meter's clock is than the weather's,
    `feed_in_positive` says that the meter counts the other way round. `explained` is a share of the variance. `amounts`
    [kW] are those of the shapes, first of modules, then of machines.
    """

    solar_kw: Floats
    wind_kw: Floats
    load_kw: Floats
    solar_capacity_kw: float
    wind_capacity_kw: float
    shift_h: float
    feed_in_positive: bool
    explained: float
    amounts: Floats

    def plant(self, place: Place) -> PvPlant:
        """One plant for all the modules found: their capacity, facing where all of them together do."""
        amounts = self.amounts[: len(MODULES)]
        tilt, azimuth = np.deg2rad([(tilt, (equator_deg(place) + away) % 360) for tilt, away in MODULES]).T
        east, north, up = np.sin(tilt) * np.sin(azimuth), np.sin(tilt) * np.cos(azimuth), np.cos(tilt)
        normal = amounts @ np.stack([east, north, up], axis=1)
        lies = float(np.rad2deg(np.arctan2(np.hypot(normal[0], normal[1]), normal[2])))
        faces = float(np.rad2deg(np.arctan2(normal[0], normal[1])) % 360)
        here = place.latitude_deg, place.longitude_deg, place.altitude_m
        return PvPlant(self.solar_capacity_kw, lies, faces, *here)


def split(
    net_kw: Floats,
    end: pd.DatetimeIndex,
    place: Place,
    ghi_w_m2: Floats | None = None,
    wind_m_s: Floats | None = None,
    solar_peak_kw: float | None = None,
    wind_peak_kw: float | None = None,
    like: Parts | None = None,
    *,
    clocks_agree: bool = False,
) -> Parts:
    """Parts of a net load (N,) on regular intervals that end then, from the weather of the same intervals.

    NaN is unknown. Where `clocks_agree`, neither shift nor direction is looked for: from a short history an hour is
    told from none by a hundredth of the variance. With `like`, an earlier split of the same meter from the same kinds
    of weather, its capacities, clock and direction are taken as they are. Raises ForecastError for less than two weeks,
    uneven steps, or a net load that does not vary.
    """
    end_ns, per_day = _regular(end)
    spread = float(np.nanmax(net_kw, initial=0.0) - np.nanmin(net_kw, initial=0.0))
    if len(net_kw) < LEAST_DAYS * per_day or not spread > 0:
        raise ForecastError(
            f"net load: {len(net_kw) / per_day:.1f} days that vary by {spread:g} kW; needed are {LEAST_DAYS} days "
            "of a load that varies"
        )
    solar, wind = _solar(end_ns, per_day, place, ghi_w_m2), _wind(len(end_ns), wind_m_s)
    kinds = _Days(end_ns, per_day, place)
    net = kinds.departures(net_kw)
    departed = [kinds.departures(row) for row in (*solar, *wind)]
    if like is None:
        ways = product(*(((0,), (1.0,)) if clocks_agree else (_shifts(per_day), (1.0, -1.0))))
        best = min((_fitted(net, departed, shift, sign) for shift, sign in ways), key=lambda fit: fit.left)
    else:
        best = _as_found(like, per_day, len(departed))
    found = _parts(best, net_kw, (solar, wind), per_day, float(np.nanmean(net**2)))
    rest = best.sign * net + kinds.departures(found.solar_kw) + kinds.departures(found.wind_kw)
    sun = np.maximum(found.solar_kw - _seen_in(rest, found.solar_kw), 0.0)
    sun, wind_kw = _scaled(np.where(found.solar_kw > 0, sun, 0.0), solar_peak_kw), _scaled(found.wind_kw, wind_peak_kw)
    return replace(found, solar_kw=sun, wind_kw=wind_kw, load_kw=best.sign * net_kw + sun + wind_kw)


def _regular(end: pd.DatetimeIndex) -> tuple[NDArray[np.int64], int]:
    end_ns = index_ns(end, "net load: end")
    steps = np.unique(np.diff(end_ns))
    if len(steps) != 1 or DAY_NS % int(steps[0]):
        raise ForecastError(
            f"net load: steps of {sorted(steps // 60_000_000_000)[:4]} min; give regular ones that divide a day"
        )
    return end_ns, DAY_NS // int(steps[0])


def _shifts(per_day: int) -> list[int]:
    most = round(SHIFTS_H * per_day / 24)
    return sorted(range(-most, most + 1), key=abs)


def equator_deg(place: Place) -> float:
    """The direction of the equator, clockwise from north."""
    return 180.0 if place.latitude_deg >= 0 else 0.0


def _solar(end_ns: NDArray[np.int64], per_day: int, place: Place, ghi_w_m2: Floats | None) -> Floats:
    """Powers (S, N) of 1 kW of modules that lie differently."""
    if ghi_w_m2 is None:
        return np.empty((0, len(end_ns)))
    equator = equator_deg(place)
    middle = utc_index(end_ns - DAY_NS // per_day // 2)
    found, sun = [], None
    for tilt, away in MODULES:
        plant = PvPlant(1.0, tilt, (equator + away) % 360, place.latitude_deg, place.longitude_deg, place.altitude_m)
        sun = sun_at(plant, middle) if sun is None else sun
        found.append(pv_power_at_kw(plant, middle, {"ghi_w_m2": np.maximum(ghi_w_m2, 0.0)}, sun))
    return np.stack(found)


def _wind(count: int, wind_m_s: Floats | None) -> Floats:
    """Powers (W, N) of 1 kW of machines with a cubic curve up to different ratings."""
    if wind_m_s is None:
        return np.empty((0, count))
    cut = CUT_IN_M_S**3
    return np.stack([np.clip((wind_m_s**3 - cut) / (rated**3 - cut), 0.0, 1.0) for rated in RATED_M_S])


class _Days:
    """Takes from a series the mean of the same time of day on the days around that are of the same kind."""

    def __init__(self, end_ns: NDArray[np.int64], per_day: int, place: Place) -> None:
        self.per_day = per_day
        self.days = -(-len(end_ns) // per_day)
        start = utc_index(end_ns[::per_day] - HOUR_NS).tz_convert(place.time_zone)
        rest = np.asarray((start + pd.Timedelta(hours=12)).weekday >= 5)
        day = np.arange(self.days)
        near = np.abs(day[:, None] - day) <= AROUND_DAYS
        self.alike = (near & (rest[:, None] == rest) & (day[:, None] != day)).astype(np.float64)

    def departures(self, values: Floats) -> Floats:
        """Departures (days, per day), NaN where unknown."""
        flat = np.full(self.days * self.per_day, np.nan)
        flat[: len(values)] = values
        table = flat.reshape(self.days, self.per_day)
        known = np.isfinite(table)
        total, count = self.alike @ np.where(known, table, 0.0), self.alike @ known
        return np.where(count > 0, table - total / np.where(count > 0, count, 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class _Fit:
    amounts: Floats
    shift: int
    sign: float
    left: float  # mean square of what is not explained


def _as_found(like: Parts, per_day: int, shapes: int) -> _Fit:
    if len(like.amounts) != shapes:
        raise ForecastError(f"net load: {shapes} shapes from this weather, {len(like.amounts)} in the earlier split")
    return _Fit(like.amounts, round(like.shift_h * per_day / 24), -1.0 if like.feed_in_positive else 1.0, np.nan)


def _fitted(net: Floats, shapes: list[Floats], shift: int, sign: float) -> _Fit:
    from scipy.optimize import nnls

    if not shapes:
        return _Fit(np.empty(0), shift, sign, float(np.nanmean(net**2)))
    columns = np.stack([np.roll(row.ravel(), shift) for row in shapes], axis=1)
    use = np.isfinite(net.ravel()) & np.isfinite(columns).all(axis=1)
    if shift > 0:
        use[:shift] = False
    elif shift < 0:
        use[shift:] = False
    target = -sign * net.ravel()[use]
    gram, moment = columns[use].T @ columns[use], columns[use].T @ target
    ridge = 1e-9 * float(np.trace(gram) + 1e-30)
    root = np.linalg.cholesky(gram + ridge * np.eye(len(gram)))
    amounts, _ = nnls(root.T, np.linalg.solve(root, moment))
    square = float(target @ target - 2 * amounts @ moment + amounts @ gram @ amounts)
    return _Fit(amounts, shift, sign, square / max(int(use.sum()), 1))


def _parts(fit: _Fit, net_kw: Floats, shapes: tuple[Floats, Floats], per_day: int, variance: float) -> Parts:
    least = LEAST_SHARE * float(np.nanmax(net_kw) - np.nanmin(net_kw))
    powers, capacities, first = [], [], 0
    for part in shapes:
        amounts = fit.amounts[first : first + len(part)]
        first += len(part)
        amounts = amounts if amounts.sum() > least else np.zeros(len(part))
        powers.append(amounts @ np.roll(part, fit.shift, axis=1))
        capacities.append(float(amounts.sum()))
    load = fit.sign * net_kw + powers[0] + powers[1]
    shift_h, explained = fit.shift / per_day * 24, 1 - fit.left / variance
    solar, wind = capacities
    found = (powers[0], powers[1], load, solar, wind, shift_h, fit.sign < 0, float(explained))
    return Parts(*found, fit.amounts)


def _seen_in(rest: Floats, solar_kw: Floats) -> Floats:
    """What of the unexplained departures (days, per day) is sun, as (N,) to be taken from it; 0 where unknown."""
    peak = float(np.nanmax(solar_kw, initial=0.0))
    if not peak > 0:
        return np.zeros(len(solar_kw))
    table = np.full(rest.size, np.nan)
    table[: len(solar_kw)] = solar_kw
    dark = np.nan_to_num(table.reshape(rest.shape)).max(axis=0) < 0.01 * peak
    known = np.isfinite(rest)
    spread = np.where(known, rest**2, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    load = float(np.mean(spread[dark])) if dark.any() else float(spread.min())
    share = np.clip(1 - load / np.maximum(spread, 1e-12), 0.0, 1.0)
    return np.asarray(np.nan_to_num((share * rest).ravel()[: len(solar_kw)]), dtype=np.float64)


def _scaled(part_kw: Floats, peak_kw: float | None) -> Floats:
    """A part with the known peak, if one is known and there is any."""
    highest = float(np.nanmax(part_kw, initial=0.0))
    return part_kw * (peak_kw / highest) if peak_kw is not None and highest > 0 else part_kw
