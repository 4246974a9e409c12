"""The ways to run the park that a replay sets side by side, each from the first step of the span to the last.

=================== ====================================================================================
rule_based          the park's own rules, no plan
day_ahead           one plan a day, made ``issue_before_h`` before it, followed to its end
rolling             a new plan every ``every_h`` with what is known then; always the newest
rolling_kept        likewise, but a published plan changes only when that saves more than the threshold
rolling_scenarios   a new plan every ``scenarios_every_h``, over the central path and scenarios
perfect             what could have been had, knowing everything: one solve over the span where it is short
day_ahead_scenarios one plan a day over the central path and scenarios; only where it is named
=================== ====================================================================================

All but the last are executed alike: published powers of stores and on/off of units meet what really came, the rest
follows the park's rules. A method is one chunk: its state runs on from day to day, so it cannot be cut in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.planning.outlook import measured_steps
from dispatch.planning.remainder import Remainder
from dispatch.problem import Problem
from dispatch.replay.case import RUNGS, Case
from dispatch.replay.forecasts import expected
from dispatch.replay.journal import Journal, Saved
from dispatch.replay.pieces import Piece, State, came, cut, join, split
from dispatch.replay.plant import Decisions, Plant, carried, later
from dispatch.replay.stability import Threshold, changed, choose
from dispatch.replay.windows import Planned, Planner, store_worth, with_ends
from dispatch.solve import solve


@dataclass(frozen=True)
class Ran:
    """A method's way through the span.

    Attributes:
        piece: what was executed.
        seconds: of each plan, in order; never part of a result.
        compiled: how many problems were compiled for plans.
    """

    method: str
    piece: Piece
    seconds: tuple[float, ...]
    compiled: int


@dataclass(frozen=True)
class Runner:
    """Runs methods; a value that can be sent to a worker."""

    case: Case
    journal: Journal

    def __call__(self, method: str) -> Ran:
        """Run one method, going on from the last day in the journal."""
        if method == "perfect" and self._short():
            return _foresight(self.case, self.journal)
        made: dict[str, Callable[[], _Days]] = {
            "rule_based": lambda: _Days(self.case, self.journal, method),
            "day_ahead": lambda: _DayAhead(self.case, self.journal, method),
            "rolling": lambda: _Rolling(self.case, self.journal, method),
            "rolling_kept": lambda: _Rolling(self.case, self.journal, method),
            "rolling_scenarios": lambda: _Rolling(self.case, self.journal, method),
            "perfect": lambda: _Seeing(self.case, self.journal, method),
            "day_ahead_scenarios": lambda: _DayAhead(self.case, self.journal, method),
        }
        return made[method]().run()

    def _short(self) -> bool:
        return float(self.case.span.edge_h[-1]) <= self.case.settings.single_solve_days * 24


@dataclass
class _Days:
    """Day by day, by the park's rules; other methods say what else a day is."""

    case: Case
    journal: Journal
    method: str
    published: Decisions | None = None
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plant, self.planner = Plant(self.case), Planner(self.case)
        self.remainder = Remainder(self.case.site, partial(measured_steps, self.case.archive, self.case.site.name))

    def run(self) -> Ran:
        """From the first day that the journal lacks to the last."""
        pieces: list[Piece] = []
        for day, first, last in self.case.days:
            saved = self.journal.load(self.method, day)
            if saved is None:
                self.planner.previous = None
                piece = join(list(self.day(first, last)))
                saved = Saved(piece, self.plant.state, self.published, self.extra())
                self.journal.save(self.method, day, saved)
            else:
                self.plant.state, self.published = saved.state, saved.published
                self.resume(saved.extra)
            pieces.append(saved.piece)
        return Ran(self.method, join(pieces), tuple(self.seconds), self.planner.compiled)

    def day(self, first: int, last: int) -> Iterator[Piece]:
        """The executed windows of one local day."""
        yield self.plant.run(first, last - first, None)

    def extra(self) -> State:
        """What else must be known to go on after this day."""
        return {}

    def resume(self, extra: State) -> None:
        """Take up what ``extra`` gave."""

    def plan(self, first: int, moment: int, state: State, *, scenarios: bool, corrected: bool) -> Planned:
        """A plan of the window from step ``first`` on, with what is known at ``moment`` (s, UTC)."""
        horizon = self.case.window(first, self.case.steps_in(self.case.site.planning.rolling.window_h, "window"))
        series, weights = expected(self.case, moment, horizon, scenarios=scenarios, corrected=corrected)
        rest = self.remainder.expected(horizon, moment, state)
        made = self.planner.plan(horizon, series, weights, rest.joined(state))
        self.seconds.append(made.seconds)
        return made


