"""A server on loopback that answers what a test has written down, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What is sent; ``breaks`` closes the connection after the body, or before any answer where there is no status."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False


@dataclass
class Script:
    """Answers in order, and the requests that they were given to."""

    answers: list[Answer]
    url: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def headers(self, name: str) -> list[str | None]:
        return [headers.get(name) for _, _, headers, _ in self.asked]


@contextmanager
def scripted(*answers: Answer) -> Iterator[Script]:
    script = Script(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path, dict(self.headers), body))
            told = script.answers.pop(0)
            if told.status:
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                # A length that is never reached: the connection breaks in the middle of the answer.
                self.send_header("Content-Length", str(len(told.body) + 10 * told.breaks))
                self.end_headers()
                self.wfile.write(told.body)
            self.close_connection = told.breaks

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names that the library asks for

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
