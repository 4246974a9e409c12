"""What a plant's own past says of its state: measured over modelled power, by day and by time of day.

The ratio of measured power to the power that physics makes of forecast weather holds soiling, snow, outages, shade
and what is wrong with the plant's data sheet. A model that is told it as it was known at each issue need not learn a
level that will have moved. Curtailed steps say nothing of it and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Measured
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.errors import ForecastError
from forecasting.features import Steps, plant_of, seen
from forecasting.models.solar.sun import Sun, sun_over
from forecasting.models.solar.weather import Weather
from forecasting.physics import PvPlant, pv_power_at_kw
from forecasting.steps import Grid, History, on_grid, without_measurements
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
CURTAILED = "_curtailed"  # measured beside a power: above 0 where the operator held it down
STAND_BY_SHARE = 0.01
WINDOWS_DAYS = (1, 3, 7, 28)
LOOK_BACK_DAYS = 28
PHYSICS_NAMES = {
    "ghi_w_m2": "shortwave_radiation",
    "dni_w_m2": "direct_normal_irradiance",
    "dhi_w_m2": "diffuse_radiation",
    "temperature_deg_c": "temperature_2m",
    "wind_speed_m_s": "wind_speed_10m",
}


@dataclass(frozen=True, eq=False)
class Past:
    """One plant as known at one time: its history on a grid to the end of the horizon, the sun, modelled power.

    physics_kw (N,) is the power that the forecasts known at each step's start make, NaN without weather. curtailed
    (N,) comes from the log. `free` is the history without curtailed steps.
    """

    target: Target
    plant: PvPlant
    history: History
    sun: Sun
    physics_kw: Floats
    curtailed: NDArray[np.bool_]

    @property
    def grid(self) -> Grid:
        """The steps."""
        return self.history.grid

    @property
    def free(self) -> History:
        """The history with curtailed steps as unknown."""
        value = np.where(self.curtailed, np.nan, self.history.value)
        return History(self.grid, value, self.history.available_ns, self.history.last_step)

    def day(self, start_ns: Ns) -> NDArray[np.int64]:
        """Number of the solar day, from midnight to midnight of the sun, in which each instant lies."""
        return solar_day(self.plant, start_ns)


def solar_day(plant: PvPlant, time_ns: Ns) -> NDArray[np.int64]:
    """Days since 1970 by the mean sun of the plant's longitude."""
    return np.asarray((time_ns + round(plant.longitude_deg / 15 * HOUR_NS)) // DAY_NS, dtype=np.int64)


def past_of(weather: Weather, target: Target, place: Place, edges_ns: Ns, days: int) -> Past:
    """The last so many days of a target, and as many steps ahead as the edges need."""
    known, where = weather.known, target.place or place
    plant = plant_of(target, where)
    measured = _recent(known.measurements(target.site, target.name), known.time_ns - days * DAY_NS)
    label = f"{target.site}/{target.name}"
    measured = _checked(measured, label)
    history = without_measurements(known.time_ns, edges_ns)
    if len(measured.value) >= 2:
        history = on_grid(measured, edges_ns, label)
    grid = history.grid
    start_ns = grid.start_of(np.arange(grid.count))
    sun = sun_over(plant, start_ns, grid.step_ns)
    middle_ns = start_ns + grid.step_ns // 2
    columns = weather.columns_at(target.weather, tuple(PHYSICS_NAMES.values()), start_ns, middle_ns)
    curtailed = np.zeros(grid.count, dtype=bool)
    log = _recent(known.measurements(target.site, target.name + CURTAILED), known.time_ns - days * DAY_NS)
    flagged = log.end_ns[np.nan_to_num(log.value) > 0]
    at = (flagged - 1 - grid.start_ns) // grid.step_ns
    curtailed[at[(at >= 0) & (at < grid.count)]] = True
    physics = power_kw(plant, middle_ns, sun, columns)
    return Past(target, plant, history, sun, physics, curtailed)


def power_kw(plant: PvPlant, middle_ns: Ns, sun: Sun, columns: dict[str, Floats]) -> Floats:
    """Power that physics makes of weather columns, in the shape of the middles; NaN without radiation."""
    from forecasting.clock import utc_index

    given = {ours: columns[theirs].ravel() for ours, theirs in PHYSICS_NAMES.items() if theirs in columns}
    if "ghi_w_m2" not in given:
        return np.full(middle_ns.shape, np.nan)
    power = pv_power_at_kw(plant, utc_index(middle_ns.ravel()), given, sun.angles())
    return power.reshape(middle_ns.shape)


def _recent(measured: Measured, from_ns: int) -> Measured:
    late = measured.end_ns > from_ns
    return Measured(measured.end_ns[late], measured.available_ns[late], measured.value[late])


def _checked(measured: Measured, label: str) -> Measured:
    """Night-time use below 1 % of the peak as 0; more is refused: it is a load."""
    peak = float(np.nanmax(measured.value, initial=0.0))
    if (measured.value < -STAND_BY_SHARE * peak).any():
        worst = float(np.nanmin(measured.value))
        raise ForecastError(f"{label}: {worst:g} kW is negative; give photovoltaic power as a magnitude of 0 or more")
    return Measured(measured.end_ns, measured.available_ns, np.maximum(measured.value, 0.0))


@dataclass(frozen=True, eq=False)
class Days:
    """By solar day (D,) from `first`: measured, modelled and clear-sky energy of fully known steps [kW·steps].

    available (D,) is when the last of a day's values became known.
    """

    first: int
    measured: Floats
    modelled: Floats
    clear: Floats
    available_ns: Ns

    def in_region(self, others: Sequence[Days], scales: Sequence[float]) -> Days:
        """The same with the modelled energy times what all others together gave of theirs that day; 1 where unknown.

        A cloud that the forecast missed hangs over the neighbours too: what is left is the plant's own.
        """
        day = self.first + np.arange(len(self.measured))
        top, bottom = np.zeros(len(day)), np.zeros(len(day))
        for other, scale in zip(others, scales, strict=True):
            at = day - other.first
            there = (at >= 0) & (at < len(other.measured))
            top[there] += other.measured[at[there]] / scale
            bottom[there] += other.modelled[at[there]] / scale
        region = ratio(top, bottom, 0.0)
        return replace(self, modelled=self.modelled * np.where(np.isfinite(region), region, 1.0))

    def back(self, past: Past, issue_ns: Ns) -> tuple[Floats, Floats, Floats]:
        """Measured, modelled, clear (I, 28): the last days known at each issue, the newest first, 0 where unknown."""
        today = past.day(issue_ns) - self.first
        number = np.arange(len(self.measured))
        usable = (self.clear > 0)[None, :] & (number < today[:, None]) & (self.available_ns <= issue_ns[:, None])
        last = np.where(usable.any(axis=1), len(number) - 1 - np.argmax(usable[:, ::-1], axis=1), -1)
        at = last[:, None] - np.arange(LOOK_BACK_DAYS)
        inside = (at >= 0) & np.take_along_axis(usable, np.maximum(at, 0), axis=1)
        found = [np.where(inside, sums[np.maximum(at, 0)], 0.0) for sums in (self.measured, self.modelled, self.clear)]
        return found[0], found[1], found[2]


def days_of(past: Past) -> Days:
    """Energies by day of the steps whose power is known, free of curtailment and modelled."""
    step = np.arange(past.history.last_step + 1)
    number = past.day(past.grid.start_of(step)) if len(step) else np.zeros(0, np.int64)
    first = int(number[0]) if len(step) else 0
    count = int(number[-1]) - first + 1 if len(step) else 1
    value, physics, clear = past.free.value[step], past.physics_kw[step], past.sun.clear_kw[step]
    use = np.isfinite(value) & np.isfinite(physics)

    def total(series: Floats) -> Floats:
        return np.bincount(number[use] - first, series[use], minlength=count)

    available = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(available, number[use] - first, past.history.available_ns[step][use])
    return Days(first, total(value), total(physics), total(clear), available)


def ratio(above: Floats, below: Floats, least: Floats | float) -> Floats:
    """Quotient of two arrays, NaN where `below` is not above `least`."""
    return np.asarray(np.where(below > least, above / np.where(below > least, below, 1.0), np.nan))


def by_time_of_day(past: Past, issue_ns: Ns, step: Steps) -> dict[str, Floats]:
    """The same time of day on the days before, as known at the issue (I, H).

    Measured over modelled energy of 7 and 28 days, and the best share of the clear sky that one day in six reached:
    what shade, dirt and the season's mean sky leave of it.
    """
    per_day = past.grid.per_day
    at = step[..., None] - per_day * np.arange(1, LOOK_BACK_DAYS + 1)
    inside = np.clip(at, 0, past.grid.count - 1)
    value = seen(past.free, at, issue_ns[:, None, None])
    physics, clear = past.physics_kw[inside], past.sun.clear_kw[inside]
    both = np.isfinite(value) & np.isfinite(physics)
    scale = past.plant.peak_kw
    found = {}
    for days in (7, 28):
        chosen = both[..., :days]
        top = np.where(chosen, value[..., :days], 0.0).sum(axis=-1)
        bottom = np.where(chosen, physics[..., :days], 0.0).sum(axis=-1)
        found[f"same_hour_ratio_{days}d"] = ratio(top, bottom, 0.02 * scale * days / 7)
    share = np.where(np.isfinite(value), ratio(value, clear, 0.05 * scale), np.nan)
    ranked = -np.sort(np.where(np.isfinite(share), -share, np.inf), axis=-1)
    sixth = np.maximum(np.isfinite(share).sum(axis=-1, keepdims=True) // 6, 1) - 1
    best = np.take_along_axis(ranked, sixth, axis=-1)[..., 0]
    found["best_share_28d"] = np.where(np.isfinite(best), best, np.nan)
    return found
