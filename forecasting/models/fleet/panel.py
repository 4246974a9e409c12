"""Measurements and weather of many sites as arrays (S, …) on one grid of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.archive.rows import Rows
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.models.base import CannotForecast
from forecasting.steps import Grid
from forecasting.targets import Place, Target
from forecasting.weather.base import BEFORE_THE_STAMP

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
NEVER_NS = np.iinfo(np.int64).max
RUN_REACH_NS = 17 * DAY_NS  # no run is longer: how far apart the runs of one series are laid end to end


@dataclass(frozen=True, eq=False)
class Panel:
    """Measured means value (S, N) on a grid, NaN where unknown, and when each became known (S, N) [ns]."""

    grid: Grid
    value: Floats
    available_ns: Ns

    def seen(self, step: Steps, issue_ns: Ns) -> Floats:
        """Values (S, …) at steps (…), NaN where not known at the issue (broadcast against step) or off the grid."""
        inside = (step >= 0) & (step < self.grid.count)
        at = np.clip(step, 0, self.grid.count - 1)
        known = inside & (self.available_ns[:, at] <= issue_ns)
        return np.where(known, self.value[:, at], np.nan)


def panel_of(known: Known, targets: Sequence[Target], step_ns: int, first_ns: int, last_ns: int) -> Panel:
    """All targets between two instants, the first a step's start. Finer series are averaged where all is known."""
    count = -(-(last_ns - first_ns) // step_ns)
    value = np.full((len(targets), count), np.nan)
    available = np.full((len(targets), count), NEVER_NS)
    for row, target in enumerate(targets):
        measured = known.measurements(target.site, target.name, within_ns=(first_ns + 1, last_ns))
        if not len(measured.end_ns):
            continue
        # Each value goes to the step that its interval ends in; of several the mean, if they fill the step.
        at = (measured.end_ns - 1 - first_ns) // step_ns
        total = np.bincount(at, weights=measured.value, minlength=count)
        many = np.bincount(at, minlength=count)
        value[row] = np.where(many == max(int(many.max()), 1), total / np.maximum(many, 1), np.nan)
        available[row, at] = measured.available_ns  # they rise with time: the last of a step's stays
    return Panel(Grid(first_ns, step_ns, count), value, available)


def step_of(known: Known, targets: Sequence[Target], edges_ns: Ns) -> int:
    """The step of the fleet: that of the horizon, which no series may be coarser than."""
    step = int(np.diff(edges_ns).min())
    if DAY_NS % step or np.ptp(np.diff(edges_ns)):
        raise CannotForecast(f"steps of {step / HOUR_NS:g} h are not equal or do not divide a day")
    for target in targets:
        end = known.measurements(target.site, target.name, within_ns=(known.time_ns - 2 * DAY_NS, known.time_ns)).end_ns
        if len(end) > 1 and (native := int(np.median(np.diff(end)))) > step:
            raise CannotForecast(
                f"{target.name}: measured every {native / HOUR_NS:g} h, coarser than the horizon's steps"
            )
    return step


def weather_of(known: Known, site: str, name: str, issue_ns: Ns, middle_ns: Ns) -> Floats:
    """One variable (I, H) at interval middles (I, H), of the latest run available at each issue (I,); NaN without.

    Linear in time. All runs are laid end to end on one axis, so that one call interpolates in all of them.
    """
    span = (int(middle_ns.min()) - DAY_NS, int(middle_ns.max()) + DAY_NS)
    rows = known.issued(site, name, within_ns=span)
    if not len(rows):
        return np.full(middle_ns.shape, np.nan)
    begin = np.flatnonzero(np.concatenate([[True], _new_run(rows)]))
    available, order = rows.available_ns[begin], np.argsort(rows.available_ns[begin], kind="stable")
    latest = np.searchsorted(available[order], issue_ns, side="right") - 1
    run = np.where(latest >= 0, order[np.maximum(latest, 0)], 0)
    number = np.cumsum(np.concatenate([[0], _new_run(rows)]).astype(np.int64))
    valid = rows.valid_ns - (_stamp_step(rows) // 2 if name in BEFORE_THE_STAMP else 0)
    origin = valid[begin]
    axis = number * RUN_REACH_NS + (valid - origin[number])
    ask = run[:, None] * RUN_REACH_NS + (middle_ns - origin[run][:, None])
    found = np.interp(ask, axis, rows.value)
    end = valid[np.append(begin[1:], len(rows)) - 1]
    reach = _stamp_step(rows) // 2
    inside = (middle_ns >= origin[run][:, None] - reach) & (middle_ns <= end[run][:, None] + reach)
    return np.where(inside & (latest >= 0)[:, None], found, np.nan)


def _new_run(rows: Rows) -> NDArray[np.bool_]:
    return np.asarray((np.diff(rows.issue_ns) != 0) | (np.diff(rows.available_ns) != 0))


def _stamp_step(rows: Rows) -> int:
    gaps = np.diff(rows.valid_ns)
    gaps = gaps[gaps > 0]
    return int(np.median(gaps)) if len(gaps) else HOUR_NS


def suns(middle_ns: Ns, places: Sequence[Place]) -> tuple[Floats, Floats]:
    """Elevation [deg] and clear-sky radiation [W/m²] (S, T) at instants (T,): what depends on time is computed once.

    NREL algorithm (Reda & Andreas 2004); clear sky after Haurwitz 1945, G = 1098 cos z exp(−0.059/cos z).
    """
    from pvlib import spa

    latitude, longitude, altitude = (
        np.array([[getattr(place, name)] for place in places])
        for name in ("latitude_deg", "longitude_deg", "altitude_m")
    )
    at_s = middle_ns / 1e9
    answer = spa.solar_position_numpy(at_s, latitude, longitude, altitude, 1013.25, 12.0, 67.0, 0.5667, 1)
    elevation = np.asarray(answer[3], dtype=np.float64)
    upright = np.maximum(np.sin(np.deg2rad(elevation)), 1e-3)
    return elevation, np.where(elevation > 0, 1098 * upright * np.exp(-0.059 / upright), 0.0)


def calendar(start_ns: Ns, places: Sequence[Place]) -> tuple[Floats, NDArray[np.int64]]:
    """Local hour and kind of day (0 workday, 1 Saturday, 2 Sunday or holiday), (S, T); each clock is read once."""
    by_clock = {}
    for place in places:
        clock = (place.time_zone, place.holidays)
        if clock not in by_clock:
            local = utc_index(start_ns).tz_convert(place.time_zone).tz_localize(None)
            off = np.isin(local.values.astype("datetime64[D]"), np.array(place.holidays, dtype="datetime64[D]"))
            weekday = np.asarray(local.weekday)
            kind = np.where(off | (weekday == 6), 2, np.where(weekday == 5, 1, 0))
            by_clock[clock] = np.asarray(local.hour + local.minute / 60, dtype=np.float64), kind
    found = [by_clock[place.time_zone, place.holidays] for place in places]
    return np.stack([hour for hour, _ in found]), np.stack([kind for _, kind in found])
