"""The overview: sites with their latest plans, what was made for them all, jobs, and how the store is."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from dispatch.service.pages import jobs as job_pages
from dispatch.service.pages.facts import Frame, Lamp, Link, Rows, Word, age, size, span
from dispatch.service.pages.rendering import page, style, style_name
from dispatch.service.pages.routing import PageRoute
from dispatch.service.pages.session import Viewer
from dispatch.service.store import Tx, audit, jobs

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_JOBS = 15
_WAITING = timedelta(seconds=60)  # longer than this without a worker at work: nobody takes jobs


@router.get(style_name())
def style_sheet() -> Response:
    """The pages' style, under an address that is its content's."""
    return Response(style(), media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/")
def overview(call: Viewer, after: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Everything at a glance."""
    with call.store.read(call.tenant, call.actor) as tx:
        frame = Frame(call.tenant, "Overview", tx.now, "/")
        running = jobs.find(tx, states=("running",), limit=100)
        given = {
            "lamps": [*_job_lamps(tx, running), *_audit_lamp(tx)],
            "jobs": job_pages.table(job_pages.lines(tx, jobs.find(tx, limit=_JOBS)), Link("All jobs", "/jobs")),
            "workers": _workers(tx, running),
            "sites": Rows((), (), f"No sites yet{after and ' after this one'}."),
            "results": (),
        }
    return page("overview.html.j2", frame=frame, **given)


def _job_lamps(tx: Tx, running: list[jobs.Job]) -> list[Lamp]:
    waiting = jobs.find(tx, states=("queued",), limit=1000)
    failed = [
        job for job in jobs.find(tx, states=("failed",), limit=1000) if tx.now - job.created_at < timedelta(days=1)
    ]
    longest = max((tx.now - job.created_at for job in waiting), default=timedelta(0))
    stuck = longest > _WAITING and not running
    queue = Word(f"{size(len(waiting))} waiting", "bad" if stuck else "ok")
    note = "no worker takes them" if stuck else f"the first for {span(longest)}" if waiting else ""
    return [
        Lamp(
            "Workers", Word(f"{len({job.runner for job in running})} at work", "ok"), f"{len(running)} jobs under way"
        ),
        Lamp("Jobs", queue, note),
        Lamp("Failed in a day", Word(size(len(failed)), "bad" if failed else "ok")),
    ]


def _audit_lamp(tx: Tx) -> list[Lamp]:
    found = audit.listed(tx, limit=1, newest_first=True)
    return [Lamp("Last audit entry", Word(age(each.at, tx.now)), f"{each.action} {each.subject}") for each in found]


def _workers(tx: Tx, running: list[jobs.Job]) -> Rows:
    rows = [
        (job.runner, Link(job.id, f"/jobs/{job.id}"), job.kind.replace("_", " "), age(job.claimed_at, tx.now),
         Word(age(job.lease_until, tx.now), "ok" if job.lease_until and job.lease_until > tx.now else "bad"))
        for job in running
    ]  # fmt: skip
    return Rows(("Worker", "Job", "What", "Taken", "Held until"), rows, "No worker is at work for this tenant.")
