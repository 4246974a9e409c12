"""One plan, from what is known to a schedule that is proved: pure, without files or network access.

No clock either, unless the site asks for a deadline: then the schedule is there in time, whatever solvers do.

forecast → inputs → problem → schedule → AC check with limits coming back → audit → comparison → certificate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dispatch.asset import Mode
from dispatch.audit import Audit, audit
from dispatch.certificate import certificate
from dispatch.comparison import Outcome, compare
from dispatch.errors import SolveError
from dispatch.grid_check import GridProof, prove, slots
from dispatch.highs import Limits
from dispatch.ladder import Climbed, climb
from dispatch.outlook import Outlook, known_inputs, look_ahead
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.worker import Worker

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from grid_models.network import Network


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
        network: the model that it is proved on, None without one.
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
    network: Network | None = field(default=None, repr=False, compare=False)


def plan(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    *,
    network: Network | None = None,
    actual: Mapping[str, Array] | None = None,
    weather_site: str | None = None,
    hashes: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Plan ``horizon`` with what ``archive`` knew at ``issue_time``.

    Args:
        network: prove the plan on this model, and mend it until it holds.
        actual: what really came, for the comparison alone; used where it is known for every step of every need.
        weather_site: name of the weather in the archive.
        hashes: SHA-256 of the inputs, for the certificate.
        notes: what a reader should know about the data.

    Raises:
        DataError: something the plan needs cannot be forecast.
        SolveError: no rung of the ladder gives a schedule that passes the audit.
    """
    outlook = look_ahead(site, horizon, archive, issue_time, weather_site=weather_site, progress=progress)
    progress(f"scheduling {horizon.steps} steps in {outlook.inputs.scenarios} scenarios")
    places = slots(site) if network is not None else 0
    problem = Problem(site, outlook.inputs, Mode(site.planning.commitment), network_slots=places)
    problem.update(weights=outlook.weights)
    came = dict(actual or {})
    known = all(np.isfinite(came.get(name, np.nan)).all() for name in outlook.needs) if came else False
    hindsight = known_inputs(site, horizon, outlook.needs, came) if known else None
    grid = None
    with _scheduler(site, Limits(gap=site.planning.gap)) as scheduler:
        schedule = scheduler.climb(problem).schedule
        if network is not None:
            progress("checking the network")
            schedule, grid = prove(site, problem, schedule, network, progress, again=scheduler.again)
        progress("comparing with the rules of the park and with perfect foresight")
        outcomes = compare(site, schedule, hindsight, again=scheduler.again)
    proved = audit(schedule)
    return Plan(
        *(site, horizon, issue_time, outlook, schedule, proved, grid, outcomes),
        actual=came if known else {},
        certificate=certificate(site, issue_time, outlook, schedule, proved, grid, hashes or {}),
        notes=notes,
        problem=problem,
        network=network,
    )


@dataclass(frozen=True)
class _Scheduler:
    """The ladder for one plan: its deadline holds for all that is solved on the way, in one worker."""

    limits: Limits
    worker: Worker | None
    until: float | None

    def climb(self, problem: Problem) -> Climbed:
        left_s = None if self.until is None else max(self.until - time.monotonic(), 0.0)
        return climb(problem, self.limits, deadline_s=left_s, worker=self.worker)

    def again(self, problem: Problem) -> Schedule:
        """A schedule for changed data that a solver has made.

        Raises:
            SolveError: none before the deadline.
        """
        if self.until is not None and time.monotonic() >= self.until:
            raise SolveError("the deadline is reached")
        climbed = self.climb(problem)
        if climbed.schedule.proof.quality in ("last_good", "rule_based", "safe_state"):
            raise SolveError(climbed.schedule.proof.reason)
        return climbed.schedule


@contextmanager
def _scheduler(site: Site, limits: Limits) -> Iterator[_Scheduler]:
    deadline_s = site.planning.deadline_s
    if deadline_s is None:
        yield _Scheduler(limits, None, None)
        return
    with Worker() as worker:
        yield _Scheduler(limits, worker, time.monotonic() + deadline_s)
