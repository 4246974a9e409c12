"""Metered power by local day and time of day: what baselines choose their days from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import DataError
from dispatch.signals import Array, Horizon

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Days:
    """Power of S meters on D local days, H times of a day.

    The hour that is left out where the clock is put forward is the mean of those beside it, so that nobody's reading is
    missing; the hour that comes twice where it is put back is the mean of both.

    Attributes:
        kw: (S, D, H) mean power; NaN where it is not known.
        dates: (D,) one after the other.
        rest: (D,) weekends and holidays.
        events: (D,) days with an event, which no baseline is made of.
        time_zone: the clock.
        names: (S,) of the meters, for messages; empty where they have none.
    """

    kw: Array
    dates: tuple[date, ...]
    rest: Mask
    events: Mask
    time_zone: str
    names: tuple[str, ...] = ()

    @property
    def slots(self) -> int:
        """H."""
        return int(self.kw.shape[2])

    @property
    def slot_h(self) -> float:
        """Length of a time of day [h]."""
        return 24.0 / self.slots

    @property
    def meters(self) -> int:
        """S."""
        return int(self.kw.shape[0])

    def place(self, day: date) -> int:
        """Where a day stands.

        Raises:
            DataError: it is not among the days.
        """
        at = (day - self.dates[0]).days
        if not 0 <= at < len(self.dates):
            raise DataError(f"{day} is not among the metered days, {self.dates[0]} to {self.dates[-1]}")
        return at

    def at(self, days: NDArray[np.intp], slots: NDArray[np.intp]) -> Array:
        """(S, C, n) power on days at times from their midnight on: below 0 of the day before; NaN before the first."""
        flat = self.kw.reshape(self.meters, -1)
        index = days[:, None] * self.slots + slots[None, :]
        inside = (index >= 0) & (index < flat.shape[1])
        return np.asarray(np.where(inside, flat[:, np.where(inside, index, 0)], np.nan))

    def with_events(self, days: Iterable[date]) -> Days:
        """The same with these days as days with an event, beside those that are."""
        mask = self.events.copy()
        mask[[self.place(day) for day in days]] = True
        return replace(self, events=mask)


def by_day(kw: Array, steps: Horizon, holidays: Iterable[date] = (), events: Iterable[date] = ()) -> Days:
    """Series of meters by day.

    Args:
        kw: (S, T) or (T,).
        steps: equal ones that divide a day.
        holidays: days off beside weekends.
        events: days with an event.

    Raises:
        DataError: unequal steps, or such that do not divide a day.
    """
    series = np.atleast_2d(np.asarray(steps.require("metered power", np.asarray(kw, float))))
    minutes = np.unique(np.round(steps.hours * 60, 6))
    if minutes.size != 1 or 1440 % minutes[0]:
        raise DataError(f"{_odd_step(steps)}; accepted: equal steps that divide a day, such as 15 or 60 min")
    slots = round(1440 / float(minutes[0]))
    dates, day, slot = _clock(steps, slots)
    shape = (series.shape[0], len(dates), slots)
    where = day * slots + slot
    size = len(dates) * slots
    known = np.isfinite(series)
    total = np.stack([np.bincount(where, row, size) for row in np.where(known, series, 0.0)])
    count = np.stack([np.bincount(where, row.astype(float), size) for row in known])
    asked = np.bincount(where, minlength=size)
    whole = (count == asked) & (asked > 0)
    made = np.where(whole, total / np.maximum(count, 1), np.nan)
    _bridge(made, asked)
    off, on = set(holidays), set(events)
    rest = np.array([d.isoweekday() > 5 or d in off for d in dates])
    return Days(made.reshape(shape), dates, rest, np.array([d in on for d in dates]), steps.time_zone)


def _bridge(made: Array, asked: NDArray[np.intp]) -> None:
    """Fill times of day between the meters' first and last step that the clock left out."""
    there, gap = np.flatnonzero(asked), np.flatnonzero(asked == 0)
    gap = gap[(gap > there[0]) & (gap < there[-1])]
    after = np.searchsorted(there, gap)
    made[:, gap] = (made[:, there[after - 1]] + made[:, there[after]]) / 2


def _odd_step(steps: Horizon) -> str:
    """Which step is not as the others, as where a row is lost; or how long all are."""
    minutes = steps.hours * 60
    usual = float(np.median(minutes))
    odd = int(np.argmax(np.abs(minutes - usual)))
    if np.isclose(minutes[odd], usual):
        return f"the metered steps have {usual:g} min"
    start = steps.local_start[odd].isoformat()
    return f"the metered step from {start} has {minutes[odd]:g} min, others {usual:g}"


def _clock(steps: Horizon, slots: int) -> tuple[tuple[date, ...], NDArray[np.intp], NDArray[np.intp]]:
    """Days, and of each step its day and its time of day."""
    starts = steps.local_start
    first = starts[0].date()
    day = np.array([(t.date() - first).days for t in starts])
    slot = np.array([(t.hour * 60 + t.minute) * slots // 1440 for t in starts])
    dates = tuple(date.fromordinal(first.toordinal() + k) for k in range(int(day[-1]) + 1))
    return dates, day, slot


@dataclass(frozen=True)
class Event:
    """A stretch of one local day, from one time of day to another.

    Attributes:
        first, last: slots; the last is not part of it.
    """

    day: date
    first: int
    last: int

    @property
    def slots(self) -> NDArray[np.intp]:
        """(n,) times of day."""
        return np.arange(self.first, self.last)


def event_at(days: Days, start: datetime, end: datetime) -> Event:
    """The event between two times.

    Raises:
        DataError: they have no offset, are not of one local day, or are not edges of the meters' steps.
    """
    if start.utcoffset() is None or end.utcoffset() is None:
        raise DataError(f"the event {start} to {end} has no offset from UTC; write it like 2026-01-15T17:00+01:00")
    zone = ZoneInfo(days.time_zone)
    first, last = start.astimezone(zone), end.astimezone(zone)
    day = first.date()
    minutes = [(t.date() - day).days * 1440 + t.hour * 60 + t.minute for t in (first, last)]
    slots = [m * days.slots / 1440 for m in minutes]
    if last <= first or minutes[1] > 1440:
        raise DataError(f"the event {start.isoformat()} to {end.isoformat()} is no stretch of one day in {zone.key}")
    if any(s != int(s) for s in slots):
        raise DataError(
            f"the event {start.isoformat()} to {end.isoformat()} does not begin and end with the meters' steps"
        )
    days.place(day)
    return Event(day, int(slots[0]), int(slots[1]))
