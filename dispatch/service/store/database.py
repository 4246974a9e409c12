"""The store: state in a database, files and series beside it, nothing acknowledged before it is durable."""

from __future__ import annotations

import importlib
import pkgutil
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from dispatch.service.store import migrations
from dispatch.service.store.backend import Backend
from dispatch.service.store.disk import Disk
from dispatch.service.store.durable import make_folder
from dispatch.service.store.faults import BusyError, StoreError
from dispatch.service.store.transaction import MOST_QUEUED, Tx

T = TypeVar("T")
WAIT_S = 20.0
_TRIES = 5
_NO_TABLES = ("dispatch.service.store.migrations", "dispatch.service.store.draft")
_MIGRATING = "*"  # no tenant: programs that start at the same time upgrade one after the other


class Store:
    """Everything the service keeps. Open one per process; threads share it."""

    def __init__(self, backend: Backend, data: Path, url: str) -> None:
        self.backend = backend
        self.disk = Disk(data)
        self.url = url
        self.clock: Callable[[], datetime] = _now  # what all transactions are of; tests and replays set it
        self.most_queued = MOST_QUEUED

    @classmethod
    def open(cls, url: str, data: Path, *, migrate: bool = True, wait_s: float = WAIT_S) -> Store:
        """Open a store, or make it.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/NAME``.
            data: folder of files and series.
            migrate: bring an older database to this version; without it one is refused.
            wait_s: how long a write waits for others.

        Raises:
            StoreError: the address is not understood, or the database does not fit this program.
        """
        make_folder(data)
        load_tables()
        store = cls(_backend(url, wait_s), data, url)
        try:
            store.prepare(migrate=migrate)
        except BaseException:
            store.close()
            raise
        return store

    def prepare(self, *, migrate: bool) -> bool:
        """Bring the database to this version, or see that it is there; says whether it was brought.

        Raises:
            NewerError: it is of a newer version.
            StoreError: it is of an older one, and may not be migrated.
        """
        with self.admin(write=False) as connection:
            if not migrate:
                migrations.require_current(connection)
                return False
            if migrations.at(connection) == migrations.known()[-1]:
                return False
        with self.backend.writing(_MIGRATING) as connection:
            return migrations.upgrade(connection)

    @contextmanager
    def write(self, tenant: str, actor: str) -> Iterator[Tx]:
        """A transaction of a tenant: durable once the block is left, undone where it raises.

        Raises:
            BusyError: others wrote for too long; nothing was changed.
        """
        with self.backend.writing(tenant) as connection:
            tx = Tx(tenant, actor, self.clock(), connection, self.disk, writes=True)
            tx.most_queued = self.most_queued
            yield tx
            tx.finish()
        tx.committed()

    @contextmanager
    def read(self, tenant: str, actor: str = "") -> Iterator[Tx]:
        """A transaction that sees one state of a tenant's things."""
        with self.backend.reading() as connection:
            yield Tx(tenant, actor, self.clock(), connection, self.disk, writes=False)

    def run(self, tenant: str, actor: str, work: Callable[[Tx], T]) -> T:
        """What ``work`` does in a transaction that writes; once more where two of them got in each other's way.

        Raises:
            BusyError: others wrote for too long; nothing was changed.
        """
        for left in reversed(range(_TRIES)):
            try:
                with self.write(tenant, actor) as tx:
                    return work(tx)
            except BusyError:
                if not left:
                    raise
                time.sleep(random.uniform(0.001, 0.05))
        raise AssertionError("the last try returns or raises")

    def admin(self, *, write: bool = True) -> AbstractContextManager[Connection]:
        """A transaction above tenants: keys by their id, claims of jobs, migrations."""
        return self.backend.writing(None) if write else self.backend.reading()

    def close(self) -> None:
        """Let go of all connections."""
        self.backend.close()


def _now() -> datetime:
    return datetime.now(UTC)


def load_tables() -> None:
    """Import every module of the store, so that all tables are known."""
    import dispatch.service.store as package

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith(_NO_TABLES):
            importlib.import_module(module.name)


def _backend(url: str, wait_s: float) -> Backend:
    try:
        made = make_url(url)
    except ArgumentError:
        raise StoreError(
            "the database's address is not one; accepted: sqlite:///PATH or postgresql+psycopg://…"
        ) from None
    if made.get_backend_name() == "sqlite" and made.database not in (None, "", ":memory:"):
        from dispatch.service.store.sqlite import Sqlite

        return Sqlite(made, wait_s)
    if made.get_backend_name() == "postgresql":
        from dispatch.service.store.postgres import Postgres

        return Postgres(made.set(drivername="postgresql+psycopg"), wait_s)
    what = "a database in memory" if made.get_backend_name() == "sqlite" else made.get_backend_name()
    raise StoreError(f"{what} is no database for the service; accepted: sqlite:///PATH or postgresql+psycopg://…")
