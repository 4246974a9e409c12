"""A model of series with a daily and weekly rhythm, hours to days ahead: loads, net loads, carbon intensity.

One learner sees the calendar, the recent past (`recent`), what is published ahead of time (`ahead`) and how far it
lies from what the like days had, and the temperature felt. Rows of training are made for the same leads as will be
asked for, from issue times at the same time of day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known, Measured
from forecasting.cases import checked
from forecasting.clock import DAY_NS, Ns
from forecasting.features import last_seen, mean_known, seen
from forecasting.learners.base import Fitted, Learner
from forecasting.learners.boosted import Boosted
from forecasting.learners.conformal import Conformal
from forecasting.learners.empirical import Forest
from forecasting.learners.linear import Linear
from forecasting.learners.stack import Stack
from forecasting.models import ahead, recent, temperature
from forecasting.models.above_usual import RESTING, AboveUsual
from forecasting.models.base import CannotForecast
from forecasting.models.like_days import DAYS_BACK
from forecasting.steps import Grid, History, on_grid, overlap
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "rhythm 2"
LEAST_DAYS = 14
PAST_DAYS = 100  # what a forecast looks back on, for cycles of weeks; training looks back on all
ROWS_AT_MOST = 40_000
LIKE_WEATHER = frozenset({"shortwave_radiation", "wind_speed_100m", "temperature_2m", "cloud_cover"})
FELT_H = (24.0, 72.0)
BESIDE_H = (3, 24)
RATED_M_S = 12.0


def stacked() -> Learner:
    """Linear, boosted and empirical quantiles above the base, weighed by their last blocks, and their correction.

    Chosen on four Dutch feeders, six weeks of history, the four weeks after them forecast day ahead (rCRPS): boosting
    with leaves of .7 days .140, of 4 days .081; straight lines with a penalty of .01 .118, of .1 .082, of .3 .076; the
    forest .084. Short histories say little of weights either: pulled towards equal ones the stack wins 3 %.
    """
    members = (
        Linear(base=recent.BASE, penalty=0.2, half_life_blocks=180.0),
        Boosted(rounds=150, depth=3, learning_rate=0.05, leaf_blocks=4.0, base=recent.BASE),
        Forest(leaf_blocks=2.0, base=recent.BASE),
    )
    return Conformal(Stack(members, keep="empirical", blocks=60, folds=1, pull=0.3), blocks=60, strength=0.5)


@dataclass(frozen=True)
class Rhythm:
    """The model: its learner, and how many days of the past it learns from (None: all).

    `companions` are beginnings of names: what is measured under such a name at the target's site bears on it.
    """

    learner: Learner = field(default_factory=stacked)
    memory_days: int | None = None
    companions: tuple[str, ...] = ()
    name: str = "rhythm"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedRhythm:
        """Learn each target by itself."""
        edges_ns = known.time_ns + horizon_ns
        fitted, told, above = {}, {}, {}
        for target in targets:
            learnt = self._learn(known, target, place, edges_ns, levels)
            fitted[target.name], told[target.name], above[target.name] = learnt
        return TrainedRhythm({t.name: t for t in targets}, place, fitted, told, above, self.companions, known.time_ns)

    def _learn(
        self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats
    ) -> tuple[Fitted, dict[str, Any], AboveUsual | None]:
        case = Case.of(known, target, place, edges_ns, self.memory_days, self.companions)
        grid = case.past.history.grid
        reach = LEAST_DAYS * grid.per_day // 2
        rows = max((int(case.ahead[0]) - reach) // grid.per_day, 0) * len(case.ahead)
        stride = max(-(-rows // ROWS_AT_MOST), 1)
        stride += stride % 7 == 0  # or each lead would see one weekday only
        issue, step = recent.past_issues(grid, known.time_ns, case.ahead, reach, stride * DAY_NS)
        actual = seen(case.past.history, step, np.array(known.time_ns))
        use = np.isfinite(actual).any(axis=1)
        issue, step, actual = issue[use], step[use], actual[use]
        if len(issue) * stride < LEAST_DAYS:
            raise CannotForecast(f"{target.name}: fewer than {LEAST_DAYS} days of measurements to learn from")
        columns, above = case.columns(known, issue, step), None
        if target.kind in RESTING:
            above = AboveUsual.of(case.past, columns[recent.BASE], issue, step, actual)
            columns |= above.columns(case.past, columns[recent.BASE], issue, step)
        found = recent.frame(columns, grid, step)
        there = np.isfinite(actual.ravel()) & np.isfinite(found.column(recent.BASE))
        order = np.flatnonzero(there)
        if len(np.unique(found.block[order])) < LEAST_DAYS // 2:
            raise CannotForecast(f"{target.name}: past forecasts would have known too little to learn from")
        fitted = self.learner.fit(found.take(order), actual.ravel()[order], levels)
        told = recent.measured(case.past.history) | {"features": found.names, "training_rows": len(order)}
        shares = getattr(getattr(fitted, "fitted", fitted), "shares", None)
        told |= {"shares": shares} if shares else {}
        told |= {"cycle_days": above.cycle.period_days} if above is not None and above.cycle.period_days else {}
        return fitted, told, above


@dataclass(frozen=True, eq=False)
class TrainedRhythm:
    """What has learnt; see `Trained`."""

    targets: Mapping[str, Target]
    place: Place
    fitted: Mapping[str, Fitted]
    told: Mapping[str, Mapping[str, Any]]
    above: Mapping[str, AboveUsual | None]
    companions: tuple[str, ...]
    trained_ns: int

    @property
    def card(self) -> Mapping[str, Any]:
        """Features, rows and weights of each target."""
        return {"model": VERSION, "trained_ns": self.trained_ns, "targets": self.told}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q)."""
        return {name: self._of(target, known, edges_ns) for name, target in self.targets.items()}

    def _of(self, target: Target, known: Known, edges_ns: Ns) -> Floats:
        case = Case.of(known, target, self.place, edges_ns, PAST_DAYS, self.companions)
        step, issue = case.ahead[None, :], np.array([known.time_ns])
        columns = case.columns(known, issue, step, self.told[target.name]["features"])
        if (above := self.above[target.name]) is not None:
            columns |= above.columns(case.past, columns[recent.BASE], issue, step)
        rows = recent.frame(columns, case.past.history.grid, step)
        if not np.isfinite(rows.column(recent.BASE)).any():
            raise CannotForecast(f"{target.name}: nothing measured in the last {DAYS_BACK} days is known")
        found = self.fitted[target.name].predict(rows)
        low, high = target.bounds
        share = overlap(case.past.history.grid, case.ahead, edges_ns)
        return np.clip(np.sort(share @ found, axis=1), low, high)


