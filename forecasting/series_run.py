"""What providers of prices, carbon intensity and generation give: one variable over intervals, with when it was known.

Every interval has its own issue time and its own availability: a day-ahead price is known from the auction's
publication on, a measured intensity some time after its interval. The unit is part of the variable's name, so
that nothing in the archive can be read in another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.errors import AnswerError, ForecastError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeriesRun:
    """One variable as one provider gave it.

    Attributes:
        provider: what notes call it.
        variable: canonical name with the unit, such as carbon_intensity_g_per_kwh.
        unit: as a person writes it, such as g/kWh.
        valid_time: (N,) interval ENDS, UTC, rising; `step`: (N,) lengths of the intervals.
        available_at: (N,) from when each value can be used.
        issue_time: (N,) when it was issued; None for measurements.
        values: (N,), NaN = missing.
        notes: what a reader should know.
    """

    provider: str
    variable: str
    unit: str
    valid_time: pd.DatetimeIndex
    step: pd.TimedeltaIndex
    available_at: pd.DatetimeIndex
    issue_time: pd.DatetimeIndex | None
    values: Floats
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses parts of different length, times that do not rise and intervals that overlap."""
        sizes = {len(self.valid_time), len(self.step), len(self.available_at), len(self.values)}
        if self.issue_time is not None:
            sizes.add(len(self.issue_time))
        if len(sizes) != 1:
            raise ForecastError(f"{self.variable} of {self.provider}: parts of different lengths {sorted(sizes)}")
        starts = self.valid_time - self.step
        if (starts[1:] < self.valid_time[:-1]).any():
            raise ForecastError(f"{self.variable} of {self.provider}: intervals overlap or do not rise")

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> SeriesRun:
        """The intervals that end in (start, end]."""
        return self.take(np.asarray((self.valid_time > start) & (self.valid_time <= end)))

    def take(self, chosen: NDArray[np.bool_]) -> SeriesRun:
        """The chosen intervals, mask (N,)."""
        return replace(
            self,
            valid_time=self.valid_time[chosen],
            step=self.step[chosen],
            available_at=self.available_at[chosen],
            issue_time=None if self.issue_time is None else self.issue_time[chosen],
            values=self.values[chosen],
        )


class SeriesProvider(Protocol):
    """Fetches one variable of one zone; every provider of prices or intensities is such an object."""

    @property
    def name(self) -> str:
        """What notes and messages call it."""
        ...

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """What is known at `now` of the intervals that end in (start, end]."""
        ...


@dataclass(frozen=True)
class InOrder:
    """Series providers in order: the first that answers gives the whole series; nothing is mixed."""

    providers: tuple[SeriesProvider, ...]

    def __post_init__(self) -> None:
        """Refuses an empty list."""
        if not self.providers:
            raise ForecastError("no provider given; name one at least")

    @property
    def name(self) -> str:
        """Their names in order."""
        return ", then ".join(provider.name for provider in self.providers)

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """The first series there is, with the reasons of those that did not answer in its notes."""
        failures: list[str] = []
        for provider in self.providers:
            try:
                run = provider.fetch(start, end, now)
            except ForecastError as error:
                failures.append(f"{provider.name}: {error}")
                continue
            said = (f"{run.provider} answers, as others did not: {'; '.join(failures)}",) if failures else ()
            return replace(run, notes=said + run.notes)
        raise ForecastError("no answer from any provider: " + "; ".join(failures))


def require_period(start: pd.Timestamp, end: pd.Timestamp, what: str) -> None:
    """Refuses a period that does not last."""
    if end <= start:
        raise ForecastError(f"{what}: the end {end} is not after the start {start}")


def windows(start: pd.Timestamp, end: pd.Timestamp, days: int) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """[start, end] in parts of at most so many days, for services that answer no more at once."""
    while start < end:
        until = min(start + pd.Timedelta(days=days), end)
        yield start, until
        start = until


