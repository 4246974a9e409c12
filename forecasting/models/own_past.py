"""From a series' own past alone: like days, persistence that fades with its age, and usual days, stacked.

A load stands on the mean of like days, a photovoltaic plant on their share of the clear sky; recent departures from it
count by what they were worth (non-negative least squares), fading with the lead. Boosted quantiles learn what is left.
Of wind trees learn nothing from its past that its last values do not tell (`learners.fading`). The usual day is the
sister that always stays, of a load also without a base. All are weighed and calibrated on the last days, held out, of
wind for all leads together; by less where fewer days than two months' are held out, and bands are stretched for what
so few days have not shown (`learners.few_blocks`). Fewer than 21 days, of what people make 14, give the usual day, and
so does a history that no past forecast could have known; of a load fewer than 3 days give one wide band for all hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import ndtri

from forecasting import features, scenarios
from forecasting.archive import Known
from forecasting.cases import Case, case_of, measured_inputs
from forecasting.clock import DAY_NS, Ns, utc_index, utc_text
from forecasting.features import Rows, Steps
from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame, Learner
from forecasting.learners.boosted import Boosted
from forecasting.learners.conformal import Conformal
from forecasting.learners.fading import Fading
from forecasting.learners.few_blocks import Stretched, of_few, stretch
from forecasting.learners.held import Held
from forecasting.learners.stack import Stack
from forecasting.learners.usual import Usual
from forecasting.models import recent
from forecasting.models.above_usual import RESTING, AboveUsual
from forecasting.models.base import CannotForecast, Shown
from forecasting.quantiles import LEVELS
from forecasting.targets import Kind, Place, Target

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Of 15 days, two to four ahead, pinball of what has learnt to that of usual days: 14 loads .89, prices of DE and NP .88
# and .86, of PJM 1.02; eight photovoltaic plants 1.05.
LEARNS_FROM_DAYS, CALENDAR_FROM_DAYS = 21, 14
# Days that past forecasts which knew anything cover: the least to learn from.
TOLD_FROM_DAYS, CALENDAR_TOLD_DAYS = 14, 9
USUAL_FROM_DAYS = 3
# Levels of prices stay for days: counted in full, bands of ten days of DE, NP and PJM hold 78 % at 90 %, so 83 %; those
# of loads hold 93 % as it is.
PRICE_DAYS_APART = 5 / 7
FIRST_SHARE = 0.5  # of the greatest reading: the least half-width of the 90 % band of a load's first hours
CALIBRATION_DAYS = 60
ROWS_AT_MOST = 30_000
YEARS_DAYS = 1_200  # for days that come once a year
LEAD_BLOCKS_H = (3.0, 12.0, 36.0, 84.0)
# Errors of one day move together, so a leaf is worth as many cases as it has days, not rows.
BOOSTED = {
    "pv": Boosted(rounds=25, depth=2, learning_rate=0.08, leaf_blocks=15.0, base="base"),
    "load": Boosted(rounds=60, depth=3, learning_rate=0.08, leaf_blocks=8.0, base="base"),
}
WINDOW_H = {"wind": 3.0, "pv": 0.5}  # half-width of the window of time of day
LAST_DAYS = {"wind": 400, "pv": 30}  # pv on SimBench PV3: 30 days .0075, 60 days .0080
# What the season is, and what the last month was like: a forecaster that learnt half a year ago needs both.
SEASON_DAYS = {"wind": 120.0}
STATES = ("last_kw", "last_3h_kw", "last_day_kw", "last_week_kw", "mean_28d")
# Loads of 25 and 45 days, two days ahead, pinball as shares of what trees and usual departures had with worths fitted
# freely and all of the correction: ten Dutch substations .43, .59; four feeders .75, .68; a utility in the US .74, .97;
# three grids .85, .77. Worths drawn by 30 days, less correction of few days, usual days by themselves as a third
# member and weights drawn to equal ones each have their part in it.
DRAWN_DAYS = 30.0
LOAD_PULL = 0.3


@dataclass(frozen=True)
class OwnPast:
    """Learns from `history_days` at most."""

    history_days: int = 400
    seed: int = 0
    name: str = "own_past"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> OwnPastTrained:
        """Learn each target for itself."""
        edges_ns = known.time_ns + horizon_ns
        learnt = {}
        for target in targets:
            learnt[target.name] = _learn(case_of(known, target, place, edges_ns, self.history_days), self)
        return OwnPastTrained(self, tuple(targets), place, np.asarray(levels, dtype=np.float64), learnt)


@dataclass(frozen=True, eq=False)
class _Learnt:
    """One target: what has learnt (of the seven levels), the worth of recent departures, the errors' memory.

    `above` is what rare days and cycles of weeks put above the usual of a load.
    """

    fitted: Fitted
    drift_share: Floats
    above: AboveUsual | None
    memory: scenarios.Memory
    shown: Shown | None
    card: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    least_days: float = USUAL_FROM_DAYS


@dataclass(frozen=True, eq=False)
class OwnPastTrained:
    """Trained on one series each."""

    model: OwnPast
    targets: tuple[Target, ...]
    place: Place
    levels: Floats
    learnt: Mapping[str, _Learnt]

    @property
    def card(self) -> Mapping[str, Any]:
        """What each target's part is."""
        return {"model": self.model.name, "targets": {name: one.card for name, one in self.learnt.items()}}

    @property
    def notes(self) -> Mapping[str, tuple[str, ...]]:
        """What a reader of its forecasts should know, by target."""
        return {name: one.notes for name, one in self.learnt.items()}

    @property
    def shown(self) -> Mapping[str, Shown]:
        """What it said of the days held out."""
        return {name: one.shown for name, one in self.learnt.items() if one.shown is not None}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """See `Trained`."""
        to_levels = dense.spread(LEVELS, self.levels, beyond=True)
        found = {}
        for target in self.targets:
            case = case_of(known, target, self.place, edges_ns, self.model.history_days)
            one, step = self.learnt[target.name], case.ahead[None, :]
            if not case.days or case.days < one.least_days:
                raise CannotForecast(_too_little(case))
            if one.memory is NO_MEMORY:
                frame = _plain(case, case.ahead)
            else:
                rows = case.rows(np.array([case.issue_ns]), step)
                if one.above is not None:
                    rows = _above(rows, one.above, recent.Past.of(case.history, case.place))
                frame = _frame(case, rows, one.drift_share, np.ones(step.shape, dtype=bool))
            levels = case.bounded(one.fitted.predict(frame), case.ahead)
            quantiles = case.at_edges(levels, one.memory, LEVELS) @ to_levels
            found[target.name] = np.sort(np.clip(quantiles, *target.bounds), axis=1)
        return found


