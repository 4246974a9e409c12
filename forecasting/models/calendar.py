"""What the calendar says of each interval: time of day, kind of day, season, and what stands beside a holiday.

Local time decides, so both daylight-saving days are ordinary days with 23 or 25 hours. A holiday counts as a day
of its own kind whatever its weekday. Besides the holiday itself three more days are unlike their weekday:
the day before it, the day after it, and the bridge, a workday between a holiday and days off. Days between two
holidays at most `CLOSE_DAYS` apart (Christmas to New Year, a golden week) form a slack time of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns, utc_index
from forecasting.targets import Place

Floats = NDArray[np.float64]
HOLIDAY = 7
CLOSE_DAYS = 8
YEAR_DAYS = 365.2425
HARMONICS = 3
DAY_NAMES = (
    *("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday"),
    *("before_holiday", "after_holiday", "bridge", "slack"),
)
SEASON_NAMES = tuple(f"{f}_{k}" for k in range(1, HARMONICS + 1) for f in ("sin", "cos"))


@dataclass(frozen=True, eq=False)
class Calendar:
    """Per interval (N,): local hour of its start, local day number since 1970, and of its day the kind and season.

    kind 0…6 is Monday…Sunday, 7 a holiday. days (N, 11) are the indicators `DAY_NAMES`, season (N, 6) the
    sines and cosines `SEASON_NAMES` of the day of the year.
    """

    hour: Floats
    day: NDArray[np.int64]
    kind: NDArray[np.int64]
    days: Floats
    season: Floats

    @property
    def day_off(self) -> NDArray[np.bool_]:
        """Saturdays, Sundays and holidays (N,)."""
        return np.asarray(self.kind >= 5)

    @property
    def day_class(self) -> NDArray[np.int64]:
        """0 workday, 1 Saturday, 2 Sunday or holiday (N,)."""
        return np.asarray(np.clip(self.kind - 4, 0, 2), dtype=np.int64)


def calendar(start_ns: Ns, place: Place) -> Calendar:
    """The calendar of intervals that start at the given instants (N,)."""
    local = utc_index(start_ns).tz_convert(place.time_zone)
    wall = local.tz_localize(None)
    day = np.asarray(wall.normalize().to_numpy().astype("datetime64[D]").astype(np.int64))
    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    known = _of_days(np.arange(first - 1, last + 2), place)
    row = day - first + 1
    hour = np.asarray(local.hour + local.minute / 60, dtype=np.float64)
    return Calendar(hour, day, known[0][row], known[1][row], known[2][row])


def _of_days(day: NDArray[np.int64], place: Place) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Kind, indicators and season of consecutive days since 1970."""
    holidays = np.unique(np.array(place.holidays, dtype="datetime64[D]").astype(np.int64))
    holiday = np.isin(day, holidays)
    kind = np.where(holiday, HOLIDAY, (day + 3) % 7)  # 1970-01-01 was a Thursday
    before, after = np.isin(day + 1, holidays), np.isin(day - 1, holidays)
    work = kind < 5
    off_before, off_after = after | ((day + 2) % 7 >= 5), before | ((day + 4) % 7 >= 5)
    bridge = work & off_before & off_after  # with a holiday beside it: no workday lies between two days of weekends
    indicators = [kind == k for k in range(1, 8)]
    indicators += [before & ~holiday, after & ~holiday, bridge, _between(day, holidays)]
    date = day.astype("datetime64[D]")
    of_year = (date - date.astype("datetime64[Y]")).astype(np.float64)
    angle = 2 * np.pi * of_year / YEAR_DAYS
    season = [f(k * angle) for k in range(1, HARMONICS + 1) for f in (np.sin, np.cos)]
    return kind, np.stack(indicators, axis=1).astype(np.float64), np.stack(season, axis=1)


def _between(day: NDArray[np.int64], holidays: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Days between two neighbouring holidays that stand close, but not side by side."""
    if len(holidays) < 2:
        return np.zeros(len(day), dtype=bool)
    at = np.clip(np.searchsorted(holidays, day), 1, len(holidays) - 1)
    left, right = holidays[at - 1], holidays[at]
    return np.asarray((left < day) & (day < right) & (right - left <= CLOSE_DAYS))
