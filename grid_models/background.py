"""What the other customers of a network inject, for any wall-clock time of a year.

Every load, generator and store has a rating and follows one relative profile. Summed per bus this is
``p[b, t] = Σ_f rating_kw[b, f] · factor[f, t]``: two small sparse matrices, so a year is one product and
needs no engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from grid_models.errors import GridError

Array = NDArray[np.float64]

QUARTERS_PER_YEAR = 35136
"""Quarter-hours of the leap year 2016, the year of the SimBench profiles."""


@dataclass(frozen=True, eq=False)
class Background:
    """Ratings per bus and profile, injection positive.

    factor         (Q, F) relative profiles; Q = 35136 quarter-hours of a leap year, or 1 for a constant
                   background
    rating_kw      (B, F) sparse, active power at factor 1 [kW]
    rating_kvar    (B, F) sparse, reactive power at factor 1 [kvar]
    """

    factor: Array
    rating_kw: sparse.csr_array
    rating_kvar: sparse.csr_array

    def at(self, wall_clock: pd.DatetimeIndex, step_h: float | Array = 0.25) -> tuple[Array, Array]:
        """(p_kw, q_kvar), each (B, T): means over steps of ``step_h`` hours that start at ``wall_clock``."""
        mean = self._mean_factor(_quarter_of_year(wall_clock), np.asarray(step_h, dtype=np.float64) * 4.0)
        return self.rating_kw @ mean, self.rating_kvar @ mean

    def at_nameplate(self) -> tuple[Array, Array]:
        """(p_kw, q_kvar), each (B, 1), with every factor at 1."""
        ones = np.ones((self.factor.shape[1], 1))
        return self.rating_kw @ ones, self.rating_kvar @ ones

    def _mean_factor(self, start: Array, length: Array) -> Array:
        """(F, T) mean over [start, start + length), both in quarter-hours.

        Summed quarter by quarter and not by a running sum: a step of one whole quarter-hour then gives the
        stored value itself, and PV stays exactly zero at night.
        """
        length = np.broadcast_to(length, start.shape)
        if not np.all(length > 0):
            raise GridError(f"step_h must be positive, got {float(np.min(length)) / 4.0} h")
        first = np.floor(start)
        mean = np.zeros((self.factor.shape[1], start.size))
        for offset in range(int(np.max(np.ceil(start + length) - first, initial=0))):
            low = first + offset
            weight = np.clip(np.minimum(low + 1, start + length) - np.maximum(low, start), 0.0, None) / length
            mean += self.factor[low.astype(np.int64) % self.factor.shape[0]].T * weight
        return mean


def of_year(profile: Array, wall_clock: pd.DatetimeIndex, step_h: float | Array = 0.25) -> Array:
    """(T,) means of one relative profile (Q,) of the year over steps of ``step_h`` hours from ``wall_clock`` on."""
    one, nothing = sparse.csr_array(np.ones((1, 1))), sparse.csr_array((1, 1))
    return np.asarray(Background(profile[:, None], one, nothing).at(wall_clock, step_h)[0][0])


def _quarter_of_year(wall_clock: pd.DatetimeIndex) -> Array:
    """Quarter-hours since 1 January 00:00 of a leap year at the same month, day and time; fractions kept."""
    if wall_clock.tz is not None:
        raise GridError(
            f"background wants naive wall-clock times, got times in {wall_clock.tz}; convert to the park's "
            "standard time and drop the zone"
        )
    after_february = (wall_clock.month >= 3) & ~wall_clock.is_leap_year
    day = np.asarray(wall_clock.dayofyear, dtype=np.float64) - 1.0 + after_february
    return np.asarray(day * 96.0 + (wall_clock.hour * 60.0 + wall_clock.minute + wall_clock.second / 60.0) / 15.0)
