"""The overview: sites with their latest plans, what was made for them all, jobs, and how the store is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.report import wording
from dispatch.service.errors import NotFoundError
from dispatch.service.http.call import Call
from dispatch.service.pages import gathered
from dispatch.service.pages import jobs as job_pages
from dispatch.service.pages.facts import (
    Facts,
    Frame,
    Lamp,
    Link,
    Rows,
    Word,
    age,
    fresh,
    size,
    span,
    state,
    worker_state,
)
from dispatch.service.pages.rendering import page, report, style, style_name
from dispatch.service.pages.routing import PageRoute
from dispatch.service.pages.session import Viewer, lacking, read_scopes, require
from dispatch.service.store import Tx, audit, files, jobs, schedules, sites, workers
from dispatch.service.store.workers import State
from dispatch.service.work import report as making

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_SITES, _JOBS, _RESULTS, _WORKERS = 100, 15, 8, 100
_WAITING = timedelta(seconds=60)  # longer than this beside an idle worker: nobody takes jobs
_SITE_COLUMNS = ("Site", "Plan", "Of", "Money", "CO₂", "Made", "Report", "Measured")
_FOR_ALL = {
    "fleet_plan": "Fleet plans", "flexibility": "Flexibility", "settlement": "Settlements",
}  # fmt: skip


@router.get(style_name())
def style_sheet() -> Response:
    """The pages' style, under an address that is its content's."""
    return Response(style(), media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/reports/{file}")
def one_report(call: Viewer, file: Annotated[str, Path(max_length=40)]) -> Response:
    """The report of a plan, a fleet plan or a settlement, as it was written."""
    require(call, "plans:read", "markets:read")
    with call.store.read(call.tenant, call.actor) as tx:
        found = files.get(tx, file)
        if found is None or found.media_type.partition(";")[0] != "text/html":
            raise NotFoundError(f"There is no report '{file}'.")
        require(call, "plans:read" if schedules.has_report(tx, file) else "markets:read")
        return report(files.read(tx, file))


@router.get("/plans/{schedule}/report")
def plan_report(call: Viewer, schedule: Annotated[str, Path(max_length=40)]) -> Response:
    """The report of a plan; the first who asks has it made, and the page comes back until it is there."""
    require(call, "plans:read")
    with call.store.read(call.tenant, call.actor) as tx:
        row = schedules.get(tx, schedule)
        if gathered.report_of(row) is None:
            raise NotFoundError(f"Schedule '{schedule}' has no report.")
        if row.report_file is not None:
            return report(files.read(tx, row.report_file))
    job = call.store.run(call.tenant, call.actor, lambda tx: making.asked(tx, schedule))
    frame = Frame(call.tenant, "Report", tx.now, trail=(Link(row.site, f"/sites/{row.site}"),))
    facts = Facts([("Being made by", Link(job.id, f"/jobs/{job.id}")), ("State", state(job.state))])
    made = page("making.html.j2", 202, frame=frame, facts=facts)
    made.headers["Refresh"] = "1"
    return made


@router.get("/")
def overview(call: Viewer, after: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Everything at a glance."""
    with call.store.read(call.tenant, call.actor) as tx:
        frame = Frame(call.tenant, "Overview", tx.now, "/")
        given: dict[str, Any] = {
            "lamps": _lamps(tx, call),
            "sites": _sites(tx, call, after),
            "results": _results(tx, call),
            "jobs": _latest_jobs(tx, call),
            "workers": _workers(tx, call),
        }
    return page("overview.html.j2", frame=frame, **given)


def _lamps(tx: Tx, call: Call) -> list[Lamp]:
    lamps = [] if lacking(call, "plans:read") else _job_lamps(tx)
    if not lacking(call, "measurements:read"):
        rows, waiting = gathered.stored_rows(tx)
        lamps.append(Lamp("Measurements", Word(f"{size(rows)} rows"), f"{size(waiting)} in the journal"))
    if not lacking(call, "audit:read"):
        found = audit.listed(tx, limit=1, newest_first=True)
        lamps += [
            Lamp("Last audit entry", Word(age(each.at, tx.now)), f"{each.action} {each.subject}") for each in found
        ]
    return lamps


