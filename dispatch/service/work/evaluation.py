"""The job that says whether a fleet can follow a profile, which is the nearest, and who does what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fleet.flexing import disaggregated
from dispatch.fleet.flexing.results import sharing_table
from dispatch.service.store import fleet_results
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import fleet_day
from dispatch.service.work.fleet_day import DEADLINE_S, FleetDay, Progress

__all__ = ["DEADLINE_S", "commit", "floor", "prepare", "run"]
_ROUNDING_KWH = 1e-6  # sums of many sites


@dataclass(frozen=True, eq=False)
class Asked:
    """Sites of a day, and a profile."""

    day: FleetDay
    profile_kw: tuple[float, ...]
    cheapest: bool


def prepare(tx: Tx, job: Job) -> Asked:
    """The sites as the flexibility had them."""
    found = fleet_results.require(tx, "flexibility", job.request["flexibility"])
    return Asked(fleet_day.again(tx, found), tuple(job.request["profile_kw"]), bool(job.request["cheapest"]))


def run(asked: Asked, progress: Progress) -> Content:
    """Share the profile out."""
    horizon = asked.day.horizon
    if len(asked.profile_kw) != horizon.steps:
        raise DataError(f"profile_kw has {len(asked.profile_kw)} values; accepted: {horizon.steps}, one for each step")
    some = fleet_day.usable(asked.day.members(progress))
    progress(f"sharing the profile out among {len(some)} sites")
    known = [(member.site, member.inputs(horizon)) for member in some]
    made = disaggregated(known, np.array(asked.profile_kw), cheapest=asked.cheapest)
    nearest = made.net_kw.sum(axis=0)
    missed = [
        {
            "start": horizon.local_start[step].isoformat(),
            "asked_kw": float(made.asked_kw[step]),
            "nearest_kw": float(nearest[step]),
            "missed_kwh": float(made.missed_kwh[step]),
        }
        for step in (() if made.feasible else np.flatnonzero(made.missed_kwh > _ROUNDING_KWH))
    ]
    told = {
        "flexibility": "",
        "feasible": made.feasible,
        "how": made.how,
        "nearest_kw": nearest.tolist(),
        "missed_kwh": float(made.missed_kwh.sum()) if not made.feasible else 0.0,
        "missed": missed,
        "certificate": list(made.reasons),
    }
    return Content(told, {"shares": sharing_table(made, horizon)}, {}, "done" if made.feasible else "infeasible")


def floor(asked: Asked, reason: str) -> None:
    """Nothing is said of a profile that was not looked at."""
    del asked, reason


def commit(tx: Tx, job: Job, outcome: Content) -> dict[str, Any]:
    """Keep the shares."""
    made = str(job.request["result"])
    outcome.summary["flexibility"] = job.request["flexibility"]
    files = fleet_results.write(tx, made, outcome)
    return {
        "href": f"/api/v1/evaluations/{made}",
        "feasible": outcome.summary["feasible"],
        "files": {fleet_results.ARROW: files["shares"]},
    }
