"""The outermost shell of the service: whatever happens inside, the answer is one, is logged and counted."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.errors import ParkwattError
from dispatch.service import trace
from dispatch.service.errors import BadRequestError, NotAllowedError, ServiceError
from dispatch.service.http import limits
from dispatch.service.http.methods import allowed_methods
from dispatch.service.http.problem import answered, as_service_error, bug
from dispatch.service.http.telemetry import Metrics, span_traceparent
from dispatch.service.http.tokens import remembered

_log = logging.getLogger("parkwatt.http")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass
class Sent:
    """What went out for a request."""

    status: int = 0
    size: int = 0
    began_s: float = field(default_factory=time.perf_counter)


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace.begin(span_traceparent(scope["app"]) or _header(scope, b"traceparent"))
        sent = Sent()
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        outgoing = _outgoing(scope, asked, send, sent)
        self.metrics.begun()
        try:
            await self._answered(asked, receive, outgoing, sent)
        finally:
            self._told(scope, asked, sent)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, sent: Sent) -> None:
        try:
            _require_text(scope)
            if scope["method"] == "OPTIONS" and (methods := allowed_methods(scope)):
                await _empty(send, {"Allow": ", ".join(methods)})
                return
            await self.app(scope, receive, send)
        except ServiceError as error:
            await answered(error, scope["path"])(scope, receive, send)
        except Exception as error:
            # Such as the database, which is asked whose a key is before any route is.
            known = as_service_error(error) if isinstance(error, ParkwattError) and not sent.status else None
            if known is not None:
                await answered(known, scope["path"])(scope, receive, send)
                return
            _log.exception("a request failed", extra={"path": scope["path"]})
            if sent.status:
                raise
            sent.status = 0
            await bug(scope["path"])(scope, receive, send)

    def _told(self, scope: Scope, asked: Scope, sent: Sent) -> None:
        seconds = time.perf_counter() - sent.began_s
        identity = remembered(asked)
        route = self.metrics.finished(asked, scope["method"], sent.status, seconds)
        _log.info(
            "request",
            extra={
                "method": scope["method"], "route": route, "path": scope["path"], "status": sent.status,
                "ms": round(1e3 * seconds, 2), "bytes": sent.size, "tenant": identity.tenant if identity else "",
                "actor": identity.actor if identity else "",
            },
        )  # fmt: skip


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == name), None)


def _require_text(scope: Scope) -> None:
    """NUL is no part of any name or value here; a database may refuse it."""
    if b"%00" in scope["query_string"] or "\0" in scope["path"]:
        raise BadRequestError("The address has a NUL (%00).")


async def _empty(send: Send, headers: dict[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


def _outgoing(scope: Scope, asked: Any, send: Send, sent: Sent) -> Send:
    """Sends with the headers that every answer has; for HEAD without the body."""
    headless = scope["method"] == "HEAD"

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            _complete(headers, asked)
            if sent.status == NotAllowedError.status:
                headers["Allow"] = ", ".join(allowed_methods(scope))
        elif message["type"] == "http.response.body":
            sent.size += 0 if headless else len(message.get("body", b""))
            if headless:
                message = {**message, "body": b""}
        await send(message)

    return wrapped


def _complete(headers: MutableHeaders, scope: Any) -> None:
    for name, value in {**_HEADERS, **limits.said(scope)}.items():
        headers.setdefault(name, value)
    headers["X-Trace-Id"] = trace.trace_id()
    # Compressed bytes are another representation: the tag is weak then, as RFC 9110 wants it.
    if "content-encoding" in headers and headers.get("etag", "W/").startswith('"'):
        headers["ETag"] = f"W/{headers['etag']}"
