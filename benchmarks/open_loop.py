"""Sends requests at the times they are meant to be sent, however slowly the answers come; a process of its own.

``python -m benchmarks.open_loop HOST:PORT TOKEN REQUESTS ANSWERS``. Latencies count from the intended time, so a server
that stalls is not excused for the requests that it held up (Tene, "How not to measure latency": coordinated omission).

Requests are lines of JSON: [second, kind, method, path, body or null]. A path ``{job}`` is that of one of the jobs that
accepted requests (202) have named so far (``job_href``, else Location). Answers are lines [second, kind, status, ms,
job], status 0 where none came.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 256  # more at once are queued here, and their time counts
_LAST_S = 30.0  # after the last request, for answers to come


@dataclass
class Asked:
    """A request on its way."""

    at_s: float  # on the loop's clock
    second: float
    kind: str
    data: bytes


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, home: Sender) -> None:
        self.home = home
        self.asked: Asked | None = None
        self.transport: Any = None
        self._held = b""
        self._used = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, asked: Asked) -> None:
        self.asked = asked
        self._used += 1
        self.transport.write(asked.data)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if (answer := whole(self._held)) is None:
            return
        self._held = b""
        asked, self.asked = self.asked, None
        if asked is not None:
            self.home.answered(asked, *answer)
        self.home.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.home.gone(self)
        if self.asked is not None and self._used > 1 and not self._held:
            self.home.send(self.asked)  # closed for idleness while the request was on its way: as any client does
        elif self.asked is not None:
            self.home.answered(self.asked, 0, "")


def whole(held: bytes) -> tuple[int, str] | None:
    """Status of an answer that is there to its end, and the address of the job that it names."""
    head, found, body = held.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split(" ", 2)[1])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        ended = body.endswith(b"0\r\n\r\n") and _chunks_end(body)
    else:
        ended = len(body) >= int(headers.get("content-length", 0)) or status in (204, 304)
    return (status, _job(status, headers, body)) if ended else None


def _job(status: int, headers: dict[str, str], body: bytes) -> str:
    if status != 202:
        return ""
    with contextlib.suppress(ValueError):
        return str(json.loads(body)["job_href"])
    return headers.get("location", "")


def _chunks_end(body: bytes) -> bool:
    at = 0
    while (line := body.find(b"\r\n", at)) >= 0:
        size = int(body[at:line].split(b";")[0], 16)
        if size == 0:
            return True
        at = line + 2 + size + 2
        if at >= len(body):
            return False
    return False


class Sender:
    """All connections, and what came back."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self.host, self.port = host, port
        self.head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n"
        self.answers: list[tuple[float, str, int, float, str]] = []
        self.jobs: list[str] = []
        self._free: list[Connection] = []
        self._open = 0
        self._waiting: collections.deque[Asked] = collections.deque()
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, asked: Asked) -> None:
        if self._free:
            self._free.pop().ask(asked)
            return
        self._waiting.append(asked)
        if self._open < CONNECTIONS:
            self._open += 1
            task = self._loop.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        try:
            _, made = await self._loop.create_connection(lambda: Connection(self), self.host, self.port)
        except OSError:
            self._open -= 1
            if self._waiting:
                self.answered(self._waiting.popleft(), 0, "")
            return
        self.free(made)

    def free(self, connection: Connection) -> None:
        if self._waiting:
            connection.ask(self._waiting.popleft())
        else:
            self._free.append(connection)

    def gone(self, connection: Connection) -> None:
        self._open -= 1
        with contextlib.suppress(ValueError):
            self._free.remove(connection)

    def answered(self, asked: Asked, status: int, location: str) -> None:
        took_ms = (self._loop.time() - asked.at_s) * 1000
        self.answers.append((round(asked.second, 4), asked.kind, status, round(took_ms, 3), location))
        if status == 202 and location:
            self.jobs.append(location)

    def prepared(self, at_s: float, line: list[Any], number: int) -> Asked:
        second, kind, method, path, body = line
        if path == "{job}":
            path = random.choice(self.jobs) if self.jobs else "/healthz"
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self.head}"
        if method != "GET":
            head += (
                f"Idempotency-Key: load-{number}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            )
        return Asked(at_s, second, kind, f"{head}\r\n".encode() + data)


async def run(address: str, token: str, requests: Path) -> list[tuple[float, str, int, float, str]]:
    host, _, port = address.rpartition(":")
    sender, loop = Sender(host, int(port), token), asyncio.get_running_loop()
    began, number = loop.time() + 0.5, 0
    for number, line in enumerate(_lines(requests), start=1):
        at_s = began + line[0]
        if (wait_s := at_s - loop.time()) > 0.001:
            await asyncio.sleep(wait_s)
        elif number % 50 == 0:
            await asyncio.sleep(0)
        sender.send(sender.prepared(at_s, line, number))
    until = loop.time() + _LAST_S
    while len(sender.answers) < number and loop.time() < until:
        await asyncio.sleep(0.05)
    return sender.answers


def _lines(path: Path) -> Iterator[list[Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main(address: str, token: str, requests: str, answers: str) -> None:
    import uvloop

    random.seed(1)
    found = uvloop.run(run(address, token, Path(requests)))
    Path(answers).write_text("".join(json.dumps(answer) + "\n" for answer in found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