@dataclass(frozen=True, eq=False)
class Case:
    """One target with its past and the steps (H,) of its grid that are asked for."""

    target: Target
    past: recent.Past
    ahead: NDArray[np.int64]
    companions: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        known: Known,
        target: Target,
        place: Place,
        edges_ns: Ns,
        days: int | None,
        companions: tuple[str, ...] = (),
    ) -> Case:
        """What is measured of the last days (None: of all) on its grid."""
        measured = known.measurements(target.site, target.name)
        if days is not None:
            late = measured.end_ns > known.time_ns - days * DAY_NS
            measured = Measured(measured.end_ns[late], measured.available_ns[late], measured.value[late])
        if len(measured.end_ns) < 2 or not np.isfinite(measured.value).any():
            raise CannotForecast(f"{target.name}: nothing measured is known")
        label = f"{target.site}/{target.name}"
        history = on_grid(checked(measured, target, label), edges_ns, label)
        grid = history.grid
        first = (int(edges_ns[0]) - grid.start_ns) // grid.step_ns
        last = -(-(int(edges_ns[-1]) - grid.start_ns) // grid.step_ns)
        return cls(target, recent.Past.of(history, target.place or place), np.arange(first, last), companions)

    def columns(
        self, known: Known, issue_ns: Ns, step: NDArray[np.int64], wanted: tuple[str, ...] = ()
    ) -> dict[str, Floats]:
        """Features (I, H) by name; with `wanted` exactly those, unknown ones NaN."""
        grid = self.past.history.grid
        found = recent.columns(self.past, issue_ns, step)
        middle = grid.start_of(step) + grid.step_ns // 2
        for variable, site in ahead.names(known, self.target.weather).items():
            if wanted and variable not in wanted:
                continue
            column = ahead.values(known, site, variable, issue_ns, middle)
            found[variable] = column
            if variable == temperature.VARIABLE:
                found |= self._felt(known, site, column, issue_ns)
            if variable in LIKE_WEATHER:
                like = self._like(known, site, variable, issue_ns, step)
                found[f"{variable}_unlike"] = column - mean_known(like)
                if variable.startswith("wind_speed"):
                    found["wind_power"] = wind_share(column)
                    found["wind_power_unlike"] = wind_share(column) - mean_known(wind_share(like))
        found |= self._beside(known, issue_ns, step, found["lead_h"])
        if wanted:
            nothing = np.full(step.shape, np.nan)
            found = {name: found.get(name, nothing) for name in wanted}
        return found

    def _beside(self, known: Known, issue_ns: Ns, step: NDArray[np.int64], lead_h: Floats) -> dict[str, Floats]:
        """How far the last hours and day of each companion stood above its week, and that dying away with the lead."""
        found: dict[str, Floats] = {}
        grid, site = self.past.history.grid, self.target.site
        per_hour = max(grid.per_day // 24, 1)
        for variable in known.variables(site):
            if variable == self.target.name or not variable.startswith(self.companions or ("\0",)):
                continue
            history = _onto(grid, known.measurements(site, variable))
            last = last_seen(history, issue_ns)
            week = seen(history, last[:, None] - np.arange(168 * per_hour), issue_ns[:, None])
            usual = mean_known(week)
            for span in BESIDE_H:
                above = (mean_known(week[:, : span * per_hour]) - usual)[:, None]
                found[f"{variable}_{span}h"] = above * np.exp(-lead_h / 24) + 0.0 * step
        return found

    def _felt(self, known: Known, site: str, column: Floats, issue_ns: Ns) -> dict[str, Floats]:
        """Heating and cooling degrees, and smoothed temperature from the state at each issue on."""
        grid = self.past.history.grid
        air = temperature.at_steps(known, site, grid)
        below_above = temperature.degrees(column)
        found = {"heating_degrees": below_above[..., 0], "cooling_degrees": below_above[..., 1]}
        at = np.clip((issue_ns - grid.start_ns) // grid.step_ns - 1, 0, grid.count - 1)
        filled = np.where(np.isfinite(column), column, np.nan)
        for memory in FELT_H:
            before = temperature.smoothed(air, memory, grid.step_h)[at]
            found[f"felt_{memory:g}h"] = temperature.smoothed(filled, memory, grid.step_h, before)
        return found

    def _like(self, known: Known, site: str, variable: str, issue_ns: Ns, step: NDArray[np.int64]) -> Floats:
        """What each day of the last week had at the same time, as far as it lies before the issue (I, H, 7)."""
        grid = self.past.history.grid
        middle = grid.start_of(np.arange(grid.count)) + grid.step_ns // 2
        came = newest(known, site, variable, middle)
        ends = History(grid, came, grid.start_of(np.arange(1, grid.count + 1)), grid.count - 1)
        days, issue = np.arange(1, 8), issue_ns[:, None, None]
        return self.past.clock.read(step[..., None], days, lambda at: seen(ends, at, issue, came))


def wind_share(speed_m_s: Floats) -> Floats:
    """About what share of its rating a wind turbine gives: the cube of the speed up to a rated 12 m/s."""
    return np.asarray((np.clip(speed_m_s, 0.0, RATED_M_S) / RATED_M_S) ** 3)


def _onto(grid: Grid, measured: Measured) -> History:
    """A measured series on a grid of another one: values whose intervals end with a step; finer ones are averaged."""
    step = np.floor_divide(measured.end_ns - 1 - grid.start_ns, grid.step_ns)
    inside = (step >= 0) & (step < grid.count) & np.isfinite(measured.value)
    step, value = step[inside], measured.value[inside]
    count = np.bincount(step, minlength=grid.count)
    total = np.bincount(step, weights=value, minlength=grid.count)
    available = np.full(grid.count, np.iinfo(np.int64).min)
    np.maximum.at(available, step, measured.available_ns[inside])
    known = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return History(grid, known, np.where(count > 0, available, np.iinfo(np.int64).max), int(step.max(initial=-1)))


def newest(known: Known, site: str, variable: str, middle_ns: Ns) -> Floats:
    """What the newest runs say of interval middles (N,)."""
    rows = known.issued(site, variable)
    order = np.lexsort((rows.issue_ns, rows.valid_ns))
    valid, value = rows.valid_ns[order], rows.value[order]
    last = np.concatenate([valid[1:] != valid[:-1], [True]]) if len(valid) else np.empty(0, dtype=bool)
    return temperature.interpolated(valid[last], value[last], middle_ns)
