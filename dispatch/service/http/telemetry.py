"""What an operator sees of a server beside its log: numbers for Prometheus, traces where somebody collects them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from dispatch.service.http.counting import FOLDER
from dispatch.service.http.methods import template

if TYPE_CHECKING:
    from fastapi import FastAPI

_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Metrics:
    """Numbers of one app, in a registry of its own; of all processes of a server where it has several.

    Attributes:
        asked: what is looked up when somebody asks, the same in every process.
    """

    def __init__(self) -> None:
        self.registry, self.asked = CollectorRegistry(), CollectorRegistry()
        self._requests = Counter(
            "parkwatt_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "parkwatt_http_request_duration_seconds", "Time to the end of the answer", ("method", "route"),
            registry=self.registry, buckets=_BUCKETS_S,
        )  # fmt: skip
        self._open = Gauge("parkwatt_http_requests_in_progress", "Requests being answered", registry=self.registry,
                           multiprocess_mode="livesum")  # fmt: skip

    def begun(self) -> None:
        """A request came in."""
        self._open.inc()

    def finished(self, scope: Any, method: str, status: int, seconds: float) -> str:
        """It was answered; its route's template, under which it is counted."""
        method = method if method in _METHODS else "OTHER"
        route = template(scope, "GET" if method == "HEAD" else method) or "none"
        self._open.dec()
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        return route

    def text(self) -> bytes:
        """All of it in Prometheus's format."""
        counted = self.registry
        if FOLDER in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self.asked)

    @staticmethod
    def gone(pid: int) -> None:
        """A process of this server has ended: what it was about to answer is not being answered any more."""
        if FOLDER in os.environ:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]


def trace_to(app: FastAPI, endpoint: str) -> None:
    """Send a span for each request to an OTLP collector."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "parkwatt"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    app.state.tracing = provider
    # One span for each request; those of each message to and fro say nothing more.
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, exclude_spans=["receive", "send"])


def span_traceparent(app: FastAPI) -> str | None:
    """The span that the request is in, where traces are collected."""
    if not hasattr(app.state, "tracing"):
        return None
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")
