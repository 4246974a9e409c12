"""SQLite: its write-ahead log, every commit synced, one writer at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dispatch.service.store.durable import make_folder, sync_folder
from dispatch.service.store.faults import BusyError, FullError, ReadOnlyError, UnreachableError
from dispatch.service.store.locks import WriterLock

LOCK = ".lock"
_BUSY_MS = 10_000
_READERS = 64
# After so many pages the log is copied into the database: at 4 kB a page the log stays near 16 MB.
_CHECKPOINT_PAGES = 4000
_LOG_BYTES = 1 << 26  # to which a log is cut that a long reader has let grow


class Sqlite:
    """A database file. Writers of all processes queue on one lock; readers wait for nobody."""

    name = "sqlite"

    def __init__(self, url: URL, wait_s: float) -> None:
        self.path = Path(url.database or "").absolute()
        # Beside the database, so that whoever opens it queues here, with whatever folder of data.
        self._lock = WriterLock(self.path.with_name(f"{self.path.name}{LOCK}"))
        self._wait_s = wait_s
        make_folder(self.path.parent)
        self._writer = _engine(self.path, writes=True, connections=1)
        self._reader = _engine(self.path, writes=False, connections=_READERS)
        with self.writing(None):
            pass

    @contextmanager
    def writing(self, tenant: str | None) -> Iterator[Connection]:  # noqa: ARG002 - PostgreSQL needs it
        """Everybody's turn comes in the order of asking, whoever the tenant is."""
        with self._lock.held(self._wait_s), _told(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot; it holds up nobody."""
        with _told(), self._reader.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of all connections; the last one copies the log into the database, and nobody may write then."""
        with self._lock.held(self._wait_s):
            self._reader.dispose()
            self._writer.dispose()

    def copy_to(self, path: Path) -> None:
        """A copy of the database as of one moment, made while others go on writing; not synced yet."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_MS / 1000)) as source:
            source.execute("VACUUM INTO ?", [str(path)])


@contextmanager
def _told() -> Iterator[None]:
    """SQLite's words for waiting and for writing where one only reads, as ours."""
    try:
        yield
    except PoolTimeoutError as error:
        raise BusyError("more transactions are open than the database has connections") from error
    except OperationalError as error:
        code = getattr(error.orig, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise BusyError("the database is in use by a program that does not queue with this one") from error
        if code.startswith("SQLITE_READONLY"):
            raise ReadOnlyError("this transaction was opened to read") from error
        if code.startswith("SQLITE_FULL"):
            raise FullError("the database cannot be written: its disk is full") from error
        if code.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
            raise UnreachableError("the database cannot be written or read: its disk is full or failing") from error
        raise


def _engine(path: Path, *, writes: bool, connections: int) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=connections, max_overflow=0)
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED"

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        settings = [
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES if writes else 0}",
            f"journal_size_limit = {_LOG_BYTES}",
            f"query_only = {'OFF' if writes else 'ON'}",
        ]
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()
        if writes:
            # The names of the database and its log must survive a loss of power before anything in them is
            # acknowledged. SQLite syncs the folder only from the connection that made the log, which may have been a
            # reader's, or one of a process that was killed; and the log is there as long as we hold a connection.
            sync_folder(path.parent)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
