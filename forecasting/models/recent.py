"""What the recent past says of the next hours and days: rows of features for series with a daily and weekly rhythm.

Rows come as (I, H): I issue times, H steps ahead. A past value enters a row only where it was available at the row's
issue time. Past values are told as departures from a base, the mean of like days before, so that a change of level
moves base and forecast alike and nothing has to be extrapolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns, utc_index, utc_text
from forecasting.features import last_seen, mean_known, seen
from forecasting.learners.base import Frame
from forecasting.local_days import LocalDays
from forecasting.models.calendar import DAY_NAMES, Calendar, calendar
from forecasting.models.like_days import DAYS_BACK, LikeDays
from forecasting.physics import solar_elevation_deg
from forecasting.steps import Grid, History
from forecasting.targets import Place

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
FADE_DAYS = 14.0
LAGS_DAYS = (1, 2, 3, 7, 14)
SPANS_H = (1, 3, 24, 72, 168)
FADING_H = ((3, 6), (3, 24), (24, 24), (24, 72))  # span of the departure's mean, time constant of its fading
BASE = "base"


@dataclass(frozen=True, eq=False)
class Past:
    """A measured series on a grid that reaches to the end of the horizon, its calendar and its usual values.

    departure (N,) is what was measured above the mean of like days before each step; `clock` tells days back.
    """

    history: History
    days: Calendar
    elevation_deg: Floats
    departure: Floats
    like_class: Steps
    clock: LocalDays
    like_days: LikeDays

    @classmethod
    def of(cls, history: History, place: Place) -> Past:
        """Calendar, sun and departures of all steps."""
        grid = history.grid
        steps = np.arange(grid.count)
        days = calendar(grid.start_of(steps), place)
        middle = utc_index(grid.start_of(steps) + grid.step_ns // 2)
        elevation = solar_elevation_deg(middle, place.latitude_deg, place.longitude_deg, place.altitude_m)
        like = days.day_class
        clock = LocalDays.of(grid.start_of(steps), grid.step_ns, place.time_zone)
        like_days = LikeDays.of(history, days)
        usual = _usual(history, like, clock, _weights(like_days, days))
        return cls(history, days, elevation, history.value - usual, like, clock, like_days)


def _weights(like_days: LikeDays, days: Calendar) -> Floats:
    """Weights (N, 28) of the days before each step's."""
    day, first, which = np.unique(days.day, return_index=True, return_inverse=True)
    return like_days.weights(day, days.day_class[first])[which]


def _usual(history: History, like: Steps, clock: LocalDays, weights: Floats) -> Floats:
    """Mean (N,) of the values at the same time on like days of the four weeks before; NaN where there is none."""
    step, value = np.arange(history.grid.count), history.value
    total, weight = np.zeros(len(value)), np.zeros(len(value))
    for back in range(1, DAYS_BACK + 1):
        before = clock.read(step, back, lambda at: np.where(at >= 0, value[np.maximum(at, 0)], np.nan))
        alike = (like == like[np.maximum(clock.before(step, back)[0], 0)]) & np.isfinite(before)
        share = alike * np.exp(-back / FADE_DAYS) * weights[:, back - 1]
        total += np.where(alike, before, 0.0) * share
        weight += share
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)


