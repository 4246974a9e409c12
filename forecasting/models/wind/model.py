"""The wind model: all farms together, each with its own and its neighbours' weather, in two stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecasting import steps as grids
from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.learners import levels as dense
from forecasting.learners.base import Frame
from forecasting.models.base import CannotForecast
from forecasting.models.wind import boosted_mean, drift, features, stages, wakes
from forecasting.models.wind.rows import Past, lattice_of, past_of, steps_ahead, training_issues
from forecasting.models.wind.shifts import Bounds
from forecasting.models.wind.winds import Lattice, Steps, Winds, winds_of
from forecasting.steps import Grid
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "2"
NEIGHBOURS = 9
ROWS_AT_MOST = 20_000
FEWEST_DAYS = 15
LEAST_KNOWN = 0.1  # a feature known in fewer rows teaches its gaps
RECENT_NS = (drift.DAYS + 3) * DAY_NS  # what ended earlier before the issue bears on nothing
RECENT_H = 8.0
Groups: TypeAlias = dict[str, dict[str, Floats]]


@dataclass(frozen=True)
class WindModel:
    """Wind power from forecasts of wind. `own_run`: features of a step come from one run only, that of the step."""

    own_run: bool = False
    name: str = "wind"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedWind:
        """Learn all farms from what was known at `known.time_ns`."""
        levels = dense.checked(levels)
        lattice = lattice_of(known, targets)
        sources = {target.name: _sources(known, target, lattice) for target in targets}
        winds = {site: run for found in sources.values() for site, run in found.items()}
        pasts = tuple(past_of(known, target, lattice) for target in targets)
        issue_ns = training_issues(list(winds.values()), pasts, known.time_ns, horizon_ns)
        step = with_recent(lattice, steps_ahead(lattice, issue_ns, horizon_ns))
        looks = {site: features.Look(run, issue_ns, step, self.own_run, hindcast=True) for site, run in winds.items()}
        sites = tuple(tuple(found) for found in sources.values())
        longitudes = tuple((target.place or place).longitude_deg for target in targets)
        setting = Setting(tuple(targets), longitudes, lattice, sites, _nearest(pasts), self.own_run)
        columns = [setting.columns(farm, looks, pasts[farm]) for farm in range(len(targets))]
        fitting = _Fitting(setting, issue_ns, step, pasts, columns, levels)
        members = fitting.members()
        first, last = (utc_text(int(lattice.end_ns(step.ravel()[k]))) for k in (0, -1))
        card: dict[str, Any] = {"model": self.name, "version": VERSION, "trained_at": utc_text(known.time_ns)}
        card |= {"rows_from": first, "rows_to": last, "issues": len(issue_ns), "own_run": self.own_run}
        card |= {"members": ("stage one", stages.BOOSTED.name, stages.FOREST.name, "mean")}
        card |= {"features": {t.name: m.first.names for t, m in zip(targets, members, strict=True)}}
        return TrainedWind(setting, members, levels, card)


def _sources(known: Known, target: Target, lattice: Lattice, since_ns: int | None = None) -> dict[str, Winds]:
    """Weather of a target by site, the best source first; CannotForecast where no source has a wind speed."""
    tried = target.weather or (target.site,)
    found = {site: winds_of(known, site, lattice, since_ns) for site in tried}
    there = {site: winds for site, winds in found.items() if winds is not None}
    if not there:
        raise CannotForecast(
            f"target {target.name}: no forecast of wind_speed_…m is known of {', '.join(tried)}; "
            f"known are {', '.join(known.series_names()) or 'no series'}"
        )
    return there


def _nearest(pasts: Sequence[Past]) -> tuple[tuple[int, ...], ...]:
    """Each farm's neighbours, those whose power goes with its own the most."""
    if len(pasts) == 1:
        return ((),)
    first = min((past.first for past in pasts if len(past.value)), default=0)
    last = max((past.first + len(past.value) for past in pasts if len(past.value)), default=1)
    power = np.stack([past.at(np.arange(first, last)) for past in pasts])
    centred = np.nan_to_num(power - np.nanmean(np.where(np.isfinite(power), power, np.nan), axis=1, keepdims=True))
    size = np.sqrt((centred**2).sum(axis=1))
    alike = centred @ centred.T / np.maximum(np.outer(size, size), 1e-12)
    np.fill_diagonal(alike, -np.inf)
    order = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(pasts) - 1)]
    return tuple(tuple(int(k) for k in row) for row in order)


