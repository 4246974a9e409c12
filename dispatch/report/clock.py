"""The clock on the wall over an axis of elapsed hours: tick marks and step labels."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from dispatch.report.data import parse_start

_SPACINGS_MIN: tuple[int, ...] = (5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
_MOST_TICKS = 16
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Timed(Protocol):
    """Data over steps: when each starts and how long it lasts."""

    @property
    def step_start(self) -> tuple[str, ...]:
        """ISO 8601 with an offset."""
        ...

    @property
    def step_h(self) -> tuple[float, ...]:
        """Hours."""
        ...


def step_labels(data: Timed) -> tuple[str, ...]:
    """``06:15–06:30`` per step, with the date in front where the horizon touches more than one day."""
    starts = [parse_start(text) for text in data.step_start]
    last_end = starts[-1] + timedelta(hours=data.step_h[-1] * 0.999)
    dated = starts[0].date() != last_end.date()
    labels = []
    for k, start in enumerate(starts):
        # Two clocks meet at a daylight-saving step: its end is written as the next step starts.
        end = starts[k + 1] if k + 1 < len(starts) else start + timedelta(hours=data.step_h[k])
        day = f"{_date(start)} " if dated else ""
        labels.append(f"{day}{start:%H:%M}–{end:%H:%M}")
    return tuple(labels)


def ticks(data: Timed) -> tuple[tuple[tuple[float, str], ...], ...]:
    """Sets of ``(elapsed hours, label)`` from dense to sparse; the page takes the densest that fits."""
    total_min = sum(data.step_h) * 60
    fitting = [every for every in _SPACINGS_MIN if total_min / every <= _MOST_TICKS] or [_SPACINGS_MIN[-1]]
    sets = [_ticks_every(data, every) for every in fitting]
    return tuple(one for one in sets if len(one) > 1) or (((0.0, f"{parse_start(data.step_start[0]):%H:%M}"),),)


def _ticks_every(data: Timed, every_min: int) -> tuple[tuple[float, str], ...]:
    found: list[tuple[float, str]] = []
    elapsed = 0.0
    last = len(data.step_h) - 1
    for k, (text, hours) in enumerate(zip(data.step_start, data.step_h, strict=True)):
        start = parse_start(text)
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        # Whole weeks count from a Monday, everything shorter from midnight.
        offset_min = (start - midnight).total_seconds() / 60 + start.toordinal() * 1440 - 1440
        wait_min = -offset_min % every_min
        while wait_min < hours * 60 or (k == last and wait_min <= hours * 60 + 1e-6):
            at = start + timedelta(minutes=wait_min)
            label = _date(at) if at.hour == at.minute == 0 and _long(data) else f"{at:%H:%M}"
            found.append((round(elapsed + wait_min / 60, 6), label))
            wait_min += every_min
        elapsed += hours
    return tuple(found)


def _long(data: Timed) -> bool:
    return sum(data.step_h) > 26


def _date(at: datetime) -> str:
    # strftime's %b follows the locale of the process; the page must not.
    return f"{at.day} {_MONTHS[at.month - 1]}"
