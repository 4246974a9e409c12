"""Outdoor temperature as a load feels it: of which stations, with what memory, and how it may go on.

Smoothed temperature with time constant τ (buildings store heat; Hyndman & Fan 2010,
doi:10.1109/TPWRS.2009.2036017, and the recency effect of Wang, Liu & Hong 2016, doi:10.1016/j.ijforecast.2015.09.006):

    S_k = (1 − a) S_{k−1} + a T_k,   a = 1 − exp(−Δt/τ)

Beyond the reach of weather forecasts temperature follows past years, shifted by days to have more of them (Xie &
Hong 2016, doi:10.1016/j.ijforecast.2015.11.005, "shifted-date scenarios"). Each path starts from today's state: the
gap between now and then dies away as exp(−lead/τ_state).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.steps import Grid

Floats = NDArray[np.float64]
VARIABLE = "temperature_2m"
MEMORIES_H = (3.0, 12.0, 36.0, 120.0)
SHIFTS_DAYS = (-9, -6, -3, 0, 3, 6, 9)  # mean pinball of 36 months 2008–2010: 7.59, unshifted 8.11, ±4 days 7.63
STATE_H = 48.0  # 24 h and 96 h are within .02 of it, none at all is .04 worse
STATE_MEAN_H = 6.0
YEAR_DAYS = 365.2425
LONGEST_BRIDGE_H = 6.0


def at_steps(known: Known, site: str, grid: Grid) -> Floats:
    """Temperature (N,) [°C] over the steps of a grid: measured, else what the newest run says, else NaN."""
    found = np.full(grid.count, np.nan)
    middle = grid.start_of(np.arange(grid.count)) + grid.step_ns // 2
    rows = known.issued(site, VARIABLE)
    if len(rows):
        order = np.lexsort((rows.issue_ns, rows.valid_ns))
        valid = rows.valid_ns[order]
        newest = np.concatenate([valid[1:] != valid[:-1], [True]])
        found = interpolated(valid[newest], rows.value[order][newest], middle)
    measured = known.measurements(site, VARIABLE)
    if len(measured.end_ns) > 1:
        half = int(np.median(np.diff(measured.end_ns))) // 2
        own = interpolated(measured.end_ns - half, measured.value, middle)
        found = np.where(np.isfinite(own), own, found)
    return found


def interpolated(at_ns: Ns, value: Floats, wanted_ns: Ns) -> Floats:
    """Linear in time between known values not more than `LONGEST_BRIDGE_H` apart; NaN elsewhere."""
    finite = np.isfinite(value)
    x, y = at_ns[finite], value[finite]
    if len(x) < 2:
        return np.full(len(wanted_ns), np.nan)
    after = np.clip(np.searchsorted(x, wanted_ns), 1, len(x) - 1)
    gap = x[after] - x[after - 1]
    edge = np.minimum(np.median(np.diff(x)), LONGEST_BRIDGE_H * HOUR_NS)
    inside = (wanted_ns >= x[0] - edge) & (wanted_ns <= x[-1] + edge)
    found = np.interp(wanted_ns.astype(np.float64), x.astype(np.float64), y)
    return np.where(inside & (gap <= LONGEST_BRIDGE_H * HOUR_NS), found, np.nan)


def smoothed(values: Floats, memory_h: float, step_h: float, before: Floats | None = None) -> Floats:
    """Exponentially smoothed (…, N) along the last axis, from the state `before` (…), the first value where none.

    An unknown value leaves the state as it is.
    """
    from scipy.signal import lfilter

    share = 1 - np.exp(-step_h / memory_h)
    known = np.isfinite(values)
    filled = values if known.all() else _held(values)
    start = filled[..., 0] if before is None else before
    out, _ = lfilter([share], [1, share - 1], filled, axis=-1, zi=((1 - share) * start)[..., None])
    return np.asarray(out)


def _held(values: Floats) -> Floats:
    """Unknown values take the last known one, leading ones the first; 0 where nothing is known."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(values.shape[-1]), -1), axis=-1)
    first = np.argmax(np.isfinite(values), axis=-1)[..., None]
    found = np.take_along_axis(values, np.where(last >= 0, last, first), axis=-1)
    return np.nan_to_num(found)


@dataclass(frozen=True, eq=False)
class Felt:
    """Temperature and its smoothed kin (1 + memories, …, N) [°C] of one or many paths."""

    values: Floats

    @classmethod
    def of(cls, temperature: Floats, step_h: float, before: Floats | None = None) -> Felt:
        """From temperature (…, N); `before` (memories,) is the state of the smoothing at its start."""
        kin = [
            smoothed(temperature, memory, step_h, None if before is None else np.full(temperature.shape[:-1], state))
            for memory, state in zip(MEMORIES_H, before if before is not None else MEMORIES_H, strict=True)
        ]
        return cls(np.stack([temperature, *kin]))


def scenarios(past: Floats, step_ns: int, ahead: Floats) -> Floats:
    """Paths (S, H) of the temperature after the past (N,), which go with what is forecast of them, `ahead` (H,).

    Where `ahead` is known all paths follow it; from its end (or now) on each continues with the temperature of a past
    year, shifted by days, starting from the state reached. With less than a year of past there is one path: the mean
    of the last days by time of day.
    """
    known = int(np.argmin(np.isfinite(ahead))) if not np.isfinite(ahead).all() else len(ahead)
    whole = np.concatenate([_held(past), ahead[:known]])
    left = len(ahead) - known
    if left == 0:
        return ahead[None, :]
    per_day = DAY_NS // step_ns
    state = max(round(STATE_MEAN_H * per_day / 24), 1)
    starts = _starts(len(whole), left, state, per_day)
    if not len(starts):
        return np.concatenate([ahead[:known], _usual_days(whole, left, per_day)])[None, :]
    paths = whole[starts[:, None] + np.arange(left)]
    gap = whole[-state:].mean() - whole[starts[:, None] - 1 - np.arange(state)].mean(axis=1)
    lead_h = (np.arange(left) + 0.5) * 24 / per_day
    paths = paths + gap[:, None] * np.exp(-lead_h / STATE_H)
    return np.concatenate([np.broadcast_to(ahead[:known], (len(paths), known)), paths], axis=1)


def _starts(count: int, left: int, state: int, per_day: int) -> NDArray[np.int64]:
    """Steps at which past years stand as the end of the past does now, shifted; those with a whole path known."""
    years = np.arange(1, int(count / per_day / YEAR_DAYS) + 2)
    back = np.round(years * YEAR_DAYS).astype(np.int64)
    starts = (count + (np.array(SHIFTS_DAYS)[None, :] - back[:, None]) * per_day).ravel()
    return np.sort(starts[(starts >= state) & (starts + left <= count)])


def _usual_days(past: Floats, left: int, per_day: int, days: int = 14) -> Floats:
    """The mean by time of day of the last days, repeated."""
    whole = past[max(len(past) - days * per_day, len(past) % per_day) :]
    if len(whole) < per_day:
        return np.full(left, whole.mean() if len(whole) else np.nan)
    whole = whole[len(whole) % per_day :]
    usual = whole.reshape(-1, per_day).mean(axis=0)
    return np.asarray(np.resize(usual, left))


def degrees(temperature: Floats, heating_below_deg_c: float = 15.0, cooling_above_deg_c: float = 18.0) -> Floats:
    """Heating and cooling degrees [K] (…, 2): how far below one and above the other base the temperature stands."""
    below = np.maximum(heating_below_deg_c - temperature, 0.0)
    above = np.maximum(temperature - cooling_above_deg_c, 0.0)
    return np.stack([below, above], axis=-1)
