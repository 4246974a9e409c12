"""Features of photovoltaic power: sun, forecast weather and its surroundings in time and space, state of the plant.

Powers are shares of the target's capacity. k is the clear-sky index of the forecast irradiance, GHI over that of the
Ineichen clear sky; where only cloud cover is forecast, Kasten & Czeplak's (1980) k = 1 − ¾ N^3.4 stands in.
Columns `clear_x_…` are products with the power under a clear sky, of which straight lines are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import HOUR_NS, Ns
from forecasting.features import Steps, last_seen, seen
from forecasting.models.solar import past as pasts
from forecasting.models.solar.past import Past, ratio
from forecasting.models.solar.shade import Shade
from forecasting.models.solar.sun import Sun, sun_over
from forecasting.models.solar.weather import Weather

Floats = NDArray[np.float64]
LEAST_CLEAR_W_M2 = 20.0
MOST_K = 1.5
AROUND_H = 3.0
NEIGHBOURS_H = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
PRIOR_DAYS = 3.0  # as if so many days had shown the usual ratio
USUAL_RATIO = 0.85
LEAST_GAIN, MOST_GAIN = 0.1, 1.6
PLAIN = (
    "temperature_2m",
    "relative_humidity_2m",
    "dew_point_2m",
    "wind_speed_10m",
    "surface_pressure",
    "cloud_cover",
    "cloud_cover_low",
    "cloud_cover_mid",
    "cloud_cover_high",
    "precipitation",
    "snow_depth",
    "snowfall",
)
LOOKED_UP = (
    *PLAIN,
    "wind_direction_10m",
    "shortwave_radiation",
    "direct_radiation",
    "direct_normal_irradiance",
    "diffuse_radiation",
)
OF_STATE = tuple(f"ratio_{days}d" for days in pasts.WINDOWS_DAYS[:-1])
OF_HOUR = ("same_hour_ratio_7d", "same_hour_ratio_28d", "best_share_28d")
NEAR = ("near_k", "near_k_4h", "near_k_spread", "near_k_day")
OF_SHADE = ("sun_share",)
OF_SNOW = ("snow_cover", "k_under_snow")
HALF_COVERED_M = 0.02  # depth of snow that hides half of the modules
IN_LINES = (
    "k", "k_before_2h", "k_before_1h", "k_before_0.5h", "k_after_0.5h", "k_after_1h", "k_after_2h", "k_2h", "k_6h",
    "k_day", "k_unsteady", "beam_share", *NEAR, "relative_humidity_2m", "humidity_day", "temperature_2m",
    "cloud_cover", "wind_speed_10m", "surface_pressure", "wind_from_east", "wind_from_north", "physics_over_clear",
    *OF_STATE, "ratio_28d", "clear_ratio_1d", "clear_ratio_7d", *OF_HOUR, "best_share_usual", "near_ratio_1d",
    "near_ratio_3d", "sine_elevation", "azimuth", *OF_SNOW, *OF_SHADE,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """columns[name] (I, H) or (I, 1), sun (I, H), steps (I, H), gain (I,): measured over modelled power as known."""

    columns: dict[str, Floats]
    sun: Sun
    step: Steps
    gain: Floats

    def without(self, names: Sequence[str]) -> Rows:
        """The same with some columns unknown."""
        return replace(self, columns={name: value for name, value in self.columns.items() if name not in names})

    def matrix(self, names: Sequence[str], use: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Named columns of the chosen rows (I, H), as (N, F); NaN for a column that is not there."""
        shape = self.step.shape
        nothing = np.full(shape, np.nan)
        found = [np.broadcast_to(self.columns.get(name, nothing), shape)[use] for name in names]
        return np.stack(found, axis=-1).astype(np.float32) if found else np.empty((int(use.sum()), 0), np.float32)


