"""Pages of jobs: the list, and one with all that happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.pages.facts import (
    Facts,
    Frame,
    JobLine,
    Link,
    Rows,
    Word,
    age,
    clock,
    reason,
    span,
    state,
)
from dispatch.service.pages.rendering import page
from dispatch.service.pages.routing import PageRoute
from dispatch.service.pages.session import Viewer, read_scopes, require
from dispatch.service.store import Tx, events
from dispatch.service.store import jobs as stored

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_AT_ONCE = 100
_COLUMNS = ("Job", "About", "State", "Progress", "Asked", "Result")
_SAID = ("reason", "by", "attempt", "pause_s")
_LONGEST = 300


@router.get("/jobs")
def job_list(
    call: Viewer, before: Annotated[str, Query(max_length=40)] = "", only: Annotated[str, Query(max_length=12)] = ""
) -> Response:
    """The tenant's jobs, newest first."""
    require(call, "plans:read")
    wanted = tuple(each for each in stored.STATES if each == only)
    with call.store.read(call.tenant, call.actor) as tx:
        found = stored.find(tx, states=wanted, scopes=read_scopes(call), before=before, limit=_AT_ONCE + 1)
        shown = lines(tx, found[:_AT_ONCE])
    older = f"/jobs?before={found[_AT_ONCE - 1].id}&only={only}" if len(found) > _AT_ONCE else None
    frame = Frame(call.tenant, "Jobs", tx.now, "/jobs")
    rows = table(shown, Link("Older ones", older) if older else None)
    return page("list.html.j2", frame=frame, lamps=(), rows=rows)


@router.get("/jobs/{job}")
def one_job(call: Viewer, job: Annotated[str, Path(max_length=40)]) -> Response:
    """A job and its events."""
    require(call, "plans:read")
    with call.store.read(call.tenant, call.actor) as tx:
        found = stored.get(tx, job)
        require(call, f"{found.scope}:read")
        happened = events.after(tx.connection, {(tx.tenant, found.id): 0})
    frame = Frame(call.tenant, f"{found.kind} {found.subject}".strip(), tx.now, trail=(Link("Jobs", "/jobs"),))
    rows = [(clock(each.at), each.kind, _said(each.data)) for each in happened]
    table = Rows(("When", "What", "More"), rows, "Nothing has happened yet.")
    return page("job.html.j2", frame=frame, facts=_facts(found, tx.now), reason=reason(found.problem), events=table)


def lines(tx: Tx, found: list[stored.Job]) -> list[JobLine]:
    """Jobs as lines; of those that run the last thing that they said."""
    said = _progress(tx, found)
    return [
        JobLine(
            Link(each.kind.replace("_", " "), f"/jobs/{each.id}"), each.subject, state(each.state),
            said.get(each.id, ""), age(each.created_at, tx.now), reason(each.problem), report_of(each),
        )
        for each in found
    ]  # fmt: skip


def table(found: list[JobLine], more: Link | None = None) -> Rows:
    """A table of jobs."""
    rows: list[tuple[str | Word | Link, ...]] = []
    for each in found:
        result = Link("Report", each.report) if each.report else each.reason
        rows.append((each.link, each.subject, each.state, each.progress, each.since, result))
    return Rows(_COLUMNS, rows, "No jobs yet.", more)


def report_of(job: stored.Job) -> str | None:
    """Where the report of a job's result is; None without one."""
    kept: dict[str, str] = (job.result or {}).get("files", {})
    found = next((file for media, file in kept.items() if media.startswith("text/html")), None)
    return f"/reports/{found}" if found else None


def _progress(tx: Tx, found: list[stored.Job]) -> dict[str, str]:
    running = {(tx.tenant, each.id): each.events - 1 for each in found if each.state == "running"}
    return {each.job: _said(each.data) for each in events.after(tx.connection, running, 1)}


def _said(data: dict[str, Any]) -> str:
    """What an event says, in words; results have pages of their own."""
    told = [str(data["text"])] if "text" in data else []
    told += [f"{name.replace('_', ' ')} {data[name]}" for name in _SAID if name in data]
    told += [reason(data["problem"])] if isinstance(data.get("problem"), dict) else []
    return ", ".join(told)[:_LONGEST]


def _facts(job: stored.Job, now: datetime) -> Facts:
    report = report_of(job)
    taken = "" if job.running_s is None else f"{job.running_s:.1f} s"
    waited = "" if job.queued_s is None else f"{job.queued_s:.1f} s"
    deadline = "" if job.deadline_s is None else f"{job.deadline_s:g} s"
    rows: list[tuple[str, str | Word | Link]] = [
        ("Id", job.id), ("State", state(job.state)), ("Asked", f"{clock(job.created_at)}, {age(job.created_at, now)}"),
        ("By", job.actor), ("Waited", waited), ("Took", taken), ("Attempt", str(job.attempt)), ("Deadline", deadline),
        ("Worker", job.runner),
    ]  # fmt: skip
    if job.lease_until is not None:
        rows.append(("Held for", span(max(job.lease_until - now, now - now))))
    if report:
        rows.append(("Result", Link("Report", report)))
    return Facts([(name, said) for name, said in rows if said])
