"""One transaction of one tenant: the only way in which the pieces of the store see the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, CursorResult, Delete, Row, Select, Table, Update, delete, insert, select, update
from sqlalchemy.sql import Executable

from dispatch.service.store import chain
from dispatch.service.store.disk import Disk
from dispatch.service.store.faults import ReadOnlyError

Values: TypeAlias = Mapping[str, Any]
MOST_QUEUED = 10_000  # a batch of 500 sites' schedules for a week is 3 500
_AT_ONCE = 1000  # rows a statement


@dataclass
class Tx:
    """A transaction within a tenant. What is written in it commits together, when the block of ``Store.write`` is left.

    Attributes:
        tenant: whose rows are seen and written.
        actor: who does it, for the audit trail.
        now: when the transaction began, UTC; the time of everything in it.
        connection: for statements that the methods below do not cover; those must name the tenant themselves.
        disk: where files lie.
        writes: whether it may write.
        most_queued: how many jobs of a tenant may wait.
    """

    tenant: str
    actor: str
    now: datetime
    connection: Connection
    disk: Disk
    writes: bool
    most_queued: int = MOST_QUEUED
    _entries: list[chain.Entry] = field(default_factory=list)
    _after: list[Callable[[], object]] = field(default_factory=list)

    def select(self, table: Table, *columns: Any) -> Select[Any]:
        """A query of the tenant's rows of a table: all columns, or those given; add ``.where(…)``, ``.order_by(…)``."""
        return select(*(columns or (table,))).where(table.c.tenant == self.tenant)

    def update(self, table: Table) -> Update:
        """A change of the tenant's rows; add ``.where(…).values(…)`` and execute it."""
        return update(table).where(table.c.tenant == self.tenant)

    def delete(self, table: Table) -> Delete:
        """A removal of the tenant's rows; add ``.where(…)`` and execute it."""
        return delete(table).where(table.c.tenant == self.tenant)

    def insert(self, table: Table, values: Values | Sequence[Values]) -> None:
        """Add one row or several, which become the tenant's."""
        self.require_writes()
        rows = [values] if isinstance(values, Mapping) else values
        made = [{**row, "tenant": self.tenant} for row in rows]
        for first in range(0, len(made), _AT_ONCE):
            self.connection.execute(insert(table), made[first : first + _AT_ONCE])

    def execute(self, statement: Executable) -> CursorResult[Any]:
        """Run a statement; ``.rowcount`` says how many rows an update or a removal touched."""
        return self.connection.execute(statement)

    def all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Every row of a query."""
        return self.connection.execute(query).all()

    def first(self, query: Select[Any]) -> Row[Any] | None:
        """The first row of a query, None without one."""
        return self.connection.execute(query.limit(1)).first()

    def audit(self, action: str, subject: str, details: Values | None = None) -> None:
        """Note in the tenant's audit trail, whose entries are chained when the transaction commits, that this was done.

        Args:
            action: what, like ``site.put``.
            subject: to what, like the id of a schedule.
            details: a JSON object; hashes and ids rather than contents.
        """
        self.require_writes()
        self._entries.append(chain.Entry(action, subject, dict(details or {})))

    def after_commit(self, hook: Callable[[], object]) -> None:
        """Call something once the transaction is durable; not at all when it fails. It may not raise."""
        self._after.append(hook)

    def require_writes(self) -> None:
        """Refuse to write in a transaction that reads.

        Raises:
            ReadOnlyError: this is one.
        """
        if not self.writes:
            raise ReadOnlyError("this transaction was opened to read")

    def finish(self) -> None:
        """Chain the audit entries; called by the store, right before the commit."""
        if self._entries:
            chain.append(self.connection, self.tenant, self.now, self.actor, self._entries)
            self._entries = []

    def committed(self) -> None:
        """Call the hooks; called by the store, right after the commit."""
        for hook in self._after:
            hook()
