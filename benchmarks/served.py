"""The service on loopback, in a thread of this process: for tests and for what is measured from outside."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from dispatch.service.app import create_app
from dispatch.service.http.scopes import SCOPES
from dispatch.service.http.wire import Protocol
from dispatch.service.settings import Settings
from dispatch.service.store import Store, keys, tenants

_NUMBERS = itertools.count(1)
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Served:
    """An app that answers at an address."""

    url: str
    app: FastAPI
    store: Store
    settings: Settings

    def tenant(self) -> str:
        """The name of a new tenant."""
        name = f"tenant-{next(_NUMBERS)}"
        with self.store.admin() as connection:
            tenants.create(connection, name, name.title(), datetime.now(UTC))
        return name

    def key(self, tenant: str, scopes: Iterable[str] = SCOPES, **more: Any) -> str:
        """A new key as a client sends it."""
        with self.store.write(tenant, "test") as tx:
            made, secret = keys.create(tx, "test", list(scopes), **more)
        return f"pw_{made.id}_{secret}"


@contextmanager
def served(folder: Path, also: Sequence[APIRouter] = (), **settings: Any) -> Iterator[Served]:
    """A server on a new SQLite store in a folder, at a free port; with routers beside those of the service."""
    # All clients of a test come from one address.
    asked = Settings(**{"data": folder, "event_poll_s": 0.02, "failures_per_minute": 10**9, **settings})
    store = Store.open(asked.url, folder)
    app = create_app(asked, store)
    for router in also:
        app.include_router(router)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False, http=Protocol))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", app, store, asked)
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(_PATIENCE_S)
        store.close()
