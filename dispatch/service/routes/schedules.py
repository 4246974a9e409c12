"""Schedules of a site: asked for, looked at, followed, reported and compared with what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.http import etag
from dispatch.service.http.call import Call, Reply, allowed, body_bytes
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.intake import LargeRoute
from dispatch.service.http.problem import problems
from dispatch.service.routes import comparing, showing
from dispatch.service.routes.forecasts import Site, accepted
from dispatch.service.routes.shown import TABLE_RESPONSE
from dispatch.service.schemas.plan_parts import Accepted, SiteId
from dispatch.service.schemas.schedules import (
    Comparison,
    ScheduleAsked,
    ScheduleId,
    ScheduleListed,
    ScheduleShown,
)
from dispatch.service.schemas.setpoints import SetpointOfStep, SetpointSeries
from dispatch.service.store import Tx, files, forecasts, jobs, schedules
from dispatch.service.store.arrow import from_bytes
from dispatch.service.work import basis, report
from dispatch.service.work import schedule as planning

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(tags=["schedules"], route_class=LargeRoute)
Reader = Annotated[Call, Depends(allowed("plans:read"))]
Writer = Annotated[Call, Depends(allowed("plans:write"))]
Id = Annotated[ScheduleId, InPath(description="A schedule's id")]
Paged = Annotated[Paging, Depends(paging)]


@router.post(
    "/sites/{site}/schedules",
    name="create",
    summary="Ask for a schedule",
    status_code=202,
    response_model=Accepted,
    responses=problems(404, 422),
)
def create_schedule(site: Site, body: ScheduleAsked, call: Writer) -> Response:
    """Plan a site: at the deadline the best plan that needs no solver arrives, its quality named.

    The job fails only where no plan is possible: of a demand or a price nothing is known, or no limit can be kept.
    """

    def work(tx: Tx) -> Reply:
        given = body.model_dump(mode="json", exclude_none=True)
        what = basis.asked(tx, site, given, rolling=body.mode == "rolling")
        age = body.state_age_minutes or call.settings.state_age_minutes
        request = {**given, **basis.kept(what), "state_age_minutes": age}
        planning.require_sound(what, request)
        if body.mode != "perfect_foresight":
            basis.require_forecastable(request, what)
        if body.forecast is not None:
            forecasts.get(tx, body.forecast)
        values = {
            "site": site, "site_version": what.version, "mode": body.mode, "issued": what.issue,
            "start": what.horizon.start, "end": what.end, "steps": what.horizon.steps, "request": request,
        }  # fmt: skip
        id_ = schedules.create(tx, values)
        deadline_s = body.deadline_s or call.settings.plan_deadline_s
        job = jobs.submit(tx, "schedule", {"site": site, "mode": body.mode}, subject=id_, deadline_s=deadline_s)
        schedules.name_job(tx, id_, job.id)
        tx.audit("schedule.asked", id_, {"site": site, "request_sha256": basis.digest(request), "job": job.id})
        return accepted(showing.href(id_), id_, job.id)

    return call.once(work)


@router.post(
    "/schedules/{schedule}:publish",
    name="publish",
    summary="Let a dry run be followed",
    response_model=ScheduleShown,
    responses=problems(404, 409, 412),
)
def publish_schedule(schedule: Id, call: Writer) -> Response:
    """Its set-points hold from now on, before those of plans that were issued until now; awards stay above it.

    One that is published already stays as it is. With If-Match only if it is what the client has seen.
    """

    def work(tx: Tx) -> Reply:
        row = _made(tx, schedule)
        if row.published is None:
            call.match(_tag(row))
            _require_useful(tx, row)
            schedules.publish(tx, schedule)
            tx.audit("schedule.published", schedule, {"site": row.site, "setpoints_sha256": row.setpoints_sha256})
            row = schedules.get(tx, schedule)
        return Reply(200, showing.shown(row), etag=_tag(row))

    return call.once(work)


def _tag(row: Any) -> str:
    """As the answer to GET has it."""
    return etag.tag(body_bytes(showing.shown(row)))


def _require_useful(tx: Tx, row: Any) -> None:
    """Refuse to publish what nobody could follow.

    Raises:
        NotFoundError: its site is gone; ConflictError: its time is over, or was when it was made.
    """
    basis.park_of(tx, row.site)
    if row.mode == schedules.IN_HINDSIGHT:
        raise ConflictError(f"Schedule '{row.id}' was made in hindsight: it is a bound, and no plan to follow.")
    if row.end <= tx.now:
        raise ConflictError(f"Schedule '{row.id}' ended at {row.end.isoformat()}: it can be followed no more.")


@router.get("/schedules", name="list", summary="List schedules", response_model=Page[ScheduleListed])
def list_schedules(
    call: Reader, page: Paged, site: Annotated[SiteId | None, Query(description="Only those of this site")] = None
) -> Response:
    """The newest first, those that are still being made too."""
    return call.read(lambda tx: _page(tx, call, page, site))


@router.get(
    "/sites/{site}/schedules",
    name="list_of_site",
    summary="List a site's schedules",
    response_model=Page[ScheduleListed],
    responses=problems(404),
)
def list_schedules_of_site(site: Site, call: Reader, page: Paged) -> Response:
    """The newest first, those that are still being made too."""

    def work(tx: Tx) -> Page[ScheduleListed]:
        basis.park_of(tx, site)
        return _page(tx, call, page, site)

    return call.read(work)


def _page(tx: Tx, call: Call, page: Paging, site: str | None) -> Page[ScheduleListed]:
    found = schedules.listed(tx, site=site, before=page.after(call), limit=page.limit + 1)
    return page.page(call, found, showing.listed, lambda row: row.id)


@router.get(
    "/sites/{site}/schedules/latest",
    name="latest",
    summary="The latest schedule of a site",
    response_model=ScheduleShown,
    responses=problems(404),
)
def get_latest_schedule(site: Site, call: Reader) -> Response:
    """The newest that is there; whether it holds now, the set-points say."""

    def work(tx: Tx) -> ScheduleShown:
        basis.park_of(tx, site)
        row = schedules.latest(tx, site)
        if row is None:
            raise NotFoundError(f"Site '{site}' has no schedule yet.")
        return showing.shown(row)

    return call.read(work)


@router.get(
    "/schedules/{schedule}",
    name="get",
    summary="Look at a schedule",
    response_model=ScheduleShown,
    responses=problems(404),
)
def get_schedule(schedule: Id, call: Reader) -> Response:
    """Its quality, what proves it, what it costs and emits, and where its tables are."""
    return call.read(lambda tx: showing.shown(schedules.get(tx, schedule)))


@router.get(
    "/schedules/{schedule}/table",
    name="table",
    summary="A schedule as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_schedule_table(schedule: Id, call: Reader) -> Response:
    """A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow."""
    return call.read(lambda tx: _file(tx, schedule, "table_file"))


def _file(tx: Tx, id_: str, which: str) -> pa.Table:
    row = _made(tx, id_)
    return from_bytes(files.read(tx, getattr(row, which)))


def _made(tx: Tx, id_: str) -> Any:
    row = schedules.get(tx, id_)
    if row.made is None:
        raise ConflictError(f"Schedule '{id_}' is not there: its job is {row.job_state or 'failed'}.")
    return row


@router.get(
    "/schedules/{schedule}/setpoints",
    name="setpoints",
    summary="A schedule's set-points",
    response_model=SetpointSeries,
    responses=problems(404, 409),
)
def get_schedule_setpoints(schedule: Id, call: Reader) -> Response:
    """What each asset is told in each step, and until when that holds, as the schedule says; overrides are left out."""

    def work(tx: Tx) -> SetpointSeries:
        row = _made(tx, schedule)
        table = from_bytes(files.read(tx, row.setpoints_file))
        items = showing.steps(table, row, call.settings.plan_age_hours)
        return SetpointSeries(site=row.site, schedule=row.id, items=[SetpointOfStep(**each) for each in items])

    return call.read(work)


@router.get(
    "/schedules/{schedule}/report",
    name="report",
    summary="A schedule's report page",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page"},
        202: {"model": Accepted, "description": "It is being made; ask again when its job is done"},
        **problems(404, 409),
    },
)
def get_schedule_report(schedule: Id, call: Reader) -> Response:
    """The page of the plan, one HTML file that needs nothing else.

    It is made when it is first asked for: then the answer is 202, with the job that makes it.
    """
    with call.store.read(call.tenant, call.actor) as tx:
        row = _made(tx, schedule)
        showing.require_own(row)
        page = None if row.report_file is None else files.read(tx, row.report_file)
    if page is not None:
        return Response(page, 200, {"Cache-Control": "private, no-cache"}, "text/html; charset=utf-8")
    return call.once(lambda tx: _report_asked(tx, schedule))


def _report_asked(tx: Tx, id_: str) -> Reply:
    reply = accepted(f"{showing.href(id_)}/report", id_, report.asked(tx, id_).id)
    return Reply(202, reply.body, {**reply.headers, "Retry-After": "1"})


@router.get(
    "/schedules/{schedule}/comparison",
    name="compare",
    summary="A schedule against what was measured",
    response_model=Comparison,
    responses=problems(404, 409),
)
def compare_schedule(schedule: Id, call: Reader) -> Response:
    """By asset, what the plan expected or decided and what came, over the steps that are over and measured."""
    return call.read(lambda tx: comparing.compared(tx, _made(tx, schedule)))
