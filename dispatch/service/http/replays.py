"""Requests that are sent twice and have their effects once: Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from dispatch.service.errors import BadRequestError, ConflictError, InvalidError
from dispatch.service.http.intake import received, said
from dispatch.service.http.media import is_json, media_type
from dispatch.service.store import idempotency

if TYPE_CHECKING:
    from dispatch.service.store import Tx

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
FORM = r"^[\x21-\x7e]{1,255}$"
_KEPT = ("content-type", "location", "etag", "link", "cache-control", "vary")
_in_progress: set[tuple[int, str, str, str]] = set()
_guard = threading.Lock()


@dataclass(frozen=True)
class Claim:
    """A request's hold on its key; without a key it holds nothing."""

    key: str | None
    client: str = ""
    fingerprint: str = ""

    def kept(self, tx: Tx) -> Response | None:
        """The answer that was given before, None the first time.

        Raises:
            InvalidError: the key was used for another request.
        """
        record = None if self.key is None else idempotency.find(tx, self.client, self.key)
        if record is None:
            return None
        if record.fingerprint != self.fingerprint:
            raise InvalidError(f"{HEADER} {self.key} was used for another request. A key names one request.")
        return Response(record.body, record.status, {**record.headers, REPLAYED: "true"})

    def keep(self, tx: Tx, response: Response) -> None:
        """Keep the answer, in the transaction of its effects."""
        if self.key is None:
            return
        headers = {name: value for name, value in response.headers.items() if name in _KEPT}
        idempotency.keep(
            tx, self.client, self.key, self.fingerprint, response.status_code, headers, bytes(response.body)
        )


def require_form(request: Request) -> None:
    """Refuse a key that is none, whether or not the route looks at it.

    Raises:
        BadRequestError: it is none.
    """
    key = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(FORM, key):
        raise BadRequestError(f"{HEADER} is not 1 to 255 printable ASCII characters without spaces.")


@contextmanager
def claimed(request: Request, tenant: str, client: str) -> Iterator[Claim]:
    """Hold the request's key while it is worked on; of a client, whichever of the keys that it was rotated into asks.

    Raises:
        ConflictError: the same is being worked on.
    """
    key = request.headers.get(HEADER)
    if key is None:
        yield Claim(None)
        return
    # Of this server alone; on a database that several share, the second waits at the key's row and replays.
    held = id(request.app), tenant, client, key
    with _guard:
        if held in _in_progress:
            raise ConflictError(f"A request with {HEADER} {key} is being worked on.", headers={"Retry-After": "1"})
        _in_progress.add(held)
    try:
        yield Claim(key, client, fingerprint(request))
    finally:
        with _guard:
            _in_progress.discard(held)


def fingerprint(request: Request) -> str:
    """What makes two requests the same: method, address and body; JSON whatever its spaces and order of keys."""
    body, kind = received(request.scope), media_type(request.headers.get("content-type"))
    if body and is_json(kind):
        body = json.dumps(said(request.scope), sort_keys=True).encode()
    address = request.url.path.encode() + b"?" + request.scope["query_string"]
    return hashlib.sha256(b"\0".join([request.method.encode(), address, kind.encode(), body])).hexdigest()
