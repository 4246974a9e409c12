"""When a line of a tariff applies, on the local clock: months, seasons, weekdays, hours, holidays, workdays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dispatch.fields.frozen import Frozen


def _clock(text: str) -> str:
    start, _, end = text.partition("-")
    try:
        first, last = minutes_of(start), minutes_of(end)
    except ValueError:
        raise ValueError(f"'{text}' is not hours like '10:00-13:00'") from None
    if first >= last:
        raise ValueError(f"'{text}' does not end after it starts; write '22:00-24:00' and '00:00-02:00' for a night")
    return text


@cache
def minutes_of(text: str) -> int:
    """``10:30`` as minutes since midnight."""
    hour, _, minute = text.strip().partition(":")
    value = int(hour) * 60 + int(minute)
    if not (0 <= value <= 24 * 60 and 0 <= int(minute) < 60):
        raise ValueError(text)
    return value


@cache
def _span(hours: str) -> tuple[int, int]:
    first, _, last = hours.partition("-")
    return minutes_of(first), minutes_of(last)


def _season(text: str) -> str:
    match = re.fullmatch(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)", text.strip())
    try:
        if match is None:
            raise ValueError(text)
        for month, day in (match.group(1, 2), match.group(3, 4)):
            date(2024, int(month), int(day))  # a leap year: 29 February is a day
    except ValueError:
        raise ValueError(f"'{text}' is no season like '06-15/09-30' (first and last day, month-day)") from None
    return text


Hours = Annotated[str, AfterValidator(_clock)]
Season = Annotated[str, AfterValidator(_season)]


@dataclass(frozen=True)
class Days:
    """Days that are not what their weekday says.

    Attributes:
        holidays: public holidays.
        workdays: weekend days on which people work for a holiday elsewhere; they count as a Monday.
    """

    holidays: frozenset[date] = field(default_factory=frozenset)
    workdays: frozenset[date] = field(default_factory=frozenset)

    def weekday(self, day: date) -> int:
        """1 = Monday; a made-up workday is one."""
        return 1 if day in self.workdays else day.isoweekday()


class Calendar(Frozen):
    """When a component applies, on the local clock; what is left out does not restrict."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    seasons: tuple[Season, ...] = Field(default=(), description="first and last day, like 06-15/09-30; may wrap a year")
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), description="1 = Monday")
    hours: tuple[Hours, ...] = ()
    holidays: Literal["any", "only", "never"] = "any"

    def covers(self, start: datetime, days: Days) -> bool:
        """Does the calendar hold at the start of a step?"""
        minute = start.hour * 60 + start.minute
        inside = any(first <= minute < last for first, last in map(_span, self.hours))
        today = start.date()
        is_holiday = today in days.holidays
        return (
            (not self.months or start.month in self.months)
            and (not self.seasons or any(in_season(season, today) for season in self.seasons))
            and (not self.weekdays or days.weekday(today) in self.weekdays)
            and (not self.hours or inside)
            and (self.holidays == "any" or is_holiday == (self.holidays == "only"))
        )

    def changes_inside(self, start: datetime, end: datetime, days: Days) -> bool:
        """Does the calendar begin or end to hold strictly within the step?"""
        # Through UTC: where the clock is put forward or back, wall-clock arithmetic would miss an hour.
        last_moment = datetime.fromtimestamp(end.timestamp() - 1, start.tzinfo)
        if self.covers(start, days) != self.covers(last_moment, days):
            return True
        edges = {edge for hours in self.hours for edge in _span(hours)}
        first = start.hour * 60 + start.minute
        last = first + (end.timestamp() - start.timestamp()) / 60
        return any(first < edge + day < last for edge in edges for day in (0, 24 * 60)) and bool(self.hours)

    @property
    def is_always(self) -> bool:
        """Does it restrict nothing?"""
        return self == Calendar()


def in_season(text: str, day: date) -> bool:
    """Is a day in a season like ``06-15/09-30``, which may wrap a year?"""
    first, last = (tuple(map(int, edge.split("-"))) for edge in text.strip().split("/"))
    here = (day.month, day.day)
    return first <= here <= last if first <= last else here >= first or here <= last
