"""One target's past on its own grid, and the way from quantiles on grid steps to the edges that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import features, scenarios, steps
from forecasting.archive import Known, Measured
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.errors import ForecastError
from forecasting.features import Rows, Sky, Steps
from forecasting.scores import level_weights
from forecasting.steps import History
from forecasting.targets import Place, Target
from forecasting.weather_rows import Weather, weather_at

Floats = NDArray[np.float64]
STAND_BY_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Case:
    """One target as known at one time, with a grid that reaches to the last of the edges asked for."""

    target: Target
    place: Place
    known: Known
    edges_ns: Ns
    history: History
    sky: Sky
    departure: History | None

    @property
    def issue_ns(self) -> int:
        """When it is asked."""
        return self.known.time_ns

    @property
    def days(self) -> float:
        """Days' worth of measurements known."""
        return float(np.isfinite(self.history.value).sum() / self.history.grid.per_day)

    @property
    def ahead(self) -> Steps:
        """Grid steps that the edges touch."""
        grid = self.history.grid
        first = (int(self.edges_ns[0]) - grid.start_ns) // grid.step_ns
        last = -(-(int(self.edges_ns[-1]) - grid.start_ns) // grid.step_ns)
        return np.arange(first, last)

    def weather(self, issue_ns: Ns, step: Steps) -> Weather | None:
        """Weather of the best source that has any, known at each issue (I,) for steps (I, H)."""
        middle = self.history.grid.start_of(step) + self.history.grid.step_ns // 2
        for source in self.target.weather:
            found = weather_at(self.known, source, issue_ns, middle)
            if found is not None:
                return found
        return None

    def rows(self, issue_ns: Ns, step: Steps, weather: Weather | None = None) -> Rows:
        """Feature rows of issues (I,) and steps (I, H)."""
        return features.build(self.target, self.place, self.history, self.sky, issue_ns, step, weather, self.departure)

    def dark(self, step: Steps) -> NDArray[np.bool_]:
        """Steps in which a photovoltaic plant stands in the dark."""
        if self.target.kind != "pv":
            return np.zeros(step.shape, dtype=bool)
        return np.asarray(self.sky.dark[step])

    def bounded(self, levels: Floats, step: Steps) -> Floats:
        """Quantiles held to the target's bounds, zero where a photovoltaic plant stands in the dark, rising."""
        held = np.sort(np.clip(levels, *self.target.bounds), axis=-1)
        held[self.dark(step)] = 0.0
        return held

    def at_edges(self, levels: Floats, memory: scenarios.Memory, wanted: Floats) -> Floats:
        """Quantiles (T, Q) of the means between the edges from those (N, Q) on the steps ahead.

        The mean is averaged with the overlap as weight, so that energy is kept; the distance from it too, times
        √(wᵀ ρ w), since a mean over steps whose errors are not all alike is surer than each of them (exact for joint
        normal errors).
        """
        grid = self.history.grid
        share = steps.overlap(grid, self.ahead, self.edges_ns)
        hours = (grid.start_of(self.ahead) - int(self.edges_ns[0])) / HOUR_NS
        narrow = scenarios.correlation_shrink(share, memory, hours[:, None] - hours[None, :])
        apart = share @ levels
        middle = (apart @ level_weights(wanted))[:, None]
        return np.asarray(middle + narrow[:, None] * (apart - middle))


def case_of(known: Known, target: Target, place: Place, edges_ns: Ns, history_days: int) -> Case:
    """The past of a target that bears on a forecast for these edges (T+1), issued at the time of `known`."""
    label = f"{target.site}/{target.name}"
    measured = known.measurements(target.site, target.name)
    recent = measured.end_ns > known.time_ns - (history_days + features.SIMILAR_DAYS) * DAY_NS
    measured = Measured(measured.end_ns[recent], measured.available_ns[recent], measured.value[recent])
    measured = checked(measured, target, label)
    if len(measured.value) < 2:
        history = steps.without_measurements(known.time_ns, edges_ns)
    else:
        history = steps.on_grid(measured, edges_ns, label)
    where = target.place or place
    sky = features.sky(history.grid, target, where)
    departure = features.expected_history(history, sky) if features.by_calendar(target) else None
    return Case(target, where, known, edges_ns, history, sky, departure)


def checked(measured: Measured, target: Target, label: str) -> Measured:
    """The series with a stand-by draw below 1 % of its peak as 0; refuses anything more negative with its time."""
    if target.bounds[0] < 0:
        return measured
    peak = float(np.nanmax(measured.value, initial=0.0))
    negative = np.flatnonzero(measured.value < -STAND_BY_SHARE * peak)
    if len(negative):
        first = int(negative[0])
        raise ForecastError(
            f"{label} at {utc_text(int(measured.end_ns[first]))}: {measured.value[first]:g} {target.unit} is negative "
            f"({len(negative)} such values); give power as a magnitude ≥ 0, the direction is in the target's kind; "
            "set a plant's night-time use to 0 or to missing"
        )
    return Measured(measured.end_ns, measured.available_ns, np.maximum(measured.value, 0.0))


def measured_inputs(case: Case) -> dict[str, Any]:
    """What of the measurements was used."""
    history = case.history
    known = np.flatnonzero(np.isfinite(history.value))
    ends = history.grid.start_of(known + 1)
    return {
        "measurements": len(known),
        "first_valid_time": utc_text(int(ends[0])) if len(known) else None,
        "last_valid_time": utc_text(int(ends[-1])) if len(known) else None,
        "step_min": history.grid.step_ns / HOUR_NS * 60,
    }
