"""Price of carbon allowances, a week ahead day by day, from the user's own series.

On x = log price, h days ahead, three candidates:

    held            x_t
    drift           x_t + h μ,                  μ the mean daily change of the last year
    mean reversion  m + (x_t − m) φ^h,          m the mean of the last year, φ from x_t+1 − m on x_t − m

Each forecasts from every past day in turn (rolling origin) with what was known then; the one with the least mean
absolute error over all leads forecasts next, and the plain hold wherever another is not at least 2 % better. Quantiles
are those of its own past errors at that lead; where fewer than `TAIL_CASES` errors lie beyond a level, those of a
Student distribution of the same spread and tail weight (daily changes of allowances have fat tails; Paolella & Taschini
2008, doi:10.1016/j.jbankfin.2007.09.018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.errors import ForecastError
from forecasting.learners.levels import checked
from forecasting.models.base import CannotForecast
from forecasting.steps import Grid, overlap
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "carbon-price 1"
YEAR_STEPS = 365
LEAST_DAYS = 60
MARGIN = 0.98
TAIL_CASES = 10
LEAST_FREEDOM, MOST_FREEDOM = 2.5, 30.0
CANDIDATES = ("held", "drift", "mean reversion")


@dataclass(frozen=True)
class CarbonPrice:
    """The model; at most `most_days` rolling origins, the latest, are tried."""

    most_days: int = 750
    name: str = "carbon_price"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedCarbonPrice:
        """Choose a candidate for each target by its past errors up to the end of the horizon."""
        del place  # a price stands nowhere
        leads = max(-(-int(horizon_ns[-1]) // DAY_NS) + 1, 1)
        parts = {}
        for target in targets:
            daily = daily_prices(known, target)
            parts[target.name] = chosen(daily.log_price[-self.most_days - YEAR_STEPS :], leads)
        return TrainedCarbonPrice({t.name: t for t in targets}, parts, checked(levels), known.time_ns)


@dataclass(frozen=True, eq=False)
class Daily:
    """Log prices (N,) of consecutive days, a day without trade holding the last one; the end [ns] of the last."""

    log_price: Floats
    end_ns: int


def daily_prices(known: Known, target: Target) -> Daily:
    """The target's series by day; refuses prices that are not above zero, of which no logarithm is."""
    measured = known.measurements(target.site, target.name)
    finite = np.isfinite(measured.value)
    if not finite.any():
        raise CannotForecast(f"{target.name}: no price is known")
    end_ns, value = measured.end_ns[finite], measured.value[finite]
    if (value <= 0).any():
        raise ForecastError(f"{target.name}: price {value.min():g} is not above 0; a carbon price must be")
    # A day may end an hour sooner or later by UTC than the first one did: clocks change.
    day = -(-(end_ns - end_ns[0] - HOUR_NS) // DAY_NS)
    last_of_day = np.concatenate([day[1:] != day[:-1], [True]])
    day, value = day[last_of_day], value[last_of_day]
    if len(day) < LEAST_DAYS:
        raise CannotForecast(f"{target.name}: {len(day)} days of prices are known; {LEAST_DAYS} are needed")
    position = np.searchsorted(day, np.arange(day[-1] + 1), side="right") - 1
    end, last = int(end_ns[0] + day[-1] * DAY_NS), int(end_ns[-1])
    return Daily(np.log(value)[position], last if abs(last - end) <= HOUR_NS else end)


@dataclass(frozen=True, eq=False)
class Chosen:
    """The candidate that forecasts, its past errors (origins, leads) in log price, the mean ones of all (leads,)."""

    name: str
    error: Floats
    mean_error: Mapping[str, Floats]


def chosen(log_price: Floats, leads: int) -> Chosen:
    """Rolling-origin errors of all candidates, and the one to take."""
    origins = np.arange(LEAST_DAYS // 2, len(log_price) - leads)
    if len(origins) < LEAST_DAYS // 2:
        raise CannotForecast(f"{len(log_price)} days of prices are too few to test {leads} days ahead")
    came = log_price[origins[:, None] + np.arange(1, leads + 1)]
    paths = candidates(log_price, origins, leads)
    errors = {name: came - path for name, path in paths.items()}
    mean_error = {name: np.abs(error).mean(axis=0) for name, error in errors.items()}
    total = {name: float(error.mean()) for name, error in mean_error.items()}
    best = min(CANDIDATES, key=lambda name: total[name])
    if total[best] > MARGIN * total["held"]:
        best = "held"
    return Chosen(best, errors[best], mean_error)


def candidates(log_price: Floats, origins: NDArray[np.int64], leads: int) -> dict[str, Floats]:
    """Log prices (origins, leads) that each candidate expects, from the days up to each origin only."""
    ahead = np.arange(1, leads + 1)
    now = log_price[origins][:, None]
    first = np.maximum(origins - YEAR_STEPS, 0)
    span = (origins - first).astype(np.float64)
    drift = (log_price[origins] - log_price[first]) / np.maximum(span, 1)
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in _moments(log_price)]
    n, x, y, xx, xy = (total[origins] - total[first] for total in sums)
    centre = (x + y) / (2 * n)
    spread = xx - 2 * centre * x + n * centre**2
    both = xy - centre * (x + y) + n * centre**2
    keep = np.clip(both / np.where(spread > 0, spread, 1.0), 0.0, 1.0)[:, None]
    return {
        "held": np.broadcast_to(now, (len(origins), leads)),
        "drift": now + drift[:, None] * ahead,
        "mean reversion": centre[:, None] + (now - centre[:, None]) * keep**ahead,
    }


def _moments(log_price: Floats) -> tuple[Floats, ...]:
    """Per pair of consecutive days: 1, the first, the second, the first squared, the product."""
    first, second = log_price[:-1], log_price[1:]
    return np.ones(len(first)), first, second, first**2, first * second


@dataclass(frozen=True, eq=False)
class TrainedCarbonPrice:
    """What has learnt; see `Trained`."""

    targets: Mapping[str, Target]
    parts: Mapping[str, Chosen]
    levels: Floats
    trained_ns: int

    @property
    def card(self) -> Mapping[str, Any]:
        """Which candidate forecasts, and the mean absolute error of each by lead, as a share of the price."""
        told = {
            name: {
                "candidate": part.name,
                "origins": len(part.error),
                "error by lead day": {k: np.expm1(v).round(4).tolist() for k, v in part.mean_error.items()},
            }
            for name, part in self.parts.items()
        }
        return {"model": VERSION, "trained_ns": self.trained_ns, "targets": told}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q) of the price of the day each interval lies in."""
        return {name: self._of(target, known, edges_ns) for name, target in self.targets.items()}

    def _of(self, target: Target, known: Known, edges_ns: Ns) -> Floats:
        daily = daily_prices(known, target)
        part = self.parts[target.name]
        leads = max(-(-(int(edges_ns[-1]) - daily.end_ns) // DAY_NS), 1)
        reach = part.error.shape[1]
        origin = np.array([len(daily.log_price) - 1])
        path = candidates(daily.log_price, origin, leads)[part.name][0]
        # Errors of overlapping weeks move together: they count as so many whole ones, and the levels move outward.
        whole = max(len(part.error) / reach, 2.0)
        outward = np.clip(0.5 + (self.levels - 0.5) * (1 + 1 / whole), 1e-4, 1 - 1e-4)
        left = np.stack([error_quantiles(part.error[:, min(h, reach - 1)], outward) for h in range(leads)])
        # Beyond the leads that were tried the spread goes on growing as that of a random walk.
        left *= np.sqrt(np.maximum(np.arange(1, leads + 1) / reach, 1.0))[:, None]
        price = np.exp(path[:, None] + left)
        grid = Grid(daily.end_ns, DAY_NS, leads)
        return np.asarray(overlap(grid, np.arange(leads), np.maximum(edges_ns, daily.end_ns)) @ price)


def error_quantiles(error: Floats, levels: Floats) -> Floats:
    """Quantiles (Q,) of errors (N,): their own, in the tails those of a Student distribution, not falling."""
    from scipy.stats import t

    own = np.quantile(error, levels)
    spread = float(np.std(error))
    if spread == 0:
        return own
    fourth = float(np.mean((error - error.mean()) ** 4)) / spread**4
    freedom = float(np.clip(4 + 6 / (fourth - 3), LEAST_FREEDOM, MOST_FREEDOM)) if fourth > 3 else MOST_FREEDOM
    scale = spread / np.sqrt(freedom / (freedom - 2))
    student = error.mean() + scale * t.ppf(levels, freedom)
    tail = np.minimum(levels, 1 - levels) * len(error) < TAIL_CASES
    return np.maximum.accumulate(np.where(tail, student, own))
