"""The trained rung: boosted quantiles blended with climatology, calibrated on days that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecasting import calibration, climatology, features, quantiles, scenarios
from forecasting.clock import DAY_NS, Ns
from forecasting.features import Rows, Steps
from forecasting.quantiles import Boosting
from forecasting.rungs import Answer, Case, inputs_of
from forecasting.weather.base import VARIABLES
from forecasting.weather_rows import Weather

Floats = NDArray[np.float64]
CALIBRATION_DAYS = 60
CALIBRATION_SHARE = 0.3  # of a history too short to spare 60 days
SISTER_AGE_DAYS = 7
WEATHER_NAMES = frozenset(VARIABLES)
ROWS_AT_MOST = 30_000
ROWS_PER_ROUND, FEWEST_ROUNDS = 60, 15  # a short history departs less from the plain guess
# Errors of one day move together, so a leaf is worth as many cases as it has days, not rows. Measured on SimBench
# WP4, 24 days of autumn 2016, pinball over capacity: leaves from 4 days .0601, from 15 days .0533.
FROM_ITS_PAST = {
    "wind": Boosting(rounds=50, depth=2, learning_rate=0.08),
    "pv": Boosting(rounds=25, depth=2, learning_rate=0.08),
    "load": Boosting(rounds=60, depth=3, learning_rate=0.08),
}
LEAF_DAYS = {"wind": 15.0, "pv": 15.0, "load": 8.0}
# Weather tells the hours of a day apart.
FROM_WEATHER = Boosting(rounds=90, depth=5, learning_rate=0.08)
LEAF_DAYS_FROM_WEATHER = 0.7


def settings_of(case: Case, rows: int, with_weather: bool) -> Boosting:
    """Settings of a model of the case's kind, for so many rows of training."""
    chosen = FROM_WEATHER if with_weather else FROM_ITS_PAST[case.target.kind]
    leaf_days = LEAF_DAYS_FROM_WEATHER if with_weather else LEAF_DAYS[case.target.kind]
    rounds = int(np.clip(rows // ROWS_PER_ROUND, FEWEST_ROUNDS, chosen.rounds))
    return replace(chosen, rounds=rounds, min_rows=leaf_days * case.history.grid.per_day, seed=case.ask.seed)


def thinned(issue_ns: Ns, step: Steps) -> tuple[Ns, Steps]:
    """Every so many issues, counted back from the latest, so that training stays within its budget of rows."""
    keep_every = -(-step.size // ROWS_AT_MOST)
    if keep_every % 7 == 0:
        keep_every += 1
    chosen = np.arange(len(issue_ns) - 1, -1, -keep_every)[::-1]
    return issue_ns[chosen], step[chosen]


@dataclass(frozen=True, eq=False)
class _Model:
    """A booster on scaled departures from the base; the base is the plain guess plus its share of the recent drift."""

    booster: Any
    drift_share: Floats
    scale_kw: float

    def base_kw(self, rows: Rows) -> Floats:
        """The plain guess with the recent drift, (I, H)."""
        return np.asarray(rows.base_kw + rows.drift_kw @ self.drift_share)

    def predict(self, case: Case, rows: Rows) -> Floats:
        """Quantiles (I, H, Q)."""
        flat = quantiles.predict(self.booster, rows.x.reshape(-1, rows.x.shape[-1]))
        own = flat.reshape(*rows.step.shape, -1) * self.scale_kw + self.base_kw(rows)[..., None]
        return case.bounded(own, rows.step)


def _train(case: Case, rows: Rows, actual: Floats, until_step: int) -> _Model:
    """Fit on rows whose actual is known and lies before a grid step."""
    scale = float(np.nanmax(case.history.value)) or 1.0
    use = np.isfinite(actual) & (rows.step < until_step)
    if case.target.kind == "pv":
        use &= ~case.sky.dark[rows.step]
    share, _ = nnls(rows.drift_kw[use], (actual - rows.base_kw)[use])
    departure = (actual - rows.base_kw - rows.drift_kw @ share)[use]
    settings = settings_of(case, int(use.sum()), not WEATHER_NAMES.isdisjoint(rows.names))
    return _Model(quantiles.fit(rows.x[use], departure / scale, settings), share, scale)


def _sister(case: Case, model: _Model, rows: Rows, actual: Floats, wanted: Rows) -> Floats:
    """Climatological quantiles (I, H, Q) for the wanted issues, refitted every week on what was known by then.

    Loads: of the departures from the model's base; wind and pv: of the power itself.
    """
    found = np.empty((*wanted.step.shape, len(quantiles.LEVELS)))
    base, departure = model.base_kw(wanted), actual - model.base_kw(rows)
    grid = case.history.grid
    week = (wanted.issue_ns - wanted.issue_ns[0]) // (SISTER_AGE_DAYS * DAY_NS)
    for number in np.unique(week):
        group = week == number
        issue_ns = int(wanted.issue_ns[group][0])
        until = int((issue_ns - grid.start_ns) // grid.step_ns)
        if case.target.kind == "load":
            known = np.isfinite(actual) & (rows.step < until)
            table = climatology.fit_departure(case.target, case.history, case.sky, rows.step[known], departure[known])
            found[group] = table.predict(case.sky, wanted.step[group], base[group])
        else:
            table = climatology.fit(case.target, case.history, case.sky, issue_ns, until)
            found[group] = table.predict(case.sky, wanted.step[group])
    return case.bounded(found, wanted.step)


def _truth(case: Case, rows: Rows, actual: Floats) -> Floats:
    """What counts in calibration: not the dark hours of a photovoltaic plant."""
    return np.where(case.sky.dark[rows.step], np.nan, actual) if case.target.kind == "pv" else actual


def trained(case: Case) -> Answer:
    """Weigh and calibrate on the last days, held out; then refit on everything and answer."""
    ask, history = case.ask, case.history
    issues, steps = features.training_issues(history, ask.issue_ns, ask.edges_ns, ask.history_days)
    issues, steps = thinned(issues, steps)
    rows, weather = case.rows(issues, steps)
    actual = features.seen(history, steps, np.array(ask.issue_ns))
    days = (int(steps[-1, -1]) - int(steps[0, 0])) / history.grid.per_day
    held_days = min(CALIBRATION_DAYS, CALIBRATION_SHARE * days)
    split = history.last_step + 1 - round(held_days * history.grid.per_day)
    held_out = steps[:, 0] >= split
    part, truth = rows.part(held_out), _truth(case, rows, actual)[held_out]
    first = _train(case, rows, actual, split)
    model, sister = first.predict(case, part), _sister(case, first, rows, actual, part)
    weight = calibration.blend_weight(truth, model, sister)
    blend = weight * model + (1 - weight) * sister
    correction = calibration.fit(truth, blend, part.lead_h, calibration.WIDTH_FLOOR_SHARE * first.scale_kw)
    scores = scenarios.normal_scores(truth, case.bounded(correction.apply(blend, part.lead_h), part.step))

    last = _train(case, rows, actual, history.last_step + 1)
    ahead, ahead_weather = case.rows(np.array([ask.issue_ns]), case.ahead[None, :])
    model, sister = last.predict(case, ahead), _sister(case, last, rows, actual, ahead)
    blend = weight * model + (1 - weight) * sister
    levels = case.bounded(correction.apply(blend, ahead.lead_h), ahead.step)[0]
    inputs = inputs_of(case) | {
        "model_share": weight,
        "features": rows.names,
        "training_rows": int(np.isfinite(actual).sum()),
    }
    notes = _weather_notes(case, weather, ahead_weather)
    memory = scenarios.fit_memory(scores, history.grid.step_h)
    return Answer(case, "xgboost", levels, memory, scores, inputs, notes, history.grid.start_of(part.step))


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
