"""What a model may know at each issue time about each interval ahead of it.

Rows come as (I, H): I issue times, H intervals ahead, the same offsets for each issue. A past value enters a
row only where its own availability is not after the row's issue time, so training sees what operation saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.local_days import LocalDays
from forecasting.physics import (
    NIGHT_ELEVATION_DEG,
    PvPlant,
    air_density_kg_per_m3,
    hub_speed_m_s,
    pv_power_at_kw,
    pv_power_kw,
    solar_elevation_deg,
    wind_power_kw,
)
from forecasting.steps import Grid, History
from forecasting.targets import Place, Target
from forecasting.weather.base import WIND_SPEEDS_M_S
from forecasting.weather_rows import Weather

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
SIMILAR_DAYS = 28
LIKE_DAYS_FADE = 14.0  # days
PERSISTENCE_TAU_H = 24.0
LEAST_SHARE = 0.05  # of the clear sky: a plant under snow for a month has no usual day to compare with
DEFAULT_TILT_DEG = 20.0


@dataclass(frozen=True, eq=False)
class Sky:
    """Per grid step (N,).

    Local hour, day class (0 workday, 1 Saturday, 2 Sunday or holiday), weekday, sun and clear-sky power (0 but for pv),
    and the clock of days back: the local one for what people make, the sun's for wind and pv.
    """

    hour: Floats
    day_class: NDArray[np.int8]
    weekday: NDArray[np.int8]
    beside_day_off: NDArray[np.bool_]
    elevation_deg: Floats
    noon_elevation_deg: Floats
    clear_kw: Floats
    clock: LocalDays

    @property
    def dark(self) -> NDArray[np.bool_]:
        """Steps in which the sun's centre stands below −1°."""
        return self.elevation_deg < NIGHT_ELEVATION_DEG


