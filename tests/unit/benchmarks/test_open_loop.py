"""Latencies count from when a request should have gone out, and nothing that was asked is forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.open_loop import whole

STALL_S, FROM_S = 0.3, 0.15


@pytest.fixture
def stalling() -> Iterator[ThreadingHTTPServer]:
    """Answers at once, but for one pause in which everybody waits; closes every fifth connection."""
    turn, began, counted = threading.Lock(), [0.0], [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with turn:
                began[0] = began[0] or time.monotonic()
                counted[0] += 1
                if time.monotonic() - began[0] > FROM_S and len(began) == 1:
                    began.append(1.0)
                    time.sleep(STALL_S)
            self.send_response(202 if self.command == "POST" else 404 if self.path == "/nothing" else 200)
            self.send_header("Location", f"/jobs/{counted[0]}")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) + 2, body + b"ok"))
            self.close_connection = counted[0] % 5 == 0

        do_GET = do_POST = answer  # noqa: N815 - names that the library asks for

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sent(server: ThreadingHTTPServer, lines: list[list[Any]], folder: Path) -> list[list[Any]]:
    asked, answers = folder / "asked", folder / "answers"
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "benchmarks.open_loop", f"127.0.0.1:{server.server_port}", "key", asked, answers]
    subprocess.run(command, check=True, timeout=60)
    return [json.loads(line) for line in answers.read_text().splitlines()]


def test_a_stall_is_in_every_request_that_it_held_up(stalling: ThreadingHTTPServer, tmp_path: Path) -> None:
    lines: list[list[Any]] = [[k / 200, "read", "GET", "/", None] for k in range(120)]
    lines[5], lines[6] = [5 / 200, "post", "POST", "/", {"a": 1}], [6 / 200, "none", "GET", "/nothing", None]
    lines[50] = [50 / 200, "job", "GET", "{job}", None]
    answers = sent(stalling, lines, tmp_path)
    assert len(answers) == 120
    assert sorted({(kind, status) for _, kind, status, _, _ in answers}) == [
        ("job", 200), ("none", 404), ("post", 202), ("read", 200)
    ]  # fmt: skip
    held = [ms for second, _, _, ms, _ in answers if FROM_S + 0.02 < second < FROM_S + STALL_S / 2]
    assert len(held) >= 20
    assert min(held) > 1000 * STALL_S / 3
    free = [ms for second, *_, ms, _ in answers if second < FROM_S - 0.05]
    assert sorted(free)[len(free) // 2] < 1000 * STALL_S / 3


def test_nobody_there_is_no_answer(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    answers = sent(server, [[0.0, "read", "GET", "/", None]], tmp_path)
    assert [(kind, status) for _, kind, status, *_ in answers] == [("read", 0)]


def test_an_answer_is_taken_once_it_is_whole() -> None:
    head = b"HTTP/1.1 202 Accepted\r\nLocation: /j\r\nContent-Length: 4\r\n\r\n"
    assert whole(head[:-2]) is None
    assert whole(head + b"abc") is None
    assert whole(head + b"abcd") == (202, "/j")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert whole(chunked + b"3\r\nabc\r\n") is None
    assert whole(chunked + b"5\r\n0\r\n\r\n") is None
    assert whole(chunked + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n") == (200, "")
    assert whole(b"HTTP/1.1 304 Not Modified\r\n\r\n") == (304, "")
