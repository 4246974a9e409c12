"""Bytes that are no HTTP get a problem too, and the connection is closed."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from benchmarks.served import Served
from dispatch.service.http.problem import Problem


@pytest.mark.parametrize(
    "sent", [b"\x00\x01\x02\r\n\r\n", b"GET /a b HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"]
)
def test_what_is_no_http_is_told_as_a_problem(server: Served, sent: bytes) -> None:
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as opened:
        opened.sendall(sent)
        answer = b""
        while more := opened.recv(4096):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert "Content-Type: application/problem+json" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert Problem.model_validate_json(body).type == "urn:parkwatt:problem:bad-request"
