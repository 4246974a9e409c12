"""A server on loopback with both doors open and a runner beside it, tenants and keys to come in with."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from dispatch.service import work
from dispatch.service.app import create_app
from dispatch.service.http.scopes import SCOPES
from dispatch.service.runner.places import InProcess, Place
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import Runner
from dispatch.service.settings import Settings
from dispatch.service.store import Store, keys, tenants

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Served:
    """A server with its store.

    Attributes:
        port: on loopback.
        tenant, other_tenant: two that see nothing of each other.
    """

    port: int
    store: Store
    tenant: str = "north"
    other_tenant: str = "south"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_tenant(self) -> str:
        """One that has nothing yet."""
        name = f"tenant-{next(_NUMBERS)}"
        with self.store.admin() as connection:
            tenants.create(connection, name, name.title(), datetime.now(UTC))
        return name

    def key(self, tenant: str, scopes: Iterable[str] = SCOPES) -> tuple[str, str]:
        """Id and secret of a new key."""
        with self.store.write(tenant, "case") as tx:
            made, secret = keys.create(tx, "case", list(scopes))
        return made.id, secret


@contextmanager
def serving(folder: Path, place: Place | None = None, **settings: Any) -> Iterator[Served]:
    """Serve while the block runs.

    Args:
        place: where jobs are done; default: in a thread of this process.
    """
    asked = Settings(data=folder, flexmeasures=True, openadr=True, pages=False, callbacks_private=True, **settings)
    store = Store.open(asked.url, folder)
    with store.admin() as connection:
        for name in ("north", "south"):
            tenants.create(connection, name, name.title(), datetime.now(UTC))
    app = create_app(asked, store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    runner = Runner(store, work.find(), place or InProcess(), Policy(poll_s=0.01, pause_s=0.05))
    threads = [threading.Thread(target=target, daemon=True) for target in (server.run, runner.loop)]
    try:
        threads[0].start()
        while not server.started:
            if not threads[0].is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.005)
        threads[1].start()
        yield Served(server.servers[0].sockets[0].getsockname()[1], store)
    finally:
        app.state.closing.set()
        server.should_exit = True
        runner.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join(20)
        if place is not None:
            place.close()
        store.close()
