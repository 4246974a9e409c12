"""What of a measured series cannot be: single readings count as missing, with a note, so that there is an answer.

Too high is a reading of wind or sun above `OVER_CAPACITY` times the capacity; of a load one above `OVER_PEAK` times the
peaks that it reached on many days, or above that of three days at least (a pump tested once a month is no error). Only
what is rare and brief counts as an error: a new machine stays, and so does a meter that changes its unit. Too low is
less than nothing where there is no feeding in; what a plant draws for itself is no output. Most of a series cannot be
wrong: then it is the sign, and that is refused. A reading that does not move for hours in a series that moves is of a
stuck meter, unless it is where the plant often stands: at its rating, at a base load, at nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.archive.rows import Rows
from forecasting.capacity import share_at
from forecasting.cases import STAND_BY_SHARE
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.errors import ForecastError
from forecasting.regular import on_one_grid
from forecasting.targets import Target

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
OVER_CAPACITY = 1.5
OVER_PEAK = {"load": 3.0, "net_load": 10.0}  # behind a meter the first sunny day of a year is many times what was
PEAK_SHARE = 0.9  # of days lie below the peak that counts as usual
PEAK_DAYS, BELIEVED_PEAK = 3, 20.0  # so many days make a higher peak believed, up to so many times the usual one
RARE_SHARE, RARE_COUNT = 0.01, 3
BRIEF_NS = 6 * HOUR_NS
OWN_USE_SHARE = 0.05  # of the peak
NOTED_OVER = 1.02  # times the capacity: meters err by less
STUCK_NS = {"wind": 6 * HOUR_NS, "pv": 6 * HOUR_NS, "load": DAY_NS, "net_load": DAY_NS}
STUCK_READINGS = 6
STUCK_SHARE = 0.1  # of the readings at most: a series in long blocks is one
AT_RATING = 0.97


def plausible(known: Known, targets: Sequence[Target]) -> tuple[Known, dict[str, tuple[str, ...]]]:
    """What is known without readings that cannot be, and notes by target on what was left out."""
    notes: dict[str, tuple[str, ...]] = {}
    for target in targets:
        rows = known.measured_rows(target.site, target.name)
        if target.kind not in ("wind", "pv", "load", "net_load") or not np.isfinite(rows.value).any():
            continue
        regular, told = on_one_grid(rows, target.name)
        cleaned, more = _cleaned(regular, target)
        if told or more:
            known = known.with_measured_rows(target.site, target.name, cleaned)
            notes[target.name] = (*told, *more)
    return known, notes


def _cleaned(rows: Rows, target: Target) -> tuple[Rows, tuple[str, ...]]:
    """The rows with NaN for what cannot be, and the notes that name it."""
    value, notes = rows.value.copy(), []
    bound = _bound(rows, target)
    centre = float(np.nanmedian(value)) if target.kind == "net_load" else 0.0
    high = _errors(rows.valid_ns, np.abs(value - centre) > bound, np.isfinite(value), target)
    if high.any():
        notes.append(f"{_named(rows, high, target)} beyond {bound + centre:.4g}, so counted as missing")
        value[high] = np.nan
    if target.bounds[0] == 0:
        peak = float(np.nanmax(value, initial=0.0))
        low = value < -STAND_BY_SHARE * peak
        own = low & (value >= -OWN_USE_SHARE * peak) if target.kind in ("wind", "pv") else np.zeros_like(low)
        _refuse_reversed(rows, low & ~own, value, target)
        if own.any():
            notes.append(f"{_named(rows, own, target)} below 0, a plant's own use, so counted as 0")
        if (low & ~own).any():
            notes.append(f"{_named(rows, low & ~own, target)} below 0, so counted as missing")
        value = np.where(own, 0.0, np.where(low, np.nan, value))
    over = np.abs(value) > NOTED_OVER * _capacity(rows, target)
    if over.any():
        notes.append(
            f"{_named(rows, over, target)} above its capacity of {target.capacity_kw:.6g} {target.unit}, the most that "
            "is ever forecast: check the capacity"
        )
    stuck = _stuck(replace(rows, value=value), target)
    if stuck.any():
        hours = STUCK_NS[target.kind] // HOUR_NS
        notes.append(f"{_named(rows, stuck, target)} the same for {hours} h or more, so counted as missing")
        value = np.where(stuck, np.nan, value)
    return Rows(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, value), tuple(notes)


def _bound(rows: Rows, target: Target) -> float:
    """Above which size, from the median on for a net load, a reading cannot be; infinite where nothing tells."""
    if target.kind in ("wind", "pv"):
        return OVER_CAPACITY * max(target.capacity_kw, *(kw for _, kw in target.past_capacities), 0.0)
    there = np.isfinite(rows.value)
    value = rows.value[there]
    size = np.abs(value - np.median(value)) if target.kind == "net_load" else value
    day = rows.valid_ns[there] // DAY_NS
    first = np.flatnonzero(np.concatenate([[True], day[1:] != day[:-1]]))
    peaks = np.sort(np.maximum.reduceat(size, first))
    usual = float(np.quantile(peaks, PEAK_SHARE, method="lower"))
    repeated = float(peaks[-PEAK_DAYS]) if len(peaks) >= PEAK_DAYS else usual
    if not usual > 0 or len(peaks) < 2:
        return np.inf
    own = OVER_PEAK[target.kind] * max(usual, min(repeated, BELIEVED_PEAK * usual))
    return max(own, OVER_CAPACITY * target.capacity_kw) if np.isfinite(target.capacity_kw) else own


def _capacity(rows: Rows, target: Target) -> Floats:
    """What the target could give in the interval of each reading (N,)."""
    return target.capacity_kw * (share_at(target, rows.valid_ns) if target.past_capacities else np.ones(len(rows)))


def _stuck(rows: Rows, target: Target) -> Mask:
    """Readings (N,) of spells at one value that is not 0, where the series stands at it in no other long spell."""
    last = np.append(rows.valid_ns[1:] != rows.valid_ns[:-1], True)  # of a value that was restated, the last
    end_ns, value = rows.valid_ns[last], rows.value[last]
    begins = np.concatenate([[True], value[1:] != value[:-1]])
    first = np.flatnonzero(begins)
    count = np.diff(np.append(first, len(value)))
    length_ns = end_ns[first + count - 1] - end_ns[first]
    moves = np.isfinite(value[first]) & (value[first] != 0)
    if target.kind in ("wind", "pv"):
        moves &= value[first] < AT_RATING * _capacity(rows.take(last), target)[first]
    long = moves & (length_ns >= STUCK_NS[target.kind]) & (count >= STUCK_READINGS)
    often = moves & (length_ns >= STUCK_NS[target.kind] / 2)
    at, spells = np.unique(value[first][often], return_counts=True)
    long &= ~np.isin(value[first], at[spells > 1])
    if not long.any() or count[long].sum() > STUCK_SHARE * np.isfinite(value).sum():
        return np.zeros(len(rows), dtype=bool)
    ends = end_ns[np.repeat(long, count)]
    return np.isin(rows.valid_ns, ends)


def _errors(valid_ns: Ns, beyond: Mask, known: Mask, target: Target) -> Mask:
    """What of the readings beyond the bound (N,) is rare, and for a load brief, and so an error."""
    rare = beyond.sum() <= max(RARE_COUNT, RARE_SHARE * known.sum())
    if not beyond.any() or not rare:
        return np.zeros_like(beyond)
    if target.kind in ("wind", "pv"):
        return beyond
    edge = np.flatnonzero(np.diff(beyond.astype(np.int8), prepend=0, append=0))
    first, last = edge[::2], edge[1::2] - 1
    found = np.zeros_like(beyond)
    found[beyond] = np.repeat(valid_ns[last] - valid_ns[first] < BRIEF_NS, last - first + 1)
    return found


def _refuse_reversed(rows: Rows, low: Mask, value: Floats, target: Target) -> None:
    """Most of what is not 0 below 0: no error of single readings."""
    if low.sum() <= max((value > 0).sum(), RARE_COUNT):
        return
    at = int(np.argmax(low))
    raise ForecastError(
        f"{target.site}/{target.name} at {utc_text(int(rows.valid_ns[at]))}: {value[at]:g} {target.unit} is negative "
        f"({int(low.sum())} of {int(np.isfinite(value).sum())} values); give power as a magnitude ≥ 0, the direction "
        "is in the target's kind; a load that may feed in is a net_load"
    )


def _named(rows: Rows, which: Mask, target: Target) -> str:
    """How many readings, and of the one that stands out most the time and value."""
    chosen = np.flatnonzero(which)
    worst = chosen[np.argmax(np.abs(rows.value[chosen]))]
    what = f"{rows.value[worst]:.6g} {target.unit} at {utc_text(int(rows.valid_ns[worst]))}"
    if len(chosen) == 1:
        return f"{target.name}: {what} is"
    return f"{target.name}: {len(chosen)} readings, such as {what}, are"
