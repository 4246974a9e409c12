"""A model that is watched while a backtest goes on: it learns on its schedule and, where it has drifted, at once.

What it said is held against what came as soon as that is known, day by day since it learnt; see `forecasting.drift`.
The days it is held against are, the first there are enough of:

1. those that it held out when it learnt, of models that show them at the levels of the backtest;
2. those that it forecast in this backtest before it learnt, since it last learnt because of drift;
3. those before, as far as no drift had begun, for calibration alone: what learnt in the middle of a change and does not
   fit yet learns again, but the loss of the days before a change is no standard for those after;
4. the first twenty since it learnt.

All targets share the false alarms allowed to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forecasting import drift
from forecasting.archive.known import Known
from forecasting.backtest.results import Series
from forecasting.backtest.tasks import Task
from forecasting.clock import DAY_NS, Ns
from forecasting.models.base import Shown, Trained
from forecasting.observed import came
from forecasting.quantiles import LEVELS
from forecasting.retraining import Due, Policy, due
from forecasting.targets import Target

Floats = NDArray[np.float64]
REFERENCE_DAYS = 90
CALIBRATION: tuple[drift.Figure, ...] = ("location", "spread")


@dataclass(frozen=True, eq=False)
class Said:
    """Quantiles (T, Q) by target of the first day of a task, between edges (T+1)."""

    edges_ns: Ns
    quantiles: Mapping[str, Floats]

    @property
    def day(self) -> int:
        """Number of the day in which it begins."""
        return int(self.edges_ns[0]) // DAY_NS

    @classmethod
    def of(cls, task: Task, quantiles: Mapping[str, Floats]) -> Said:
        """The first day of an answer."""
        edges = task.edges_ns[task.edges_ns <= task.edges_ns[0] + DAY_NS]
        return cls(edges, {name: levels[: len(edges) - 1] for name, levels in quantiles.items()})


@dataclass(frozen=True, eq=False)
class Past:
    """What a model said before it last learnt, of days without drift.

    The last `alike` of it were said since it last learnt because of drift: to them the loss may be compared.
    """

    said: tuple[Said, ...] = ()
    alike: int = 0

    def then(self, said: Sequence[Said], since_day: int | None) -> Past:
        """The past of what learns next: all that was said since, or where drift had begun, what was before it."""
        sound = [one for one in said if since_day is None or one.day < since_day]
        joined = (*self.said, *sound)[-REFERENCE_DAYS:]
        return Past(joined, min(self.alike + len(sound), len(joined)) if since_day is None else 0)


@dataclass(frozen=True, eq=False)
class Watch:
    """Looks at a model that learnt at `trained_ns`."""

    policy: Policy
    targets: tuple[Target, ...]
    levels: Floats
    trained_ns: int
    past: Past = field(default_factory=Past)
    trained: Trained | None = None
    said: list[Said] = field(default_factory=list)

    def drifted(self, known: Known) -> tuple[Due, int] | None:
        """Why the model learns again before its time, and the day since when; None where it does not."""
        age_ns = known.time_ns - self.trained_ns
        if not self.policy.on_drift or age_ns < self.policy.at_least_days * DAY_NS:
            return None
        for target in self.targets:
            changed = self._changed(target, known)
            reason = due(self.policy, self.trained_ns, known.time_ns, changed)
            if reason is not None and changed:
                return replace(reason, text=f"{target.name}: {reason.text}"), changed[0].since_day
        return None

    def _changed(self, target: Target, known: Known) -> tuple[drift.Drift, ...]:
        recent = _figures(self.said, target, known, self.levels)
        if not len(recent.day):
            return ()
        for reference, figures in self._references(target, known):
            if _enough(reference, figures):
                return drift.watch(reference, recent, drift.FALSE_ALARM_DAYS * len(self.targets), figures)
        early = recent.day < recent.day[0] + drift.FEWEST_DAYS
        if early.all() or not _enough(recent.part(early), drift.FIGURES):
            return ()
        return drift.watch(recent.part(early), recent.part(~early), drift.FALSE_ALARM_DAYS * len(self.targets))

    def _references(self, target: Target, known: Known) -> Iterator[tuple[drift.Daily, Sequence[drift.Figure]]]:
        shown: Mapping[str, Shown] = getattr(self.trained, "shown", None) or {}
        if target.name in shown and np.array_equal(self.levels, LEVELS):
            one = shown[target.name]
            yield drift.by_day(one.actual, one.quantiles, LEVELS, one.start_ns // DAY_NS), drift.FIGURES
        alike = self.past.said[len(self.past.said) - self.past.alike :]
        yield _figures(alike, target, known, self.levels), drift.FIGURES
        yield _figures(self.past.said, target, known, self.levels), CALIBRATION


def _enough(one: drift.Daily, figures: Sequence[drift.Figure]) -> bool:
    return all(np.isfinite(getattr(one, figure)).sum() >= drift.FEWEST_DAYS for figure in figures)


def _figures(said: Sequence[Said], target: Target, known: Known, levels: Floats) -> drift.Daily:
    """Figures by day of what was said of days of which all is over."""
    over = [one for one in said if int(one.edges_ns[-1]) <= known.time_ns and target.name in one.quantiles]
    actual = [came(known, target, one.edges_ns) for one in over]
    quantiles = [one.quantiles[target.name] for one in over]
    day = [np.full(len(one.edges_ns) - 1, one.day) for one in over]
    nothing = np.empty(0)
    return drift.by_day(
        np.concatenate([nothing, *actual]),
        np.concatenate([np.empty((0, len(levels))), *quantiles]),
        levels,
        np.concatenate([nothing.astype(np.int64), *day]),
    )


def said_of(series: Sequence[Series], tasks: Sequence[Task]) -> tuple[Said, ...]:
    """What rows of one model say of tasks, oldest first; tasks without an answer are left out."""
    at: dict[tuple[int, int], tuple[Task, dict[str, Floats]]] = {}
    for one in series:
        for task in tasks:
            rows = (one.issue_ns == task.issue_ns) & np.isin(one.valid_ns, task.edges_ns[1:])
            if rows.sum() == len(task.edges_ns) - 1 and np.isfinite(one.quantiles[rows]).all():
                key = task.issue_ns, int(task.edges_ns[0])
                at.setdefault(key, (task, {}))[1][one.target] = one.quantiles[rows]
    return tuple(Said.of(task, found) for _, (task, found) in sorted(at.items()))
