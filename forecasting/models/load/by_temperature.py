"""Loads weeks ahead: temperature scenarios pushed through the load's answer to temperature, plus what it leaves over.

The quantiles are those of all sums g⁻¹(answer(path) + residual): paths hold the doubt about the weather, residuals
that about the load. Where weather forecasts reach, all paths follow them; where no temperature is known at all the
calendar alone answers, with wider residuals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.cases import checked
from forecasting.clock import DAY_NS, Ns
from forecasting.models import temperature
from forecasting.models.base import CannotForecast
from forecasting.models.calendar import Calendar, calendar
from forecasting.models.load import response
from forecasting.models.recent import measured
from forecasting.steps import Grid, History, on_grid, overlap
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "load-by-temperature 1"
RESIDUALS = 15
STATIONS = 6  # mean error given temperature, 2008–2010: the mean of the best six 6.4 MW, of all 25 7.2
RANKED_DAYS = 3 * 366
RANKED_EVERY_H = 3


@dataclass(frozen=True)
class ByTemperature:
    """The model; `memory_days` bounds the past that is read, all of it where None."""

    memory_days: int | None = None
    name: str = "load_by_temperature"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedByTemperature:
        """Learn each target's answer from all that is known."""
        edges_ns = known.time_ns + horizon_ns
        parts = {t.name: self._learn(known, t, t.place or place, edges_ns) for t in targets}
        return TrainedByTemperature(parts, np.asarray(levels, dtype=np.float64), known.time_ns)

    def _learn(self, known: Known, target: Target, place: Place, edges_ns: Ns) -> Learnt:
        history = loads(known, target, edges_ns)
        grid = history.grid
        past = history.last_step + 1
        if np.isfinite(history.value[:past]).sum() < response.LEAST_DAYS * grid.per_day:
            raise CannotForecast(f"{target.name}: fewer than {response.LEAST_DAYS} days of measurements are known")
        days = calendar(grid.start_of(np.arange(past)), place)
        sites = chosen_stations(known, target, history, days)
        felt = None
        if sites:
            air = mean_of(known, sites, grid)
            felt = temperature.Felt.of(air, grid.step_h).values[:, :past]
            if np.isfinite(air[:past]).sum() < response.LEAST_DAYS * grid.per_day:
                felt = None
        answer = response.fit(history.value[:past], days, felt, grid.per_day, target.kind == "load")
        return Learnt(target, place, answer, sites if felt is not None else (), measured(history))


@dataclass(frozen=True, eq=False)
class Learnt:
    """One target: its answer and the stations whose mean temperature it answers to."""

    target: Target
    place: Place
    answer: response.Response
    sites: tuple[str, ...]
    told: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TrainedByTemperature:
    """What has learnt; see `Trained`."""

    parts: Mapping[str, Learnt]
    levels: Floats
    trained_ns: int

    @property
    def card(self) -> Mapping[str, Any]:
        """Stations, scale and period of each target."""
        told = {
            name: {
                **part.told,
                "features": response.FEATURES,
                "temperature_of": part.sites,
                "logarithmic": part.answer.logarithmic,
                "training_rows": int(sum(len(r) for r in part.answer.residual)),
            }
            for name, part in self.parts.items()
        }
        return {"model": VERSION, "trained_ns": self.trained_ns, "targets": told}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q)."""
        return {name: self._of(part, known, edges_ns) for name, part in self.parts.items()}

    def _of(self, part: Learnt, known: Known, edges_ns: Ns) -> Floats:
        grid = _ahead(part.answer.bins, known.time_ns, edges_ns)
        steps = np.arange(grid.count)
        days = calendar(grid.start_of(steps), part.place)
        felt = self._felt(part, known, grid) if part.sites else None
        paths = part.answer.paths(days, felt)
        share = overlap(grid, steps, edges_ns)
        middle = response.bins_of(days, part.answer.bins)[np.argmax(share, axis=1)]
        whole = bool((share.max(axis=1) == 1).all())  # each interval lies within one step
        paths = paths[:, np.argmax(share, axis=1)] if whole else _mean_paths(part.answer, paths, share)
        low, high = part.target.bounds
        day = (int(edges_ns[0]) + int(edges_ns[-1])) / 2 / DAY_NS
        return np.clip(part.answer.back(self._mixed(part.answer, paths, middle, day)), low, high)

    def _felt(self, part: Learnt, known: Known, ahead: Grid) -> Floats:
        """Felt temperature (1 + memories, S, H) of all paths over the grid ahead."""
        first = min(
            int(known.measurements(s, temperature.VARIABLE).end_ns[:1].min(initial=ahead.start_ns)) for s in part.sites
        )
        rows = [known.issued(s, temperature.VARIABLE).valid_ns for s in part.sites]
        first = min([first, *(int(r.min()) for r in rows if len(r))])
        back = -(-(ahead.start_ns - first) // ahead.step_ns) if first < ahead.start_ns else 0
        grid = Grid(ahead.start_ns - back * ahead.step_ns, ahead.step_ns, back + ahead.count)
        air = mean_of(known, part.sites, grid)
        past = air[:back]
        if not np.isfinite(past).any() and not np.isfinite(air[back:]).any():
            raise CannotForecast(f"{part.target.name}: no temperature of {', '.join(part.sites)} is known")
        if not np.isfinite(past).any():
            past = air[back:][np.isfinite(air[back:])][:1]
        before = temperature.Felt.of(past, grid.step_h).values[1:, -1]
        return temperature.Felt.of(temperature.scenarios(past, grid.step_ns, air[back:]), grid.step_h, before).values

    def _mixed(self, answer: response.Response, paths: Floats, bin_of: NDArray[np.int64], day: float) -> Floats:
        """Quantiles (T, Q) in g's unit of all sums of a path (S, T) and a residual of that time of day and season."""
        found = np.empty((paths.shape[1], len(self.levels)))
        shares = (np.arange(RESIDUALS) + 0.5) / RESIDUALS
        for number in np.unique(bin_of):
            left = np.quantile(answer.left_over(int(number), day), shares)
            inside = bin_of == number
            sums = (paths[:, inside][:, None, :] + left[None, :, None]).reshape(-1, int(inside.sum()))
            found[inside] = np.quantile(sums, self.levels, axis=0).T
        return found


