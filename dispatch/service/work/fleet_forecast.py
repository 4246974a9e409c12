"""The job that forecasts all sites of a fleet for a day: what plans, flexibility and awards of that day go on from."""

from __future__ import annotations

from typing import Any

from dispatch.service.store import fleet_results
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import fleet_day
from dispatch.service.work.fleet_day import DEADLINE_S, FleetDay, Progress

__all__ = ["DEADLINE_S", "commit", "floor", "prepare", "run"]


def prepare(tx: Tx, job: Job) -> FleetDay:
    """The sites and their measurements."""
    return fleet_day.prepare(tx, job.request)


def run(asked: FleetDay, progress: Progress) -> Content:
    """Forecast."""
    members = asked.members(progress)
    fleet_day.usable(members)
    return Content(summary(asked, members), asked.tables(members), {})


def summary(asked: FleetDay, members: Any) -> dict[str, Any]:
    """What all results of a day say of it."""
    return {
        "day": asked.when.day,
        "issued": asked.when.issue.isoformat(),
        "steps": asked.horizon.steps,
        "time_zone": asked.horizon.time_zone,
        "sites": len(members),
        "left_out": fleet_day.failures(members, asked.gone),
    }


def floor(asked: FleetDay, reason: str) -> None:
    """There is no forecast without forecasting."""
    del asked, reason


def commit(tx: Tx, job: Job, outcome: Content) -> dict[str, Any]:
    """Keep the series."""
    made = str(job.request["result"])
    files = fleet_results.write(tx, made, outcome)
    return {"href": f"/api/v1/fleet-forecasts/{made}", "files": {fleet_results.ARROW: files[fleet_day.INPUTS]}}
