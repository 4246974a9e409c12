"""The job that finds what a fleet's sites can do beside their plans, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dispatch.fleet.flexing import devices_table, envelope_table, flexibility_of, offers_table, page, unpriced
from dispatch.service.store import fleet_results
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import fleet_day
from dispatch.service.work.fleet_day import DEADLINE_S, FleetDay, Progress
from dispatch.service.work.fleet_forecast import summary

__all__ = ["DEADLINE_S", "commit", "floor", "prepare", "run"]


@dataclass(frozen=True, eq=False)
class Asked:
    """Sites of a day, and how finely their costs are wanted."""

    day: FleetDay
    blocks: int
    dearest_per_kwh: float | None


def prepare(tx: Tx, job: Job) -> Asked:
    """The sites, with their measurements or an earlier forecast."""
    asked = job.request
    return Asked(fleet_day.prepare(tx, asked), asked["blocks"], asked["dearest_per_kwh"])


def run(asked: Asked, progress: Progress) -> Content:
    """Bands, plans and blocks of all sites."""
    members = asked.day.members(progress)
    some, horizon = fleet_day.usable(members), asked.day.horizon
    count = iter(range(1, len(some) + 1))
    found = flexibility_of(
        [(member.site, member.inputs(horizon)) for member in some],
        blocks=asked.blocks,
        dearest_per_kwh=asked.dearest_per_kwh,
        progress=lambda _: progress(f"flexibility of {next(count)} of {len(some)} sites"),
    )
    band = found.rows.together()
    up, down = band.beside(found.plan_kw)
    offers = found.offers
    rows = [
        {
            "start": start.isoformat(),
            "plan_kw": float(found.plan_kw[step]),
            "least_kw": float(band.least_kw[0, step]),
            "most_kw": float(band.most_kw[0, step]),
            "least_kwh": float(band.least_kwh[0, step]),
            "most_kwh": float(band.most_kwh[0, step]),
            "up_offered_kw": 0.0 if offers is None else float(offers.most_kw("up")[step]),
            "down_offered_kw": 0.0 if offers is None else float(offers.most_kw("down")[step]),
        }
        for step, start in enumerate(horizon.local_start)
    ]
    told = {
        **summary(asked.day, members),
        "currency": found.currency,
        "most_up_kw": float(up.max()),
        "most_down_kw": float(down.max()),
        "tight": bool(band.tight.all()),
        "notes": list(unpriced(found)),
        "envelope": rows,
    }
    tables = {"envelope": envelope_table(found), **asked.day.tables(members)}
    tables["devices"] = devices_table(found)
    if offers is not None:
        tables["blocks"] = offers_table(found)
    return Content(told, tables, {"page": page(found)})


def floor(asked: Asked, reason: str) -> None:
    """There is none without solving."""
    del asked, reason


def commit(tx: Tx, job: Job, outcome: Content) -> dict[str, Any]:
    """Keep tables and page."""
    made = str(job.request["result"])
    files = fleet_results.write(tx, made, outcome)
    shown = {fleet_results.ARROW: files["envelope"], fleet_results.HTML: files["page"]}
    return {"href": f"/api/v1/flexibility/{made}", "files": shown}
