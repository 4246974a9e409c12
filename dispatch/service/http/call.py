"""What a route gets for each request: who asks, and the two ways to answer, by reading or by writing once.

::

    @router.get("/sites/{name}", response_model=Site, responses=problems(404))
    def get(name: SiteName, call: Annotated[Call, Depends(allowed("sites:read"))]) -> Response:
        return call.read(lambda tx: sites.get(tx, name))

    @router.post("/schedules", status_code=202, response_model=Job, responses=problems(404))
    def post(body: Wanted, call: Annotated[Call, Depends(allowed("plans:write"))]) -> Response:
        return call.once(lambda tx: Reply(202, submit(tx, body), {"Location": …}))
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from dispatch.service.errors import ForbiddenError
from dispatch.service.http import etag, replays
from dispatch.service.http.negotiation import JSON, TABLE, choose, json_bytes, written
from dispatch.service.http.scopes import known
from dispatch.service.http.tokens import Identity, identified
from dispatch.service.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.service.store import Store, Tx

_LARGE, _QUICK = 1 << 16, 5


def body_bytes(body: BaseModel) -> bytes:
    """A model as it is sent, and as its tag is made of."""
    return json_bytes(body.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True)
class Reply:
    """An answer before it is written.

    Attributes:
        body: a model, a mapping, a table (which the client may have as JSON, Arrow or CSV) or nothing.
        kept: the body that is kept for replays in place of this one, which has a secret that is shown once.
        etag: tag of the version (``etag.tag(…)``); what is read without one gets that of its bytes.
    """

    status: int = 200
    body: BaseModel | Mapping[str, Any] | pa.Table | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    kept: BaseModel | None = None


@dataclass(frozen=True)
class Call:
    """One request of one tenant."""

    identity: Identity
    store: Store
    settings: Settings
    request: Request

    @property
    def tenant(self) -> str:
        """Whose things are seen."""
        return self.identity.tenant

    @property
    def actor(self) -> str:
        """Who asks, for the audit trail."""
        return self.identity.actor

    @property
    def scopes(self) -> frozenset[str]:
        """What the key may do."""
        return self.identity.scopes

    def read(self, work: Callable[[Tx], BaseModel | Mapping[str, Any] | pa.Table | Reply | Response]) -> Response:
        """Answer from one read transaction; 304 where the client has it already."""
        with self.store.read(self.tenant, self.actor) as tx:
            answer = work(tx)
        if isinstance(answer, Response):
            return answer
        reply = answer if isinstance(answer, Reply) else Reply(200, answer)
        response = self._response(reply)
        current = reply.etag or etag.tag(response.body)
        kept = {name: value for name, value in response.headers.items() if name in ("vary", "cache-control", "link")}
        if response.status_code == 200 and etag.unchanged(self.request, current):
            return Response(None, 304, {**kept, "ETag": current})
        response.headers["ETag"] = current
        return self._compressed(response)

    def _compressed(self, response: Response) -> Response:
        """A large answer is compressed in the request's own thread: the middleware does it where all requests wait."""
        if len(response.body) < _LARGE or "gzip" not in self.request.headers.get("accept-encoding", "").lower():
            return response
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        vary = ", ".join(filter(None, (headers.get("vary"), "Accept-Encoding")))
        headers |= {"content-encoding": "gzip", "vary": vary}
        return Response(gzip.compress(bytes(response.body), _QUICK, mtime=0), response.status_code, headers)

    def once(self, work: Callable[[Tx], Reply | Response]) -> Response:
        """Answer from one write transaction; with an Idempotency-Key the same request has its effects once.

        The state, its audit entries and the kept answer commit together; what raises leaves nothing.
        Two that get in each other's way are tried again, so ``work`` has no effects but those in its transaction.
        """
        with replays.claimed(self.request, self.tenant, self.identity.client) as claim:

            def answered(tx: Tx) -> Response:
                kept = claim.kept(tx)
                if kept is not None:
                    return kept
                reply = work(tx)
                if isinstance(reply, Response):
                    claim.keep(tx, reply)
                    return reply
                response = self._response(reply)
                claim.keep(tx, response if reply.kept is None else self._response(replace(reply, body=reply.kept)))
                return response

            return self.store.run(self.tenant, self.actor, answered)

    def match(self, current: str | None, *, always: bool = False) -> None:
        """Hold a change against If-Match and If-None-Match; see :func:`etag.require`."""
        etag.require(self.request, current, always=always)

    def _response(self, reply: Reply) -> Response:
        headers = {"Cache-Control": "private, no-cache", **reply.headers}
        if reply.etag is not None:
            headers["ETag"] = reply.etag
        if reply.body is None:
            return Response(None, reply.status, headers)
        kind, body = self._written(reply.body)
        headers.setdefault("Vary", "Accept")
        return Response(body, reply.status, headers, kind)

    def _written(self, body: Any) -> tuple[str, bytes]:
        accept = self.request.headers.get("accept")
        if isinstance(body, BaseModel):
            return choose(accept, (JSON,)), body_bytes(body)
        if isinstance(body, Mapping):
            return choose(accept, (JSON,)), json_bytes(body)
        kind = choose(accept, TABLE)
        return kind, written(body, kind)


@dataclass(frozen=True)
class Allowed:
    """The dependency of a route that needs scopes."""

    needed: tuple[str, ...]

    async def __call__(self, request: Request) -> Call:
        """The call, where the request's credentials have every scope needed."""
        identity = await identified(request)
        missing = [scope for scope in self.needed if scope not in identity.scopes]
        if missing:
            raise ForbiddenError(f"The key lacks {', '.join(missing)}; it has {', '.join(sorted(identity.scopes))}.")
        return Call(identity, request.app.state.store, request.app.state.settings, request)


def allowed(*scopes: str) -> Allowed:
    """``Annotated[Call, Depends(allowed("plans:write"))]``: the call of a request whose key has these scopes."""
    return Allowed(known(scopes))
