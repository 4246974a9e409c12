"""Requests that are no HTTP: answered before any route is asked, as a problem like all others."""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dispatch.service import trace
from dispatch.service.errors import BadRequestError
from dispatch.service.http.negotiation import json_bytes
from dispatch.service.http.problem import MEDIA_TYPE

_NOWHERE = "about:blank"  # of which path it was could not be read


class Protocol(HttpToolsProtocol):
    """uvicorn's, but for what it says to bytes that it cannot read."""

    def send_400_response(self, msg: str) -> None:
        """Say so, and close: what comes after cannot be told from it."""
        status = HTTPStatus.BAD_REQUEST
        trace.begin(None)
        told = {**BadRequestError(msg).document(), "instance": _NOWHERE, "trace_id": trace.trace_id()}
        body = json_bytes(told)
        head = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in head.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        self.transport.close()
