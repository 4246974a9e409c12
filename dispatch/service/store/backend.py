"""What the store asks of a database; SQLite and PostgreSQL each answer in a module of their own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Backend(Protocol):
    """Transactions of a database."""

    name: str

    def writing(self, tenant: str | None) -> AbstractContextManager[Connection]:
        """A transaction that writes: durable once it is left, undone where it raises.

        Writers of one tenant come one after the other; None waits for nobody in particular on PostgreSQL.

        Raises:
            BusyError: others wrote for too long.
        """
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of everything and can not write."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
