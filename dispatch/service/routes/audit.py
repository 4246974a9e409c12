"""The audit trail: what was done, by whom and when, each entry chained to the one before by its hash."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from dispatch.service.http.call import Call, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.schemas.shared import Answer, Moment
from dispatch.service.store import Tx, audit

router = APIRouter(tags=["audit"])
Reader = Annotated[Call, Depends(allowed("audit:read"))]
_HASH = r"^[0-9a-f]{64}$"
# One line of text; what is not in the trail is not found, but no control characters get as far as the database.
_FILTER = r"^[^\x00-\x1f\x7f]{1,200}$"


class EntryShown(Answer):
    """One entry. Its hash covers all other fields, the tenant and the hash before."""

    seq: Annotated[int, Field(ge=1, description="Number within the tenant, without gaps")]
    at: Moment
    actor: Annotated[str, Field(description="Id of the key, or what program did it")]
    action: Annotated[str, Field(examples=["key.create"])]
    subject: Annotated[str, Field(description="What it was done to")]
    details: dict[str, Any]
    previous_hash: Annotated[str, Field(pattern=_HASH)]
    hash: Annotated[str, Field(pattern=_HASH)]

    @classmethod
    def of(cls, row: Any) -> Self:
        """A row of the trail."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class Verified(Answer):
    """What walking the whole chain found."""

    count: Annotated[int, Field(ge=0, description="Entries read")]
    head: Annotated[str, Field(pattern=_HASH, description="Hash of the last one: who notes it holds a proof of all")]
    intact: Annotated[bool, Field(description="Whether every entry is what was written, and none is missing")]
    broken_at: Annotated[int | None, Field(description="Number of the first that does not fit")]
    reason: Annotated[str, Field(description="What is wrong with it")]


@router.get("/audit", name="list", summary="List entries", response_model=Page[EntryShown])
def list_entries(
    call: Reader,
    page: Annotated[Paging, Depends(paging)],
    subject: Annotated[str | None, Query(pattern=_FILTER, description="Only of this subject")] = None,
    action: Annotated[str | None, Query(pattern=_FILTER, description="Only this action")] = None,
    newest_first: Annotated[bool, Query(description="From the last entry backwards")] = False,
) -> Response:
    """Entries in their order, of one subject or action where asked."""

    def work(tx: Tx) -> Page[EntryShown]:
        found = audit.listed(
            tx, after=page.after(call) or 0, limit=page.limit + 1, subject=subject, action=action,
            newest_first=newest_first,
        )  # fmt: skip
        return page.page(call, found, EntryShown.of, lambda row: row.seq)

    return call.read(work)


@router.get("/audit/verification", name="verify", summary="Verify the chain", response_model=Verified)
def verify_chain(call: Reader) -> Response:
    """Walks the chain from its beginning and computes every hash again."""

    def work(tx: Tx) -> Verified:
        found = audit.verify(tx)
        return Verified(
            count=found.count, head=found.head, intact=found.broken_at is None, broken_at=found.broken_at,
            reason=found.reason,
        )  # fmt: skip

    return call.read(work)
