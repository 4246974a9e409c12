"""One plan, from what is known to a schedule that is proved: pure, without files or network access.

No clock either, unless the site asks for a deadline: then the schedule is there in time, whatever solvers do.

forecast → inputs → problem → schedule → AC check with limits coming back → audit → comparison → certificate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.audit import Audit, audit
from dispatch.errors import SolveError
from dispatch.explain import Reason, reason, reason_of
from dispatch.ladder.climb import Climbed, climb
from dispatch.ladder.earlier import EarlierPlan
from dispatch.network.check import GridProof, slots
from dispatch.network.flow_settling import FlowProof, settled
from dispatch.planning.certificate import certificate
from dispatch.planning.comparison import Outcome, compare
from dispatch.planning.outlook import Outlook, Told, known_inputs, look_ahead, measured_steps
from dispatch.planning.remainder import Remainder, State
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solver.highs import Limits
from dispatch.solver.worker import Worker

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from forecasting.ladder import Climber
    from grid_models.network import Network


_BELOW = ("last_good", "rule_based", "safe_state")
# Of what is left of a deadline: asking why there is no plan; the comparison needs its time, too.
_ASKING = 0.8
# Of a search whose answer only says how near a limit can be come to.
_ROUGH_NODES = 20


@dataclass(frozen=True)
class Plan:
    """A plan with everything that supports it.

    Attributes:
        outlook: what was forecast; scenario 0 of its inputs is the published path.
        schedule: the plan; scenario 0 is what is published.
        audit: outcome of the independent check.
        grid: outcome of the AC check, None without a network.
        outcomes: plan, rules and perfect foresight on the same day.
        actual: by asset name, what really came, where known; never seen by the plan.
        certificate: how it came about; two runs on the same inputs give the same one.
        notes: what a reader should know about the data.
        problem: what was solved, with its data; explanations start from it.
        reason: where no plan keeps every limit, why, and the first fix; None where there is one, or time was over.
        network: the model that it is proved on, None without one.
        flow_limits: what became of limits on traced carbon, None where the park has none.
    """

    site: Site
    horizon: Horizon
    issue_time: datetime
    outlook: Outlook
    schedule: Schedule
    audit: Audit
    grid: GridProof | None
    outcomes: tuple[Outcome, ...]
    actual: Mapping[str, Array]
    certificate: Mapping[str, object]
    notes: tuple[str, ...] = ()
    problem: Problem | None = field(default=None, repr=False, compare=False)
    reason: Reason | None = None
    network: Network | None = field(default=None, repr=False, compare=False)
    flow_limits: FlowProof | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Background:
    """What a plan is told beside its forecasts.

    Attributes:
        state: by asset name, what is carried in from before the horizon; what it lacks is the park's file's.
        last_good: the plan before, which the ladder falls back on.
        told: what somebody else says will come, instead of a forecast.
        clock_s: time after which solvers end by themselves [s], for a caller who can kill this process; the park's own
            deadline needs no such caller.
        hashes: SHA-256 of the inputs, for the certificate.
        notes: what a reader should know about the data.
        model: a forecaster that has learnt already; by default one learns from what is known now.
    """

    state: State = field(default_factory=dict)
    last_good: EarlierPlan | None = None
    told: Told = field(default_factory=Told)
    clock_s: float | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    model: Climber | None = None


def plan(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    *,
    network: Network | None = None,
    actual: Mapping[str, Array] | None = None,
    weather_site: str | tuple[str, ...] | None = None,
    background: Background = Background(),
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Plan ``horizon`` with what ``archive`` knew at ``issue_time``.

    Args:
        network: prove the plan on this model, and mend it until it holds.
        actual: what really came, for the comparison alone; used where it is known for every step of every need.
        weather_site: name of the weather in the archive; of several, the best first.
        background: what it goes on from, and what a reader should know of its inputs.

    Raises:
        DataError: something the plan needs cannot be forecast.
        SolveError: no rung of the ladder gives a schedule that passes the audit.
    """
    outlook = look_ahead(
        site, horizon, archive, issue_time, weather_site=weather_site, model=background.model, told=background.told,
        progress=progress,
    )  # fmt: skip
    site = outlook.site or site
    outlook, month = _with_month(site, outlook, archive, issue_time, background.state)
    progress(f"scheduling {horizon.steps} steps in {outlook.inputs.scenarios} scenarios")
    problem = _problem(site, outlook, slots(site) if network is not None else 0)
    came = _known(outlook, actual or {})
    hindsight = _hindsight(site, outlook, came) if came else None
    with _scheduler(site, Limits(gap=site.planning.gap), background) as solver:
        schedule = solver.climb(problem).schedule
        why = solver.why(problem, schedule, progress)
        schedule, grid, flows = settled(site, problem, schedule, network, solver.again, progress, rough=solver.rough)
        progress("comparing with the rules of the park and with perfect foresight")
        outcomes = compare(site, schedule, hindsight, again=solver.again)
    proved = audit(schedule)
    return Plan(
        *(site, horizon, issue_time, outlook, schedule, proved, grid, outcomes),
        actual=came,
        certificate=certificate(site, issue_time, outlook, schedule, proved, grid, background.hashes, why, flows),
        notes=(*background.notes, *outlook.notes, *month),
        problem=problem,
        reason=why,
        network=network,
        flow_limits=flows,
    )


