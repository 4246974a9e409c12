"""Public holidays by rule, for the places of the data sets; the day itself and the day it is observed on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from pandas.tseries.holiday import (
    MO,
    EasterMonday,
    GoodFriday,
    Holiday,
    USFederalHolidayCalendar,
    next_monday,
    next_monday_or_tuesday,
)
from pandas.tseries.offsets import DateOffset, Easter

Dates = tuple[str, ...]


def united_states(years: Iterable[int]) -> Dates:
    """Federal holidays as observed."""
    return _dates(USFederalHolidayCalendar.rules, years)


def britain(years: Iterable[int]) -> Dates:
    """Bank holidays of England and Wales as observed, without single royal occasions."""
    rules = [
        Holiday("New Year", month=1, day=1, observance=next_monday),
        GoodFriday,
        EasterMonday,
        Holiday("Early May", month=5, day=1, offset=DateOffset(weekday=MO(1))),
        Holiday("Spring", month=5, day=31, offset=DateOffset(weekday=MO(-1))),
        Holiday("Summer", month=8, day=31, offset=DateOffset(weekday=MO(-1))),
        Holiday("Christmas", month=12, day=25, observance=next_monday),
        Holiday("Boxing Day", month=12, day=26, observance=next_monday_or_tuesday),
    ]
    return _dates(rules, years)


def netherlands(years: Iterable[int]) -> Dates:
    """General holidays, Good Friday among them."""
    return _dates(_fixed([(1, 1), (4, 27), (12, 25), (12, 26)]) + _of_easter([-2, 0, 1, 39, 49, 50]), years)


def france(years: Iterable[int]) -> Dates:
    """Holidays of all departments."""
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    return _dates(_fixed(fixed) + _of_easter([1, 39, 50]), years)


def germany(years: Iterable[int]) -> Dates:
    """Holidays of all states."""
    return _dates(_fixed([(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)]) + _of_easter([-2, 1, 39, 50]), years)


def _fixed(days: Iterable[tuple[int, int]]) -> list[Holiday]:
    return [Holiday(f"{month}-{day}", month=month, day=day) for month, day in days]


def _of_easter(days: Iterable[int]) -> list[Holiday]:
    return [Holiday(f"Easter {n:+d}", month=1, day=1, offset=[Easter(), DateOffset(days=n)]) for n in days]


def _dates(rules: Sequence[Holiday], years: Iterable[int]) -> Dates:
    span = sorted(years)
    first, last = pd.Timestamp(span[0], 1, 1), pd.Timestamp(span[-1], 12, 31)
    return tuple(sorted({str(day.date()) for rule in rules for day in rule.dates(first, last)}))
