"""PostgreSQL: writers of one tenant queue on a lock of the server, those of different tenants do not wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dispatch.service.store.faults import BusyError, FullError, ReadOnlyError, UnreachableError

_CONNECTIONS = 8
_MORE = 40
# Advisory locks of this program: the second number is the tenant's.
_LOCKS_OF = 0x7061726B
_BUSY = {"55P03": "another write has held the tenant for too long", "57014": "the database took too long"}
_AGAIN = {"40001", "40P01"}
_READ_ONLY, _FULL = "25006", "53100"
_AWAY = ("08", "57P", "53")  # connection, shutdown, out of disk, memory or connections


class Postgres:
    """A database of a PostgreSQL server."""

    name = "postgresql"

    def __init__(self, url: URL, wait_s: float) -> None:
        self._wait_ms = int(wait_s * 1000)
        self._engine = create_engine(
            url, pool_size=_CONNECTIONS, max_overflow=_MORE, pool_pre_ping=True, pool_timeout=wait_s
        )
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        event.listen(self._engine, "begin", self._begun)

    def _begun(self, connection: Connection) -> None:
        """What this transaction needs of the server, whatever its configuration says."""
        # A commit is acknowledged when it is on disk: a server that was told otherwise would lose acknowledged writes.
        settings = f"SET LOCAL lock_timeout = {self._wait_ms}; SET LOCAL synchronous_commit = on"
        connection.exec_driver_sql(settings)

    @contextmanager
    def writing(self, tenant: str | None) -> Iterator[Connection]:
        """Each statement sees what was committed before it; under the lock that is one state of the tenant's rows."""
        with _told(), self._engine.begin() as connection:
            if tenant is not None:
                query = text("SELECT pg_advisory_xact_lock(:of, hashtext(:tenant))")
                connection.execute(query, {"of": _LOCKS_OF, "tenant": tenant})
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot."""
        with _told(), self._snapshots.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """PostgreSQL's words for waiting, as ours."""
    try:
        yield
    except PoolTimeoutError as error:
        raise BusyError("more transactions are open than the database has connections") from error
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in _BUSY:
            raise BusyError(_BUSY[state]) from error
        if state in _AGAIN:
            raise BusyError("two writes wanted the same rows; nothing was changed") from error
        if state == _FULL:
            raise FullError("the database's disk is full") from error
        if state == _READ_ONLY:
            raise ReadOnlyError("this transaction was opened to read") from error
        if (
            error.connection_invalidated
            or state.startswith(_AWAY)
            or (isinstance(error, OperationalError) and not state)
        ):
            raise UnreachableError("the database does not answer") from error
        raise
