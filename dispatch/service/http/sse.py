"""Events as they happen: server-sent events that a client may take up again where it was cut off (Last-Event-ID)."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from fastapi.sse import format_sse_event
from starlette.requests import Request
from starlette.responses import StreamingResponse

from dispatch.service.errors import BadRequestError
from dispatch.service.http.call import Call
from dispatch.service.http.negotiation import json_bytes

if TYPE_CHECKING:
    from dispatch.service.store import Tx

MEDIA_TYPE = "text/event-stream"
# For OpenAPI: of each event, not of the stream as text.
SCHEMA: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "id": {"type": "string", "description": "Number of the event, for Last-Event-ID"},
            "event": {"type": "string", "description": "What kind of event"},
            "data": {"type": "string", "description": "JSON of what happened"},
            "retry": {"type": "integer", "minimum": 0},
        },
    }
}
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_STILL_KNOWN_S = 60.0


@dataclass(frozen=True)
class Event:
    """One event: its number, which only grows; its kind; what happened."""

    seq: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """What one look found: events after a number, and whether none can follow."""

    events: Sequence[Event]
    ended: bool


def last_event_id(request: Request) -> int:
    """The number of the last event that the client has, 0 for none.

    Raises:
        BadRequestError: it is no number.
    """
    text = request.headers.get("last-event-id", "").strip()
    if not re.fullmatch(r"[0-9]{0,18}", text):
        raise BadRequestError("Last-Event-ID is not the id of an event, which is a whole number.")
    return int(text or 0)


def stream(
    call: Call,
    look: Callable[[Tx, int], Look],
    *,
    headers: dict[str, str] | None = None,
    wait: Callable[[int], Awaitable[bool]] | None = None,
) -> StreamingResponse:
    """Events until none can follow, the client leaves, its key is closed, or the server is about to stop.

    Args:
        look: reads events after a number, in a read transaction of its own each time. What it raises the first time
            (there is no such job) is answered as a problem.
        wait: waits for a while for something after a number, and says whether a look is worth while; without it every
            listener looks for itself, at every turn.
    """
    after = last_event_id(call.request)
    with call.store.read(call.tenant, call.actor) as tx:
        first = look(tx, after)
    return StreamingResponse(_events(call, look, wait, first, after), 200, {**_HEADERS, **(headers or {})}, MEDIA_TYPE)


async def _events(
    call: Call,
    look: Callable[[Tx, int], Look],
    wait: Callable[[int], Awaitable[bool]] | None,
    found: Look,
    after: int,
) -> AsyncIterator[bytes]:
    settings, closing = call.settings, call.request.app.state.closing
    beat_s = asked_s = time.monotonic()
    yield b"retry: 1000\n\n"
    while True:
        for event in found.events:
            after = event.seq
            yield format_sse_event(data_str=json_bytes(event.data).decode(), event=event.kind, id=str(event.seq))
            beat_s = time.monotonic()
        if found.ended or closing.is_set():
            return
        is_worth_it = await (_slept(settings.event_poll_s) if wait is None else wait(after))
        if time.monotonic() - beat_s >= settings.event_beat_s:
            yield b": still here\n\n"
            beat_s = time.monotonic()
        if time.monotonic() - asked_s >= _STILL_KNOWN_S:
            if not await anyio.to_thread.run_sync(_still_known, call):
                return
            asked_s = time.monotonic()
        found = await anyio.to_thread.run_sync(_looked, call, look, after) if is_worth_it else Look((), ended=False)


async def _slept(seconds: float) -> bool:
    await anyio.sleep(seconds)
    return True


def _looked(call: Call, look: Callable[[Tx, int], Look], after: int) -> Look:
    with call.store.read(call.tenant, call.actor) as tx:
        return look(tx, after)


def _still_known(call: Call) -> bool:
    """Does the key that asked still open?"""
    return bool(call.request.app.state.doorkeeper.is_open(call.tenant, call.actor))