@dataclass(frozen=True, eq=False)
class Around:
    """Forecast clear-sky index (I, H + 2m) of the steps and m before and behind them, with its sums by window."""

    ghi: Floats
    clear: Floats
    margin: int
    per_hour: float
    day: NDArray[np.int64]

    @property
    def k(self) -> Floats:
        """Clear-sky index; NaN where it is not forecast."""
        return np.clip(self.ghi / self.clear, 0.0, MOST_K)

    def inner(self, wide: Floats, shift: int = 0) -> Floats:
        """The part (I, H) of wide rows, so many steps later."""
        return wide[:, self.margin + shift : wide.shape[1] - self.margin + shift]

    def window(self, hours: float) -> Floats:
        """Index of the energy within so many hours before and behind each step (I, H)."""
        reach = min(max(round(hours * self.per_hour), 1), self.margin)
        known = np.isfinite(self.ghi)
        sums = [
            np.cumsum(np.pad(np.where(known, part, 0.0), ((0, 0), (1, 0))), axis=1) for part in (self.ghi, self.clear)
        ]
        first, last = self.margin - reach, self.margin + reach + 1
        count = self.ghi.shape[1] - 2 * self.margin
        top, bottom = (total[:, last : last + count] - total[:, first : first + count] for total in sums)
        return ratio(top, bottom, 0.0)

    def of_day(self) -> Floats:
        """Index of the energy of each step's whole day, as far as it is forecast (I, H)."""
        known = np.isfinite(self.ghi)
        number = self.day - self.day.min(axis=1, keepdims=True)
        count = int(number.max(initial=0)) + 1
        cell = number + count * np.arange(len(number))[:, None]
        size = count * len(number)
        top = np.bincount(cell[known], self.ghi[known], minlength=size).astype(np.float64)
        bottom = np.bincount(cell[known], self.clear[known], minlength=size).astype(np.float64)
        return self.inner(ratio(top, bottom, 0.0)[cell])


def index_of(columns: Mapping[str, Floats], clear: Floats) -> Floats:
    """Forecast irradiance (I, H): as issued, or from cloud cover where only that is known."""
    ghi = columns.get("shortwave_radiation", np.full(clear.shape, np.nan))
    if "cloud_cover" in columns:
        cloudy = clear * (1 - 0.75 * np.clip(columns["cloud_cover"] / 100, 0, 1) ** 3.4)
        ghi = np.where(np.isfinite(ghi), ghi, cloudy)
    return ghi


def wide_steps(past: Past, step: Steps) -> tuple[Steps, int]:
    """Steps (I, H + 2m) with as many before and behind as `AROUND_H` holds, and m."""
    margin = max(round(AROUND_H / past.grid.step_h), 1)
    before = step[:, :1] - np.arange(margin, 0, -1)
    return np.concatenate([before, step, step[:, -1:] + np.arange(1, margin + 1)], axis=1), margin


def around_of(weather: Weather, past: Past, sites: tuple[str, ...], issue_ns: Ns, wide: Steps, margin: int) -> Around:
    """What the named weather sites forecast over the plant's own steps, over the plant's own clear sky."""
    start_ns = past.grid.start_of(wide)
    sun = sun_over(past.plant, start_ns, past.grid.step_ns)
    clear = np.maximum(sun.clear_ghi, LEAST_CLEAR_W_M2)
    middle = start_ns + past.grid.step_ns // 2
    columns = weather.columns_at(sites, ("shortwave_radiation", "cloud_cover"), issue_ns[:, None], middle)
    return Around(index_of(columns, clear), clear, margin, 1 / past.grid.step_h, past.day(start_ns))


def _of_index(around: Around) -> dict[str, Floats]:
    k = around.k
    found = {"k": around.inner(k), "k_2h": around.window(1.0), "k_6h": around.window(3.0), "k_day": around.of_day()}
    for hours in NEIGHBOURS_H:
        side = "before" if hours < 0 else "after"
        found[f"k_{side}_{abs(hours):g}h"] = around.inner(k, round(hours * around.per_hour))
    turns = np.abs(np.diff(k, axis=1, prepend=np.nan))
    found["k_unsteady"] = around.inner(_smoothed(turns, max(round(2 * around.per_hour), 1)))
    return found


def _smoothed(values: Floats, reach: int) -> Floats:
    """Mean of what is known within so many steps on both sides, along the rows."""
    known = np.isfinite(values)
    pad = ((0, 0), (reach + 1, reach))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=1)
    count = np.cumsum(np.pad(known, pad), axis=1)
    span = 2 * reach + 1
    return ratio(total[:, span:] - total[:, :-span], (count[:, span:] - count[:, :-span]).astype(float), 0.0)


