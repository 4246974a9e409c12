"""One plan, from what is known to a schedule that is proved: pure, without clock, files or network access.

forecast → inputs → problem → schedule → AC check with limits coming back → audit → comparison → certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dispatch.asset import Mode
from dispatch.audit import Audit, audit
from dispatch.certificate import certificate
from dispatch.comparison import Outcome, compare
from dispatch.errors import SolveError
from dispatch.explain import told_why
from dispatch.grid_check import SLOTS, GridProof, prove
from dispatch.outlook import Outlook, known_inputs, look_ahead
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import rule_based, solve

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
        SolveError: not even the park's rules give a schedule that passes the audit.
    """
    outlook = look_ahead(site, horizon, archive, issue_time, weather_site=weather_site, progress=progress)
    progress(f"scheduling {horizon.steps} steps in {outlook.inputs.scenarios} scenarios")
    problem = Problem(site, outlook.inputs, Mode("exact"), network_slots=SLOTS if network is not None else 0)
    problem.update(weights=outlook.weights)
    schedule, proved = _solved(problem)
    grid = None
    if network is not None:
        progress("checking the network")
        schedule, grid = prove(site, problem, schedule, network, progress)
        proved = audit(schedule)
    progress("comparing with the rules of the park and with perfect foresight")
    came = dict(actual or {})
    complete = bool(came) and all(np.isfinite(came.get(name, np.nan)).all() for name in outlook.needs)
    return Plan(
        site=site,
        horizon=horizon,
        issue_time=issue_time,
        outlook=outlook,
        schedule=schedule,
        audit=proved,
        grid=grid,
        outcomes=compare(site, schedule, known_inputs(site, horizon, outlook.needs, came) if complete else None),
        actual=came if complete else {},
        certificate=certificate(site, issue_time, outlook, schedule, proved, grid, hashes or {}),
        notes=notes,
        problem=problem,
    )


def _solved(problem: Problem) -> tuple[Schedule, Audit]:
    """The first rung of the ladder whose schedule passes the audit: optimised, else the park's own rules."""
    try:
        schedule = solve(problem)
        found = audit(schedule)
        if found.passed:
            return schedule, found
        reason = f"audit: {found.violations[0]}"
    except SolveError as error:
        reason = str(error)
    schedule = rule_based(problem)
    schedule = replace(schedule, proof=replace(schedule.proof, reason=reason))
    found = audit(schedule)
    if not found.passed:
        why = told_why(problem) if "nfeasible" in reason else ""
        raise SolveError(f"no plan: {reason}; the park's rules fail too: {found.violations[0]}{why and f'. {why}'}")
    return schedule, found
