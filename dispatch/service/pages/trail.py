"""The audit trail as a page, with a walk of its whole chain."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from dispatch.service.http.negotiation import json_bytes
from dispatch.service.pages.facts import Frame, Lamp, Link, Rows, Word, age, clock, size
from dispatch.service.pages.rendering import page
from dispatch.service.pages.routing import PageRoute
from dispatch.service.pages.session import Viewer, require
from dispatch.service.store import audit

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_AT_ONCE = 100
_LONGEST = 300


@router.get("/audit")
def audit_page(
    call: Viewer, before: Annotated[int, Query(ge=0, le=2**62)] = 0, subject: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The newest entries, and whether the chain holds from its beginning."""
    require(call, "audit:read")
    with call.store.read(call.tenant, call.actor) as tx:
        verdict = audit.verify(tx)
        found = audit.listed(tx, after=before, limit=_AT_ONCE + 1, subject=subject or None, newest_first=True)
    rows: list[tuple[str | Link, ...]] = [
        (size(each.seq), clock(each.at), each.actor, each.action, each.subject, _details(each.details), each.hash[:12])
        for each in found[:_AT_ONCE]
    ]
    older = Link("Older ones", f"/audit?before={found[_AT_ONCE - 1].seq}") if len(found) > _AT_ONCE else None
    table = Rows(("Number", "When", "Who", "What", "About", "Details", "Hash"), rows, "No entries yet.", older)
    word = Word("holds", "ok") if verdict.broken_at is None else Word(verdict.reason, "bad")
    newest = f"newest {age(found[0].at, tx.now)}" if found and not before else ""
    lamps = [
        Lamp("Chain", word, "every number there, every hash that of its content and of the one before"),
        Lamp("Entries", Word(size(verdict.count)), newest),
        Lamp("Last hash", Word(verdict.head[:16]), "kept elsewhere, it proves everything up to here"),
    ]
    return page("list.html.j2", frame=Frame(call.tenant, "Audit trail", tx.now, "/audit"), lamps=lamps, rows=table)


def _details(details: Any) -> str:
    return json_bytes(details).decode()[:_LONGEST] if details else ""
