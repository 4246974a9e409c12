"""The fallback ladder: whatever is missing, the best that can be said of what is there, with the rung named.

    latest_nwp → previous_run → other_nwp → usual_weather → typical_weather → own_past

A rung is no formula of its own: it is the kind's model, trained and calibrated on what the archive looks like when the
same inputs are withheld, or always as late as they are now. Its quantiles are as wide as that model's errors were, so a
rung below is wider where the missing input was worth something, and never a gap filled with zeros. Rungs are trained
when they are first needed and kept. Each interval of the horizon is answered from the inputs that reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import models
from forecasting.archive.known import Known
from forecasting.capacity import at_present_capacity, share_at
from forecasting.clock import Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.models.base import CannotForecast, Model, NotMeant, Shown, Trained
from forecasting.plausible import plausible
from forecasting.situations import (
    SITUATIONS_AT_MOST,
    Part,
    Situation,
    inputs_of,
    parts_of,
    with_sources,
    without_climate,
)
from forecasting.targets import Kind, Place, Target

Floats = NDArray[np.float64]
RUNGS = ("latest_nwp", "previous_run", "other_nwp", "usual_weather", "typical_weather", "own_past")


@dataclass(frozen=True, eq=False)
class Answer:
    """One target's quantiles (T, Q), the rung of each interval (T,), who answered most of them, and why others did not.

    `expected` is the rung it would stand on were nothing missing: wind and pv live on weather, others where some is
    known. `quality` is the lowest rung of all intervals; `reason` says why no weather carries those, where none does.
    """

    target: Target
    quantiles: Floats
    rungs: tuple[str, ...]
    model: str
    trained: Trained
    situation: Situation
    declined: tuple[str, ...]
    expected: str
    reason: str = ""

    @property
    def quality(self) -> str:
        """The lowest rung that any interval stands on."""
        return max(self.rungs, key=RUNGS.index)

    @property
    def shown(self) -> Shown | None:
        """What the model said of held-out days, if it keeps that."""
        kept: Mapping[str, Shown] = getattr(self.trained, "shown", None) or {}
        return kept.get(self.target.name)


@dataclass(frozen=True)
class Ladder:
    """A model that never gives up while anything is known.

    `of_kind` says which models are asked for a kind, best first, before those that need nothing from outside. Targets
    are answered on `workers` threads; each model trains on one, so that their number does not matter to any bit.
    """

    of_kind: Callable[[Kind], tuple[Model, ...]] = models.of_kind
    last_resort: Callable[[Kind], tuple[Model, ...]] = models.of_last_resort
    workers: int = 1
    name: str = "ladder"

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> Climber:
        """Nothing is trained before it is needed: which rung that is, the first question tells."""
        # Weather that stands under a target's own site is its own where no other is named.
        sourced = tuple(replace(t, weather=t.weather or (t.site,)) for t in targets)
        return Climber(self, sourced, place, horizon_ns, np.asarray(levels, dtype=np.float64), known.time_ns)


@dataclass(eq=False)
class Climber:
    """Trained rungs by what they are for; all learn from what was known at `trained_ns`, whenever that is done."""

    ladder: Ladder
    targets: tuple[Target, ...]
    place: Place
    horizon_ns: Ns
    levels: Floats
    trained_ns: int
    kept: dict[Any, Trained | CannotForecast] = field(default_factory=dict)
    rungs: dict[str, str] = field(default_factory=dict)

    @property
    def card(self) -> Mapping[str, Any]:
        """The cards of the rungs trained so far."""
        rungs = [one.card for one in self.kept.values() if not isinstance(one, CannotForecast)]
        return {"model": self.ladder.name, "trained_ns": self.trained_ns, "rungs": rungs}

    @property
    def shown(self) -> dict[str, Shown]:
        """What the rungs trained so far showed of days that they held out, the first rung of each target."""
        found: dict[str, Shown] = {}
        for trained in self.kept.values():
            shown: Mapping[str, Shown] = getattr(trained, "shown", None) or {}
            for name, one in shown.items():
                found.setdefault(name, one)
        return found

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """See `Trained`; `rungs` then tells the rung of each target."""
        answers = self.answers(known, edges_ns)
        self.rungs = {name: answer.quality for name, answer in answers.items()}
        return {name: answer.quantiles for name, answer in answers.items()}

    def answers(self, known: Known, edges_ns: Ns) -> dict[str, Answer]:
        """An answer for each target; ForecastError names one of which nothing is known and which is not optional."""
        known = without_climate(known, (site for target in self.targets for site in target.weather))
        known, _ = plausible(known, self.targets)
        known = at_present_capacity(known, self.targets)
        parts = {target.name: parts_of(known, target, edges_ns) for target in self.targets}
        found = _Filled(self, known, edges_ns)
        # Targets whose inputs are all as usual are asked together: models of many sites learn from all of them.
        usual = {t.name: parts[t.name][0] for t in self.targets if parts[t.name][0].situation == Situation()}
        kinds = dict.fromkeys(t.kind for t in self.targets if t.name in usual)
        groups = [[t for t in self.targets if t.kind == kind and t.name in usual] for kind in kinds]

        def alone(target: Target) -> None:
            for part in parts[target.name][:SITUATIONS_AT_MOST]:
                found.ask(target, part)
            found.ask_last(target, parts[target.name])

        with ThreadPoolExecutor(max_workers=self.ladder.workers) as pool:
            list(pool.map(lambda group: found.ask_together(group, usual), groups))
            list(pool.map(alone, self.targets))
        asked = [t for t in self.targets if not t.optional or not found.open(t).any()]
        return {target.name: found.answer(target, parts[target.name]) for target in asked}

    def trained_for(
        self, model: Model, known: Known, targets: tuple[Target, ...], situation: Situation
    ) -> Trained | CannotForecast:
        """The rung, trained now if it is asked for the first time."""
        key = (model.name, targets, situation)
        if key not in self.kept:
            past = known.as_of(utc_index(np.array([min(self.trained_ns, known.time_ns)]))[0].to_pydatetime())
            try:
                found: Trained | CannotForecast = model.train(
                    situation.view(past), targets, self.place, self.horizon_ns, self.levels
                )
            except CannotForecast as reason:
                found = reason
            self.kept[key] = found
        return self.kept[key]


def rung_of(target: Target, part: Part) -> str:
    """The name of a rung that has some weather: by its first source."""
    first = target.weather[0]
    if first not in part.sources:
        return "other_nwp"
    late = any(site == first and name != target.name for site, name, _ in part.situation.late)
    return "previous_run" if late else "latest_nwp"


@dataclass(eq=False)
class _Filled:
    """Answers as they are put together, interval by interval."""

    climber: Climber
    known: Known
    edges_ns: Ns
    values: dict[str, Floats] = field(default_factory=dict)
    rungs: dict[str, list[str]] = field(default_factory=dict)
    by: dict[str, list[tuple[int, str, Trained, Situation]]] = field(default_factory=dict)
    declined: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def open(self, target: Target) -> NDArray[np.bool_]:
        """Intervals (T,) without an answer."""
        values = self.values.get(target.name)
        count = len(self.edges_ns) - 1
        return np.ones(count, dtype=bool) if values is None else np.isnan(values[:, 0])

    def ask_together(self, targets: list[Target], parts: Mapping[str, Part]) -> None:
        """The kind's models for all targets at once, whose inputs are as usual."""
        if len(targets) < 2:
            return
        asked = tuple(with_sources(t, parts[t.name].sources) for t in targets)
        for model in self.climber.ladder.of_kind(targets[0].kind):
            said = self._say(model, asked, Situation(), None, np.ones(len(self.edges_ns) - 1, dtype=bool))
            if said is None:
                continue
            trained, quantiles = said
            for target in targets:
                part = parts[target.name]
                self._fill(target, part.steps, quantiles[target.name], self._rung(target, part), model, trained, part)
            return

    def ask(self, target: Target, part: Part) -> None:
        """The kind's models for one target in one situation, where it has no answer yet."""
        steps = part.steps & self.open(target)
        asked = (with_sources(target, part.sources),)
        for model in self.climber.ladder.of_kind(target.kind):
            if not steps.any():
                return
            said = self._say(model, asked, part.situation, target, steps)
            if said is not None:
                self._fill(target, steps, said[1][target.name], self._rung(target, part), model, said[0], part)
                return
            if part.sources and self.declined.get(target.name):
                self.refused.setdefault(target.name, self.declined[target.name][0])

    def ask_last(self, target: Target, parts: list[Part]) -> None:
        """The models that need nothing from outside, for whatever is still open."""
        own = tuple(late for late in parts[0].situation.late if late[:2] == (target.site, target.name))
        for model in self.climber.ladder.last_resort(target.kind):
            steps = self.open(target)
            if not steps.any():
                return
            said = self._say(model, (target,), Situation(late=own), target, steps)
            if said is not None:
                part = Part(Situation(late=own), steps, ())
                self._fill(target, steps, said[1][target.name], model.name, model, said[0], part)

    def _rung(self, target: Target, part: Part) -> str:
        return rung_of(target, part) if part.sources else "own_past"

    def _say(
        self,
        model: Model,
        asked: tuple[Target, ...],
        situation: Situation,
        target: Target | None,
        steps: NDArray[np.bool_],
    ) -> tuple[Trained, Mapping[str, Floats]] | None:
        """A model's quantiles (T, Q), NaN outside the span of the steps wanted; None where it declines."""
        trained = self.climber.trained_for(model, self.known, asked, situation)
        try:
            if isinstance(trained, CannotForecast):
                raise trained
            first, last = np.flatnonzero(steps)[[0, -1]]
            said = trained.quantiles(situation.view(self.known), self.edges_ns[first : last + 2])
            whole = {}
            for name, quantiles in said.items():
                whole[name] = np.full((len(steps), quantiles.shape[1]), np.nan)
                whole[name][first : last + 1] = quantiles
            return trained, whole
        except CannotForecast as reason:
            if target is not None and not isinstance(reason, NotMeant):
                self.declined.setdefault(target.name, []).append(str(reason))
            return None

    def _fill(
        self,
        target: Target,
        steps: NDArray[np.bool_],
        quantiles: Floats,
        rung: str,
        model: Model,
        trained: Trained,
        part: Part,
    ) -> None:
        count = len(self.edges_ns) - 1
        values = self.values.setdefault(target.name, np.full((count, quantiles.shape[1]), np.nan))
        rungs = self.rungs.setdefault(target.name, [""] * count)
        steps = steps & np.isfinite(quantiles).all(axis=1) & np.isnan(values[:, 0])
        values[steps] = quantiles[steps]
        for step in np.flatnonzero(steps):
            rungs[step] = rung
        self.by.setdefault(target.name, []).append((int(steps.sum()), model.name, trained, part.situation))

    def answer(self, target: Target, parts: Sequence[Part]) -> Answer:
        """What came together; ForecastError where some interval has no answer."""
        told = tuple(dict.fromkeys(self.declined.get(target.name, ())))
        if self.open(target).any():
            raise ForecastError("; ".join(reversed(told)) or f"{target.name}: nothing is known of it")
        _, model, trained, situation = max(self.by[target.name], key=lambda one: one[0])
        lives_on_weather = target.kind in ("wind", "pv") or bool(inputs_of(self.known, target))
        expected = RUNGS[0] if lives_on_weather else RUNGS[-1]
        rungs = tuple(self.rungs[target.name])
        reason = self._reason(target, parts, rungs) if lives_on_weather else ""
        values = self.values[target.name] * share_at(target, self.edges_ns[1:])[:, None]
        found = values, rungs, model, trained, situation, told, expected, reason
        return Answer(target, *found)

    def _reason(self, target: Target, parts: Sequence[Part], rungs: tuple[str, ...]) -> str:
        """Why intervals stand on a rung without weather forecasts; empty where none does, or nothing tells."""
        below = np.array([RUNGS.index(rung) > RUNGS.index("other_nwp") for rung in rungs])
        if not below.any():
            return ""
        if not inputs_of(self.known, target):
            return "no weather forecast of it is known"
        if not any((part.steps & below).any() for part in parts if part.sources):
            return "no run of the weather forecast reaches there"
        # Some models begin with what they call the target, which the note does already.
        return self.refused.get(target.name, "").removeprefix("target ").removeprefix(f"{target.name}: ")
