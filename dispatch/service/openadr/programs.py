"""Programs: what events are about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Logic, Names, Paged, Reader, TargetsQuery, named
from dispatch.service.openadr.shapes import ObjectKind, Program, ProgramRequest
from dispatch.service.store import openadr

routes = APIRouter(tags=["programs"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "PROGRAM"


@routes.get("/programs", response_model=list[Program], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    targets: TargetsQuery = (),
    program_name: Annotated[str | None, Query(alias="programName", max_length=128)] = None,
    target_type: Annotated[str | None, Query(alias="targetType", max_length=128)] = None,
    target_values: Names = (),
) -> Response:
    """Programs that the client sees; also by name as OpenADR 3.0 asks for it (``targetType=PROGRAM_NAME``)."""
    return objects.found(
        call,
        _KIND,
        page,
        targets,
        lambda tx: openadr.walked(tx, _KIND, name=program_name or named(target_type, target_values, "PROGRAM_NAME")),
    )


@routes.post("/programs", status_code=201, response_model=Program, responses=problems(400, 401, 403, 409))
def add(body: ProgramRequest, call: Logic) -> Response:
    """A new program."""
    return objects.add(call, _KIND, body)


@routes.get("/programs/{object_id}", response_model=Program, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One program."""
    return objects.one(call, _KIND, object_id)


@routes.put("/programs/{object_id}", response_model=Program, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: ProgramRequest, call: Logic) -> Response:
    """Another state in the place of the program's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/programs/{object_id}", response_model=Program, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Logic) -> Response:
    """Delete a program, with its events."""
    return objects.remove(call, _KIND, object_id)