def _job_lamps(tx: Tx) -> list[Lamp]:
    waiting = jobs.find(tx, states=("queued",), limit=1000)
    day = timedelta(days=1)
    failed = [job for job in jobs.find(tx, states=("failed",), limit=1000) if tx.now - job.created_at < day]
    longest = max([timedelta(0), *(tx.now - job.not_before for job in waiting)])
    found = workers.counted(tx.connection, tx.now)
    alive = workers.alive(found)
    why = "no worker lives" if not alive else "no worker takes them" if found["idle"] and longest > _WAITING else ""
    is_stuck = bool(waiting and why)
    queue = Word(f"{size(len(waiting))} waiting", "bad" if is_stuck else "ok")
    note = why if is_stuck else f"the first for {span(longest)}" if waiting else ""
    return [
        Lamp("Workers", Word(f"{size(alive)} alive", "ok" if alive else "bad"), _at_work(found)),
        Lamp("Jobs", queue, note),
        Lamp("Failed in a day", Word(size(len(failed)), "bad" if failed else "ok")),
    ]


def _sites(tx: Tx, call: Call, after: str) -> Rows:
    if said := lacking(call, "sites:read"):
        return Rows((), (), said)
    found = sites.listed(tx, after=after, limit=_SITES + 1)
    names = [each.site for each in found[:_SITES]]
    plans = {} if lacking(call, "plans:read") else gathered.latest_plans(tx, names)
    measured = {} if lacking(call, "measurements:read") else gathered.last_measured(tx, names)
    rows = [_site(tx, each.site, plans, measured) for each in found[:_SITES]]
    more = Link("More sites", f"/?after={names[-1]}") if len(found) > _SITES else None
    return Rows(_SITE_COLUMNS, rows, "No more sites." if after else "No sites yet.", more)


def _site(tx: Tx, name: str, plans: Mapping[str, Any], measured: Mapping[str, Any]) -> tuple[str | Word | Link, ...]:
    link, last = Link(name, f"/sites/{name}"), fresh(measured.get(name), tx.now)
    if name not in plans:
        return (link, Word("no plan"), *[wording.MISSING] * 4, "", last)
    plan = gathered.plan_line(plans[name], tx.now)
    return (link, plan.quality, plan.day, plan.money, plan.co2, plan.made, _report(plan.report), last)


def _report(href: str | None) -> str | Link:
    return Link("Report", href) if href else ""


def _results(tx: Tx, call: Call) -> list[tuple[str, Rows]]:
    """What was made for many sites at once; a kind that nobody asked for yet takes no room."""
    if lacking(call, "markets:read"):
        return []
    found = [(title, jobs.find(tx, states=("done",), kind=kind, limit=_RESULTS)) for kind, title in _FOR_ALL.items()]
    return [(title, job_pages.table(job_pages.lines(tx, each))) for title, each in found if each]


def _latest_jobs(tx: Tx, call: Call) -> Rows:
    if said := lacking(call, "plans:read"):
        return Rows((), (), said)
    return job_pages.table(
        job_pages.lines(tx, jobs.find(tx, scopes=read_scopes(call), limit=_JOBS)), Link("All jobs", "/jobs")
    )


def _at_work(found: Mapping[State, int]) -> str:
    told = [f"{size(found['busy'])} at work", f"{size(found['idle'])} idle"]
    return ", ".join(told + ([f"{size(found['gone'])} gone"] if found["gone"] else []))


def _workers(tx: Tx, call: Call) -> Rows:
    """All there are; what they do only where it is done for this tenant."""
    if said := lacking(call, "plans:read"):
        return Rows((), (), said)
    rows = [_worker(tx, one) for one in workers.listed(tx.connection, tx.now, _WORKERS)]
    return Rows(("Worker", "State", "Job", "What", "Taken", "Seen"), rows, "No worker lives.")


def _worker(tx: Tx, one: workers.Worker) -> tuple[str | Word | Link, ...]:
    job: tuple[str | Link, ...] = ("", "", "")
    if one.job is not None and one.kind is not None and one.tenant == tx.tenant:
        job = (Link(one.job, f"/jobs/{one.job}"), one.kind.replace("_", " "), age(one.taken, tx.now))
    return (one.name, worker_state(one.state), *job, age(one.seen, tx.now))
