"""What each kind of object asks for when it is written: who may, what must be there, and what is unique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.service.errors import BadRequestError, ConflictError, Fault, ForbiddenError
from dispatch.service.openadr import timing
from dispatch.service.openadr.shapes import (
    EventRequest,
    ProgramRequest,
    ReportRequest,
    Request,
    ResourceRequest,
    SubscriptionRequest,
    VenRequest,
)
from dispatch.service.openadr.sight import Client, Sight
from dispatch.service.store import keys, openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx
from dispatch.service.work.callbacks import AddressError, checked

# What business logic alone says of a VEN or resource: what it was granted, and which site it is.
SITE = "SITE"
_GRANTED = ("targets",)


@dataclass(frozen=True)
class Ready:
    """An object that may be kept."""

    name: str
    body: Mapping[str, Any]
    parent: str = ""
    client: str = ""


def look_up(request: Request, *, is_private_allowed: bool) -> None:
    """Look up the addresses that a subscription wants to be called at, which takes its time: before a transaction.

    Args:
        is_private_allowed: may callbacks be on this machine or in a private network?

    Raises:
        BadRequestError: the service does not call one of them.
    """
    for number, each in enumerate(request.object_operations if isinstance(request, SubscriptionRequest) else ()):
        try:
            checked(each.callback_url, is_private_allowed=is_private_allowed)
        except AddressError as error:
            raise _wrong(f"/objectOperations/{number}/callbackUrl", str(error)) from None


def ready(tx: Tx, request: Request, client: Client, old: Kept | None) -> Ready:
    """Look a request over.

    Args:
        old: what it takes the place of; None: it is new.

    Raises:
        BadRequestError: it speaks of what is not there.
        ForbiddenError: the client may not say this.
        ConflictError: the name is taken.
    """
    if isinstance(request, ProgramRequest):
        _free(tx, "PROGRAM", request.program_name, "", old)
        return Ready(request.program_name, request.plain())
    if isinstance(request, EventRequest):
        return _event(tx, request)
    if isinstance(request, ReportRequest):
        return _report(tx, request, client, old)
    if isinstance(request, VenRequest):
        return _ven(tx, request, client, old)
    if isinstance(request, ResourceRequest):
        return _resource(tx, request, client, old)
    assert isinstance(request, SubscriptionRequest)
    return _subscription(tx, request, client, old)


def _free(tx: Tx, kind: str, name: str, parent: str, old: Kept | None) -> None:
    taken = openadr.found(tx, kind, name=name, parent=parent)
    if any(old is None or one.id != old.id for one in taken):
        raise ConflictError(f"there is a {kind.lower()} '{name}' already")


def _wrong(pointer: str, message: str) -> BadRequestError:
    return BadRequestError(f"{pointer}: {message}", [Fault(pointer, message)])


def _event(tx: Tx, request: EventRequest) -> Ready:
    if openadr.get(tx, "PROGRAM", request.program_id) is None:
        raise _wrong("/programID", f"there is no program '{request.program_id}'")
    body = request.plain()
    try:
        list(timing.timed(body, tx.now))
    except ValueError as error:
        raise _wrong("/intervals", str(error)) from None
    except OverflowError:
        raise _wrong("/intervals", "ends beyond the year 9999") from None
    return Ready(request.event_name or "", body, parent=request.program_id)


def _report(tx: Tx, request: ReportRequest, client: Client, old: Kept | None) -> Ready:
    event = openadr.get(tx, "EVENT", request.event_id)
    if event is None or not Sight.of(tx, client).sees(event):
        raise _wrong("/eventID", f"there is no event '{request.event_id}'")
    body = {name: value for name, value in request.plain().items() if name != "clientID"}
    return Ready(request.client_name, body, parent=request.event_id, client=old.client if old else client.id)


def _ven(tx: Tx, request: VenRequest, client: Client, old: Kept | None) -> Ready:
    _free(tx, "VEN", request.ven_name, "", old)
    body = _own(request, client, old)
    if not client.is_logic:
        return Ready(request.ven_name, body, client=old.client if old else client.id)
    owner = request.client_id or (old.client if old else None)
    if owner is None:
        raise _wrong("/clientID", "is missing: the id of the VEN's key")
    if keys.get(tx, owner) is None:
        raise _wrong("/clientID", f"there is no key '{owner}'")
    return Ready(request.ven_name, body, client=owner)


def _resource(tx: Tx, request: ResourceRequest, client: Client, old: Kept | None) -> Ready:
    ven = openadr.get(tx, "VEN", request.ven_id)
    if ven is None or not (client.is_logic or ven.client in client.ids):
        raise _wrong("/venID", f"there is no ven '{request.ven_id}'")
    _free(tx, "RESOURCE", request.resource_name, request.ven_id, old)
    return Ready(request.resource_name, _own(request, client, old), parent=ven.id, client=ven.client)


def _own(request: VenRequest | ResourceRequest, client: Client, old: Kept | None) -> dict[str, Any]:
    """A VEN's or resource's body; of what business logic grants a VEN writes nothing, and keeps what there is."""
    body = {name: value for name, value in request.plain().items() if name not in ("clientID", "objectType")}
    if client.is_logic:
        return body
    if request.targets:
        raise ForbiddenError("targets are granted by business logic; a VEN leaves them out.")
    if any(attribute.type == SITE for attribute in request.attributes or ()):
        raise ForbiddenError(f"the attribute {SITE} is given by business logic; a VEN leaves it out.")
    kept = [one for one in (old.body.get("attributes") or () if old else ()) if one["type"] == SITE]
    granted = {name: old.body[name] for name in _GRANTED if old and old.body.get(name)}
    attributes = [*kept, *(body.get("attributes") or ())]
    return {**body, **granted, **({"attributes": attributes} if attributes else {})}


def _subscription(tx: Tx, request: SubscriptionRequest, client: Client, old: Kept | None) -> Ready:
    program = request.program_id
    if program is not None:
        found = openadr.get(tx, "PROGRAM", program)
        if found is None or not Sight.of(tx, client).sees(found):
            raise _wrong("/programID", f"there is no program '{program}'")
    body = {name: value for name, value in request.plain().items() if name != "clientID"}
    return Ready(request.client_name, body, parent=program or "", client=old.client if old else client.id)
