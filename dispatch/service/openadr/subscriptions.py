"""Subscriptions: who is called when something changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from dispatch.service.http.problem import problems
from dispatch.service.openadr import objects
from dispatch.service.openadr.door import Paged, Reader, Reporter
from dispatch.service.openadr.shapes import ObjectKind, Subscription, SubscriptionRequest
from dispatch.service.store import openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["subscriptions"])
Id = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_\-]{1,128}$")]
_KIND: ObjectKind = "SUBSCRIPTION"


@routes.get("/subscriptions", response_model=list[Subscription], responses=problems(400, 401, 403))
def listed(
    call: Reader,
    page: Paged,
    program_id: Annotated[str | None, Query(alias="programID", max_length=128)] = None,
    client_name: Annotated[str | None, Query(alias="clientName", max_length=128)] = None,
    objects_: Annotated[Sequence[ObjectKind], Query(alias="objects", max_length=6)] = (),
) -> Response:
    """Subscriptions of the client; of business logic everybody's."""
    return objects.found(call, _KIND, page, (), lambda tx: _found(tx, program_id, client_name, objects_))


@routes.post("/subscriptions", status_code=201, response_model=Subscription, responses=problems(400, 401, 403, 409))
def add(body: SubscriptionRequest, call: Reporter) -> Response:
    """A new subscription; its callbacks are looked up at once."""
    return objects.add(call, _KIND, body)


@routes.get("/subscriptions/{object_id}", response_model=Subscription, responses=problems(400, 401, 403, 404))
def get(object_id: Id, call: Reader) -> Response:
    """One subscription."""
    return objects.one(call, _KIND, object_id)


@routes.put("/subscriptions/{object_id}", response_model=Subscription, responses=problems(400, 401, 403, 404, 409))
def change(object_id: Id, body: SubscriptionRequest, call: Reporter) -> Response:
    """Another state in the place of the subscription's."""
    return objects.change(call, _KIND, object_id, body)


@routes.delete("/subscriptions/{object_id}", response_model=Subscription, responses=problems(400, 401, 403, 404))
def remove(object_id: Id, call: Reporter) -> Response:
    """Delete a subscription; what it was not told yet it will not be."""
    return objects.remove(call, _KIND, object_id)


def _found(tx: Tx, program_id: str | None, client_name: str | None, kinds: Sequence[ObjectKind]) -> list[Kept]:
    every = openadr.found(tx, _KIND, parent=program_id, name=client_name)
    if not kinds:
        return every
    asked = {*kinds}
    return [one for one in every if any(asked & {*each["objects"]} for each in one.body["objectOperations"])]
