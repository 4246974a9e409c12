"""Public holidays by rule, for the places of the data sets; the day itself and the day it is observed on."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from dateutil.relativedelta import MO
from pandas.tseries.holiday import (
    AbstractHolidayCalendar,
    EasterMonday,
    GoodFriday,
    Holiday,
    USFederalHolidayCalendar,
    next_monday,
    next_monday_or_tuesday,
)
from pandas.tseries.offsets import DateOffset, Easter

Dates = tuple[str, ...]


class _Britain(AbstractHolidayCalendar):
    """England and Wales (Banking and Financial Dealings Act 1971), without single royal occasions."""

    rules = [  # noqa: RUF012 - the base class asks for a list
        Holiday("New Year", month=1, day=1, observance=next_monday),
        GoodFriday,
        EasterMonday,
        Holiday("Early May", month=5, day=1, offset=DateOffset(weekday=MO(1))),
        Holiday("Spring", month=5, day=31, offset=DateOffset(weekday=MO(-1))),
        Holiday("Summer", month=8, day=31, offset=DateOffset(weekday=MO(-1))),
        Holiday("Christmas", month=12, day=25, observance=next_monday),
        Holiday("Boxing Day", month=12, day=26, observance=next_monday_or_tuesday),
    ]


def _fixed(days: Iterable[tuple[int, int]]) -> list[Holiday]:
    return [Holiday(f"{month}-{day}", month=month, day=day) for month, day in days]


def _of_easter(days: Iterable[int]) -> list[Holiday]:
    return [Holiday(f"Easter {n:+d}", month=1, day=1, offset=[Easter(), DateOffset(days=n)]) for n in days]


class _Netherlands(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012 - the base class asks for a list
        *_fixed([(1, 1), (4, 27), (12, 25), (12, 26)]),
        *_of_easter([-2, 0, 1, 39, 49, 50]),
    ]


class _France(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012 - the base class asks for a list
        *_fixed([(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]),
        *_of_easter([1, 39, 50]),
    ]


class _Germany(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012 - the base class asks for a list
        *_fixed([(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)]),
        *_of_easter([-2, 1, 39, 50]),
    ]


def united_states(years: Iterable[int]) -> Dates:
    """Federal holidays as observed."""
    return _dates(USFederalHolidayCalendar(), years)


def britain(years: Iterable[int]) -> Dates:
    """Bank holidays of England and Wales as observed."""
    return _dates(_Britain(), years)


def netherlands(years: Iterable[int]) -> Dates:
    """General holidays."""
    return _dates(_Netherlands(), years)


def france(years: Iterable[int]) -> Dates:
    """Holidays of all departments."""
    return _dates(_France(), years)


def germany(years: Iterable[int]) -> Dates:
    """Holidays of all states."""
    return _dates(_Germany(), years)


def _dates(calendar: AbstractHolidayCalendar, years: Iterable[int]) -> Dates:
    span = sorted(years)
    found = calendar.holidays(pd.Timestamp(span[0], 1, 1), pd.Timestamp(span[-1], 12, 31))
    return tuple(str(day.date()) for day in found)
