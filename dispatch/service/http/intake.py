"""Bodies on their way in: so many bytes, in so much time, decompressed, and of JSON only what has one meaning."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import anyio.to_thread
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.service.errors import BadRequestError, ServiceError, TooLargeError, UnsupportedMediaError
from dispatch.service.http import strict_json
from dispatch.service.http.media import charset, is_json, media_type
from dispatch.service.settings import Settings

if TYPE_CHECKING:
    from fastapi._compat import ModelField

_BODY, _SAYS = "parkwatt.body", "parkwatt.json"
_KNOWN = "parkwatt.known"
_SMALL = 2**15  # read where it is; what is larger goes to a thread
_OF_ANYBODY = 2**16  # bytes of a body of whom nobody knows, such as the form of somebody who signs in
_NOTHING = object()  # in place of a body that was refused
_MOST_ERRORS = 10_000
_GZIP = 16 + zlib.MAX_WBITS
# Addresses of which JSON may be as large as any body; their routes are of LargeRoute, or read their body themselves.
LARGE_JSON = ("/api/v1/sites", "/api/v1/measurements")
_UTF8 = ("", "utf-8", "utf8", "us-ascii")


def known(scope: Any) -> None:
    """Note that it is known who sends a request: only then its body may be large."""
    scope[_KNOWN] = True


def received(scope: Any) -> bytes:
    """The body of a request, whole and decompressed."""
    return bytes(scope.get(_BODY, b""))


def said(scope: Any) -> Any:
    """What the JSON body of a request says, read once; None where it has none."""
    return scope.get(_SAYS)


class _Read(Request):
    """A request whose JSON has been read."""

    async def json(self) -> Any:
        """What the body says."""
        return self.scope[_SAYS] if _SAYS in self.scope else await super().json()


class _Validated(Request):
    """A request whose body is a model already, or nothing that could be one."""

    def __init__(self, request: Request, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._value = value

    async def json(self) -> Any:
        """What FastAPI takes as it is: it does not look into a model again."""
        return self._value


class LargeRoute(APIRoute):
    """A route whose JSON may be large: read and validated in a thread, once, and not where all requests wait."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given what was read."""
        handler, field = super().get_route_handler(), self.body_field

        async def answered(request: Request) -> Response:
            if field is None or _SAYS not in request.scope or len(received(request.scope)) <= _SMALL:
                return await handler(_Read(request.scope, request.receive))
            value, found = await anyio.to_thread.run_sync(_validated, field, said(request.scope))
            try:
                return await handler(_Validated(request, _NOTHING if found else value))
            except RequestValidationError as error:
                # What else is wrong stands beside it, as where FastAPI itself validates the body.
                others = [each for each in error.errors() if each["loc"][:1] != ("body",)]
                raise RequestValidationError([*others, *found]) from None

        return answered


def _validated(field: ModelField, value: Any) -> tuple[Any, list[Any]]:
    """A body as its model, or what is wrong with it, as FastAPI has it.

    Errors are written out by pydantic all at once, while no other thread runs: half a second for 300 000 of them.
    """
    try:
        return _adapter(field).validate_python(value), []
    except ValidationError as error:
        if (count := error.error_count()) > _MOST_ERRORS:
            told = f"is wrong in {count} places, of which none is named"
            return None, [{"type": "value_error", "loc": ("body",), "msg": told, "input": value}]
        found = error.errors(include_url=False)
        return None, [{**each, "loc": ("body", *each["loc"])} for each in found]


@cache
def _adapter(field: ModelField) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[field.field_info.annotation, field.field_info])  # type: ignore[arg-type] # known at run time


async def raw_body(request: Request) -> bytes:
    """``Annotated[bytes, Depends(raw_body)]``: the body of a route that reads other formats than JSON."""
    return received(request.scope) or await request.body()


class SlowBodyError(ServiceError):
    """The body did not come in time."""

    status, kind, title = 408, "timeout", "The body did not arrive in time"


class Intake:
    """ASGI middleware that takes the whole body, holds it against the limits and hands it on as one message."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is refused raises a ServiceError, which the guard answers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        limit = self.settings.max_body_bytes
        if _KNOWN not in scope:
            limit = min(limit, _OF_ANYBODY)
        body = await self._taken(headers, receive, limit)
        if body:
            body = await self._read(scope, headers, body, limit)
        scope[_BODY] = body
        if b"content-encoding" in headers:
            own = (b"content-encoding", b"content-length")
            kept = [(name, value) for name, value in scope["headers"] if name not in own]
            scope["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self.app(scope, _again(body, receive), send)

    async def _taken(self, headers: dict[bytes, str], receive: Receive, limit: int) -> bytes:
        parts, size = [], 0
        declared = headers.get(b"content-length", "")
        if declared.isdigit() and (len(declared) > 15 or int(declared) > limit):
            raise _too_large(limit)
        with anyio.move_on_after(self.settings.body_timeout_s) as clock:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BadRequestError("The client went away before the body was whole.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise _too_large(limit)
                if not message.get("more_body", False):
                    break
        if clock.cancelled_caught:
            raise SlowBodyError(f"The body did not arrive within {self.settings.body_timeout_s:g} s.")
        return b"".join(parts)

    async def _read(self, scope: Scope, headers: dict[bytes, str], body: bytes, limit: int) -> bytes:
        if len(body) <= _SMALL and b"content-encoding" not in headers:
            return self._checked(scope, headers, body, limit)
        return await anyio.to_thread.run_sync(self._checked, scope, headers, body, limit)

    def _checked(self, scope: Scope, headers: dict[bytes, str], body: bytes, limit: int) -> bytes:
        body = decompressed(body, headers.get(b"content-encoding", ""), limit)
        content_type = headers.get(b"content-type")
        if is_json(media_type(content_type)):
            if charset(content_type) not in _UTF8:
                raise UnsupportedMediaError(f"JSON is read as UTF-8, not as {charset(content_type)[:40]}.")
            most = self.settings.max_json_bytes
            if len(body) > most and not scope["path"].startswith(LARGE_JSON):
                raise _too_large(most)
            scope[_SAYS] = strict_json.check(body, self.settings.max_depth)
        return body


def decompressed(body: bytes, coding: str, limit: int) -> bytes:
    """A body without its content coding, never more of it than the limit.

    Raises:
        UnsupportedMediaError: the coding is another than gzip; TooLargeError, BadRequestError: so is what is in it.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip"):
        refused = f"Content-Encoding {coding[:40]} is not read; gzip is."
        raise UnsupportedMediaError(refused, headers={"Accept-Encoding": "gzip"})
    reader = zlib.decompressobj(_GZIP)
    try:
        made = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequestError(f"The body is not gzip: {error}.") from None
    if len(made) > limit or reader.unconsumed_tail:
        raise _too_large(limit)
    if not reader.eof or reader.unused_data:
        raise BadRequestError("The gzip body is cut short, or something follows it.")
    return made


def _too_large(limit: int) -> TooLargeError:
    text = f"A body may have {limit} bytes, before and after decompression."
    return TooLargeError(text, headers={"Connection": "close"})


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once, and then what really comes: the client going away."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
