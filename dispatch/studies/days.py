"""The days that a study of a long span looks at, all or some drawn evenly, and what the park does on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from dispatch.asset import Inputs, Mode
from dispatch.errors import DataError, SolveError
from dispatch.ladder.climb import climb
from dispatch.network.check import hold, slots
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.replay.pieces import State, came, without_end
from dispatch.replay.plant import carried
from dispatch.replay.windows import store_values_of, with_ends
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solver.highs import Limits
from dispatch.terms.network import NetworkLimits
from dispatch.units.generation import VariableGeneration

if TYPE_CHECKING:
    from grid_models.network import Network

BELOW_THE_PROBLEM = ("last_good", "rule_based", "safe_state")
"""Rungs of schedules that no solver has made of the problem itself."""
WORTH_PER_KWH = 1e-3
"""What a kWh generated is worth beside its price, so that nothing is lost where losing it saves nothing."""


@dataclass(frozen=True)
class StudyDay:
    """One local day of a span: its date, first step and number of steps."""

    day: date
    first: int
    steps: int


@dataclass(frozen=True)
class StudyDays:
    """The days that are looked at.

    Attributes:
        days: in order.
        of: how many days the span has.
    """

    days: tuple[StudyDay, ...]
    of: int

    @property
    def whole(self) -> bool:
        """Are all days of the span looked at?"""
        return len(self.days) == self.of

    def told(self) -> str:
        """In words, for results that a reader must not take for the whole."""
        days = f"{self.of} day{'s' if self.of > 1 else ''}"
        if self.whole:
            return f"all {days}"
        return f"{len(self.days)} of {days}, drawn evenly (one in {self.of / len(self.days):.3g})"


def study_days(case: Case, count: int | None = None) -> StudyDays:
    """All days of the case's span, or ``count`` of them, each from the middle of an equal part of the span.

    Raises:
        DataError: there are fewer days than asked for, or an asset lacks measurements over the span.
    """
    if missing := sorted(set(case.needs) - set(case.actual)):
        first, last = case.span.local_start[0], case.span.local_end[-1]
        raise DataError(
            f"no measurement of {', '.join(missing)} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} without gap: "
            "a study runs on what came; choose a span that the data hold, or give these assets a 'history'"
        )
    every = [StudyDay(day, first, last - first) for day, first, last in case.days]
    if count is None:
        return StudyDays(tuple(every), len(every))
    if not 1 <= count <= len(every):
        raise DataError(f"--days {count}: the span has {len(every)} days; give 1 to {len(every)}")
    return StudyDays(tuple(every[int((k + 0.5) * len(every) / count)] for k in range(count)), len(every))


def by_rules(case: Case, days: StudyDays) -> Iterator[tuple[StudyDay, Schedule]]:
    """What the park does by its rules on what came; the state goes on from one day looked at to the next."""
    problems: dict[int, Problem] = {}
    state: State = {}
    for day in days.days:
        inputs = came(case, day.first, day.steps, state)
        if day.steps not in problems:
            problems[day.steps] = Problem(without_end(case.site), inputs)
        problems[day.steps].update(inputs)
        done = rule_based(problems[day.steps])
        state = carried(done, day.steps)
        yield day, done


def by_plan(case: Case, days: StudyDays, network: Network) -> Iterator[tuple[StudyDay, Schedule]]:
    """What the park does by plans that hold on its network."""
    planner = DayPlanner(replace(case, site=worth_generating(case.site)), network)
    for day in days.days:
        yield day, planner.plan(day)[0]


def worth_generating(site: Site) -> Site:
    """The park with its wind and PV worth a little more than nothing, whatever exports are paid."""
    assets = tuple(
        # No validation: a reward is a negative cost, which no file may give.
        asset.model_copy(update={"cost_per_kwh": asset.cost_per_kwh - WORTH_PER_KWH})
        if isinstance(asset, VariableGeneration)
        else asset
        for asset in site.assets
    )
    return site.model_copy(update={"assets": assets})


class DayPlanner:
    """Plans days one after the other on what came, on one compiled problem; days of 23 and 25 hours have their own.

    With a network, each plan holds its limits as the proof's loop does, to their edge.
    """

    def __init__(self, case: Case, network: Network | None) -> None:
        self.case, self.network = replace(case, site=with_ends(case, store_values_of(case))), network
        self.limits = Limits(gap=case.site.planning.gap)
        self.slots = slots(case.site) if network is not None else 0
        self.state: State = {}
        self.problems: dict[int, Problem] = {}

    def plan(self, day: StudyDay) -> tuple[Schedule, int]:
        """A day from the state that the one before it left, and how many violations of the network it leaves."""
        problem = self._problem(came(self.case, day.first, day.steps, self.state))
        done, left = climb(problem, self.limits).schedule, 0
        if self.network is not None:
            done, breaches = hold(self.case.site, problem, done, self.network, self._again)
            left = len(breaches)
        self.state = carried(done, day.steps)
        return done, left

    def _problem(self, inputs: Inputs) -> Problem:
        steps = inputs.horizon.steps
        if steps not in self.problems:
            self.problems[steps] = Problem(self.case.site, inputs, Mode("exact"), network_slots=self.slots)
        problem, limits = self.problems[steps], None
        if self.network is not None:  # those of the day before are not this one's
            assert self.case.site.grid is not None
            limits = NetworkLimits.none(self.slots, len(self.case.site.grid.bus_of), steps)
        problem.update(inputs, limits=limits)
        return problem

    def _again(self, problem: Problem) -> Schedule:
        found = climb(problem, self.limits).schedule
        if found.proof.quality in BELOW_THE_PROBLEM:
            raise SolveError(found.proof.reason)
        return found
