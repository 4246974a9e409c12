"""A load with photovoltaics behind its meter, from load and sun apart where that is better.

    net = load − sun

`forecasting.net_load_separation` finds what of the past net load was sun. Both parts are forecast by the models of
their own kinds, and joined as their errors on held-out days hang together: with z their normal scores and ρ the
correlation of these in daylight,

    Q_net(τ) = quantile over (z₁, z₂) of Q_load(z₁) − Q_sun(ρ z₁ + √(1 − ρ²) z₂),    z₁, z₂ normal

moved by half of what the days held out were off (`forecasting.learners.conformal`), as each part was already.
What of the past was falsely given to the sun was falsely given to the load too, so ρ is far from nought, and two bands
that are each too wide give one that is not. The last days known at the training are held out and forecast from parts,
from the net load itself, and by the mean of both's quantiles; the way of the smallest pinball loss learns again from
all days and answers. Where no sun is found behind the meter there is no choice. Clocks agree: what is in an archive is
in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting import scenarios
from forecasting.archive import Known, Measured
from forecasting.clock import DAY_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.learners.conformal import moved, offsets
from forecasting.models.base import CannotForecast, Model, Shown, Trained
from forecasting.models.load.model import LoadModel
from forecasting.models.solar.model import Solar
from forecasting.models.solar.weather import Weather
from forecasting.net_load_separation import Parts, split
from forecasting.observed import means_over
from forecasting.quantiles import LEVELS
from forecasting.scores import mean_pinball
from forecasting.steps import on_grid
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "net-load 1"
HELD_DAYS = 28
LEAST_DAYS = 42  # to learn from before the days held out
LOOKS_BACK_DAYS = 76  # what the models of the parts look back on
MOST_CORRELATED = 0.95
AS_IF_DAYS = 7.0  # ρ of n days is drawn to nought by n/(n + 7)
GRID = ndtri((np.arange(25) + 0.5) / 25)
STRENGTH = 0.5
RADIATION, WIND = "shortwave_radiation", ("wind_speed_100m", "wind_speed_80m", "wind_speed_10m")
BEST, DIRECT, APART, BETWEEN = "best", "net load itself", "load and sun apart", "half way between both"


@dataclass(frozen=True)
class NetLoad:
    """The model; a `way` other than the best one is for comparisons."""

    direct: Model = field(default_factory=LoadModel)
    load: Model = field(default_factory=LoadModel)
    sun: Model = field(default_factory=Solar)
    held_days: int = HELD_DAYS
    way: str = BEST
    name: str = "load"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedNetLoad:
        """Learn each target by itself."""
        levels = np.asarray(levels, dtype=np.float64)
        parts = {t.name: self._learn(known, t, t.place or place, horizon_ns, levels) for t in targets}
        return TrainedNetLoad(parts, known.time_ns)

    def _learn(self, known: Known, target: Target, place: Place, horizon_ns: Ns, levels: Floats) -> Learnt:
        def direct(then: Known) -> Trained:
            return self.direct.train(then, [target], place, horizon_ns, levels)

        if self.way == DIRECT:
            return Learnt(target, direct(known), DIRECT, "asked for")
        before = known.as_of(utc_index(np.array([known.time_ns - self.held_days * DAY_NS]))[0])
        try:
            apart, early = self._apart(before, target, place, horizon_ns, levels), direct(before)
            held = compared(apart, early, known, self.held_days, horizon_ns)
            losses = held.losses(levels)
            way = min(losses, key=lambda name: losses[name]) if self.way == BEST else self.way
            if way == DIRECT:
                return Learnt(target, direct(known), DIRECT, "it forecast the days held out best", losses)
            whole = self._apart(known, target, place, horizon_ns, levels)
            whole = replace(whole, correlation=held.apart.correlation, offset=held.apart.offset)
        except CannotForecast as reason:
            return Learnt(target, direct(known), DIRECT, str(reason))
        trained = whole if way == APART else Between(target, whole, direct(known))
        shown = held.shown(way) if np.array_equal(levels, LEVELS) else None
        why = "it forecast the days held out best" if self.way == BEST else "asked for"
        return Learnt(target, trained, way, why, losses, shown)

    def _apart(self, known: Known, target: Target, place: Place, horizon_ns: Ns, levels: Floats) -> Apart:
        """Both parts learnt from what was known then."""
        window = _Window.of(known, target, place, None)
        found = window.parts(place)
        if not found.solar_capacity_kw > 0:
            raise CannotForecast(f"{target.name}: no sun is found behind the meter")
        plant = target.plant or found.plant(place)
        capacity = max(float(np.nanmax(found.solar_kw)), plant.peak_kw)
        load = replace(target, name=f"{target.name} without sun", plant=None, place=place)
        sun = replace(target, name=f"{target.name} sun", kind="pv", capacity_kw=capacity, plant=plant, place=place)
        seen = window.view(known, found, load, sun)
        return Apart(
            target,
            place,
            found,
            (load, sun),
            self.load.train(seen, [load], place, horizon_ns, levels),
            self.sun.train(seen, [sun], place, horizon_ns, levels),
            levels,
        )


@dataclass(frozen=True, eq=False)
class _Window:
    """A net load (N,) on whole local days with the weather forecast for it, as known at one time."""

    end: pd.DatetimeIndex
    available_ns: Ns
    net_kw: Floats
    ghi_w_m2: Floats
    wind_m_s: Floats | None

    @classmethod
    def of(cls, known: Known, target: Target, place: Place, days: int | None) -> _Window:
        """The last days (None: all); CannotForecast where no radiation is forecast or too little is measured."""
        first = -(2**62) if days is None else known.time_ns - days * DAY_NS
        measured = known.measurements(target.site, target.name, within_ns=(first, known.time_ns))
        if np.isfinite(measured.value).sum() < 2:
            raise CannotForecast(f"{target.name}: nothing measured is known")
        history = on_grid(measured, measured.end_ns[-2:], f"{target.site}/{target.name}")
        grid, count = history.grid, history.last_step + 1
        local = utc_index(grid.start_of(np.arange(count))).tz_convert(place.time_zone)
        midnight = np.flatnonzero((local.hour == 0) & (local.minute < grid.step_h * 60))
        begin = int(midnight[0]) if len(midnight) else 0
        if count - begin < LEAST_DAYS * grid.per_day:
            raise CannotForecast(f"{target.name}: fewer than {LEAST_DAYS} days to tell load and sun apart")
        step = np.arange(begin, count)
        start_ns = grid.start_of(step)
        middle = start_ns + grid.step_ns // 2
        columns = Weather(known).columns_at(target.weather, (RADIATION, *WIND), start_ns, middle)
        if RADIATION not in columns:
            raise CannotForecast(f"{target.name}: no {RADIATION} is forecast under weather={list(target.weather)}")
        wind = next((columns[name] for name in WIND if name in columns), None)
        end = utc_index(start_ns + grid.step_ns)
        return cls(end, history.available_ns[step], history.value[step], columns[RADIATION], wind)

    def parts(self, place: Place, like: Parts | None = None) -> Parts:
        """What of it was sun and wind."""
        try:
            return split(self.net_kw, self.end, place, self.ghi_w_m2, self.wind_m_s, like=like, clocks_agree=True)
        except ForecastError as error:
            raise CannotForecast(str(error)) from error

    def view(self, known: Known, parts: Parts, load: Target, sun: Target) -> Known:
        """What is known, with the parts as if they had been measured."""
        end_ns = self.end.as_unit("ns").asi8
        there = np.isfinite(self.net_kw) & np.isfinite(parts.solar_kw)
        for target, value in ((load, self.net_kw + parts.solar_kw), (sun, parts.solar_kw)):
            series = Measured(end_ns[there], self.available_ns[there], value[there])
            known = known.with_derived(target.site, target.name, series)
        return known


@dataclass(frozen=True, eq=False)
class Apart:
    """Load and sun that have learnt, and how their errors hang together."""

    target: Target
    place: Place
    found: Parts
    parts: tuple[Target, Target]
    load: Trained
    sun: Trained
    levels: Floats
    correlation: float = 0.0
    offset: Floats | None = None

    @property
    def card(self) -> Mapping[str, Any]:
        """What each part is."""
        return {
            "sun_kw": self.found.solar_capacity_kw,
            "correlation": self.correlation,
            "features": self.load.card.get("targets", {}).get(self.parts[0].name, {}).get("features", ()),
            "load": dict(self.load.card),
            "sun": dict(self.sun.card),
        }

    def halves(self, known: Known, edges_ns: Ns) -> tuple[Floats, Floats]:
        """Quantiles (T, Q) of load and sun."""
        window = _Window.of(known, self.target, self.place, LOOKS_BACK_DAYS)
        load, sun = self.parts
        seen = window.view(known, window.parts(self.place, self.found), load, sun)
        return self.load.quantiles(seen, edges_ns)[load.name], self.sun.quantiles(seen, edges_ns)[sun.name]

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """Of the net load (T, Q)."""
        return {self.target.name: self.joined(*self.halves(known, edges_ns))}

    def joined(self, load: Floats, sun: Floats) -> Floats:
        """Quantiles (T, Q) of the difference of the two."""
        correlation = self.correlation
        z1, z2 = (each.ravel() for each in np.meshgrid(GRID, GRID, indexing="ij"))
        z2 = correlation * z1 + np.sqrt(1 - correlation**2) * z2
        shape = (len(z1), len(load))
        of_load = scenarios.values_at(np.broadcast_to(z1[:, None], shape), load, self.levels)
        of_sun = scenarios.values_at(np.broadcast_to(z2[:, None], shape), sun, self.levels)
        found = np.quantile(of_load - np.maximum(of_sun, 0.0), self.levels, axis=0).T
        if self.offset is not None:
            found = moved(found, self.offset, 0.0)
        return np.clip(found, *self.target.bounds)

    def calibrated(self, actual: Floats, joined: Floats) -> Apart:
        """The same with the correction that forecasts (I, T, Q) of held-out days ask for."""
        known = np.isfinite(actual)
        day = np.broadcast_to(np.arange(len(actual))[:, None], actual.shape)[known]
        found = offsets(actual[known], joined[known], np.zeros(len(day), np.intp), day, self.levels, 0.0)
        return replace(self, offset=STRENGTH * found[-1])


@dataclass(frozen=True, eq=False)
class Between:
    """The mean of each quantile of the parts joined and of the net load itself."""

    target: Target
    apart: Apart
    direct: Trained

    @property
    def card(self) -> Mapping[str, Any]:
        """That of both."""
        return {**self.apart.card, "direct": dict(self.direct.card)}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """Of the net load (T, Q)."""
        name = self.target.name
        both = self.apart.quantiles(known, edges_ns)[name], self.direct.quantiles(known, edges_ns)[name]
        return {name: (both[0] + both[1]) / 2}


@dataclass(frozen=True, eq=False)
class Learnt:
    """Who answers for one net load, which way and why, and what each way lost on the days held out."""

    target: Target
    trained: Trained
    way: str
    why: str
    losses: Mapping[str, float] = field(default_factory=dict)
    shown: Shown | None = None

    @property
    def card(self) -> dict[str, Any]:
        """Which way was taken, and why."""
        own = self.trained.card
        told = dict(own.get("targets", {}).get(self.target.name, {}) if self.way == DIRECT else own)
        return told | {"way": self.way, "why": self.why, "losses_on_held_out_days": dict(self.losses)}


@dataclass(frozen=True, eq=False)
class TrainedNetLoad:
    """What has learnt; see `Trained`."""

    parts: Mapping[str, Learnt]
    trained_ns: int

    @property
    def card(self) -> Mapping[str, Any]:
        """That of each target."""
        told = {name: one.card for name, one in self.parts.items()}
        return {"model": VERSION, "trained_ns": self.trained_ns, "targets": told}

    @property
    def shown(self) -> Mapping[str, Shown]:
        """What was said of the days held out."""
        return {name: one.shown for name, one in self.parts.items() if one.shown is not None}

    @property
    def notes(self) -> Mapping[str, tuple[str, ...]]:
        """What a reader should know."""
        told = {name: one.card.get("sun_kw") for name, one in self.parts.items()}
        return {
            name: (f"forecast by {self.parts[name].way}; behind the meter seem to be {sun_kw:.0f} kW of photovoltaics",)
            for name, sun_kw in told.items()
            if sun_kw is not None
        }

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target (T, Q)."""
        return {name: one.trained.quantiles(known, edges_ns)[name] for name, one in self.parts.items()}


