"""A server on this machine that answers from a script, as slowly and as brokenly as it is told to."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Question:
    """What was asked."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What comes back.

    `body` None is the documented answer; `sent` is the share of the promised body that is really sent before the
    connection is closed; `pause_s` passes before anything comes, and `drip_s` between pieces.
    """

    status: int = 200
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    sent: float = 1.0
    pause_s: float = 0.0
    drip_s: float = 0.0


@dataclass
class Script:
    """Answers in turn, the last one for ever; `document` makes the documented one."""

    document: Callable[[Question], str]
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    asked: list[Question] = field(default_factory=list)
    url: str = ""

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    script: Script

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        question = Question(parts.path, query, {k.lower(): v for k, v in self.headers.items()})
        self.script.asked.append(question)
        answer = self.script.next()
        time.sleep(answer.pause_s)
        text = self.script.document(question) if answer.body is None else answer.body
        data = text.encode()
        kind = "application/json" if text.lstrip()[:1] in ("{", "[") else "application/xml"
        self.send_response(answer.status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data))} | dict(answer.headers)
        with contextlib.suppress(OSError):  # who asked may have given up
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._send(data[: int(len(data) * answer.sent)], answer.drip_s)
        self.close_connection = True

    def _send(self, data: bytes, drip_s: float) -> None:
        if not drip_s:
            self.wfile.write(data)
            return
        for piece in data:
            self.wfile.write(bytes([piece]))
            self.wfile.flush()
            time.sleep(drip_s)

    def log_message(self, *_: object) -> None:
        """Nothing: tests and tables are not logs."""


@contextmanager
def serving(script: Script) -> Iterator[Script]:
    """The script, answered at `script.url` while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": script}))
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
