"""What the Gaussian process leaves: boosted trees on hours, all hours of the day in one ensemble.

Trees see a single hour with its neighbours, its own past and where it stands in its day, and learn by absolute error
how far the base forecast will be off, on the scale of transformed prices. The base of each past day is what was
forecast of it at the time, so what is learnt is what remained at that time. Refitted with every block of 56 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.models.price.days import HOURS, Days
from forecasting.models.price.members import lagged, lags_of, squashed

Floats = NDArray[np.float64]
BLOCK_DAYS = 56
EVENING_HOURS = 6
WEEK = 7


@dataclass(frozen=True)
class Boosting:
    """Settings; `base` names the member whose forecasts are corrected.

    `half_life_days` halves the weight of a day of training, None counts all alike. With base forecasts of fewer than
    `least_days` days nothing is added to the base.
    """

    name: str
    base: str
    window_days: int = 728
    rounds: int = 150
    depth: int = 5
    learning_rate: float = 0.08
    seed: int = 0
    half_life_days: float | None = None
    least_days: int = 180

    @property
    def reach(self) -> int:
        """Days before the first forecast that base forecasts are wanted of."""
        return int(self.window_days + BLOCK_DAYS + WEEK)

    def forecast(
        self, days: Days, base: Floats, first: int, lead: int, earlier: Mapping[int, Trees]
    ) -> tuple[Floats, dict[int, Trees]]:
        """Prices (D − first, 24) of rows `first` … from base forecasts (D, 24), and the trees by block of days.

        Blocks in `earlier` are not fitted again. Where too little is known the base stays as it is.
        """
        found, made, row, last = base[first:].copy(), {}, first, len(base)
        while row < last:
            block, into = divmod(int(days.number[row]), BLOCK_DAYS)
            end = min(row - into + BLOCK_DAYS, last)
            trees = earlier.get(block) or self._fit(days, base, max(row - into, 0), lead)
            if trees is not None:
                made[block] = trees
                found[row - first : end - first] = trees.forecast(days, base, row, end, lead)
            row = end
        return found, made

    def _fit(self, days: Days, base: Floats, begin: int, lead: int) -> Trees | None:
        """Learn from the days known before a block begins; None where they are too few."""
        import xgboost as xgb

        until = max(begin - lead + 1, 0)
        start = max(until - self.window_days, 0)
        rows = np.arange(start, until)
        rows = rows[np.isfinite(base[rows]).all(axis=1) & np.isfinite(days.price[rows]).all(axis=1)]
        if len(rows) < self.least_days:
            return None
        _, centre, scale = squashed(days.price, start, until)
        x, z, z_base = _seen(days, base, centre, scale, lead)
        weight = None
        if self.half_life_days is not None:
            weight = np.repeat(np.exp2((days.number[rows] - days.number[until - 1]) / self.half_life_days), HOURS)
        label = (z - z_base)[rows].ravel()
        data = xgb.QuantileDMatrix(_flat(x[rows]), label=label, weight=weight, max_bin=64, nthread=1)
        return Trees(xgb.train(self._params(), data, num_boost_round=self.rounds), centre, scale)

    def _params(self) -> dict[str, object]:
        return {
            "objective": "reg:absoluteerror",
            "tree_method": "hist",
            "max_bin": 64,
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": 20,
            "subsample": 0.7,
            "colsample_bytree": 0.5,
            "lambda": 5.0,
            "seed": self.seed,
            "nthread": 1,
            "verbosity": 0,
        }


@dataclass(frozen=True, eq=False)
class Trees:
    """A fitted ensemble and the scale on which it was."""

    booster: Any
    centre: float
    scale: float

    def forecast(self, days: Days, base: Floats, first: int, last: int, lead: int) -> Floats:
        """Prices (last − first, 24); NaN where there is no base."""
        import xgboost as xgb

        x, _, z_base = _seen(days, base, self.centre, self.scale, lead)
        added = self.booster.predict(xgb.DMatrix(_flat(x[first:last]), nthread=1)).reshape(-1, HOURS)
        return np.asarray(np.sinh(z_base[first:last] + added) * self.scale + self.centre)


def _seen(
    days: Days, base: Floats, centre: float, scale: float, lead: int
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Features (D, 24, F), transformed prices and base forecasts (D, 24)."""
    z, z_base = np.arcsinh((days.price - centre) / scale), np.arcsinh((base - centre) / scale)
    return hourly(days, z, z_base, lead), z, z_base


def _flat(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x.reshape(-1, x.shape[-1]))


def hourly(days: Days, z: Floats, base: Floats, lead: int) -> NDArray[np.float32]:
    """Features (D, 24, F) of every hour, of transformed prices and base forecasts (D, 24)."""

    def daily(value: Floats) -> Floats:
        return np.repeat(value[:, None], HOURS, axis=1)

    hour = np.tile(np.arange(HOURS, dtype=np.float64), (len(z), 1))
    found = [hour, daily(days.weekday.astype(np.float64)), daily(np.cos(days.angle)), daily(np.sin(days.angle)), base]
    found.append(base - base.mean(axis=1, keepdims=True))
    found += [lagged(z, back) - base for back in sorted(lags_of(lead))]
    newest = lagged(z, lead)
    found += [daily(v) for v in (newest.mean(axis=1), newest.min(axis=1), newest.max(axis=1), newest[:, -1])]
    week = np.mean([lagged(z, back) for back in range(lead, lead + WEEK)], axis=0)
    found += [week - base, daily(week.mean(axis=1))]
    found += _errors(z - base, lead)
    for value in days.exogenous.values():
        found += _around(value)
    return np.stack(found, axis=-1).astype(np.float32)


def _errors(error: Floats, lead: int) -> list[Floats]:
    """How far the base (D, 24) was off on the last day known and in its week, at the hour and over the day.

    Without them the trees were 3 % worse on NP.
    """
    newest = lagged(error, lead)
    week = np.mean([lagged(error, back) for back in range(lead, lead + WEEK)], axis=0)
    over = (newest.mean(axis=1), newest[:, -EVENING_HOURS:].mean(axis=1), week.mean(axis=1))
    return [newest, week, *(np.repeat(value[:, None], HOURS, axis=1) for value in over)]


def _around(value: Floats) -> list[Floats]:
    """A forecast (D, 24) at the hour, beside it, against its day, the days before and their mean; and its day."""
    before = np.concatenate([value[:, :1], value[:, :-1]], axis=1)
    after = np.concatenate([value[:, 1:], value[:, -1:]], axis=1)
    week = np.mean([lagged(value, back) for back in range(1, 8)], axis=0)
    day = [np.repeat(f(value, axis=1)[:, None], HOURS, axis=1) for f in (np.mean, np.min, np.max)]
    return [
        value,
        before - value,
        after - value,
        value - day[0],
        value - lagged(value, 1),
        value - lagged(value, 7),
        value - week,
        *day,
    ]
