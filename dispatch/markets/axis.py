"""Delivery periods along a picture's axis: as long as they last, the market's clock below, and gaps for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dispatch.markets.calendar import local, stamp
from dispatch.signals import Array

Times = NDArray[np.datetime64]
_WIDE = 560.0  # of the axis, in the picture's units
_LETTER, _AIR = 6.5, 14.0
_GAP = 0.3  # of the mean stretch's length
_EVERY_MIN = (15, 30, 60, 120, 180, 240, 360, 720, 1440)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Axis:
    """P periods side by side.

    Attributes:
        start, end: of each, UTC, in order.
        zone: the market's.
        at: (P,) where each begins [h]; it goes on for as long as it lasts.
        new: (P,) does it begin a stretch, later than the end of the one before?
    """

    start: Times
    end: Times
    zone: str
    at: Array
    new: NDArray[np.bool_]

    @classmethod
    def of(cls, start: Times, end: Times, zone: str) -> Axis:
        """Between stretches that do not follow each other there is a gap, however long they are apart."""
        hours = (end - start) / np.timedelta64(3600, "s")
        new = np.append(True, start[1:] != end[:-1])
        gap_h = _GAP * hours.sum() / new.sum()
        at = np.cumsum(hours) - hours + gap_h * (np.cumsum(new) - 1)
        return cls(start, end, zone, np.asarray(at), new)

    @property
    def _hours(self) -> Array:
        return np.asarray((self.end - self.start) / np.timedelta64(3600, "s"))

    @property
    def name(self) -> str:
        """What stands at the axis."""
        days = {local(moment, self.zone).date() for moment in (self.start[0], self.start[-1])}
        day = f" on {_date(local(self.start[0], self.zone))} {min(days).year}" if len(days) == 1 else ""
        return f"local time{day}, {self.zone}"

    def stairs(self, values: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(x, y) of a course that holds over each period and breaks off before a gap."""
        x, y = np.stack([self.at, self.at + self._hours], axis=1), np.stack([values, values], axis=1)
        later = np.flatnonzero(self.new)[1:]
        return (
            tuple(map(float, np.insert(x.ravel(), 2 * later, self.at[later]))),
            tuple(map(float, np.insert(y.ravel().astype(float), 2 * later, np.nan))),
        )

    def marks(self) -> tuple[tuple[float, str], ...]:
        """Times of day below the axis: where stretches begin, and as many between as there is room for."""
        length = float(self.at[-1] + self._hours[-1])
        found: list[tuple[float, str]] = []
        for at, text in (*self._begins(), *sorted(self._between(length), key=_is_time), *self._ends()):
            room = [(_LETTER * (len(text) + len(other)) / 2 + _AIR) * length / _WIDE for _, other in found]
            if all(abs(at - there) >= wide for (there, _), wide in zip(found, room, strict=True)):
                found.append((at, text))
        return tuple(sorted(found))

    def _begins(self) -> Iterator[tuple[float, str]]:
        """The date, too, where a day is not that of the stretch before; none if there is but one day."""
        several, before = "on" not in self.name.split(",")[0], None
        for place in np.flatnonzero(self.new):
            moment = local(self.start[place], self.zone)
            day = f"{_date(moment)} " if several and moment.date() != before else ""
            before = moment.date()
            yield float(self.at[place]), f"{day}{moment:%H:%M}"

    def _ends(self) -> Iterator[tuple[float, str]]:
        for place in np.flatnonzero(np.append(self.new[1:], True)):
            yield float(self.at[place] + self._hours[place]), f"{local(self.end[place], self.zone):%H:%M}"

    def _between(self, length: float) -> Iterator[tuple[float, str]]:
        """Round times of day within the stretches."""
        room_h = (6 * _LETTER + _AIR) * length / _WIDE
        every = next((minutes for minutes in _EVERY_MIN if minutes >= 60 * room_h), _EVERY_MIN[-1])
        for place in range(self.at.size):
            first, last = (local(edge, self.zone) for edge in (self.start[place], self.end[place]))
            moment = _round_up(first, every)
            while moment < last:
                hours = (stamp(moment) - self.start[place]) / np.timedelta64(3600, "s")
                yield float(self.at[place] + hours), _time_or_date(moment)
                moment = _round_up(moment + timedelta(minutes=1), every)


def _is_time(mark: tuple[float, str]) -> bool:
    """Dates come first."""
    return ":" in mark[1]


def _round_up(moment: datetime, minutes: int) -> datetime:
    """The next round time on the clock."""
    past = (moment.hour * 60 + moment.minute) % minutes
    return moment + timedelta(minutes=-past % minutes)


def _time_or_date(moment: datetime) -> str:
    return _date(moment) if moment.hour == moment.minute == 0 else f"{moment:%H:%M}"


def _date(moment: datetime) -> str:
    # strftime's %b follows the locale of the process; the page must not.
    return f"{moment.day} {_MONTHS[moment.month - 1]}"
