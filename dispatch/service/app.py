"""The application: every route there is, behind one guard, one gate and one intake."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRouter
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from dispatch.service.http import openapi, problem
from dispatch.service.http.at_once import AtOnce
from dispatch.service.http.failures import Failures
from dispatch.service.http.gate import API, Gate
from dispatch.service.http.guard import Guard
from dispatch.service.http.intake import Intake
from dispatch.service.http.limits import Limits
from dispatch.service.http.matching import hasten
from dispatch.service.http.parameters import ONLY_KNOWN
from dispatch.service.http.signatures import Signatures
from dispatch.service.http.store_metrics import JobNumbers, SeriesNumbers, WorkerNumbers
from dispatch.service.http.telemetry import Metrics, trace_to
from dispatch.service.http.tokens import Doorkeeper
from dispatch.service.http.usage import Usage
from dispatch.service.settings import Settings

if TYPE_CHECKING:
    from dispatch.service.store import Store

_THREADS = 64  # requests that wait for the database at the same time
_SMALLEST_GZIP = 1024
_QUICK_GZIP = 5  # of a plan's JSON a tenth larger than 9 in a quarter of the time
DOORS = ("flexmeasures", "openadr", "pages")


def create_app(settings: Settings, store: Store) -> FastAPI:
    """The service on a store. What stands in ``routes`` and in the doors that are switched on is served."""
    app = FastAPI(
        title="parkwatt", version=openapi.VERSION, lifespan=_lifespan, openapi_url=None, docs_url=None,
        redoc_url=None, redirect_slashes=False, generate_unique_id_function=openapi.operation_name,
    )  # fmt: skip
    app.state.settings, app.state.store = settings, store
    store.most_queued = settings.job_queue_limit
    app.state.signatures = Signatures(store, settings)
    app.state.doorkeeper = Doorkeeper(store, settings, app.state.signatures, Usage(store), Failures(settings))
    app.state.limits, app.state.metrics = Limits(settings), Metrics()
    app.state.metrics.asked.register(JobNumbers(store))
    app.state.metrics.asked.register(SeriesNumbers(store))
    app.state.metrics.asked.register(WorkerNumbers(store))
    app.state.closing = threading.Event()  # streams end when the server is about to
    problem.install(app)
    tags = _include(app)
    for door in DOORS:
        if getattr(settings, door):
            _open(app, door)
    openapi.install(app, tags)
    hasten(app)
    # The last added is the outermost.
    app.add_middleware(Intake, settings=settings)
    app.add_middleware(Gate, limits=app.state.limits, at_once=AtOnce(settings))
    app.add_middleware(GZipMiddleware, minimum_size=_SMALLEST_GZIP, compresslevel=_QUICK_GZIP)
    app.add_middleware(Guard, metrics=app.state.metrics)
    if settings.otlp_endpoint:
        trace_to(app, settings.otlp_endpoint)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield
    app.state.closing.set()
    app.state.doorkeeper.usage.close()
    if (provider := getattr(app.state, "tracing", None)) is not None:
        provider.shutdown()


def _include(app: FastAPI) -> list[dict[str, str]]:
    """Serve all routes; their tags, each with the first line of its module.

    Of ``/awards/{award}/settlements`` and ``/awards/{award}/{table}``, which fit the same address, the one that says
    more of it comes first, whatever modules they stand in. A router for each first word of a path: where none of its
    addresses fits, none of its routes is looked at.
    """
    tags: list[dict[str, str]] = []
    found: defaultdict[tuple[str, str], list[BaseRoute]] = defaultdict(list)
    for module in _modules("dispatch.service.routes"):
        for route in module.router.routes:
            found[getattr(module, "PREFIX", API), getattr(route, "path", "").split("/")[1]].append(route)
        tags += [{"name": str(tag), "description": _first_line(module)} for tag in module.router.tags]
    for (prefix, _), routes in sorted(found.items()):
        router = APIRouter()
        router.routes.extend(sorted(routes, key=lambda route: _openness(getattr(route, "path", ""))))
        app.include_router(router, prefix=prefix, dependencies=ONLY_KNOWN)
    return tags


def _openness(path: str) -> list[int]:
    """How little each part of a path says: 0 for a word, 1 for a parameter with a word, 2 for a parameter."""
    return [("{" in part) + part.endswith("}") for part in path.split("/")]


def _modules(package: str) -> Iterator[ModuleType]:
    """Modules of a package that have a router, in the order of their names."""
    found = importlib.import_module(package)
    for each in sorted(pkgutil.iter_modules(found.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package}.{each.name}")
        if isinstance(getattr(module, "router", None), APIRouter):
            yield module


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[0]


def _open(app: FastAPI, door: str) -> None:
    """Include a door's routers, whose paths are its own; ``attach(app)`` of its package does what routers can not."""
    package = f"dispatch.service.{door}"
    if importlib.util.find_spec(package) is None:
        return
    for module in _modules(package):
        app.include_router(module.router, prefix=getattr(module, "PREFIX", ""))
    attach = getattr(importlib.import_module(package), "attach", None)
    if attach is not None:
        attach(app)
