"""A job that plans a site which its own request describes, on numbers that the request gives: no file, no forecast.

The request holds ``site`` (as in a park's file), ``start``, ``step_s`` and ``steps``, ``series`` (asset, quantity and a
value for every step) and ``schedules``: which asset's power is whose schedule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.service.store import files

if TYPE_CHECKING:
    from dispatch.ladder.climb import Climbed
    from dispatch.problem import Problem
    from dispatch.schedule import Schedule
    from dispatch.service.store.jobs import Job
    from dispatch.service.store.transaction import Tx
    from dispatch.solver.highs import Answer, Limits, Matrices

_SHORT_KWH = 1e-3


@dataclass(frozen=True)
class Asked:
    """What is planned: the job's own request."""

    request: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A plan in numbers.

    Attributes:
        quality: the rung of the ladder.
        money: of the whole, in the site's currency.
        gap: between the plan and the bound on what is possible.
        reason: why no better rung was reached.
        relaxed: limits that were passed, and by how much.
        unmet: what the plan leaves undone, in words.
        consumption_kw: by number of the sensor: what it takes in each step, negative where it gives.
        content_kwh: by number of the sensor of a content: at the end of each step.
    """

    quality: str
    money: float
    gap: float
    reason: str
    relaxed: tuple[str, ...]
    unmet: tuple[str, ...]
    consumption_kw: Mapping[int, list[float]]
    content_kwh: Mapping[int, list[float]]


def warm() -> None:
    """Load what planning needs."""
    import dispatch.ladder.climb
    import dispatch.problem
    import dispatch.site  # noqa: F401 - for what they load


def prepare(tx: Tx, job: Job) -> Asked:
    """The request says everything."""
    del tx
    return Asked(job.request)


def check(given: Asked, outcome: Outcome) -> str | None:
    """Whether there is a finite number for every step of every schedule."""
    for values in (*outcome.consumption_kw.values(), *outcome.content_kwh.values()):
        if len(values) != given.request["steps"] or not np.isfinite(values).all():
            return f"{len(values)} values for {given.request['steps']} steps, or one that is no number"
    wanted = {one["sensor"] for one in given.request["schedules"]}
    return None if wanted == set(outcome.consumption_kw) else "a schedule is missing"


def commit(tx: Tx, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Keep the schedules as a file; the job's result says how good the plan is and where they are."""
    document = {**asdict(outcome), "start": job.request["start"], "step_s": job.request["step_s"]}
    kept = files.put(tx, json.dumps(document, allow_nan=False).encode(), "application/json", f"{job.id}.json")
    tx.audit("given.plan", job.id, {"quality": outcome.quality, "file": kept.sha256})
    told = {"quality": outcome.quality, "gap": outcome.gap, "reason": outcome.reason}
    return {**told, "money": outcome.money, "unmet": list(outcome.unmet), "files": {kept.media_type: kept.id}}


def run(given: Asked, progress: Callable[[str], None] = lambda _: None) -> Outcome:
    """The best plan that passes the audit."""
    from dispatch.ladder.climb import climb

    progress("building the problem")
    problem = _problem(given.request)
    progress(f"scheduling {problem.horizon.steps} steps")
    return _outcome(given.request, climb(problem, deadline_s=problem.site.planning.deadline_s))


def floor(given: Asked, reason: str) -> Outcome:
    """The plan that the site's rules make, without a solver."""
    from dispatch.ladder.climb import climb

    def fails(_matrices: Matrices, _limits: Limits, **_more: Any) -> Answer:
        raise SolveError(reason)

    return _outcome(given.request, climb(_problem(given.request), run=fails))


def _problem(request: Mapping[str, Any]) -> Problem:
    from dispatch.asset import Inputs
    from dispatch.problem import Problem
    from dispatch.signals import Horizon
    from dispatch.site import Site

    site = Site.model_validate(request["site"])
    first = round(datetime.fromisoformat(request["start"]).timestamp())
    seconds = first + np.arange(request["steps"] + 1, dtype=np.int64) * request["step_s"]
    horizon = Horizon(seconds.astype("datetime64[s]"), site.time_zone)
    given = {(one["asset"], one["quantity"]): np.array([one["values"]], float) for one in request["series"]}
    return Problem(site, Inputs(horizon, 1, site.known_series(horizon) | given))


def _outcome(request: Mapping[str, Any], climbed: Climbed) -> Outcome:
    schedule, proof = climbed.schedule, climbed.schedule.proof
    consumption, content = {}, {}
    for one in request["schedules"]:
        power = schedule.asset(one["asset"], "charge_kw") - schedule.asset(one["asset"], "discharge_kw")
        consumption[one["sensor"]] = _plain(power)
        if one["content_sensor"] is not None:
            content[one["content_sensor"]] = _plain(_content_kwh(schedule, one))
    return Outcome(
        quality=proof.quality,
        money=float(schedule.weights @ schedule.money),
        gap=max(float(proof.gap), 0.0) if np.isfinite(proof.gap) else 1.0,
        reason=proof.reason,
        relaxed=proof.relaxed,
        unmet=tuple(_unmet(request, schedule)),
        consumption_kw=consumption,
        content_kwh=content,
    )


def _plain(values: np.ndarray) -> list[float]:
    """Numbers without a negative zero."""
    return [float(v) + 0.0 for v in np.round(values, 9)]


def _content_kwh(schedule: Schedule, one: Mapping[str, Any]) -> np.ndarray:
    if "stored_kwh" in schedule.find(one["asset"]).series:
        return schedule.asset(one["asset"], "stored_kwh")
    return np.asarray(one["start_kwh"] + np.cumsum(schedule.asset(one["asset"], "added_kwh")))


def _unmet(request: Mapping[str, Any], schedule: Schedule) -> list[str]:
    """What was wanted and is not in the plan."""
    hours, found = schedule.inputs.horizon.hours, []
    for one in request["schedules"]:
        series = schedule.find(one["asset"]).series
        name = "unserved_kwh" if "unserved_kwh" in series else "short_kwh"
        lacking = float(schedule.asset(one["asset"], name).sum())
        if lacking > _SHORT_KWH:
            found.append(f"sensor {one['sensor']}: {lacking:g} kWh are missing to what was wanted of its content")
    for kind, name, what in (("load", "shed_kw", "of the inflexible consumption cannot be served"),
                             ("pv", "curtailed_kw", "of the inflexible production are curtailed")):  # fmt: skip
        if kind in schedule.kinds:
            lost = float((schedule.kinds[kind].series[name] @ hours).sum())
            if lost > _SHORT_KWH:
                found.append(f"{lost:g} kWh {what}")
    return found
