"""When what has to be done again and again is next to be done, so that one of many processes does it.

Chores of a tenant stand under its name, those of the whole store under the empty one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, String, insert, select, update

from dispatch.service.store.metadata import UtcTime, table

records = table(
    "chores",
    Column("name", String(60), primary_key=True),
    Column("next", UtcTime, nullable=False),
)


def is_due(connection: Connection, name: str, now: datetime, tenant: str = "") -> bool:
    """Whether it is time; a chore that was never done is due. Reads only."""
    at = connection.execute(select(records.c.next).where(records.c.tenant == tenant, records.c.name == name)).scalar()
    return at is None or at <= now


def take(connection: Connection, name: str, now: datetime, every_s: float, tenant: str = "") -> bool:
    """Take it on: true for one caller each time it is due. Who dies over it leaves it to the next time."""
    following = now + timedelta(seconds=every_s)
    mine = (records.c.tenant == tenant, records.c.name == name)
    if connection.execute(update(records).where(*mine, records.c.next <= now).values(next=following)).rowcount:
        return True
    if connection.execute(select(records.c.name).where(*mine)).first() is not None:
        return False
    connection.execute(insert(records), {"tenant": tenant, "name": name, "next": following})
    return True
