"""The three ways to answer for one target: trained quantiles, physics from weather, climatology.

Each gives quantiles on the data's own steps, how its errors hang together in time, and what it used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import climatology, features, scenarios
from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.features import Rows, Sky, Steps
from forecasting.quantiles import LEVELS, Boosting
from forecasting.steps import History
from forecasting.targets import Place, Target
from forecasting.weather_rows import Weather, weather_at

Floats = NDArray[np.float64]
CALIBRATION_DAYS = 60
CALIBRATION_SHARE = 0.3  # of a history too short to spare 60 days
ROWS_AT_MOST = 30_000
ROWS_PER_ROUND, FEWEST_ROUNDS = 60, 15  # a short history departs less from the plain guess
SETTINGS = {
    "wind": Boosting(rounds=60, depth=3, learning_rate=0.08, min_rows=400),
    "pv": Boosting(rounds=60, depth=4, learning_rate=0.06, min_rows=200),
    "load": Boosting(rounds=90, depth=5, learning_rate=0.08, min_rows=60),
}
# Standard error of physics from forecast weather, day ahead, where nothing was measured yet: a share of the
# capacity, for pv of the clear sky. Between the published .13 to .19 of single plants.
PHYSICS_SPREAD = {"wind": 0.18, "pv": 0.20}


@dataclass(frozen=True, eq=False)
class Ask:
    """What all targets of one forecast share."""

    place: Place
    known: Known
    issue_ns: int
    edges_ns: Ns
    weather_site: str | None
    history_days: int
    seed: int


@dataclass(frozen=True, eq=False)
class Case:
    """One target at one issue time: what is asked, on which grid, and what was measured."""

    target: Target
    ask: Ask
    history: History
    sky: Sky
    departure: History | None = None

    @property
    def ahead(self) -> Steps:
        """Grid steps that the edges touch."""
        grid = self.history.grid
        first = (int(self.ask.edges_ns[0]) - grid.start_ns) // grid.step_ns
        last = -(-(int(self.ask.edges_ns[-1]) - grid.start_ns) // grid.step_ns)
        return np.arange(first, last)

    def weather(self, issue_ns: Ns, step: Steps) -> Weather | None:
        """Weather known at each issue (I,) for steps (I, H)."""
        middle = self.history.grid.start_of(step) + self.history.grid.step_ns // 2
        return weather_at(self.ask.known, self.ask.weather_site, issue_ns, middle)

    def rows(self, issue_ns: Ns, step: Steps) -> tuple[Rows, Weather | None]:
        """Feature rows, and the weather behind them."""
        weather = self.weather(issue_ns, step)
        built = features.build(
            self.target, self.ask.place, self.history, self.sky, issue_ns, step, weather, self.departure
        )
        return built, weather

    def bounded(self, levels: Floats, step: Steps) -> Floats:
        """Quantiles held to [0, capacity], zero where a photovoltaic plant stands in the dark, sorted."""
        held = np.sort(np.clip(levels, 0.0, self.target.capacity_kw), axis=-1)
        if self.target.kind == "pv":
            held[self.sky.dark[step]] = 0.0
        return held


@dataclass(frozen=True, eq=False)
class Answer:
    """One target's forecast.

    quantiles (N, Q) on the steps ahead; scores: normal scores (I, H) of past forecasts, None where there are none.
    """

    case: Case
    rung: str
    quantiles: Floats
    memory: scenarios.Memory
    scores: Floats | None
    inputs: dict[str, Any]
    notes: tuple[str, ...] = ()
    score_starts_ns: Ns | None = field(default=None)


def inputs_of(case: Case) -> dict[str, Any]:
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


def climatological(case: Case) -> Answer:
    """Quantiles by time of day; the width is what these few days showed."""
    table = climatology.fit(case.target, case.history, case.sky, case.ask.issue_ns, case.history.last_step + 1)
    levels = case.bounded(table.predict(case.sky, case.ahead), case.ahead)
    days = np.isfinite(case.history.value).sum() / case.history.grid.per_day
    note = f"{case.target.name}: {days:.0f} days of history, so quantiles by time of day; 21 days train a model"
    return Answer(case, "climatology", levels, scenarios.Memory(), None, inputs_of(case), (note,))


def physical(case: Case) -> Answer | None:
    """Physics from the latest weather times a gain from whatever was measured.

    None where weather does not reach the steps.
    """
    step = case.ahead[None, :]
    power = _physics_kw(case, np.array([case.ask.issue_ns]), step)
    if power is None or not np.isfinite(power).all():
        return None
    gain = _gain(case)
    central = np.clip(power[0] * gain, 0.0, case.target.capacity_kw)
    spread = PHYSICS_SPREAD[case.target.kind]
    if case.target.kind == "pv":
        scale = spread * np.maximum(case.sky.clear_kw[case.ahead], central)
    else:
        # Errors are widest on the steep part of the power curve and smaller, not nil, at calm and at rated power.
        part = central / case.target.capacity_kw
        scale = spread * case.target.capacity_kw * (0.4 + 2.4 * part * (1 - part))
    levels = case.bounded(central[:, None] + scale[:, None] * scenarios.Z_LEVELS, case.ahead)
    note = f"{case.target.name}: too little history to train, so physics from weather times {gain:.2f}"
    return Answer(case, "physics", levels, scenarios.Memory(), None, inputs_of(case) | {"gain": gain}, (note,))


def _physics_kw(case: Case, issue_ns: Ns, step: Steps) -> Floats | None:
    if case.target.kind == "load":
        return None
    rows, _ = case.rows(issue_ns, step)
    if "physics_kw" not in rows.names:
        return None
    return np.asarray(rows.x[..., rows.names.index("physics_kw")], dtype=np.float64)


def _gain(case: Case) -> float:
    """Measured over physical energy of the days known, shrunk to 1 as if three more days had agreed.

    Within 0.5 … 1.5.
    """
    history = case.history
    if history.last_step < 0:
        return 1.0
    per_day = history.grid.per_day
    step = np.arange(max(0, history.last_step + 1 - 21 * per_day), history.last_step + 1)
    power = _physics_kw(case, np.array([case.ask.issue_ns]), step[None, :])
    if power is None:
        return 1.0
    both = np.isfinite(power[0]) & np.isfinite(history.value[step])
    if not both.any():
        return 1.0
    prior = 3 * DAY_NS / history.grid.step_ns * float(power[0][both].mean())
    measured, modelled = float(history.value[step][both].sum()), float(power[0][both].sum())
    return float(np.clip((measured + prior) / (modelled + prior), 0.5, 1.5)) if modelled + prior > 0 else 1.0


__all__ = ["LEVELS", "Answer", "Case", "climatological", "physical"]
