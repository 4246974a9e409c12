"""Physics with the weather of a typical year: what can be said of a new plant of which no forecast of weather is had.

A typical year says what the season is like and nothing of the day ahead. So each day of the season around, in every
year of the file, is as good as the one of the date: each gives its power by physics, with the error that physics has
where the weather is right, and the quantiles are those of all. The gain is the mean of what was measured over the mean
of the season at the same times of day, drawn to 1 by as many days as it takes until a mean of days is surer than the
data sheet: weather of the days measured is not known.

Widths measured on PVOD's months before the test: see the row "typical year as the only weather".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting import features, scenarios
from forecasting.archive import Known, Run
from forecasting.cases import Case, case_of
from forecasting.clock import Ns
from forecasting.models.base import CannotForecast
from forecasting.models.own_past import LEARNS_FROM_DAYS
from forecasting.models.physics_only import GAIN_DAYS
from forecasting.models.untrained import Untrained
from forecasting.targets import Place, Target
from forecasting.weather.base import BEFORE_THE_STAMP, VARIABLES, season_site
from forecasting.weather_rows import Weather, interpolated

Floats = NDArray[np.float64]
NOISE = ndtri(np.array([0.1, 0.3, 0.5, 0.7, 0.9]))  # five equal parts of a normal error
# Error of physics where the weather is right: a share of the capacity, for pv of the power by physics.
SPREAD = {"wind": 0.08, "pv": 0.12}
# How far plants are from their data sheets (PVOD's, of which two hardly run: .27 to .79 of it), and the days whose mean
# energy is as unsure as that: a day of sun varies by half, one of wind by its mean.
DOUBT = {"wind": 0.15, "pv": 0.25}
PRIOR_DAYS = {"wind": 40.0, "pv": 4.0}
LEAST_GAIN, MOST_GAIN = 0.1, 1.5


@dataclass(frozen=True)
class TypicalWeather(Untrained):
    """Physics of a typical year's season."""

    name: str = "typical_weather"
    note: ClassVar[str] = "no forecast of its weather is known, so physics with the season of a typical year"

    def one(self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats) -> Floats:
        """Quantiles (T, Q) over the days of the season."""
        case = case_of(known, target, place, edges_ns, GAIN_DAYS)
        if case.days >= LEARNS_FROM_DAYS:
            raise CannotForecast(f"{target.name}: its own past of {case.days:.0f} days says more than a typical year")
        power = season_kw(case)
        if power is None or not np.isfinite(power).all():
            raise CannotForecast(f"{target.name}: no typical year that would tell its power is known")
        level, doubt = gain(case, power)
        central = np.clip(power * level, 0.0, target.capacity_kw)
        error = SPREAD[target.kind] * (central if target.kind == "pv" else np.full(power.shape, target.capacity_kw))
        spread = np.hypot(error, doubt * central)
        drawn = central[:, None, :] + NOISE[None, :, None] * spread[:, None, :]
        # A few days' own quantiles are too near to their middle.
        outward = np.clip(0.5 + (levels - 0.5) * (1 + 1 / len(power)), 0.0, 1.0)
        found = case.bounded(np.quantile(drawn.reshape(-1, power.shape[1]), outward, axis=0).T, case.ahead)
        return np.clip(case.at_edges(found, scenarios.Memory(), levels), *target.bounds)


def season_kw(case: Case) -> Floats | None:
    """Power by physics of each day of the season (D, H) on the steps ahead; None where no typical year is known."""
    middle = case.history.grid.start_of(case.ahead) + case.history.grid.step_ns // 2
    step = case.ahead[None, :]
    for source in case.target.weather:
        columns: dict[str, Floats] = {}
        for name in VARIABLES:
            season = case.known.ensemble(season_site(source), name)
            if season is not None:
                how = {"mean_before": name in BEFORE_THE_STAMP, "turns": name.startswith("wind_direction")}
                runs = (Run(season.issue_ns, season.available_ns, season.valid_ns, row) for row in season.value)
                columns[name] = np.stack([interpolated(run, middle, **how) for run in runs])
        if columns:
            days = len(next(iter(columns.values())))
            weather = Weather(columns, np.zeros(days, dtype=bool))
            whole = np.broadcast_to(step, (days, step.shape[1]))
            found = features.from_weather(case.target, case.place, case.history.grid, whole, weather)
            return found.get("physics_kw")
    return None


def gain(case: Case, power: Floats) -> tuple[float, float]:
    """Mean measured over mean physical power (D, H) at the times of day ahead, drawn to 1, and its doubt."""
    history, per_day, kind = case.history, case.history.grid.per_day, case.target.kind
    usual = np.full(per_day, np.nan)
    usual[case.ahead % per_day] = power.mean(axis=0)
    step = np.arange(history.last_step + 1)
    value, modelled = history.value[step], usual[step % per_day]
    both = np.isfinite(value) & np.isfinite(modelled)
    days, prior = both.sum() / per_day, PRIOR_DAYS[kind]
    doubt = DOUBT[kind] * float(np.sqrt(prior / (days + prior)))
    if not days or not modelled[both].sum() > 0:
        return 1.0, DOUBT[kind]
    ratio = float(value[both].sum() / modelled[both].sum())
    return float(np.clip((days * ratio + prior) / (days + prior), LEAST_GAIN, MOST_GAIN)), doubt