NO_MEMORY = scenarios.Memory()


def _label(target: Target) -> str:
    return f"{target.site}/{target.name}"


def learns_from_days(target: Target) -> int:
    """Days of history from which a model is trained."""
    return CALENDAR_FROM_DAYS if features.by_calendar(target) else LEARNS_FROM_DAYS


def _learn(case: Case, model: OwnPast) -> _Learnt:
    if case.days < USUAL_FROM_DAYS:
        if case.days and features.by_calendar(case.target):
            return _first_hours(case)
        raise CannotForecast(_too_little(case))
    if case.days < learns_from_days(case.target):
        return _usual_alone(case)
    issues, steps = features.training_issues(case.history, case.issue_ns, case.edges_ns, model.history_days)
    # Where nothing was known yet there is no level to depart from: such issues would teach to add the level itself.
    told = features.last_seen(case.history, issues) >= 0
    issues, steps = thinned(issues[told], steps[told])
    actual = features.seen(case.history, steps, np.array(case.issue_ns))
    use = np.isfinite(actual) & ~case.dark(steps)
    told_from = CALENDAR_TOLD_DAYS if features.by_calendar(case.target) else TOLD_FROM_DAYS
    if len(np.unique(steps[use] // case.history.grid.per_day)) < told_from:
        return _usual_alone(case)
    rows, above = _rows(case, issues, steps, actual)
    share = _drift_share(case, rows, actual, use)
    frame, came = _frame(case, rows, share, use), actual[use]
    calibrated, held = _learner(case, model).fit_held(frame, came, LEVELS, CALIBRATION_DAYS)
    fitted: Fitted = calibrated
    if features.by_calendar(case.target) and len(np.unique(frame.block[held.position])) < CALIBRATION_DAYS:
        fitted, held = of_few(calibrated, held, LEVELS, frame.block)
    shown = _shown(case, steps, use, actual, held)
    memory = scenarios.fit_memory(scenarios.normal_scores(shown.actual, shown.quantiles), case.history.grid.step_h)
    card = measured_inputs(case) | {"training_rows": len(came), "features": frame.names, "shares": calibrated.shares}
    return _Learnt(fitted, share, above, memory, shown, card)


def _rows(case: Case, issues: Ns, steps: Steps, actual: Floats) -> tuple[Rows, AboveUsual | None]:
    """Feature rows of past issues; of what people make with what rare days and cycles put above the usual."""
    rows = case.rows(issues, steps)
    if case.target.kind not in RESTING:
        return rows, None
    past = recent.Past.of(case.history, case.place)
    years = recent.Past.of(case_of(case.known, case.target, case.place, case.edges_ns, YEARS_DAYS).history, case.place)
    base = _base(past, rows)
    above = AboveUsual.of(past, base, issues, steps, actual, years)
    return _above(rows, above, past), above


def _drift_share(case: Case, rows: Rows, actual: Floats, use: Mask) -> Floats:
    """What recent departures (K,) were worth, s ≥ 0 of the least Σ (y − b − d s)² + `DRAWN_DAYS` days' worth of (d s)².

    y what came, b the plain guess, d the departures [kW]: so a few days do not teach to repeat what befell them.
    """
    drift, apart = rows.drift_kw[use], (actual - rows.base_kw)[use]
    per_day = len(apart) / len(np.unique(rows.step[use] // case.history.grid.per_day))
    drawn = np.diag(np.sqrt(DRAWN_DAYS * per_day * (drift**2).mean(axis=0)))
    share, _ = nnls(np.vstack([drift, drawn]), np.concatenate([apart, np.zeros(len(drawn))]))
    return np.asarray(share)


def _above(rows: Rows, above: AboveUsual, past: recent.Past) -> Rows:
    """The rows with the base of like days that are not far off, and what stands above it."""
    found = above.columns(past, _base(past, rows), rows.issue_ns, rows.step)
    base = found.pop(recent.BASE)
    more = np.stack(list(found.values()), axis=-1).astype(np.float32)
    return replace(rows, x=np.concatenate([rows.x, more], axis=-1), names=(*rows.names, *found), base_kw=base)


def _base(past: recent.Past, rows: Rows) -> Floats:
    """The mean of like days (I, H) without those far off; where none is known what the rows have."""
    base = recent.base_of(past, rows.issue_ns, rows.step)
    return np.where(np.isfinite(base), base, rows.base_kw)


def thinned(issue_ns: Ns, step: Steps) -> tuple[Ns, Steps]:
    """Every so many issues, counted back from the latest, so that training stays within its budget of rows."""
    keep_every = -(-step.size // ROWS_AT_MOST)
    if keep_every % 7 == 0:
        keep_every += 1
    chosen = np.arange(len(issue_ns) - 1, -1, -keep_every)[::-1]
    return issue_ns[chosen], step[chosen]


def _like(kind: Kind) -> str:
    return kind if kind in ("wind", "pv") else "load"


def _usual(case: Case, base: str | None) -> Usual:
    kind = _like(case.target.kind)
    return Usual(
        per_day=case.history.grid.per_day,
        window_h=WINDOW_H.get(kind, 0.5),
        last_blocks=LAST_DAYS.get(kind, 84 if base is None else 168),
        classes="day_class" if kind == "load" else None,
        base=base if kind == "load" else None,
        scale="clear_kw" if kind == "pv" else None,
        season_blocks=SEASON_DAYS.get(kind),
    )


def _learner(case: Case, model: OwnPast) -> Conformal:
    kind, usual = _like(case.target.kind), _usual(case, "base")
    first: Learner = Fading(usual, STATES)
    if kind in BOOSTED:
        first = replace(BOOSTED[kind], seeds=(model.seed,), min_rows=1.0)
    # Weather of two months tells too little of each lead apart.
    cells = () if kind == "wind" else (("lead_h", LEAD_BLOCKS_H),)
    members: tuple[Learner, ...] = (first, usual)
    if kind == "load":
        members = (first, usual, replace(_usual(case, None), name="usual days"))
    pull = LOAD_PULL if kind == "load" else 0.0
    stack = Stack(members, folds=1, blocks=CALIBRATION_DAYS, parts=(), pull=pull)
    return Conformal(stack, cells, CALIBRATION_DAYS, full_blocks=CALIBRATION_DAYS)


def _frame(case: Case, rows: Rows, drift_share: Floats, use: Mask) -> Frame:
    """The features of the rows in use, with the base they depart from; a block is a day."""
    base = rows.base_kw + rows.drift_kw @ drift_share
    x = np.concatenate([rows.x, base[..., None].astype(np.float32)], axis=-1)[use]
    return Frame(x, (*rows.names, "base"), (rows.step // case.history.grid.per_day)[use])


def _plain(case: Case, step: Steps) -> Frame:
    """Time of day, kind of day and clear sky of steps (N,): all that usual days need."""
    sky = case.sky
    columns = {"hour": sky.hour[step], "day_class": sky.day_class[step], "clear_kw": sky.clear_kw[step]}
    x = np.stack([np.asarray(column, dtype=np.float32) for column in columns.values()], axis=1)
    return Frame(x, tuple(columns), step // case.history.grid.per_day)


def _usual_alone(case: Case) -> _Learnt:
    step = np.flatnonzero(np.isfinite(case.history.value))
    fitted: Fitted = _usual(case, None).fit(_plain(case, step), case.history.value[step], LEVELS)
    if case.target.kind != "wind":  # its hours stand together, and its rating bounds them: bands of ten days hold
        apart = case.days * (PRICE_DAYS_APART if case.target.kind == "price" else 1.0)
        fitted = Stretched(fitted, LEVELS, stretch(LEVELS, round(apart), read_between=True))
    card = measured_inputs(case) | {"training_rows": len(step), "usual_days_of": round(case.days)}
    note, needed = f"{case.target.name}: {case.days:.0f} days of history", learns_from_days(case.target)
    if case.days < needed:
        note = f"{note}, so quantiles by time of day; {needed} days train a model"
    else:
        note = f"{note} too old to try a model on, so quantiles by time of day"
    return _Learnt(fitted, np.zeros(3), None, NO_MEMORY, None, card, (note,))


@dataclass(frozen=True)
class _Band:
    """The same quantiles (Q,) for all rows."""

    levels: tuple[float, ...]

    def predict(self, rows: Frame) -> Floats:
        """See `Fitted`."""
        return np.tile(np.array(self.levels), (len(rows), 1))


def _first_hours(case: Case) -> _Learnt:
    """One band for all hours around what was measured, the wider the less that is: other hours may be unlike.

    Distances from the median grow by √(3 days / days measured); the band is no narrower than `FIRST_SHARE` tells.
    """
    value = case.history.value[np.isfinite(case.history.value)]
    found = np.quantile(value, LEVELS)
    middle = float(np.median(value))
    least = ndtri(LEVELS) / ndtri(0.95) * FIRST_SHARE * np.abs(value).max()
    apart = (found - middle) * np.sqrt(USUAL_FROM_DAYS / case.days)
    wide = middle + np.where(np.abs(apart) > np.abs(least), apart, least)
    card = measured_inputs(case) | {"training_rows": len(value)}
    note = (
        f"{case.target.name}: {case.days:.1f} days of history, so one wide band for all hours; "
        f"{USUAL_FROM_DAYS} days tell times of day apart, {learns_from_days(case.target)} train a model"
    )
    return _Learnt(_Band(tuple(wide.tolist())), np.zeros(3), None, NO_MEMORY, None, card, (note,), case.days)


def _too_little(case: Case) -> str:
    """Which series tells too little, how much there is of it and when it ends, and what was asked for."""
    measured = case.known.measurements(case.target.site, case.target.name)
    ends = measured.end_ns[np.isfinite(measured.value)]
    day = utc_index(case.edges_ns[:1]).tz_convert(case.place.time_zone)[0].date()
    days, ending, learns = case.days, "", learns_from_days(case.target)
    if len(ends):
        days = len(np.unique(ends // DAY_NS)) if not case.days else case.days
        ending = f" ending {utc_text(int(ends[-1]))[:10]}"
    return (
        f"{case.target.name}: {days:.1f} days of measurements under {_label(case.target)}{ending}; {day} was asked "
        f"for, and needed are {USUAL_FROM_DAYS} days at least ({learns} to train a model) of the year before"
    )


def _shown(case: Case, steps: Steps, use: Mask, actual: Floats, held: Held) -> Shown:
    """The held-out quantiles in their places (I, H, Q), of the issues that have any."""
    issue, lead = (found[held.position] for found in np.nonzero(use))
    kept, at = np.unique(issue, return_inverse=True)
    quantiles = np.full((len(kept), steps.shape[1], len(LEVELS)), np.nan)
    truth = np.full((len(kept), steps.shape[1]), np.nan)
    quantiles[at, lead] = case.bounded(held.quantiles, steps[issue, lead])
    truth[at, lead] = actual[issue, lead]
    return Shown(case.history.grid.start_of(steps[kept]), truth, quantiles)