@dataclass(frozen=True, eq=False)
class Held:
    """All ways on days held out: edges (I, T+1), what came (I, T), quantiles (I, T, Q) by way; the parts as joined."""

    edges_ns: Ns
    actual: Floats
    said: Mapping[str, Floats]
    apart: Apart

    def losses(self, levels: Floats) -> dict[str, float]:
        """Mean pinball loss of each way."""
        return {way: mean_pinball(self.actual, said, levels) for way, said in self.said.items()}

    def shown(self, way: str) -> Shown:
        """What was said."""
        return Shown(self.edges_ns[:, :-1], self.actual, self.said[way])


def compared(apart: Apart, direct: Trained, known: Known, days: int, horizon_ns: Ns) -> Held:
    """Both ways asked for each of the last days with what was known then; days that one cannot answer are left out."""
    name, edges, halves, itself = apart.target.name, [], [], []
    for back in range(days, 0, -1):
        then = known.as_of(utc_index(np.array([known.time_ns - back * DAY_NS]))[0])
        ahead = then.time_ns + horizon_ns
        try:
            both = apart.halves(then, ahead), direct.quantiles(then, ahead)[name]
        except CannotForecast:
            continue
        halves.append(both[0])
        itself.append(both[1])
        edges.append(ahead)
    if not edges:
        raise CannotForecast(f"{name}: none of the days held out could be forecast")
    measured = known.measurements(apart.target.site, name)
    actual = np.stack([means_over(measured, each) for each in edges])
    if not np.isfinite(actual).any():
        raise CannotForecast(f"{name}: nothing was measured on the days held out")
    scores = _scores(apart, known, edges, halves)
    apart, joined = _crossed(apart, actual, scores, halves)
    said = {DIRECT: np.stack(itself), APART: joined, BETWEEN: (joined + np.stack(itself)) / 2}
    return Held(np.stack(edges), actual, said, apart)