@dataclass(frozen=True, eq=False)
class Setting:
    """What training and forecasting share: farms, lattice, each farm's weather sites and neighbours."""

    targets: tuple[Target, ...]
    longitudes_deg: tuple[float, ...]
    lattice: Lattice
    sites: tuple[tuple[str, ...], ...]
    nearest: tuple[tuple[int, ...], ...]
    own_run: bool

    def columns(self, farm: int, looks: Mapping[str, features.Look], past: Past) -> Groups:
        """Features (I, H) of one farm: of its own wind, of others', a calendar, powers; and what places them."""
        main, *more = self.sites[farm]
        others = list(dict.fromkeys([*more, *(self.sites[other][0] for other in self.nearest[farm])]))
        beside: dict[str, Floats] = {}
        for site in others:
            if site != main and site in looks:
                beside |= features.elsewhere(site, looks[site])
        look = looks[main]
        return {
            "own": features.own(self.targets[farm], look),
            "others": beside,
            "calendar": features.calendar(look, self.longitudes_deg[farm]),
            "power": features.last_power(past, look),
            "run": {"run": look.winds.run_of(look.row()).astype(np.float64)},
            "air": dict(zip(("speed", "from_deg"), features.equivalent(self.targets[farm], look), strict=True)),
        }

    def beside(
        self,
        farm: int,
        means: Sequence[Floats],
        pasts: Sequence[Past],
        columns: Sequence[Groups],
        issue_ns: Ns,
        step: Steps,
    ) -> dict[str, Floats]:
        """Features (I, H) of stage two that stage one's means (I, H) of all farms give."""
        run = columns[farm]["run"]["run"].astype(np.int64) if self.own_run else None
        near = (farm, *self.nearest[farm])
        found = stages.beside([means[k] for k in near], self.lattice.steps(1), run)
        recent, step_h = step[:, : recent_steps(self.lattice)], self.lattice.step_ns / HOUR_NS
        errors = [
            stages.recent_error(pasts[k].as_known(recent, issue_ns[:, None]), means[k][:, : recent.shape[1]], step_h)
            for k in near
        ]
        of_all = stages.known_mean(np.stack(errors), axis=0)
        return found | stages.corrected(means[farm], errors[0], of_all, columns[farm]["power"]["power_age_h"])


def recent_steps(lattice: Lattice) -> int:
    """Steps before the horizon whose errors say how the next ones will err."""
    return lattice.steps(RECENT_H)


