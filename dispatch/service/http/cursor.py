"""Lists in pages: a cursor says where the next begins, to the tenant and for the query that it was given for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from dispatch.service.errors import Fault, InvalidError
from dispatch.service.http.call import Call

T = TypeVar("T")
LARGEST = 1000
_OWN = ("cursor", "limit")


class Page(BaseModel, Generic[T]):
    """Some of a list, in its order."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[T], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


@dataclass(frozen=True)
class Paging:
    """How much of a list is asked for, and from where: ``Annotated[Paging, Depends(paging)]``."""

    limit: int
    cursor: str | None

    def after(self, call: Call) -> Any:
        """The position that the last page ended at, as :meth:`page` got it; None for the first page.

        Raises:
            InvalidError: the cursor is not one that was given for this query.
        """
        if self.cursor is None:
            return None
        raw = _decoded(self.cursor)
        for secret in call.request.app.state.signatures.all():
            if raw is not None and hmac.compare_digest(raw[:16], _mac(secret.bytes, call, raw[16:])):
                return json.loads(raw[16:])
        raise InvalidError(
            "The cursor was not given for this list. Begin without one.",
            [Fault("/cursor", "is of another query, or none", self.cursor, "the next of the page before", "query")],
        )

    def page(
        self, call: Call, found: Sequence[Any], shown: Callable[[Any], T], position: Callable[[Any], Any]
    ) -> Page[T]:
        """A page of what was found, in which one entry more than the limit says that more follow.

        Args:
            found: entries, at most ``limit + 1``; shown: makes an entry's document; position: JSON value that ``after``
                gives back, of the last entry shown.
        """
        items = [shown(each) for each in found[: self.limit]]
        more = len(found) > self.limit
        return Page(items=items, next=_encoded(call, position(found[self.limit - 1])) if more else None)


def paging(
    limit: Annotated[int, Query(ge=1, le=LARGEST, description="Most entries of the page")] = 100,
    cursor: Annotated[str | None, Query(min_length=1, max_length=2000, description="The page before's next")] = None,
) -> Paging:
    """The dependency of a route that lists."""
    return Paging(limit, cursor)


def _encoded(call: Call, position: Any) -> str:
    content = json.dumps(position, separators=(",", ":")).encode()
    mac = _mac(call.request.app.state.signatures.newest().bytes, call, content)
    return base64.urlsafe_b64encode(mac + content).decode().rstrip("=")


def _decoded(cursor: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        return None


def _mac(secret: bytes, call: Call, content: bytes) -> bytes:
    """Over whose, which and where; half of SHA-256 is enough for what only names a place in one's own list."""
    bound = json.dumps([call.tenant, _query(call.request)]).encode()
    return hmac.new(secret, b"cursor\0" + bound + b"\0" + content, hashlib.sha256).digest()[:16]


def _query(request: Request) -> list[Any]:
    asked = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _OWN)
    return [request.url.path, asked]