def _crossed(
    apart: Apart, actual: Floats, scores: Floats, halves: Sequence[tuple[Floats, Floats]]
) -> tuple[Apart, Floats]:
    """The parts joined as all days held out teach, and what they say (I, T, Q) of each by what other days teach.

    Corrected by the very days that it is then judged on, the difference would be preferred to ways that are not. Days
    are parted in the middle, not by turns: errors of one day are much like those of the next.
    """
    late = np.arange(len(halves)) >= len(halves) // 2

    def taught(days: np.ndarray) -> Apart:
        own = replace(apart, correlation=correlated(*scores[:, days]))
        return own.calibrated(
            actual[days], np.stack([own.joined(*one) for one, here in zip(halves, days, strict=True) if here])
        )

    whole = taught(np.ones(len(halves), bool))
    if not (np.isfinite(actual[late]).any() and np.isfinite(actual[~late]).any()):
        return whole, np.stack([whole.joined(*one) for one in halves])
    by_other = {True: taught(~late), False: taught(late)}
    return whole, np.stack([by_other[bool(side)].joined(*one) for side, one in zip(late, halves, strict=True)])


def _scores(apart: Apart, known: Known, edges: Sequence[Ns], halves: Sequence[tuple[Floats, Floats]]) -> Floats:
    """(2, I, T) normal scores of load and sun."""
    window = _Window.of(known, apart.target, apart.place, None)
    seen = window.view(known, window.parts(apart.place, apart.found), *apart.parts)
    scores = []
    for part, said in zip(apart.parts, zip(*halves, strict=True), strict=True):
        measured = seen.measurements(part.site, part.name)
        actual = np.stack([means_over(measured, each) for each in edges])
        scores.append(scenarios.normal_scores(actual, np.stack(said), apart.levels))
    return np.stack(scores)


def correlated(load: Floats, sun: Floats) -> float:
    """Correlation of scores (I, T), NaN where unknown, times I/(I + 7) of the days on which both are known."""
    scores = load, sun
    both = np.isfinite(scores[0]) & np.isfinite(scores[1])
    one, other = (score[both] - score[both].mean() if both.any() else score[both] for score in scores)
    size = float(np.sqrt((one @ one) * (other @ other)))
    days = both.any(axis=1).sum()
    found = float(one @ other) / size * days / (days + AS_IF_DAYS) if size > 0 else 0.0
    return float(np.clip(found, -MOST_CORRELATED, MOST_CORRELATED))
