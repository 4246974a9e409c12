"""Physics from the latest weather times a gain from whatever was measured: what can be said from the first day on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting import features, scenarios
from forecasting.archive import Known
from forecasting.cases import Case, case_of
from forecasting.clock import DAY_NS, Ns
from forecasting.features import Steps
from forecasting.models.base import CannotForecast
from forecasting.models.solar.weather import Weather as Runs
from forecasting.models.spread import SPREAD
from forecasting.models.untrained import Untrained
from forecasting.situations import inputs_of
from forecasting.targets import Place, Target
from forecasting.weather.base import VARIABLES
from forecasting.weather_rows import Weather

Floats = NDArray[np.float64]
GAIN_DAYS = 21


@dataclass(frozen=True)
class PhysicsOnly(Untrained):
    """Physics of the weather times a gain."""

    name: str = "physics"
    note: ClassVar[str] = "too little history to train, so physics from weather times a gain"

    def one(self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats) -> Floats:
        """Normal errors around physical power, as wide as published ones."""
        if not inputs_of(known, target):
            raise _unknown(target)
        case = case_of(known, target, place, edges_ns, GAIN_DAYS)
        power = physics_kw(case, np.array([case.issue_ns]), case.ahead[None, :])
        if power is None or not np.isfinite(power).all():
            raise _unknown(target)
        central = np.clip(power[0] * gain(case), 0.0, case.target.capacity_kw)
        found = case.bounded(central[:, None] + spread_kw(case, central)[:, None] * ndtri(levels), case.ahead)
        return np.clip(case.at_edges(found, scenarios.Memory(), levels), *case.target.bounds)


def _unknown(target: Target) -> CannotForecast:
    plant = "a farm with its turbine" if target.kind == "wind" else "the plant"
    sources = list(target.weather)
    return CannotForecast(f"{target.name}: no weather under weather={sources} that would tell the power of {plant}")


def spread_kw(case: Case, central: Floats) -> Floats:
    """Standard error (…) of physical power (…, N) on the steps ahead."""
    spread = SPREAD[case.target.kind]
    if case.target.kind == "pv":
        return np.asarray(spread * np.maximum(case.sky.clear_kw[case.ahead], central))
    # Errors are widest on the steep part of the power curve and smaller, not nil, at calm and at rated power.
    part = central / case.target.capacity_kw
    return np.asarray(spread * case.target.capacity_kw * (0.4 + 2.4 * part * (1 - part)))


def physics_kw(case: Case, issue_ns: Ns, step: Steps) -> Floats | None:
    """Power (I, H) by physics from the weather known at each issue; None where it cannot be computed."""
    if case.target.kind not in SPREAD:
        return None
    weather = case.weather(issue_ns, step)
    if weather is None:
        return None
    return features.from_weather(case.target, case.place, case.history.grid, step, weather).get("physics_kw")


def past_kw(case: Case, issue_ns: Ns, step: Steps) -> Floats | None:
    """As `physics_kw` of past days; steps that no run known at an issue reaches take the run known when they began.

    A plan made at noon knows the runs of its day and not yet those of the next, whose steps are past all the same.
    """
    power = physics_kw(case, issue_ns, step)
    if power is None or np.isfinite(power).all():
        return power
    grid = case.history.grid
    start_ns = grid.start_of(step)
    runs = Runs(case.known)
    columns = runs.columns_at(case.target.weather, VARIABLES, start_ns, start_ns + grid.step_ns // 2)
    own = Weather(columns, np.zeros(len(issue_ns), dtype=bool))
    filled = features.from_weather(case.target, case.place, grid, step, own).get("physics_kw")
    return power if filled is None else np.where(np.isfinite(power), power, filled)


def gain(case: Case) -> float:
    """Measured over physical energy of the days known, shrunk to 1 as if three more days had agreed.

    Each day counts with the weather that was forecast at its beginning, as the days ahead will. Within 0.5 … 1.5.
    """
    history, grid = case.history, case.history.grid
    if history.last_step < 0:
        return 1.0
    issue_ns = case.issue_ns - np.arange(GAIN_DAYS, 0, -1) * DAY_NS
    step = (issue_ns[:, None] - grid.start_ns) // grid.step_ns + np.arange(grid.per_day)
    inside = (step >= 0) & (step <= history.last_step)
    step = np.clip(step, 0, history.last_step)
    power = past_kw(case, issue_ns, step)
    if power is None:
        return 1.0
    both = inside & np.isfinite(power) & np.isfinite(history.value[step])
    if not both.any():
        return 1.0
    prior = 3 * DAY_NS / grid.step_ns * float(power[both].mean())
    measured, modelled = float(history.value[step][both].sum()), float(power[both].sum())
    return float(np.clip((measured + prior) / (modelled + prior), 0.5, 1.5)) if modelled + prior > 0 else 1.0