def with_recent(lattice: Lattice, step: Steps) -> Steps:
    """Steps (I, H) of a horizon with those just before it."""
    return np.concatenate([step[:, :1] + np.arange(-recent_steps(lattice), 0), step], axis=1)


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Fits all farms on rows (I, H), the first few of each issue being those just before its horizon."""

    setting: Setting
    issue_ns: Ns
    step: Steps
    pasts: tuple[Past, ...]
    columns: list[Groups]
    levels: Floats

    def members(self) -> tuple[stages.Members, ...]:
        """Both stages of all farms."""
        day = self.setting.lattice.end_ns(self.step - 1).ravel() // DAY_NS
        folds = stages.folds_over(day)
        first, means = [], []
        for farm in range(len(self.columns)):
            learnt, mean = self._first(farm, folds, day)
            first.append(learnt)
            means.append(mean)
        return tuple(self._second(farm, first[farm], means, day) for farm in range(len(self.columns)))

    def _first(self, farm: int, folds: stages.Folds, day: NDArray[np.int64]) -> tuple[stages.First, Floats]:
        """Stage one of a farm, and its means (I, H) by forests that had not seen them."""
        groups, use, actual = self.columns[farm], self._usable(farm), self._actual(farm)
        air = {name: values.ravel()[use] for name, values in groups["air"].items()}
        sectors = wakes.learn(air["speed"], air["from_deg"], actual[use])
        every = _with_sectors(groups, sectors) | groups["others"] | groups["calendar"]
        names = _informative(every, use)
        rows = self._frame(every, names, day)
        forests = stages.crossed(rows.take(use), actual[use], folds, self.levels, self._repeats(use))
        mean = forests.unseen_mean(rows)
        mean[~_windy(groups).ravel()] = np.nan
        return stages.First(sectors, forests, names), mean.reshape(self.step.shape)

    def _second(self, farm: int, first: stages.First, means: list[Floats], day: NDArray[np.int64]) -> stages.Members:
        groups, use = self.columns[farm], self._usable(farm)
        beside = self.setting.beside(farm, means, self.pasts, self.columns, self.issue_ns, self.step)
        more = _with_sectors(groups, first.sectors) | groups["calendar"] | groups["power"] | beside
        names_second = _informative(more, use)
        rows, actual = self._frame(more, names_second, day).take(use), self._actual(farm)[use]
        narrow = tuple(name for name in names_second if stages.NARROW.match(name))
        boosted = replace(stages.BOOSTED, columns=narrow).fit(rows, actual, self.levels)
        forest = replace(stages.FOREST, leaf_rows=stages.leaf_rows(self._repeats(use))).fit(rows, actual, self.levels)
        rest = groups["others"] | groups["calendar"] | groups["power"]
        names_without = _informative(rest, use)
        windless = self._frame(rest, names_without, day).take(use)
        without = stages.WITHOUT_WIND.fit(windless, actual, self.levels)
        everything = more | groups["others"]
        mean = boosted_mean.learn(self._frame(everything, _informative(everything, use), day).take(use), actual)
        bounds = Bounds(float(actual.min()), float(min(actual.max(), self.setting.targets[farm].capacity_kw)))
        return stages.Members(first, boosted, forest, without, mean, names_second, names_without, bounds)

    def _repeats(self, use: NDArray[np.bool_]) -> float:
        """From how many issue times an interval is seen, in the mean."""
        step = self.step.ravel()[use]
        return len(step) / len(np.unique(step))

    def _actual(self, farm: int) -> Floats:
        return self.pasts[farm].at(self.step).ravel()

    def _usable(self, farm: int) -> NDArray[np.bool_]:
        """Rows of the horizon with wind and a measured power, no more than the budget."""
        there = _windy(self.columns[farm])
        there[:, : recent_steps(self.setting.lattice)] = False
        use = np.isfinite(self._actual(farm)) & there.ravel()
        target = self.setting.targets[farm]
        days = len(np.unique(self.setting.lattice.end_ns(self.step.ravel()[use] - 1) // DAY_NS))
        if days < FEWEST_DAYS:
            raise CannotForecast(
                f"target {target.name}: {days} days have both a measured power and a forecast of wind; "
                f"{FEWEST_DAYS} are needed to train"
            )
        if (count := int(use.sum())) > ROWS_AT_MOST:
            chosen = np.random.default_rng(farm).permutation(np.flatnonzero(use))[: count - ROWS_AT_MOST]
            use[chosen] = False
        return use

    def _frame(self, columns: Mapping[str, Floats], names: Sequence[str], day: NDArray[np.int64]) -> Frame:
        return Frame(features.stacked(columns, names, self.step.shape), tuple(names), day)


def _with_sectors(groups: Groups, sectors: wakes.Sectors) -> dict[str, Floats]:
    """Features (I, H) of the farm's own wind, with the power that its curve and its sectors make of it."""
    return groups["own"] | {"by_sector_kw": sectors.predict(groups["air"]["speed"], groups["air"]["from_deg"])}


def _windy(groups: Mapping[str, Mapping[str, Floats]]) -> NDArray[np.bool_]:
    """Steps (I, H) whose own wind is known at any height."""
    speeds = [values for name, values in groups["own"].items() if name.startswith("speed_") and name[6:].isdigit()]
    return np.asarray(np.isfinite(np.stack(speeds)).any(axis=0))


