"""A real server on loopback for all tests of a run; each test has two tenants of its own on it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from dispatch.service.app import create_app
from dispatch.service.http.scopes import SCOPES
from dispatch.service.settings import Settings
from dispatch.service.store import Store, keys, tenants

_NUMBERS = itertools.count(1)


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
def served(folder: Path, **settings: Any) -> Iterator[Served]:
    """A server on a new SQLite store in a folder, at a free port."""
    asked = Settings(data=folder, event_poll_s=0.02, **settings)
    store = Store.open(asked.url, folder)
    app = create_app(asked, store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
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
        thread.join(20)
        store.close()


@dataclass(frozen=True)
class Api:
    """Two tenants on a server.

    Attributes:
        client: sends with a key of the first tenant that may do everything; other: the same of the second tenant.
        anonymous: sends without a key.
    """

    served: Served
    tenant: str
    other_tenant: str
    client: httpx.Client
    other: httpx.Client
    anonymous: httpx.Client
    _opened: ExitStack = field(default_factory=ExitStack)

    @property
    def store(self) -> Store:
        return self.served.store

    @property
    def app(self) -> FastAPI:
        return self.served.app

    def allowed(self, *scopes: str, tenant: str | None = None) -> httpx.Client:
        """A client with a new key of these scopes; of the first tenant unless said."""
        return self._opened.enter_context(_client(self.served, self.served.key(tenant or self.tenant, scopes)))


def _client(server: Served, credential: str | None = None) -> httpx.Client:
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    # Plain HTTP: reading the system's certificates would take longer than a test.
    return httpx.Client(base_url=server.url, headers=headers, verify=False, timeout=20)


@contextmanager
def two_tenants(server: Served) -> Iterator[Api]:
    """New tenants of a server, with clients."""
    names = server.tenant(), server.tenant()
    with ExitStack() as opened:
        first, second = (opened.enter_context(_client(server, server.key(name))) for name in names)
        anonymous = opened.enter_context(_client(server))
        yield Api(server, *names, first, second, anonymous, opened)