def _of_weather(past: Past, columns: dict[str, Floats], sun: Sun, middle_ns: Ns) -> dict[str, Floats]:
    found = {name: columns[name] for name in PLAIN if name in columns}
    scale = past.target.capacity_kw
    power = pasts.power_kw(past.plant, middle_ns, sun, columns) / scale
    found |= {"physics_share": power, "physics_over_clear": ratio(power, sun.clear_kw / scale, 0.02)}
    if "direct_radiation" in columns and "shortwave_radiation" in columns:
        found["beam_share"] = ratio(columns["direct_radiation"], columns["shortwave_radiation"], 5.0)
    if "snow_depth" in columns:
        depth_m = np.maximum(columns["snow_depth"], 0.0)
        found["snow_cover"] = depth_m / (depth_m + HALF_COVERED_M)
    if "relative_humidity_2m" in columns:
        bright = np.where(sun.elevation > 0, columns["relative_humidity_2m"], np.nan)
        found["humidity_day"] = _smoothed(bright, max(round(6 / past.grid.step_h), 1))
    if "wind_direction_10m" in columns and "wind_speed_10m" in columns:
        angle = np.deg2rad(columns["wind_direction_10m"])
        found["wind_from_east"] = columns["wind_speed_10m"] * np.sin(angle)
        found["wind_from_north"] = columns["wind_speed_10m"] * np.cos(angle)
    return found


def _of_neighbours(
    weather: Weather, past: Past, others: Sequence[Past], issue_ns: Ns, wide: Steps
) -> dict[str, Floats]:
    """Mean and spread of the index that the weather of the other sites has, which smooths the field."""
    margin = (wide.shape[1] - 1) // 2
    margin = min(margin, max(round(AROUND_H / past.grid.step_h), 1))
    arounds = [around_of(weather, past, other.target.weather, issue_ns, wide, margin) for other in others]
    if not arounds:
        return {}
    k = np.stack([around.inner(around.k) for around in arounds])
    known_k = np.isfinite(k)
    count = known_k.sum(axis=0)
    mean = ratio(np.where(known_k, k, 0.0).sum(axis=0), count.astype(float), 0.0)
    square = ratio(np.where(known_k, (k - mean) ** 2, 0.0).sum(axis=0), count.astype(float), 0.0)
    stacks = {"near_k_4h": [a.window(2.0) for a in arounds], "near_k_day": [a.of_day() for a in arounds]}
    found = {"near_k": mean, "near_k_spread": np.sqrt(square)}
    return found | {name: mean_of(values) for name, values in stacks.items()}


def mean_of(values: Sequence[Floats]) -> Floats:
    """Mean of what is known of several arrays of one shape."""
    stack = np.stack(values)
    known = np.isfinite(stack)
    return ratio(np.where(known, stack, 0.0).sum(axis=0), known.sum(axis=0).astype(float), 0.0)


@dataclass(frozen=True, eq=False)
class State:
    """Of one plant at issues (I,): ratios of measured to modelled power by window, gain, days known, ratio just now."""

    ratios: dict[str, Floats]
    gain: Floats
    days: Floats


def state_of(past: Past, issue_ns: Ns) -> State:
    """State as known at each issue; the gain is the ratio of 28 days, drawn to the usual one as if 3 more had it."""
    measured, modelled, clear = pasts.days_of(past).back(past, issue_ns)
    found = {}
    least = 0.01 * past.plant.peak_kw * past.grid.per_day
    for days in pasts.WINDOWS_DAYS:
        top, bottom = measured[:, :days].sum(axis=1), modelled[:, :days].sum(axis=1)
        found[f"ratio_{days}d"] = ratio(top, bottom, least)
        found[f"clear_ratio_{days}d"] = ratio(top, clear[:, :days].sum(axis=1), least)
    days_known = (clear > 0).sum(axis=1).astype(np.float64)
    return State(found, _gain(measured, modelled, USUAL_RATIO), days_known)


def _gain(measured: Floats, modelled: Floats, usual: float) -> Floats:
    """Measured over modelled energy (I,) of days (I, D), drawn to the usual ratio as if three more days had had it."""
    top, bottom = measured.sum(axis=1), modelled.sum(axis=1)
    prior = PRIOR_DAYS * ratio(bottom, (modelled > 0).sum(axis=1).astype(float), 0.0)
    gain = ratio(top + prior * usual, bottom + prior, 0.0)
    return np.clip(np.where(np.isfinite(gain), gain, usual), LEAST_GAIN, MOST_GAIN)