def _with_month(
    site: Site, outlook: Outlook, archive: Archive, issue_time: datetime, state: State
) -> tuple[Outlook, tuple[str, ...]]:
    """What is known, with what is carried in and expected of the month's rest, and notes on that."""
    measured = partial(measured_steps, archive, site.name)
    rest = Remainder(site, measured).expected(outlook.inputs.horizon, round(issue_time.timestamp()), state)
    return replace(outlook, inputs=replace(outlook.inputs, state=rest.joined(state))), rest.notes


def _problem(site: Site, outlook: Outlook, network_slots: int) -> Problem:
    """What is to be solved, with the weights of its scenarios."""
    mode = Mode(site.planning.commitment, formulation=site.planning.formulation)
    problem = Problem(site, outlook.inputs, mode, network_slots=network_slots)
    problem.update(weights=outlook.weights)
    return problem


def _hindsight(site: Site, outlook: Outlook, came: dict[str, Array]) -> Inputs:
    """What came, under the bill of the same month."""
    return replace(known_inputs(site, outlook.inputs.horizon, outlook.needs, came), state=outlook.inputs.state)


def _known(outlook: Outlook, actual: Mapping[str, Array]) -> dict[str, Array]:
    """What really came, if it is known for every step of every need; else nothing."""
    known = bool(actual) and all(np.isfinite(actual.get(name, np.nan)).all() for name in outlook.needs)
    return dict(actual) if known else {}


def _unsolvable(schedule: Schedule) -> bool:
    """Is the plan on its rung because the limits contradict each other, and not because a solver failed?"""
    proof = schedule.proof
    if proof.quality == "safe_state":
        return True
    contradicts = any(a.infeasible for a in proof.attempts if a.rung in ("optimal", "convex_recovery"))
    return proof.quality in ("relaxed", *_BELOW) and contradicts


@dataclass(frozen=True)
class _Scheduler:
    """The ladder for one plan: its deadline holds for all that is solved on the way, in one worker."""

    limits: Limits
    worker: Worker | None
    until: float | None
    last_good: EarlierPlan | None

    def climb(self, problem: Problem) -> Climbed:
        left_s = None if self.until is None else max(self.until - time.monotonic(), 0.0)
        own: dict[str, Any] = {"clock_s": left_s} if self.worker is None else {"deadline_s": left_s}
        return climb(problem, self.limits, last_good=self.last_good, worker=self.worker, **own)

    def why(self, problem: Problem, schedule: Schedule, progress: Callable[[str], None]) -> Reason | None:
        """Where no plan keeps every limit, why; with a deadline in the worker, and None if that takes too long."""
        if not _unsolvable(schedule):
            return None
        progress("asking why there is no plan")
        left_s = np.inf if self.until is None else _ASKING * (self.until - time.monotonic())
        if left_s <= 0:
            return None
        if self.worker is None:
            return reason(problem)
        what = problem.site, problem.inputs, problem.mode, problem.weights
        found = self.worker.call(reason_of, *what, seconds=left_s).result
        return found if isinstance(found, Reason) else None

    def again(self, problem: Problem) -> Schedule:
        """A schedule for changed data that a solver has made.

        Raises:
            SolveError: none before the deadline.
        """
        if self.until is not None and time.monotonic() >= self.until:
            raise SolveError("the deadline is reached")
        climbed = self.climb(problem)
        if climbed.schedule.proof.quality in _BELOW:
            raise SolveError(climbed.schedule.proof.reason)
        return climbed.schedule

    def rough(self, problem: Problem) -> Schedule:
        """A schedule for changed data of which only few nodes are searched.

        Raises:
            SolveError: none before the deadline.
        """
        return replace(self, limits=replace(self.limits, nodes=_ROUGH_NODES)).again(problem)


@contextmanager
def _scheduler(site: Site, limits: Limits, background: Background) -> Iterator[_Scheduler]:
    deadline_s, clock_s = site.planning.deadline_s, background.clock_s
    if deadline_s is None:
        until = None if clock_s is None else time.monotonic() + clock_s
        yield _Scheduler(limits, None, until, background.last_good)
        return
    with Worker() as worker:
        yield _Scheduler(limits, worker, time.monotonic() + deadline_s, background.last_good)
