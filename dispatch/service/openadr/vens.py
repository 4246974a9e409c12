"""VENs: programs at sites that are told of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Names, Paged, Reader, Reporter, TargetsQuery, named
from dispatch.service.openadr.shapes import ObjectKind, Ven, VenRequest
from dispatch.service.store import openadr

routes = APIRouter(tags=["vens"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "VEN"


@routes.get("/vens", response_model=list[Ven], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    targets: TargetsQuery = (),
    ven_name: Annotated[str | None, Query(alias="venName", max_length=128)] = None,
    target_type: Annotated[str | None, Query(alias="targetType", max_length=128)] = None,
    target_values: Names = (),
) -> Response:
    """VENs that the client sees; also by name as OpenADR 3.0 asks for it (``targetType=VEN_NAME``)."""
    return objects.found(
        call,
        _KIND,
        page,
        targets,
        lambda tx: openadr.walked(tx, _KIND, name=ven_name or named(target_type, target_values, "VEN_NAME")),
    )


@routes.post("/vens", status_code=201, response_model=Ven, responses=problems(400, 401, 403, 409))
def add(body: VenRequest, call: Reporter) -> Response:
    """A new VEN."""
    return objects.add(call, _KIND, body)


@routes.get("/vens/{object_id}", response_model=Ven, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One VEN."""
    return objects.one(call, _KIND, object_id)


@routes.put("/vens/{object_id}", response_model=Ven, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: VenRequest, call: Reporter) -> Response:
    """Another state in the place of the VEN's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/vens/{object_id}", response_model=Ven, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Reporter) -> Response:
    """Delete a VEN, with its resources."""
    return objects.remove(call, _KIND, object_id)
