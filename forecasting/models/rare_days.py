"""Days that come once a year: how far those before stood off their like days, as a share of them.

Learners that ask for several days in a leaf do not believe a handful of them, and yet one week between Christmas and
New Year tells all about the next. So what rare days did is a plain mean, drawn to nought where they are few:

    share(kind, time of day) = Σ_j departure_j / Σ_j |usual_j| · n/(n + 2),   j the n days of that kind known by then

A kind is a holiday, the days around and between holidays, a bridge (see `calendar`). Days on which works rest and no
calendar says so are found by their date: where the like day next to the same date of the year before (or next to the
same day of the lunar year, around its first) stood far below its usual, that share counts by how much such dips came
again before,

    p = Σ x y / (Σ x² + 3 days' worth),  0 ≤ p ≤ 1,   x the dip of the year before, y the departure that then came

which is 0 where no second year is known: a strike is not expected again, and a shutdown is from its third year on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns
from forecasting.models.calendar import DAY_NAMES, YEAR_DAYS, Calendar

Floats = NDArray[np.float64]
Days = NDArray[np.int64]
ORDER = ("holiday", "slack", "bridge", "before_holiday", "after_holiday")  # the first that holds is a day's kind
SLACK = ORDER.index("slack") + 1
SEASON_DAYS = 30.0
BELIEF_DAYS = 2.0
PRIOR_DAYS = 3.0
DIP_SHARE = 0.25
NEIGHBOUR_DAYS = 3
BEHIND_DAYS = 28  # that a day's usual is the mean of, see `recent`
LUNAR_REACH_DAYS = (-14, 28)
DAY = np.timedelta64(1, "D")
# First days of the Chinese lunar year 2000 … 2040, local date in China; the Vietnamese and Korean ones differ rarely.
# fmt: off
_MMDD_FROM_2000 = (
    205, 124, 212, 201, 122, 209, 129, 218, 207, 126, 214, 203, 123, 210,
    131, 219, 208, 128, 216, 205, 125, 212, 201, 122, 210, 129, 217, 206,
    126, 213, 203, 123, 211, 131, 219, 208, 128, 215, 204, 124, 212,
)
# fmt: on
LUNAR_NEW_YEARS = np.array(
    [f"{2000 + n}-{mmdd // 100:02d}-{mmdd % 100:02d}" for n, mmdd in enumerate(_MMDD_FROM_2000)], dtype="datetime64[D]"
).astype(np.int64)


@dataclass(frozen=True, eq=False)
class RareDays:
    """Days (D,) since 1970, each with its kind (0 ordinary, then as in `ORDER`) and day class.

    departure and usual (D, S) by time of day, 0 where unknown; available_ns (D,) is when all of it was.
    """

    day: Days
    kind: Days
    day_class: Days
    departure: Floats
    usual: Floats
    available_ns: Ns

    @classmethod
    def of(
        cls, days: Calendar, slot: Days, per_day: int, value: Floats, departure: Floats, available_ns: Ns
    ) -> RareDays:
        """From steps (N,): their calendar, time of day as a slot, values and departures from their usual."""
        day, first = np.unique(days.day, return_index=True)
        at = np.searchsorted(day, days.day), slot
        known = np.isfinite(departure)
        both = np.zeros((2, len(day), per_day))
        both[0][at] = np.where(known, departure, 0.0)
        both[1][at] = np.where(known, value - departure, 0.0)
        available = np.full(len(day), np.iinfo(np.int64).min)
        np.maximum.at(available, at[0][known], available_ns[known])
        before = np.concatenate([np.full(BEHIND_DAYS, available.min(initial=0)), available])
        available = np.lib.stride_tricks.sliding_window_view(before, BEHIND_DAYS + 1).max(axis=1)
        there = np.bincount(at[0], weights=known, minlength=len(day)) > per_day / 2
        return cls(
            day[there], kinds(days)[first][there], days.day_class[first][there], both[0][there], both[1][there],
            available[there],
        )  # fmt: skip

    def shares(self, days: Calendar, slot: Days, step: Days, issue_ns: Ns) -> Floats:
        """Expected departure (I, H) of steps from their like days, as a share of these; 0 on ordinary days."""
        kind, day_class = kinds(days)[step], days.day_class[step]
        found = np.zeros(step.shape)
        for number, off in {*zip(kind[kind > 0].tolist(), day_class[kind > 0].tolist(), strict=True)}:
            own = (self.kind == number) & (self.day_class == off)
            known = (self.available_ns[own] <= issue_ns[:, None]).astype(np.float64)
            if number == SLACK:
                known *= self._in_season(self.day[own], days.day[step[:, 0]])
            count = known.sum(axis=1)[:, None]
            total, scale = known @ self.departure[own], known @ np.abs(self.usual[own])
            share = np.where(scale > 0, total / np.where(scale > 0, scale, 1.0), 0.0) * count / (count + BELIEF_DAYS)
            here = (kind == number) & (day_class == off)
            found += np.where(here, np.take_along_axis(share, slot[step], axis=1), 0.0)
        dips = [self._dips(partners, days, slot, step, issue_ns) for partners in (self._of_date, self._of_moon)]
        return np.asarray(np.clip(found + np.where(kind == 0, np.minimum(*dips), 0.0), -1.0, 1.0))

    def _dips(
        self, partners: Callable[[Days, Days], Days], days: Calendar, slot: Days, step: Days, issue_ns: Ns
    ) -> Floats:
        """What dips of the year before let expect (I, H): their share by how much such came again."""
        whole = self._by_day()
        dip = np.where((self.kind == 0) & (whole < -DIP_SHARE), whole, 0.0)
        if not dip.any():
            return np.zeros(step.shape)
        before = partners(self.day, self.day_class)
        x = np.where((before >= 0) & (self.kind == 0), dip[before], 0.0)
        known = (self.available_ns <= issue_ns[:, None]) * (x != 0)
        worth = known @ x**2
        mean = worth / np.maximum(known.sum(axis=1), 1)
        again = np.clip(known @ (x * whole) / np.maximum(worth + PRIOR_DAYS * mean, 1e-12), 0.0, 1.0)
        ahead, which = np.unique(days.day[step], return_inverse=True)
        of_day = days.day_class[step].ravel()[np.unique(which.ravel(), return_index=True)[1]]
        partner = partners(ahead, of_day)[which].reshape(step.shape)
        scale = np.abs(self.usual[partner, slot[step]])
        share = np.where(scale > 0, self.departure[partner, slot[step]] / np.where(scale > 0, scale, 1.0), 0.0)
        there = (partner >= 0) & (dip[partner] < 0) & (self.available_ns[partner] <= issue_ns[:, None])
        return np.asarray(np.where(there, np.clip(share, -1.0, 0.0), 0.0) * again[:, None])

    @staticmethod
    def _in_season(day: Days, ahead: Days) -> NDArray[np.bool_]:
        """Whether days (R,) lie in the season of those ahead (I,): around New Year tells nothing of a week in May."""
        apart = (ahead[:, None] - day + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2
        return np.asarray(np.abs(apart) <= SEASON_DAYS)

    def _by_day(self) -> Floats:
        """Departure (D,) of whole days as a share of their usual."""
        scale = np.abs(self.usual).sum(axis=1)
        return np.where(scale > 0, self.departure.sum(axis=1) / np.where(scale > 0, scale, 1.0), 0.0)

    def _of_date(self, day: Days, day_class: Days) -> Days:
        """Places (N,) of the like days next to the same date of the year before; −1 where there is none."""
        date = day.astype("datetime64[D]")
        month = date.astype("datetime64[M]")
        last = (month - 12 + 1).astype("datetime64[D]") - DAY  # of that month the year before: no 29 February
        return self._near(
            np.minimum((month - 12).astype("datetime64[D]") + (date - month), last).astype(np.int64), day_class
        )

    def _of_moon(self, day: Days, day_class: Days) -> Days:
        """Likewise next to the same day before or after the first of the lunar year; −1 far from it."""
        low, high = LUNAR_REACH_DAYS
        year = np.clip(np.searchsorted(LUNAR_NEW_YEARS, day - high), 1, len(LUNAR_NEW_YEARS) - 1)
        apart = day - LUNAR_NEW_YEARS[year]
        found = self._near(LUNAR_NEW_YEARS[year - 1] + apart, day_class)
        return np.where((apart >= low) & (apart <= high), found, -1)

    def _near(self, day: Days, day_class: Days) -> Days:
        """Places (N,) of the nearest days of these classes, at most three days away."""
        found = np.full(len(day), -1)
        for away in sorted(range(-NEIGHBOUR_DAYS, NEIGHBOUR_DAYS + 1), key=abs, reverse=True):
            at = np.clip(np.searchsorted(self.day, day + away), 0, len(self.day) - 1)
            found = np.where((self.day[at] == day + away) & (self.day_class[at] == day_class), at, found)
        return found


def kinds(days: Calendar) -> Days:
    """Kind (N,) of each interval's day: 0 ordinary, then as in `ORDER`."""
    names = [days.days[:, DAY_NAMES.index(name)] > 0 for name in ORDER]
    return np.asarray(np.select(names, np.arange(1, len(ORDER) + 1), 0), dtype=np.int64)
