"""Physics with the weather that is usual for the season and the hour: where no forecast reaches and history is thin.

Each interval ahead takes the forecasts that were known for the same time of day on days of the same season, gives
their power by physics, times the gain from whatever was measured, and spreads it by the error of physics itself. Once
a series has three weeks of its own, its past says more, and this model leaves the answer to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting import scenarios
from forecasting.archive import Known
from forecasting.cases import case_of
from forecasting.clock import DAY_NS, Ns
from forecasting.models.base import CannotForecast
from forecasting.models.own_past import LEARNS_FROM_DAYS
from forecasting.models.physics_only import gain, past_kw, spread_kw
from forecasting.models.untrained import Untrained
from forecasting.situations import inputs_of
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
YEAR_DAYS = 366
SEASON_DAYS = 30
LEAST_DAYS = 3
NOISE = ndtri(np.array([0.1, 0.3, 0.5, 0.7, 0.9]))  # five equal parts of a normal error


@dataclass(frozen=True)
class UsualWeather(Untrained):
    """Physics of usual weather."""

    name: str = "usual_weather"

    def one(self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats) -> Floats:
        """Quantiles of what the days' weather would have given, each with the error of physics."""
        if not inputs_of(known, target):
            raise CannotForecast(f"{target.name}: no weather is known under weather={list(target.weather)}")
        case = case_of(known, target, place, edges_ns, YEAR_DAYS)
        if case.days >= LEARNS_FROM_DAYS:
            raise CannotForecast(f"{case.target.name}: its own past of {case.days:.0f} days says more")
        days = np.arange(1, YEAR_DAYS + SEASON_DAYS + 1)
        days = days[(days <= 2 * SEASON_DAYS) | (np.abs(days - YEAR_DAYS) <= SEASON_DAYS)]
        step = case.ahead[None, :] - days[:, None] * case.history.grid.per_day
        power = past_kw(case, case.issue_ns - days * DAY_NS, step)
        told = np.zeros(0) if power is None else np.isfinite(power).all(axis=1)
        if power is None or told.sum() < LEAST_DAYS:
            raise CannotForecast(f"{case.target.name}: fewer than {LEAST_DAYS} days of weather are known")
        usual = np.clip(power[told] * gain(case), 0.0, case.target.capacity_kw)
        spread = np.stack([spread_kw(case, row) for row in usual])
        drawn = usual[:, None, :] + NOISE[None, :, None] * spread[:, None, :]
        found = case.bounded(np.quantile(drawn.reshape(-1, usual.shape[1]), levels, axis=0).T, case.ahead)
        return np.clip(case.at_edges(found, scenarios.Memory(), levels), *case.target.bounds)