def columns(past: Past, issue_ns: Ns, step: Steps) -> dict[str, Floats]:
    """Features (I, H) by name for issues (I,) and steps (I, H); `BASE` is the plain guess."""
    grid = past.history.grid
    found = _of_calendar(past, step)
    found["lead_h"] = (grid.start_of(step) - issue_ns[:, None]) / HOUR_NS
    base, lags = _days_back(past, step, issue_ns)
    last = last_seen(past.history, issue_ns)
    found["age_h"] = np.where(last >= 0, (issue_ns - grid.start_of(last + 1)) / HOUR_NS, np.nan)[:, None] + 0 * base
    found[BASE] = base
    found |= {f"back_{day}d": value - base for day, value in lags.items()}
    found |= {name: value - base for name, value in _averages(past, step, issue_ns).items()}
    per_hour = max(grid.per_day // 24, 1)
    recent = seen(past.history, last[:, None] - np.arange(SPANS_H[-1] * per_hour), issue_ns[:, None], past.departure)
    for span in SPANS_H:
        found[f"drift_{span}h"] = np.broadcast_to(mean_known(recent[:, : span * per_hour])[:, None], step.shape)
    found |= {  # a straight line cannot let a departure die away by itself
        f"drift_{span}h_over_{fade}h": np.nan_to_num(found[f"drift_{span}h"]) * np.exp(-found["lead_h"] / fade)
        for span, fade in FADING_H
    }
    return found


def _of_calendar(past: Past, step: Steps) -> dict[str, Floats]:
    days = past.days
    found = {"hour": days.hour[step], "kind_of_day": days.kind[step].astype(np.float64)}
    found |= {name: days.days[step, DAY_NAMES.index(name)] for name in DAY_NAMES[-4:]}
    found |= {"sin_day": np.sin(days.hour[step] * np.pi / 12), "cos_day": np.cos(days.hour[step] * np.pi / 12)}
    found |= {"sin_year": days.season[step, 0], "cos_year": days.season[step, 1]}
    found |= {"weekend": days.day_off[step].astype(np.float64), "elevation_deg": past.elevation_deg[step]}
    return found


def base_of(past: Past, issue_ns: Ns, step: Steps) -> Floats:
    """The plain guess (I, H) alone: the mean of like days; NaN where none is known."""
    return _days_back(past, step, issue_ns)[0]


def _days_back(past: Past, step: Steps, issue_ns: Ns) -> tuple[Floats, dict[int, Floats]]:
    """The base (I, H), mean of like days, and single days at the same time of the local clock."""
    back = np.arange(1, DAYS_BACK + 1)
    before, _ = past.clock.before(step[..., None], back)
    values = past.clock.read(step[..., None], back, lambda at: seen(past.history, at, issue_ns[:, None, None]))
    alike = past.like_class[np.clip(before, 0, None)] == past.like_class[step][..., None]
    fade = np.exp(-back / FADE_DAYS)
    base = mean_known(values, weights=alike * fade * _weights_at(past, step, issue_ns))
    base = np.where(np.isfinite(base), base, mean_known(values, weights=fade * np.ones(values.shape)))
    return base, {day: values[..., day - 1] for day in LAGS_DAYS} | {0: mean_known(values[..., :7])}


def _weights_at(past: Past, step: Steps, issue_ns: Ns) -> Floats:
    """Weights (I, H, 28) of the days before each step's as known at its issue: the same for all steps of a day."""
    day = past.days.day[step]
    place = np.concatenate([np.zeros((len(step), 1), np.int64), np.cumsum(np.diff(day, axis=1) != 0, axis=1)], axis=1)
    first = np.array([np.argmax(place == number, axis=1) for number in range(int(place.max()) + 1)]).T
    at = np.take_along_axis(step, first, axis=1)
    weights = past.like_days.weights(past.days.day[at], past.like_class[at], issue_ns[:, None])
    return np.asarray(np.take_along_axis(weights, place[..., None], axis=1))


def _averages(past: Past, step: Steps, issue_ns: Ns) -> dict[str, Floats]:
    """Means of the last day and week as known at the issue, spread over the steps."""
    history = past.history
    per_hour = max(history.grid.per_day // 24, 1)
    last = last_seen(history, issue_ns)
    values = seen(history, last[:, None] - np.arange(168 * per_hour), issue_ns[:, None])
    parts = {"last": values[:, :1], "last_3h": values[:, : 3 * per_hour], "last_day": values[:, : 24 * per_hour]}
    parts["last_week"] = values
    return {name: np.broadcast_to(mean_known(part)[:, None], step.shape) for name, part in parts.items()}


def frame(found: dict[str, Floats], grid: Grid, step: Steps) -> Frame:
    """Columns (I, H) as rows (I·H, F); a block is a day of the steps."""
    x = np.stack([np.asarray(value, dtype=np.float32) for value in found.values()], axis=-1)
    block = grid.start_of(step[:, :1]) // DAY_NS + 0 * step
    return Frame(x.reshape(-1, x.shape[-1]), tuple(found), block.ravel())


def past_issues(grid: Grid, issue_ns: int, step: Steps, reach: int, stride_ns: int) -> tuple[Ns, Steps]:
    """Earlier issues (I,), oldest first, `stride_ns` apart, and their steps (I, H), as far ahead as `step` (H,) of now.

    `reach` is the first step that may be asked for.
    """
    back = np.arange(int((step[0] - reach) * grid.step_ns // stride_ns), 0, -1)
    moved = back * (stride_ns // grid.step_ns)
    return issue_ns - back * stride_ns, step[None, :] - moved[:, None]


def measured(history: History) -> dict[str, Any]:
    """What of the measurements was used, for model cards."""
    known = np.flatnonzero(np.isfinite(history.value))
    ends = history.grid.start_of(known[[0, -1]] + 1)
    return {
        "measurements": len(known),
        "first_valid_time": utc_text(int(ends[0])),
        "last_valid_time": utc_text(int(ends[1])),
        "step_min": history.grid.step_ns / MINUTE_NS,
    }
