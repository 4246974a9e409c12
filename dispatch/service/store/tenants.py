"""Who uses the service: parties that never see each other's things."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Text, insert, select, update

from dispatch.service.store.changes import CHANGES
from dispatch.service.store.faults import StoreError
from dispatch.service.store.metadata import TENANT_PATTERN, UtcTime, table

tenants = table(
    "tenants",
    Column("title", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("closed", UtcTime),
)


@dataclass(frozen=True)
class Tenant:
    """A party; a closed one keeps its things, and its keys open nothing."""

    tenant: str
    title: str
    created: datetime
    closed: datetime | None


def create(connection: Connection, tenant: str, title: str, now: datetime) -> Tenant:
    """Add a tenant.

    Raises:
        StoreError: the name does not fit, or is taken.
    """
    if not re.fullmatch(TENANT_PATTERN, tenant):
        raise StoreError(f"'{tenant}' is no name of a tenant; accepted: small letters, digits, - and _, at most 63")
    if get(connection, tenant) is not None:
        raise StoreError(f"there is a tenant '{tenant}' already")
    connection.execute(insert(tenants), {"tenant": tenant, "title": title or tenant, "created": now})
    return Tenant(tenant, title or tenant, now, None)


def get(connection: Connection, tenant: str) -> Tenant | None:
    """A tenant by name."""
    row = connection.execute(select(tenants).where(tenants.c.tenant == tenant)).first()
    return None if row is None else Tenant(row.tenant, row.title, row.created, row.closed)


def listed(connection: Connection) -> Sequence[Tenant]:
    """All tenants, by name."""
    rows = connection.execute(select(tenants).order_by(tenants.c.tenant))
    return [Tenant(row.tenant, row.title, row.created, row.closed) for row in rows]


def close(connection: Connection, tenant: str, now: datetime) -> bool:
    """Let a tenant's keys open nothing any more; False where there is no such tenant, or it was closed before."""
    changed = update(tenants).where(tenants.c.tenant == tenant, tenants.c.closed.is_(None)).values(closed=now)
    CHANGES.note()
    return connection.execute(changed).rowcount == 1