def loads(known: Known, target: Target, edges_ns: Ns) -> History:
    """The target's measurements on their grid; CannotForecast where there are none."""
    measured = known.measurements(target.site, target.name)
    if len(measured.end_ns) < 2 or not np.isfinite(measured.value).any():
        raise CannotForecast(f"{target.name}: nothing measured is known")
    label = f"{target.site}/{target.name}"
    return on_grid(checked(measured, target, label), edges_ns, label)


def mean_of(known: Known, sites: Sequence[str], grid: Grid) -> Floats:
    """Mean temperature (N,) of the stations over the steps of a grid, of those known; NaN where none is."""
    each = np.stack([temperature.at_steps(known, site, grid) for site in sites])
    some = np.isfinite(each)
    offset = np.nansum(each, axis=1) / np.maximum(some.sum(axis=1), 1)
    level = float(offset[some.any(axis=1)].mean()) if some.any() else 0.0
    shifted = np.where(some, each - offset[:, None], 0.0)  # a station that fails must not move the mean
    count = some.sum(axis=0)
    return np.where(count > 0, shifted.sum(axis=0) / np.maximum(count, 1) + level, np.nan)


def chosen_stations(known: Known, target: Target, history: History, days: Calendar) -> tuple[str, ...]:
    """The stations, `STATIONS` at most, whose temperature explains the load best (Hong et al. 2015, IJF 31(2))."""
    there = [s for s in target.weather if temperature.VARIABLE in known.variables(s)]
    if len(there) <= 1:
        return tuple(there)
    past = history.last_step + 1
    use = np.arange(max(past - RANKED_DAYS * history.grid.per_day, 0), past)
    step = max(round(RANKED_EVERY_H * history.grid.per_day / 24), 1)
    hours = np.floor(days.hour[use] * history.grid.per_day / 24 + 1e-9).astype(np.int64)
    use = use[hours % step == 0]
    errors = [_error_with(known, site, history, days, use) for site in there]
    return tuple(there[i] for i in np.argsort(errors, kind="stable")[:STATIONS])


def _error_with(known: Known, site: str, history: History, days: Calendar, use: NDArray[np.int64]) -> float:
    """Mean held-out error of the answer with this station alone."""
    grid = history.grid
    air = temperature.at_steps(known, site, grid)
    felt = temperature.Felt.of(air, grid.step_h).values[:, use]
    part = Calendar(days.hour[use], days.day[use], days.kind[use], days.days[use], days.season[use])
    left = response.fit(history.value[use], part, felt, grid.per_day, positive=True).residual
    errors = np.concatenate(left)
    return float(np.abs(errors).mean()) if len(errors) else np.inf


def _ahead(bins: int, now_ns: int, edges_ns: Ns) -> Grid:
    """The steps of the series' own length from now, or the step that holds the first edge, to the last edge."""
    step = DAY_NS // bins
    start = min(now_ns, int(edges_ns[0])) // step * step
    return Grid(start, step, -(-(int(edges_ns[-1]) - start) // step))


def _mean_paths(answer: response.Response, paths: Floats, share: Floats) -> Floats:
    """Means of the paths over the edges, taken in the load's own unit."""
    means = answer.back(paths) @ share.T
    return np.log(means) if answer.logarithmic else means
