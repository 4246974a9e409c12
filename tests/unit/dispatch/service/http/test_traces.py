"""Spans of requests reach a collector, under the trace that the answer and the log name."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.unit.dispatch.service.served import client, served

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """An address that takes OTLP over HTTP, and the spans that came."""
    spans: list[Any] = []

    class Takes(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = ExportTraceServiceRequest()
            asked.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            spans.extend(s for r in asked.resource_spans for scope in r.scope_spans for s in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_told: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Takes) as taking:
        threading.Thread(target=taking.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{taking.server_port}", spans
        taking.shutdown()


def test_a_span_for_each_request_in_the_trace_that_is_told(tmp_path: Path) -> None:
    with collector() as (address, spans):
        with served(tmp_path, otlp_endpoint=address) as server, client(server, server.key(server.tenant())) as asking:
            own = asking.get("/api/v1/keys").headers["x-trace-id"]
            given = asking.get("/api/v1/keys", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        assert given.headers["x-trace-id"] == TRACE
        assert [span.trace_id.hex() for span in spans] == [own, TRACE]
        assert {span.name for span in spans} == {"GET /api/v1/keys"}
        assert spans[1].parent_span_id.hex() == "00f067aa0ba902b7"
