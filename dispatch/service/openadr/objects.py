"""What the routes of all kinds of objects do: list, get, make, change and remove, and let others know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from starlette.responses import Response

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.http.call import Call, Reply
from dispatch.service.openadr.door import ROOT, Page, answer, client_of
from dispatch.service.openadr.kinds import look_up, ready
from dispatch.service.openadr.shapes import ObjectKind, Request
from dispatch.service.openadr.sight import Client, Sight, listed, shown
from dispatch.service.openadr.taking import measured
from dispatch.service.openadr.telling import tell
from dispatch.service.store import openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

# So many of a kind: what is listed is looked through object by object.
MOST_KEPT = 100_000
_PATHS = {"PROGRAM": "programs", "EVENT": "events", "REPORT": "reports", "SUBSCRIPTION": "subscriptions", "VEN": "vens",
          "RESOURCE": "resources"}  # fmt: skip


def found(
    call: Call, kind: ObjectKind, page: Page, targets: Sequence[str], query: Callable[[Tx], Iterable[Kept]]
) -> Response:
    """The page of objects that the client sees."""
    del kind

    def work(tx: Tx) -> Response:
        sight = Sight.of(tx, client_of(tx, call))
        return answer(listed(query(tx), sight, targets, page.skip, page.limit))

    return call.read(work)


def one(call: Call, kind: ObjectKind, object_id: str) -> Response:
    """An object, by its id."""

    def work(tx: Tx) -> Response:
        sight = Sight.of(tx, client_of(tx, call))
        return answer(sight.shown(_seen(tx, kind, object_id, sight)))

    return call.read(work)


def _seen(tx: Tx, kind: ObjectKind, object_id: str, sight: Sight) -> Kept:
    kept = openadr.get(tx, kind, object_id)
    if kept is None or not sight.sees(kept):
        raise NotFoundError(f"there is no {kind.lower()} '{object_id}'")
    return kept


def add(call: Call, kind: ObjectKind, request: Request) -> Response:
    """Make an object; those who asked to are told."""
    private = call.settings.callbacks_private
    look_up(request, is_private_allowed=private)

    def work(tx: Tx) -> Reply:
        client = client_of(tx, call)
        if openadr.count(tx, kind) >= MOST_KEPT:
            raise ConflictError(f"there are {MOST_KEPT} {_PATHS[kind]}, and no more are kept: delete some")
        made = ready(tx, request, client, None)
        kept = openadr.add(tx, kind, made.name, made.body, parent=made.parent, client=made.client)
        headers = {"Location": f"{ROOT}/{_PATHS[kind]}/{kept.id}"} | _measured(tx, kept, client)
        tell(tx, "CREATE", [kept], is_private_allowed=private)
        return Reply(201, _own(kept, client), headers)

    return call.once(work)


def _own(kept: Kept, client: Client) -> dict[str, Any]:
    """An object as its writer sees it, who may see all of its targets."""
    return shown(kept, is_owner=kept.client in client.ids)


def _measured(tx: Tx, kept: Kept, client: Client) -> dict[str, str]:
    """Of a report: what became of its measurements."""
    return measured(tx, kept, client) if kept.kind == "REPORT" else {}


def change(call: Call, kind: ObjectKind, object_id: str, request: Request) -> Response:
    """Put another state in the place of an object's."""
    private = call.settings.callbacks_private
    look_up(request, is_private_allowed=private)

    def work(tx: Tx) -> Reply:
        client = client_of(tx, call)
        old = _seen(tx, kind, object_id, Sight.of(tx, client))
        made = ready(tx, request, client, old)
        kept = openadr.change(tx, old, made.name, made.body, parent=made.parent, client=made.client)
        headers = _measured(tx, kept, client)
        tell(tx, "UPDATE", [kept], is_private_allowed=private)
        return Reply(200, _own(kept, client), headers)

    return call.once(work)


def remove(call: Call, kind: ObjectKind, object_id: str) -> Response:
    """Delete an object and what belongs to it; it is answered as it was."""
    private = call.settings.callbacks_private

    def work(tx: Tx) -> Reply:
        client = client_of(tx, call)
        old = _seen(tx, kind, object_id, Sight.of(tx, client))
        gone = openadr.remove(tx, old)
        tell(tx, "DELETE", gone, is_private_allowed=private)
        return Reply(200, _own(old, client))

    return call.once(work)