def stored(archive: Archive, site: str, run: SeriesRun) -> Archive:
    """The archive with a run under `site`; what was issued keeps its issue times, what was measured its delays."""
    known_ns = run.available_at.as_unit("ns").asi8
    stamp_ns = (run.valid_time if run.issue_time is None else run.issue_time).as_unit("ns").asi8
    # One call per issue (or delay): a day of prices shares both.
    pairs = np.stack([known_ns - stamp_ns, np.zeros_like(stamp_ns) if run.issue_time is None else stamp_ns])
    groups, group = np.unique(pairs, axis=1, return_inverse=True)
    for number in range(groups.shape[1]):
        part = run.take(group.ravel() == number)
        if part.issue_time is None:
            delay = pd.Timedelta(int(groups[0, number]), unit="ns")
            archive = archive.with_measurements(site, run.variable, part.valid_time, part.values, delay)
        else:
            issue, known = part.issue_time[0], part.available_at[0]
            archive = archive.with_forecast(site, run.variable, issue, known, part.valid_time, part.values)
    return archive


def intervals(
    starts: pd.DatetimeIndex, values: Floats, zone: str, place: str
) -> tuple[pd.DatetimeIndex, pd.TimedeltaIndex, Floats, tuple[str, ...]]:
    """Interval ends, steps, values and notes of values stamped at interval STARTS.

    The market's time unit may change from one day to the next (from 60 to 15 min in 2025), but not inside a
    day: the smallest gap of a local day is its unit. Missing intervals of a day become NaN. A stamp that comes
    twice with the same value counts once; with another value it is refused, as nobody can say which is right.
    """
    order = np.argsort(starts.asi8, kind="stable")
    starts, values = starts[order], values[order]
    starts, values, notes = _once(starts, values, place)
    day = starts.tz_convert(ZoneInfo(zone)).normalize()
    gap = np.diff(starts.as_unit("ns").asi8)
    inside = np.asarray(day[1:] == day[:-1])
    usual = min(int(gap[inside].min()), HOUR_NS) if inside.any() else HOUR_NS
    full_starts, full_steps = [], []
    for date in day.unique():
        own = np.flatnonzero(day == date)
        gaps = gap[own[:-1]]
        step = int(gaps.min()) if len(gaps) else usual
        if step > HOUR_NS:
            step = usual  # so little of the day is known that no two neighbours are
        if step > HOUR_NS or HOUR_NS % step or (gaps % step).any():
            raise AnswerError(
                f"{place}: {starts[own[0]]} begins a day of uneven steps, {step / 60e9:g} min the shortest"
            )
        first, last = starts[own[0]].as_unit("ns").value, starts[own[-1]].as_unit("ns").value
        full_starts.append(np.arange(first, last + step, step))
        full_steps.append(np.full(len(full_starts[-1]), step))
    begin, length = np.concatenate(full_starts), np.concatenate(full_steps)
    filled = np.full(len(begin), np.nan)
    filled[np.searchsorted(begin, starts.as_unit("ns").asi8)] = values
    ends = pd.DatetimeIndex(pd.to_datetime(begin + length, utc=True, unit="ns"))
    return ends, pd.TimedeltaIndex(pd.to_timedelta(length, unit="ns")), filled, notes


def missing_note(valid_time: pd.DatetimeIndex, step: pd.TimedeltaIndex, values: Floats, place: str) -> tuple[str, ...]:
    """A note on unknown intervals and on gaps between known days; empty where nothing is missing."""
    if not len(values):
        return ()
    gaps = np.asarray((valid_time - step)[1:] - valid_time[:-1]) / np.asarray(step[1:])
    missing = int(np.isnan(values).sum() + np.maximum(gaps, 0).sum())
    whole = len(values) + int(np.maximum(gaps, 0).sum())
    return (f"{place}: {missing} of {whole} intervals are missing",) if missing else ()


def _once(starts: pd.DatetimeIndex, values: Floats, place: str) -> tuple[pd.DatetimeIndex, Floats, tuple[str, ...]]:
    if starts.is_unique:
        return starts, values, ()
    again = np.concatenate([[False], starts[1:] == starts[:-1]])
    other = again & ~np.concatenate(
        [[False], (values[1:] == values[:-1]) | np.isnan(values[1:]) & np.isnan(values[:-1])]
    )
    if other.any():
        at = int(np.argmax(other))
        raise AnswerError(f"{place}: two values for {starts[at]}: {values[at - 1]:g} and {values[at]:g}")
    return starts[~again], values[~again], (f"{place}: {int(again.sum())} intervals came twice, with the same values",)