class _DayAhead(_Days):
    """One plan a day, from the state that the plan before it expects at its start."""

    expected: State = {}  # noqa: RUF012 - replaced, never changed

    def day(self, first: int, last: int) -> Iterator[Piece]:
        """Plan with what was known ``issue_before_h`` before, follow to the end of the day."""
        moment = self.case.start_s + first * self.case.step_s - round(self.case.site.planning.issue_before_h * 3600)
        scenarios = self.method == "day_ahead_scenarios"
        made = self.plan(first, moment, self.expected, scenarios=scenarios, corrected=False)
        self.expected = carried(made.schedule, last - first)
        yield self.plant.run(first, last - first, made.decisions, _notes(made.quality, made.gap))

    def extra(self) -> State:
        """The state that the plan expects at its end."""
        return self.expected

    def resume(self, extra: State) -> None:
        """Take it up."""
        self.expected = extra


class _Rolling(_Days):
    """A plan at every step or hour, from the state that really is."""

    def day(self, first: int, last: int) -> Iterator[Piece]:
        """Plan, publish or keep, execute up to the next plan."""
        rolling = self.case.site.planning.rolling
        scenarios = self.method == "rolling_scenarios"
        kept = self.method == "rolling_kept"
        threshold = Threshold(rolling.keep_plan_below, rolling.keep_plan_below_share) if kept else Threshold()
        every = self.case.steps_in(rolling.scenarios_every_h if scenarios else self.case.settings.every_h, "every")
        for start in range(first, last, every):
            steps = min(every, last - start)
            moment = self.case.start_s + start * self.case.step_s
            fresh = self.plan(start, moment, self.plant.state, scenarios=scenarios, corrected=True)
            taken, held = choose(self.planner, fresh, self.published, threshold)
            if taken is not fresh:
                self.seconds[-1] += taken.seconds
            moved = self.published is not None and changed(self.case.site, self.published, taken.decisions)
            yield self.plant.run(
                start, steps, taken.decisions, _notes(taken.quality, taken.gap, changed=moved, kept=held)
            )
            self.published = later(taken.decisions, steps)


class _Seeing(_Days):
    """Perfect foresight of some days ahead, planned anew at every midnight and cut off at the end of the span."""

    def day(self, first: int, last: int) -> Iterator[Piece]:
        """Plan with what comes, do it."""
        ahead = self.case.steps_in(self.case.settings.foresight_h, "foresight")
        steps = min(ahead, self.case.span.steps - first)
        inputs = came(self.case, first, steps, self.plant.state)
        known = {(name, need.quantity): inputs.series[name, need.quantity] for name, need in self.case.needs.items()}
        made = self.planner.plan(inputs.horizon, known, np.ones(1), self.plant.state)
        self.seconds.append(made.seconds)
        yield self.plant.run(first, last - first, made.decisions, _notes(made.quality, made.gap))


def _foresight(case: Case, journal: Journal) -> Ran:
    """One solve over the whole span: no way to run the park in it is better, but for the solver's gap."""
    days = case.days
    saved = [journal.load("perfect", day) for day, _, _ in days]
    if all(saved):
        return Ran("perfect", join([s.piece for s in saved if s is not None]), (), 0)
    inputs = came(case, 0, case.span.steps, {})
    site = with_ends(case, store_worth(case, case.span), by_window=False)
    found = solve(Problem(site, inputs, Mode("exact", formulation=site.planning.formulation)))
    if not audit(found).passed:
        raise SolveError(f"perfect foresight: {audit(found).violations[0]}")
    whole = cut(found, 0, case.span.steps, {}, _notes(found.proof.quality, found.proof.gap))
    for day, first, last in days:
        journal.save("perfect", day, Saved(split(whole, first, last - first), carried(found, last), None, {}))
    return Ran("perfect", whole, (), 1)


def _notes(quality: str, gap: float, *, changed: bool = False, kept: bool = False) -> dict[str, float]:
    """Figures of a plan that are kept beside what it did."""
    return {"rung": float(RUNGS.index(quality)), "gap": gap, "changed": float(changed), "kept": float(kept)}
