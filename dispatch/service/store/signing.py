"""Secrets that sign access tokens and cursors, shared by all processes on the database; above tenants."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, delete, insert, select

from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import UtcTime, metadata

signing_secrets = Table(
    "signing_secrets",
    metadata,
    Column("kid", String(40), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
)


@dataclass(frozen=True)
class Secret:
    """A secret with the id that tokens name it by."""

    kid: str
    secret: str
    created: datetime

    @property
    def bytes(self) -> bytes:
        """The secret itself, 256 bits."""
        return bytes.fromhex(self.secret)


def listed(connection: Connection) -> Sequence[Secret]:
    """All secrets, the newest first."""
    rows = connection.execute(select(signing_secrets).order_by(signing_secrets.c.created.desc(), signing_secrets.c.kid))
    return [Secret(row.kid, row.secret, row.created) for row in rows]


def add(connection: Connection, now: datetime) -> Secret:
    """A new one, which signs from now on."""
    made = Secret(new_id("sig"), secrets.token_hex(32), now)
    connection.execute(insert(signing_secrets), {"kid": made.kid, "secret": made.secret, "created": now})
    return made


def drop(connection: Connection, before: datetime) -> int:
    """Forget those made before a time: what they signed holds no more."""
    return connection.execute(delete(signing_secrets).where(signing_secrets.c.created < before)).rowcount