@dataclass(frozen=True, eq=False)
class Rows:
    """Features x (I, H, F) with names (F,), grid steps (I, H), issue times (I,) and leads [h] (I, H).

    base_kw (I, H) is a plain guess; drift_kw (I, H, 3) are recent departures from it, fading with the lead.
    """

    x: NDArray[np.float32]
    names: tuple[str, ...]
    step: Steps
    issue_ns: Ns
    lead_h: Floats
    base_kw: Floats
    drift_kw: Floats

    def part(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows of the chosen issues, mask (I,)."""
        return Rows(
            self.x[chosen],
            self.names,
            self.step[chosen],
            self.issue_ns[chosen],
            self.lead_h[chosen],
            self.base_kw[chosen],
            self.drift_kw[chosen],
        )


def by_calendar(target: Target) -> bool:
    """Whether people make the series: it then depends on the kind of day and stands on like days."""
    return target.kind not in ("wind", "pv")


def plant_of(target: Target, place: Place) -> PvPlant:
    """The target's plant; where none is given, a south- or north-facing one of its capacity."""
    facing = 180.0 if place.latitude_deg >= 0 else 0.0
    return target.plant or PvPlant(
        target.capacity_kw,
        DEFAULT_TILT_DEG,
        facing,
        place.latitude_deg,
        place.longitude_deg,
        place.altitude_m,
        losses=0.0,
    )


@lru_cache(maxsize=16)
def sky(grid: Grid, target: Target, place: Place) -> Sky:
    """Calendar and sun of all steps of a grid; kept, as the rungs of a ladder ask for the same."""
    edges = grid.edges()
    start_ns = grid.start_of(np.arange(grid.count))
    clock = LocalDays.of(start_ns, grid.step_ns, place.time_zone if by_calendar(target) else None)
    local = utc_index(start_ns).tz_convert(place.time_zone)
    day = local.tz_localize(None).normalize()
    off = np.asarray(day.isin(np.array(place.holidays, dtype="datetime64[D]").astype("datetime64[ns]")))
    weekday = np.asarray(local.weekday, dtype=np.int8)
    day_class = np.where(off | (weekday == 6), 2, np.where(weekday == 5, 1, 0)).astype(np.int8)
    rest = day_class == 2
    neighbour = np.zeros(grid.count, dtype=bool)
    neighbour[: -grid.per_day] |= rest[grid.per_day :]
    neighbour[grid.per_day :] |= rest[: -grid.per_day]
    middle = utc_index(start_ns + grid.step_ns // 2)
    elevation = clear = np.zeros(grid.count)
    if target.kind == "pv":  # the sun's place takes longer than all the rest
        elevation = solar_elevation_deg(middle, place.latitude_deg, place.longitude_deg, place.altitude_m)
        clear = pv_power_kw(plant_of(target, place), edges)
    declination = 23.45 * np.sin(2 * np.pi * (284 + np.asarray(middle.dayofyear)) / 365)  # Cooper 1969
    noon = 90 - np.abs(place.latitude_deg - declination)
    hour = np.asarray(local.hour + local.minute / 60, dtype=np.float64)
    return Sky(hour, day_class, weekday, neighbour & ~rest, elevation, noon, clear, clock)


def seen(history: History, step: Steps, issue_ns: Ns, value: Floats | None = None) -> Floats:
    """Values at `step`, or of another series `value` (N,) on the same grid that becomes known with them.

    NaN where they were not available at the issue time (broadcast against step) or lie off the grid.
    """
    inside = (step >= 0) & (step < history.grid.count)
    at = np.clip(step, 0, history.grid.count - 1)
    known = inside & (history.available_ns[at] <= issue_ns)
    return np.where(known, (history.value if value is None else value)[at], np.nan)


def last_seen(history: History, issue_ns: Ns) -> Steps:
    """Step of the latest measurement available at each issue (I,), −1 where there is none."""
    finite = np.flatnonzero(np.isfinite(history.value))
    if not len(finite):
        return np.full(len(issue_ns), -1)
    # The least availability of this and all later values rises with time: a sorted search finds the last known.
    first_known = np.minimum.accumulate(history.available_ns[finite][::-1])[::-1]
    position = np.searchsorted(first_known, issue_ns, side="right") - 1
    return np.where(position >= 0, finite[np.maximum(position, 0)], -1)


def mean_known(values: Floats, axis: int = -1, weights: Floats | None = None) -> Floats:
    """Weighted mean of what is known along an axis; NaN where nothing is."""
    known = np.isfinite(values)
    weight = known * (1.0 if weights is None else weights)
    total = weight.sum(axis=axis)
    summed = (np.where(known, values, 0.0) * weight).sum(axis=axis)
    return np.asarray(np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan))


def _recent(history: History, sky_: Sky, issue_ns: Ns) -> dict[str, Floats]:
    """State at each issue (I,): last value, its age, the last day's mean and spread, the last week's mean."""
    grid = history.grid
    last = last_seen(history, issue_ns)
    issue = issue_ns[:, None]
    day = seen(history, last[:, None] - np.arange(grid.per_day), issue)
    week = seen(history, last[:, None] - np.arange(0, 7 * grid.per_day, max(grid.per_day // 24, 1)), issue)
    few_h = seen(history, last[:, None] - np.arange(max(3 * grid.per_day // 24, 1)), issue)
    mean = mean_known(day)
    spread = np.sqrt(mean_known((day - mean[:, None]) ** 2))
    age_h = np.where(last >= 0, (issue_ns - grid.start_of(last + 1)) / HOUR_NS, np.nan)
    state = {"last_kw": day[:, 0], "age_h": age_h, "last_3h_kw": mean_known(few_h), "last_day_kw": mean}
    state |= {"last_day_spread_kw": spread, "last_week_kw": mean_known(week)}
    if sky_.clear_kw.any():
        for days in (1, 3, 7, 28):
            steps = last[:, None] - np.arange(days * grid.per_day)
            values = seen(history, steps, issue)
            clear = np.where(np.isfinite(values), sky_.clear_kw[np.maximum(steps, 0)], 0.0).sum(axis=1)
            got = np.nansum(values, axis=1)
            state[f"clear_share_{days}d"] = np.where(clear > 0, got / np.where(clear > 0, clear, 1.0), np.nan)
    return state


def _days_back(history: History, sky_: Sky, step: Steps, issue_ns: Ns) -> dict[str, Floats]:
    """The same time of day on earlier days, as known at the issue: single days, means, and the mean of like days."""
    back = np.arange(1, SIMILAR_DAYS + 1)
    steps, _ = sky_.clock.before(step[..., None], back)
    values = sky_.clock.read(step[..., None], back, lambda at: seen(history, at, issue_ns[:, None, None]))
    alike = sky_.day_class[np.clip(steps, 0, None)] == sky_.day_class[step][..., None]
    found = {f"days_back_{d}": values[..., d - 1] for d in (1, 2, 3, 7, 14)}
    found["mean_7d"] = mean_known(values[..., :7])
    found["mean_28d"] = mean_known(values)
    found["like_days"] = mean_known(values, weights=alike * np.exp(-back / LIKE_DAYS_FADE))
    if sky_.clear_kw.any():
        weight = np.isfinite(values) * np.exp(-back / LIKE_DAYS_FADE)
        clear = (sky_.clear_kw[np.maximum(steps, 0)] * weight).sum(axis=-1)
        power = (np.nan_to_num(values) * weight).sum(axis=-1)
        found["like_share"] = np.where(clear > 0, power / np.where(clear > 0, clear, 1.0), np.nan)
    return found


def from_weather(target: Target, place: Place, grid: Grid, step: Steps, weather: Weather) -> dict[str, Floats]:
    """Weather columns as features, and the power they give by physics where they suffice."""
    columns = weather.columns
    found = dict(columns)
    if target.kind == "pv" and "shortwave_radiation" in columns:
        found["physics_kw"] = pv_from_weather_kw(plant_of(target, place), grid, step, columns)
    speeds = {height: columns[name] for height, name in WIND_SPEEDS_M_S.items() if name in columns}
    if target.kind == "wind" and speeds and target.farm is not None:
        density: Floats | float = 1.225
        if {"temperature_2m", "surface_pressure"} <= columns.keys():
            density = air_density_kg_per_m3(columns["temperature_2m"], columns["surface_pressure"])
            density = np.where(np.isfinite(density), density, 1.225)
        hub = hub_speed_m_s(speeds, target.farm.hub_height_m)
        found |= {"hub_speed_m_s": hub, "physics_kw": wind_power_kw(target.farm, hub, density)}
    return found


def pv_from_weather_kw(plant: PvPlant, grid: Grid, step: Steps, columns: Mapping[str, Floats]) -> Floats:
    """Physical power (I, H) of a plant from weather columns (I, H)."""
    names = {
        "ghi_w_m2": "shortwave_radiation",
        "dni_w_m2": "direct_normal_irradiance",
        "dhi_w_m2": "diffuse_radiation",
        "temperature_deg_c": "temperature_2m",
        "wind_speed_m_s": "wind_speed_10m",
    }
    given = {ours: columns[theirs].ravel() for ours, theirs in names.items() if theirs in columns}
    middle = utc_index(grid.start_of(step.ravel()) + grid.step_ns // 2)
    return pv_power_at_kw(plant, middle, given).reshape(step.shape)


def _base_kw(target: Target, past: Mapping[str, Floats], state: Mapping[str, Floats], sky_: Sky, step: Steps) -> Floats:
    """The plain guess: like days for loads, their share of the clear sky for pv, 0 for wind."""
    if target.kind == "pv":
        share = past.get("like_share", np.full(step.shape, np.nan))
        share = np.where(np.isfinite(share), share, np.nan_to_num(state["clear_share_7d"], nan=0.5)[:, None])
        return np.asarray(sky_.clear_kw[step] * np.clip(share, 0.0, 1.5))
    if by_calendar(target):
        base = past["like_days"]
        for other in (past["mean_28d"], np.broadcast_to(state["last_week_kw"][:, None], step.shape)):
            base = np.where(np.isfinite(base), base, other)
        return np.nan_to_num(base)
    return np.zeros(step.shape)


def expected_history(history: History, sky_: Sky) -> History:
    """Departure of each measured load from the mean of the like days before it.

    Available once the value and all values behind its mean are.
    """
    grid = history.grid
    step = np.arange(grid.count)
    expected, known = np.zeros(grid.count), np.zeros(grid.count)
    available = history.available_ns
    ever = np.array(np.iinfo(np.int64).max)
    for back in range(1, SIMILAR_DAYS + 1):
        first, last = (np.maximum(at, 0) for at in sky_.clock.before(step, back))
        before = sky_.clock.read(step, back, lambda at: seen(history, at, ever))
        alike = (sky_.day_class == sky_.day_class[first]) & np.isfinite(before)
        weight = alike * np.exp(-back / LIKE_DAYS_FADE)
        expected += np.where(alike, before, 0.0) * weight
        known += weight
        behind = np.maximum(history.available_ns[first], history.available_ns[last])
        available = np.where(alike, np.maximum(available, behind), available)
    mean = np.where(known > 0, expected / np.where(known > 0, known, 1.0), np.nan)
    return History(grid, history.value - mean, available, history.last_step)


def _drift_kw(
    target: Target, history: History, departure: History | None, state: Mapping[str, Floats], rows: _Frame
) -> Floats:
    """Recent departures from the plain guess (I, H, 3), each fading with the lead; 0 where unknown."""
    lead_h, step = rows.lead_h, rows.step
    if target.kind == "pv":
        usual = np.maximum(state["clear_share_28d"], LEAST_SHARE)
        gaps = [state[f"clear_share_{days}d"] / usual - 1 for days in (1, 3, 7)]
        return np.nan_to_num(np.stack([rows.base_kw * gap[:, None] for gap in gaps], axis=-1))
    if target.kind == "wind":
        known = np.isfinite(history.value)
        centre = float(history.value[known].mean()) if known.any() else 0.0
        gaps = [state["last_3h_kw"] - centre, state["last_day_kw"] - centre, np.full(len(step), centre)]
        fade_h = (18.0, 60.0, np.inf)
    else:
        assert departure is not None
        last = last_seen(departure, rows.issue_ns)
        spans = (3, 24, 72)
        per_hour = history.grid.per_day // 24 or 1
        issue = rows.issue_ns[:, None]
        gaps = [mean_known(seen(departure, last[:, None] - np.arange(span * per_hour), issue)) for span in spans]
        fade_h = (6.0, 48.0, 168.0)
    drift = [gap[:, None] * np.exp(-lead_h / fade) for gap, fade in zip(gaps, fade_h, strict=True)]
    return np.nan_to_num(np.stack(drift, axis=-1))


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where feature rows stand: steps (I, H), issues (I,), leads [h] (I, H), plain guess [kW] (I, H)."""

    step: Steps
    issue_ns: Ns
    lead_h: Floats
    base_kw: Floats


def build(
    target: Target,
    place: Place,
    history: History,
    sky_: Sky,
    issue_ns: Ns,
    step: Steps,
    weather: Weather | None,
    departure: History | None = None,
) -> Rows:
    """Feature rows for issue times (I,) and grid steps (I, H)."""
    grid = history.grid
    lead_h = (grid.start_of(step) - issue_ns[:, None]) / HOUR_NS
    state = _recent(history, sky_, issue_ns)
    past = _days_back(history, sky_, step, issue_ns)
    own: dict[str, Floats] = {
        "hour": sky_.hour[step],
        "lead_h": lead_h,
        "noon_elevation_deg": sky_.noon_elevation_deg[step],
    }
    if by_calendar(target):
        own |= {
            "weekday": sky_.weekday[step].astype(np.float64),
            "day_class": sky_.day_class[step].astype(np.float64),
            "beside_day_off": sky_.beside_day_off[step].astype(np.float64),
        }
    if target.kind == "pv":
        own |= {"elevation_deg": sky_.elevation_deg[step], "clear_kw": sky_.clear_kw[step]}
    own["fading_kw"] = np.exp(-lead_h / PERSISTENCE_TAU_H) * state["last_3h_kw"][:, None]
    base = _base_kw(target, past, state, sky_, step)
    drift = _drift_kw(target, history, departure, state, _Frame(step, issue_ns, lead_h, base))
    own |= {name: np.broadcast_to(value[:, None], step.shape) for name, value in state.items()} | past
    own |= {f"drift_{k}_kw": drift[..., k] for k in range(drift.shape[-1])}
    if weather is not None:
        own |= from_weather(target, place, grid, step, weather)
    x = np.stack([np.asarray(value, dtype=np.float32) for value in own.values()], axis=-1)
    return Rows(x, tuple(own), step, issue_ns, lead_h, base, drift)


def training_issues(history: History, issue_ns: int, edges_ns: Ns, history_days: int | None) -> tuple[Ns, Steps]:
    """Past issue times (I,) at the same time of day as the real one, oldest first, and their steps (I, H).

    A horizon of a day or more is repeated every so many days that each past interval is used about once; a
    shorter one several times a day. The stride is never a multiple of 7 days, or each lead would only ever
    see its own weekday.
    """
    grid = history.grid
    horizon_ns = int(edges_ns[-1] - edges_ns[0])
    if horizon_ns >= DAY_NS:
        days = -(-horizon_ns // DAY_NS)
        stride = (days - 1 if days % 7 == 0 else days) * DAY_NS
    else:
        stride = next(h for h in (1, 2, 3, 4, 6, 8, 12, 24) if h * HOUR_NS >= horizon_ns) * HOUR_NS
    first = (int(edges_ns[0]) - grid.start_ns) // grid.step_ns
    count = -(-(int(edges_ns[-1]) - int(grid.start_of(np.array(first)))) // grid.step_ns)
    reach = first * grid.step_ns if history_days is None else history_days * DAY_NS
    back = np.arange(reach // stride, 0, -1) * stride
    offset = first - back // grid.step_ns
    usable = (offset >= 0) & (offset <= history.last_step)
    step = offset[usable][:, None] + np.arange(count)
    return issue_ns - back[usable], step