def among(past: Past, own: State, issue_ns: Ns, others: Sequence[tuple[Past, State]]) -> State:
    """The state of a plant that has neighbours: their recent departures, and a gain that borrows from them.

    While less than 28 days are known, the gain is partly  relative · (the neighbours' mean gain now), with `relative`
    measured over modelled energy, the modelled one times what the neighbours gave of theirs on those same days.
    """
    if not others:
        return own
    near = {
        f"near_ratio_{days}d": mean_of([state.ratios[f"ratio_{days}d"] / state.gain for _, state in others])
        for days in pasts.WINDOWS_DAYS[:-1]
    }
    gains = mean_of([np.where(state.days > 0, state.gain, np.nan) for _, state in others])
    gains = np.where(np.isfinite(gains), gains, USUAL_RATIO)
    days = pasts.days_of(past)
    scales = [other.plant.peak_kw for other, _ in others]
    measured, modelled, _ = days.in_region([pasts.days_of(other) for other, _ in others], scales).back(past, issue_ns)
    share = own.days / pasts.LOOK_BACK_DAYS
    gain = share * own.gain + (1 - share) * gains * _gain(measured, modelled, 1.0)
    return State(own.ratios | near, np.clip(gain, LEAST_GAIN, MOST_GAIN), own.days)


def _just_now(past: Past, issue_ns: Ns, gain: Floats, lead_h: Floats) -> Floats:
    """Departure of the last three measured hours from gain × physics, fading with the lead (I, H); NaN at night."""
    last = last_seen(past.free, issue_ns)
    step = last[:, None] - np.arange(max(round(3 / past.grid.step_h), 1))
    value = seen(past.free, step, issue_ns[:, None])
    physics = past.physics_kw[np.clip(step, 0, past.grid.count - 1)]
    both = np.isfinite(value) & np.isfinite(physics)
    top, bottom = np.where(both, value, 0.0).sum(axis=1), np.where(both, physics, 0.0).sum(axis=1)
    fresh = issue_ns - past.grid.start_of(last + 1) <= 3 * HOUR_NS
    now = ratio(top, bottom, 0.05 * past.plant.peak_kw * step.shape[1])
    departure = np.where(fresh, now / gain - 1, np.nan)
    return np.asarray(departure[:, None] * np.exp(-lead_h / 6.0))


def build(
    weather: Weather,
    past: Past,
    others: Sequence[Past],
    issue_ns: Ns,
    step: Steps,
    state: State,
    shade: Shade | None = None,
) -> Rows:
    """All columns for issues (I,) and contiguous steps (I, H); `state` is that of the plant at these issues."""
    wide, margin = wide_steps(past, step)
    start_ns = past.grid.start_of(step)
    sun = sun_over(past.plant, start_ns, past.grid.step_ns)
    middle_ns = start_ns + past.grid.step_ns // 2
    forecast = weather.columns_at(past.target.weather, LOOKED_UP, issue_ns[:, None], middle_ns)
    lead_h = (start_ns - issue_ns[:, None]) / HOUR_NS
    clear = sun.clear_kw / past.target.capacity_kw
    columns = {
        "elevation": sun.elevation,
        "sine_elevation": np.sin(np.deg2rad(sun.elevation)),
        "azimuth": sun.azimuth,
        "clear_share": clear,
        "lead_h": lead_h,
        "gain": state.gain[:, None],
        "just_now": _just_now(past, issue_ns, state.gain, lead_h),
    }
    columns |= _of_index(around_of(weather, past, past.target.weather, issue_ns, wide, margin))
    columns |= _of_weather(past, forecast, sun, middle_ns)
    if (
        "snow_cover" in columns
    ):  # a straight line has no other way to learn that snow takes the more the more sun there is
        columns["k_under_snow"] = columns["k"] * columns["snow_cover"]
    columns |= _of_neighbours(weather, past, others, issue_ns, wide)
    columns |= {name: values[:, None] for name, values in state.ratios.items()}
    columns |= pasts.by_time_of_day(past, issue_ns, step)
    best = np.where(clear > 0.3 * clear.max(initial=0.0), columns["best_share_28d"], np.nan)
    columns["best_share_usual"] = mean_of(list(best.T))[:, None] if best.size else best
    if shade is not None:
        columns["sun_share"] = shade.share(sun.elevation, sun.azimuth)
    return Rows(_with_products(columns, state.gain), sun, step, state.gain)


def _with_products(columns: dict[str, Floats], gain: Floats) -> dict[str, Floats]:
    """With each ratio as a multiple of the gain, and the products with the clear sky that lines are made of."""
    state = [name for name in columns if name.startswith(("ratio_", "clear_ratio_", "same_hour_", "best_share_"))]
    found = dict(columns) | {f"relative_{name}": columns[name] / gain[:, None] for name in state}
    clear = columns["clear_share"]
    for name in IN_LINES:
        if name in columns:
            found[f"clear_x_{name}"] = np.where(np.isfinite(columns[name]), columns[name], 0.0) * clear
    return found
