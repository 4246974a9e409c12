"""Events of programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Logic, Paged, Reader, TargetsQuery
from dispatch.service.openadr.shapes import Event, EventRequest, ObjectKind
from dispatch.service.openadr.sight import under_way
from dispatch.service.store import openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["events"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "EVENT"


@routes.get("/events", response_model=list[Event], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    targets: TargetsQuery = (),
    program_id: Annotated[str | None, Query(alias="programID", max_length=128)] = None,
    active: bool = False,
) -> Response:
    """Events that the client sees; ``active``: those that are under way."""
    return objects.found(call, _KIND, page, targets, lambda tx: _found(tx, program_id, is_active=active))


@routes.post("/events", status_code=201, response_model=Event, responses=problems(400, 401, 403, 409))
def add(body: EventRequest, call: Logic) -> Response:
    """A new event."""
    return objects.add(call, _KIND, body)


@routes.get("/events/{object_id}", response_model=Event, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One event."""
    return objects.one(call, _KIND, object_id)


@routes.put("/events/{object_id}", response_model=Event, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: EventRequest, call: Logic) -> Response:
    """Another state in the place of the event's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/events/{object_id}", response_model=Event, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Logic) -> Response:
    """Delete an event, with its reports."""
    return objects.remove(call, _KIND, object_id)


def _found(tx: Tx, program_id: str | None, *, is_active: bool) -> Iterator[Kept]:
    every = openadr.walked(tx, _KIND, parent=program_id)
    return (one for one in every if under_way(one, tx.now)) if is_active else every
