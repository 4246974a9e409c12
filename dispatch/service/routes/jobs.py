"""Jobs: where they stand, what came of them, what happens to them as it happens; and ending one."""

from __future__ import annotations

import io
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from starlette.responses import Response, StreamingResponse

from dispatch.service.errors import ConflictError, ForbiddenError
from dispatch.service.http import etag, sse
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.listening import listening
from dispatch.service.http.negotiation import ARROW, CSV, JSON, choose
from dispatch.service.http.problem import problems
from dispatch.service.schemas.jobs import JOB_ID, KIND, JobShown, State, formats
from dispatch.service.store import Tx, events, files, jobs
from dispatch.service.store.jobs import Job

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(tags=["jobs"])
JobId = Annotated[str, InPath(pattern=JOB_ID, description="A job's id")]
# Which scope it takes depends on what the job is about: a bid's job is seen by who may read markets.
Anyone = Annotated[Call, Depends(allowed())]
_SUBJECT = r"^[^\x00-\x1f\x7f]{1,200}$"
_ANYTHING: dict[str, Any] = {"schema": {"type": "object"}}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_RESULT: dict[int | str, dict[str, Any]] = {
    200: {"description": "What came of it", "content": {JSON: _ANYTHING, ARROW: _BYTES, CSV: _TEXT}}
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events: id, event, data as JSON", "content": {sse.MEDIA_TYPE: sse.SCHEMA}},
    204: {"description": "The job has ended, and Last-Event-ID is its last event"},
}


@router.get("/jobs", name="list", summary="List jobs", response_model=Page[JobShown])
def list_jobs(
    call: Anyone,
    page: Annotated[Paging, Depends(paging)],
    state: Annotated[State | None, Query(description="Only jobs in this state")] = None,
    kind: Annotated[str | None, Query(pattern=KIND, description="Only jobs of this kind")] = None,
    subject: Annotated[str | None, Query(pattern=_SUBJECT, description="Only jobs about this")] = None,
) -> Response:
    """Jobs that the key may see, newest first."""

    def work(tx: Tx) -> Page[JobShown]:
        found = jobs.find(
            tx, states=(state,) if state else (), scopes=_scopes(call, "read"), kind=kind or "",
            subject=subject or "", before=page.after(call) or "", limit=page.limit + 1,
        )  # fmt: skip
        return page.page(call, found, JobShown.of, lambda job: job.id)

    return call.read(work)


@router.get("/jobs/{job_id}", name="get", summary="Look at a job", response_model=JobShown, responses=problems(404))
def get_job(job_id: JobId, call: Anyone) -> Response:
    """Where it stands; once done what came of it, once failed why."""
    return call.read(lambda tx: JobShown.of(_seen(tx, call, job_id, "read")))


@router.get(
    "/jobs/{job_id}/result", name="result", summary="Get a job's result", responses=_RESULT | problems(404, 409)
)
def get_result(job_id: JobId, call: Anyone) -> Response:
    """The whole result, in the format that the client accepts of those that it comes in."""
    return call.read(lambda tx: _answered(tx, call, _seen(tx, call, job_id, "read")))


@router.post(
    "/jobs/{job_id}:cancel",
    name="cancel",
    summary="Cancel a job",
    response_model=JobShown,
    responses=problems(404, 409),
)
def cancel_job(job_id: JobId, call: Anyone) -> Response:
    """Ends it now. What it has computed is thrown away; what it would have changed stays as it is."""

    def work(tx: Tx) -> Reply:
        _seen(tx, call, job_id, "write")
        job = jobs.cancel(tx, job_id)
        if job.state != "cancelled":
            raise ConflictError(f"The job has ended: it is {job.state}.")
        return Reply(200, JobShown.of(job))

    return call.once(work)


@router.get(
    "/jobs/{job_id}/events",
    name="events",
    summary="Follow a job",
    responses=_EVENTS | problems(404),
    response_class=StreamingResponse,
)
def follow_job(job_id: JobId, call: Anyone) -> Response:
    """What happens to it, as it happens, from its first event or the one after Last-Event-ID; ends with the job.

    Who has the last event of a job that has ended gets 204, which tells a browser not to connect again.
    """

    def look(tx: Tx, after: int) -> sse.Look:
        job = _seen(tx, call, job_id, "read")
        found = events.after(tx.connection, {(tx.tenant, job_id): after})
        is_whole = job.has_ended and job.events == (found[-1].number if found else after)
        told = [sse.Event(each.number, each.kind, {"at": each.at, **each.data}) for each in found]
        return sse.Look(told, ended=is_whole)

    def wait(after: int) -> Awaitable[bool]:
        return listening(call.request).wait(call.tenant, job_id, after)

    with call.store.read(call.tenant, call.actor) as tx:
        job = _seen(tx, call, job_id, "read")
    if job.has_ended and sse.last_event_id(call.request) >= job.events:
        return Response(None, 204)
    return sse.stream(call, look, wait=wait)


def _scopes(call: Call, verb: str) -> list[str]:
    """What the key may read or write."""
    found = (scope.partition(":") for scope in call.scopes)
    return [what for what, _, may in found if may == verb]


def _seen(tx: Tx, call: Call, job_id: str, verb: str) -> Job:
    """The job, where the key may read or write what it is about.

    Raises:
        ForbiddenError: it may not.
    """
    job = jobs.get(tx, job_id)
    if job.scope not in _scopes(call, verb):
        raise ForbiddenError(f"The key lacks {job.scope}:{verb}; it has {', '.join(sorted(call.scopes))}.")
    return job


def _answered(tx: Tx, call: Call, job: Job) -> Reply | Response:
    """The result in the format that the client accepts.

    Raises:
        ConflictError: there is none.
    """
    if job.result is None:
        told = f": {job.problem['detail']}" if job.problem else ""
        raise ConflictError(f"There is no result: the job is {job.state}{told}.")
    named = job.result.get("files") or {}
    kind = choose(call.request.headers.get("accept"), formats(job.result))
    if kind in named:
        return _file(tx, call, named[kind], kind)
    if kind == CSV:
        return Reply(200, _table(files.read(tx, named[ARROW])))
    return Reply(200, {name: value for name, value in job.result.items() if name != "files"})


def _file(tx: Tx, call: Call, file_id: str, kind: str) -> Response:
    """A file that is kept, unless the client has it."""
    known = files.get(tx, file_id)
    current = etag.tag(file_id if known is None else known.sha256[:32])
    headers = {"ETag": current, "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if etag.unchanged(call.request, current):
        return Response(None, 304, headers)
    return Response(files.read(tx, file_id), 200, headers, kind)


def _table(data: bytes) -> pa.Table:
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(io.BytesIO(data)) as reader:
        return reader.read_all()
