"""Days back on the local clock: what people do comes at the same time of it, whatever hours a day has.

A day before is 24 hours before but where clocks changed between: then it is 23 or 25. A time that comes twice (25
hours) counts with both, as their mean; of one that is skipped (23 hours) the time an hour later stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, Ns, utc_index

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LocalDays:
    """Equal steps, `per_day` to 24 hours; ahead (N,) are the steps by which the local clock is ahead of UTC at each.

    ahead is empty where clocks never change, as for the sun's time: a day back is then `per_day` steps.
    """

    per_day: int
    ahead: Steps

    @classmethod
    def of(cls, start_ns: Ns, step_ns: int, time_zone: str | None) -> LocalDays:
        """Of steps that start at (N,) [ns]; without a zone all days have 24 hours."""
        per_day, nothing = DAY_NS // step_ns, np.empty(0, np.int64)
        if time_zone is None or not len(start_ns):
            return cls(per_day, nothing)
        wall = utc_index(start_ns).tz_convert(time_zone).tz_localize(None).as_unit("ns").asi8
        ahead = np.asarray((wall - start_ns) // step_ns, dtype=np.int64)
        return cls(per_day, ahead if np.ptp(ahead) else nothing)

    def before(self, step: Steps, days: Steps | int) -> tuple[Steps, Steps]:
        """Steps (…) at the same local time so many days before: the first and the last, mostly the same."""
        plain = np.asarray(step - days * self.per_day, dtype=np.int64)
        if not len(self.ahead):
            return plain, plain
        # Either what the clock showed a day before that or a day after: a day has one change at most.
        then = [self._ahead(plain - self.per_day), self._ahead(plain + self.per_day)]
        found = [plain + self._ahead(step) - each for each in then]
        right = [self._ahead(at) == each for at, each in zip(found, then, strict=True)]
        first = np.where(~right[0] & right[1], found[1], found[0])
        return first, np.where(right[1], found[1], first)

    def read(self, step: Steps, days: Steps | int, look: Callable[[Steps], Floats]) -> Floats:
        """What `look` finds at that time (…), NaN where nothing; the mean of both where it came twice."""
        first, last = self.before(step, days)
        found = look(first)
        if not (twice := first != last).any():
            return found
        second = look(last)
        known = np.isfinite(found), np.isfinite(second)
        mean = np.where(known[0] & known[1], (found + second) / 2, np.where(known[0], found, second))
        return np.where(twice, mean, found)

    def slot(self, step: Steps) -> Steps:
        """The step of the local day (…), from any beginning that is the same for all."""
        return np.asarray((step + (self._ahead(step) if len(self.ahead) else 0)) % self.per_day, dtype=np.int64)

    def _ahead(self, step: Steps) -> Steps:
        return self.ahead[np.clip(step, 0, len(self.ahead) - 1)]
