"""So many requests of a tenant at the same time: the next ones wait in line, and hold no thread while they do.

All requests share one pool of threads. Without a bound, one tenant whose requests take long (large reads, writes that
queue behind one another) would have all of them, and every other tenant would wait. Counted in this server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from starlette.types import Message, Send

from dispatch.service.errors import TooManyRequestsError
from dispatch.service.settings import Settings

_EVENTS = b"text/event-stream"


@dataclass
class _Line:
    """Requests of one tenant: how many are answered now, and who comes next."""

    busy: int = 0
    waiting: deque[anyio.Event] = field(default_factory=deque)


class Place:
    """A request's place among its tenant's; given back once, at its end or when it becomes a stream of events."""

    def __init__(self, among: AtOnce, whose: str) -> None:
        self._among, self._whose, self._is_held = among, whose, True

    def leave(self) -> None:
        """Let the next one in."""
        if self._is_held:
            self._is_held = False
            self._among.leave(self._whose)

    def sending(self, send: Send) -> Send:
        """Sends, and leaves when a stream begins: it lasts as long as a job and needs a thread now and then only."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                self.leave()
            await send(message)

        return sent


class AtOnce:
    """Counts the requests that are being answered, by tenant. Of one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.requests_at_once
        self._most_waiting = settings.requests_waiting
        self._longest_s = settings.request_wait_s
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def place(self, whose: str) -> AsyncIterator[Place]:
        """A place for a request while the block runs.

        Raises:
            TooManyRequestsError: the line is too long, or it was not its turn in time.
        """
        await self._enter(whose)
        held = Place(self, whose)
        try:
            yield held
        finally:
            held.leave()

    async def _enter(self, whose: str) -> None:
        line = self._lines.setdefault(whose, _Line())
        if line.busy < self._most:
            line.busy += 1
            return
        if len(line.waiting) >= self._most_waiting:
            raise self._refused()
        mine = anyio.Event()
        line.waiting.append(mine)
        try:
            with anyio.move_on_after(self._longest_s):
                await mine.wait()
        except BaseException:  # the client has left
            if mine.is_set():
                self.leave(whose)
            else:
                line.waiting.remove(mine)
            raise
        if not mine.is_set():
            line.waiting.remove(mine)
            raise self._refused()

    def leave(self, whose: str) -> None:
        """A request is answered: whoever waits longest has its place."""
        line = self._lines[whose]
        if line.waiting:
            line.waiting.popleft().set()
            return
        line.busy -= 1
        if not line.busy:
            del self._lines[whose]

    def _refused(self) -> TooManyRequestsError:
        text = f"{self._most} requests are answered at a time, and as many wait as may. Send fewer at once."
        return TooManyRequestsError(text, headers={"Retry-After": "1"})


def _is_stream(message: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_EVENTS) for name, value in message["headers"])