def _informative(columns: Mapping[str, Floats], use: NDArray[np.bool_]) -> tuple[str, ...]:
    """Features that are known often enough in the rows of training and not always the same."""
    found = []
    for name, values in columns.items():
        known = values.ravel()[use]
        known = known[np.isfinite(known)]
        if len(known) >= LEAST_KNOWN * use.sum() and np.ptp(known) > 0:
            found.append(name)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class TrainedWind:
    """All farms' members; it can be pickled."""

    setting: Setting
    members: tuple[stages.Members, ...]
    levels: Floats
    card: Mapping[str, Any]

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q) [kW] of the means over the T intervals, issued at `known.time_ns`."""
        setting, lattice = self.setting, self.setting.lattice
        issue_ns = np.array([known.time_ns], dtype=np.int64)
        step = with_recent(lattice, steps_ahead(lattice, issue_ns, edges_ns - known.time_ns))
        since = known.time_ns - int(RECENT_NS)
        sources = [_sources(known, target, lattice, since) for target in setting.targets]
        looks = {
            site: features.Look(run, issue_ns, step, setting.own_run)
            for found in sources
            for site, run in found.items()
        }
        usable = tuple(tuple(found) for found in sources)
        here = replace(setting, sites=usable)
        pasts = [past_of(known, target, lattice) for target in setting.targets]
        columns = [here.columns(farm, looks, past) for farm, past in enumerate(pasts)]
        answers = self._answers(pasts, columns, issue_ns, step)
        ahead = step[0, recent_steps(lattice) :]
        thetas = self._drifts(here, looks, pasts)
        lead_days = (lattice.end_ns(ahead) - known.time_ns) / DAY_NS
        ahead_of = [answer[-len(ahead) :] for answer in answers]
        answers = [
            member.bounds.moved(answer, drift.shift(answer, self.levels, theta, lead_days))
            for member, answer, theta in zip(self.members, ahead_of, thetas, strict=True)
        ]
        grid = Grid(int(lattice.end_ns(ahead[0] - 1)), lattice.step_ns, len(ahead))
        share = grids.overlap(grid, np.arange(grid.count), edges_ns)
        return {
            target.name: share @ np.clip(answer, *target.bounds)
            for target, answer in zip(setting.targets, answers, strict=True)
        }

    def _drifts(self, here: Setting, looks: Mapping[str, features.Look], pasts: list[Past]) -> list[float]:
        """How far each farm's powers of the last weeks lay from stage one's means of them, in widths."""
        lattice, issue_ns = here.lattice, next(iter(looks.values())).issue_ns
        every = lattice.steps(drift.EVERY_H)
        last = (issue_ns - lattice.origin_ns) // lattice.step_ns
        step = last[:, None] - np.arange(lattice.steps(24 * drift.DAYS) // every)[::-1] * every
        age_days = ((issue_ns[:, None] - lattice.end_ns(step)) / DAY_NS).ravel()
        then = {site: replace(look, step=step, _rows={}) for site, look in looks.items()}
        day = lattice.end_ns(step - 1).ravel() // DAY_NS
        found = []
        for farm, (member, past) in enumerate(zip(self.members, pasts, strict=True)):
            groups = here.columns(farm, then, past)
            power = past.as_known(step, issue_ns[:, None]).ravel()
            use = np.isfinite(power) & _windy(groups).ravel()
            first = member.first
            every_column = _with_sectors(groups, first.sectors) | groups["others"] | groups["calendar"]
            rows = Frame(features.stacked(every_column, first.names, step.shape), first.names, day).take(use)
            widths = drift.width(first.forests.predict(rows), self.levels)
            found.append(drift.measured(power[use], first.forests.unseen_mean(rows), widths, age_days[use]))
        return found

    def _answers(self, pasts: list[Past], columns: list[Groups], issue_ns: Ns, step: Steps) -> list[Floats]:
        day = self.setting.lattice.end_ns(step - 1).ravel() // DAY_NS
        frames, means = [], []
        for member, groups in zip(self.members, columns, strict=True):
            first = member.first
            every = _with_sectors(groups, first.sectors) | groups["others"] | groups["calendar"]
            frames.append(Frame(features.stacked(every, first.names, step.shape), first.names, day))
            mean = first.forests.mean(frames[-1])
            mean[~_windy(groups).ravel()] = np.nan
            means.append(mean.reshape(step.shape))
        return [
            self._answer(
                farm, frames[farm], columns[farm], self.setting.beside(farm, means, pasts, columns, issue_ns, step)
            )
            for farm in range(len(columns))
        ]

    def _answer(self, farm: int, rows: Frame, groups: Groups, beside: dict[str, Floats]) -> Floats:
        member = self.members[farm]
        shape = next(iter(groups["calendar"].values())).shape
        second_of = _with_sectors(groups, member.first.sectors) | groups["calendar"] | groups["power"] | beside
        second = Frame(features.stacked(second_of, member.names_second, shape), member.names_second, rows.block)
        error, age_h = (second_of[name].ravel() for name in ("error", "power_age_h"))
        stale = ~np.isfinite(error) | ("power_age_h" not in member.names_second)
        left = stages.fading(np.where(stale, np.nan, error), age_h)
        first = member.bounds.moved(member.first.forests.predict(rows), left)
        boosted = member.boosted.predict(second)
        found = stages.averaged([first, boosted])
        if stale.any():
            forest = member.forest.predict(second.take(stale))
            found[stale] = stages.averaged([first[stale], boosted[stale], forest])
        names = member.mean.names
        everything = Frame(features.stacked(second_of | groups["others"], names, shape), names, rows.block)
        usual = second_of["first_0"].ravel() + left
        found = member.bounds.moved(found, boosted_mean.towards(member.mean.predict(everything), usual, stale))
        lost = ~_windy(groups).ravel()
        if lost[recent_steps(self.setting.lattice) :].all():
            name = self.setting.targets[farm].name
            raise CannotForecast(f"target {name}: no run that is known reaches the horizon")
        if lost.any():
            rest = groups["others"] | groups["calendar"] | groups["power"]
            windless = Frame(features.stacked(rest, member.names_without, shape), member.names_without, rows.block)
            found[lost] = member.without_wind.predict(windless.take(lost))
        return found
