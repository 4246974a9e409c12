"""Resources: devices and loads of a VEN."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Paged, Reader, Reporter, TargetsQuery
from dispatch.service.openadr.shapes import ObjectKind, Resource, ResourceRequest
from dispatch.service.store import openadr

routes = APIRouter(tags=["resources"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "RESOURCE"


@routes.get("/resources", response_model=list[Resource], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    targets: TargetsQuery = (),
    ven_id: Annotated[str | None, Query(alias="venID", max_length=128)] = None,
    resource_name: Annotated[str | None, Query(alias="resourceName", max_length=128)] = None,
) -> Response:
    """Resources that the client sees."""
    return objects.found(
        call, _KIND, page, targets, lambda tx: openadr.walked(tx, _KIND, name=resource_name, parent=ven_id)
    )


@routes.post("/resources", status_code=201, response_model=Resource, responses=problems(400, 401, 403, 409))
def add(body: ResourceRequest, call: Reporter) -> Response:
    """A new resource."""
    return objects.add(call, _KIND, body)


@routes.get("/resources/{object_id}", response_model=Resource, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One resource."""
    return objects.one(call, _KIND, object_id)


@routes.put("/resources/{object_id}", response_model=Resource, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: ResourceRequest, call: Reporter) -> Response:
    """Another state in the place of the resource's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/resources/{object_id}", response_model=Resource, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Reporter) -> Response:
    """Delete a resource."""
    return objects.remove(call, _KIND, object_id)
