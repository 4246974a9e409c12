"""Reports on events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Paged, Reader, Reporter
from dispatch.service.openadr.shapes import ObjectKind, Report, ReportRequest
from dispatch.service.store import openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["reports"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "REPORT"


@routes.get("/reports", response_model=list[Report], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    event_id: Annotated[str | None, Query(alias="eventID", max_length=128)] = None,
    program_id: Annotated[str | None, Query(alias="programID", max_length=128)] = None,
    client_name: Annotated[str | None, Query(alias="clientName", max_length=128)] = None,
) -> Response:
    """Reports that the client sees."""
    return objects.found(call, _KIND, page, (), lambda tx: _found(tx, event_id, program_id, client_name))


@routes.post("/reports", status_code=201, response_model=Report, responses=problems(400, 401, 403, 409))
def add(body: ReportRequest, call: Reporter) -> Response:
    """A new report; what it has measured becomes measurements of the VEN's site."""
    return objects.add(call, _KIND, body)


@routes.get("/reports/{object_id}", response_model=Report, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One report."""
    return objects.one(call, _KIND, object_id)


@routes.put("/reports/{object_id}", response_model=Report, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: ReportRequest, call: Reporter) -> Response:
    """Another state in the place of the report's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/reports/{object_id}", response_model=Report, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Reporter) -> Response:
    """Delete a report; measurements that it brought stay."""
    return objects.remove(call, _KIND, object_id)


def _found(tx: Tx, event_id: str | None, program_id: str | None, client_name: str | None) -> list[Kept]:
    every = openadr.found(tx, _KIND, parent=event_id, name=client_name)
    if program_id is None:
        return every
    events = {event.id for event in openadr.found(tx, "EVENT", parent=program_id)}
    return [one for one in every if one.parent in events]
