"""The three ways to answer for one target: trained quantiles, physics from weather, climatology.

Each gives quantiles on the data's own steps, how its errors hang together in time, and what it used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecasting import calibration, climatology, features, quantiles, scenarios
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
# Spread of physics from forecast weather, day ahead, as a share of the capacity (pv: of the clear sky) where nothing was measured yet.
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
    """quantiles (N, Q) on the case's steps ahead; scores.

    Normal scores (I, H) of past forecasts, None where there are none.
    """

    case: Case
    rung: str
    quantiles: Floats
    memory: scenarios.Memory
    scores: Floats | None
    inputs: dict[str, Any]
    notes: tuple[str, ...] = ()
    score_starts_ns: Ns | None = field(default=None)


def _thinned(issue_ns: Ns, step: Steps) -> tuple[Ns, Steps]:
    """Every so many issues, counted back from the latest, so that training stays within its budget of rows."""
    keep_every = -(-step.size // ROWS_AT_MOST)
    if keep_every % 7 == 0:
        keep_every += 1
    chosen = np.arange(len(issue_ns) - 1, -1, -keep_every)[::-1]
    return issue_ns[chosen], step[chosen]


@dataclass(frozen=True, eq=False)
class _Model:
    """One trained stage: booster on scaled departures from the base, with its climatological sister."""

    booster: Any
    sister: climatology.Climatology
    drift_share: Floats
    scale_kw: float

    def base_kw(self, rows: Rows) -> Floats:
        """The plain guess with the recent drift, (I, H)."""
        return np.asarray(rows.base_kw + rows.drift_kw @ self.drift_share)

    def predict(self, case: Case, rows: Rows) -> tuple[Floats, Floats]:
        """Quantiles of model and sister, (I, H, Q) each."""
        base = self.base_kw(rows)
        flat = quantiles.predict(self.booster, rows.x.reshape(-1, rows.x.shape[-1]))
        own = flat.reshape(*rows.step.shape, -1) * self.scale_kw + base[..., None]
        plain = self.sister.predict(case.sky, rows.step, base if self.sister.of == "departure" else None)
        return case.bounded(own, rows.step), case.bounded(plain, rows.step)


def _train(case: Case, rows: Rows, actual: Floats, until_step: int) -> _Model:
    """Fit on rows whose actual is known and lies before a grid step."""
    scale = float(np.nanmax(case.history.value)) or 1.0
    use = np.isfinite(actual) & (rows.step < until_step)
    if case.target.kind == "pv":
        use &= ~case.sky.dark[rows.step]
    share, _ = nnls(rows.drift_kw[use], (actual - rows.base_kw)[use])
    departure = (actual - rows.base_kw - rows.drift_kw @ share)[use]
    settings = SETTINGS[case.target.kind]
    rounds = int(np.clip(use.sum() // ROWS_PER_ROUND, FEWEST_ROUNDS, settings.rounds))
    settings = replace(settings, rounds=rounds, seed=case.ask.seed)
    booster = quantiles.fit(rows.x[use], departure / scale, settings)
    target, history, sky = case.target, case.history, case.sky
    if target.kind == "load":
        sister = climatology.fit_departure(target, history, sky, rows.step[use], departure)
    else:
        sister = climatology.fit(target, history, sky, case.ask.issue_ns, until_step)
    return _Model(booster, sister, share, scale)


def trained(case: Case) -> Answer:
    """Boosted quantiles blended with climatology, weighted and calibrated on the last days.

    Then refitted on everything.
    """
    issues, steps = features.training_issues(case.history, case.ask.issue_ns, case.ask.edges_ns, case.ask.history_days)
    issues, steps = _thinned(issues, steps)
    rows, weather = case.rows(issues, steps)
    actual = features.seen(case.history, steps, np.array(case.ask.issue_ns))
    per_day = case.history.grid.per_day
    days = (int(steps[-1, -1]) - int(steps[0, 0])) / per_day
    split = case.history.last_step + 1 - round(min(CALIBRATION_DAYS, CALIBRATION_SHARE * days) * per_day)
    held_out = steps[:, 0] >= split
    first = _train(case, rows, actual, split)
    part = rows.part(held_out)
    model, sister = first.predict(case, part)
    truth = actual[held_out]
    if case.target.kind == "pv":
        truth = np.where(case.sky.dark[part.step], np.nan, truth)
    weight = calibration.blend_weight(truth, model, sister)
    blend = weight * model + (1 - weight) * sister
    floor = calibration.WIDTH_FLOOR_SHARE * first.scale_kw
    correction = calibration.fit(truth, blend, part.lead_h, floor)
    corrected = case.bounded(correction.apply(blend, part.lead_h), part.step)
    scores = scenarios.normal_scores(truth, corrected)
    last = _train(case, rows, actual, case.history.last_step + 1)
    ahead, ahead_weather = case.rows(np.array([case.ask.issue_ns]), case.ahead[None, :])
    model, sister = last.predict(case, ahead)
    final = case.bounded(correction.apply(weight * model + (1 - weight) * sister, ahead.lead_h), ahead.step)[0]
    memory = scenarios.fit_memory(scores, case.history.grid.step_h)
    inputs = _inputs(case) | {
        "model_share": weight,
        "features": rows.names,
        "training_rows": int(np.isfinite(actual).sum()),
    }
    notes = _weather_notes(case, weather, ahead_weather)
    return Answer(case, "xgboost", final, memory, scores, inputs, notes, case.history.grid.start_of(part.step))


def _weather_notes(case: Case, trained_on: Weather | None, ahead: Weather | None) -> tuple[str, ...]:
    name = case.target.name
    if trained_on is None or ahead is None:
        return (f"{name}: no weather forecast known; forecast from its own past",) if case.target.kind != "load" else ()
    if trained_on.hindcast.any():
        share = float(trained_on.hindcast.mean())
        return (
            f"{name}: for {share:.0%} of the training days weather is a later run's look back; bands may be narrow",
        )
    return ()


def _inputs(case: Case) -> dict[str, Any]:
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
    return Answer(case, "climatology", levels, scenarios.Memory(), None, _inputs(case), (note,))


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
    note = f"{case.target.name}: too little history to train, so physics from weather, times {gain:.2f}; width is a general figure"
    return Answer(case, "physics", levels, scenarios.Memory(), None, _inputs(case) | {"gain": gain}, (note,))


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


__all__ = ["LEVELS", "Answer", "Case", "climatological", "physical", "trained"]
