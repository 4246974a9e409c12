"""Answers that were given already: a request that comes again under its Idempotency-Key gets the same one.

A record commits with what the request did, so there is one without the other never. Requests with the same key that
run at the same time queue as all writers of a tenant do; the second then finds the record of the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, String, Text, delete

from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

KEPT_H = 48

records = table(
    "idempotency",
    Column("actor", Text, primary_key=True),  # the client: its keys come and go
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", UtcTime, nullable=False),
    Index("ix_idempotency_created", "created"),
)


@dataclass(frozen=True)
class Record:
    """An answer that was given under a key, and to which request."""

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    created: datetime


def fingerprint(method: str, path: str, query: str, media_type: str, body: bytes) -> str:
    """What makes two requests the same."""
    content = hashlib.sha256()
    for part in (method, path, query, media_type):
        content.update(f"{len(part)}:{part}".encode())
    content.update(body)
    return content.hexdigest()


def find(tx: Tx, client: str, key: str) -> Record | None:
    """The answer that a client of the tenant got under a key, if it is still kept."""
    query = tx.select(records).where(records.c.actor == client, records.c.key == key)
    row = tx.first(query.where(records.c.created > tx.now - timedelta(hours=KEPT_H)))
    return None if row is None else Record(row.fingerprint, row.status, row.headers, row.body, row.created)


def keep(tx: Tx, client: str, key: str, fingerprint: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep the answer of this transaction under a key, in place of one that has expired."""
    tx.execute(tx.delete(records).where(records.c.actor == client, records.c.key == key))
    row = {
        "actor": client, "key": key, "fingerprint": fingerprint, "status": status, "headers": dict(headers),
        "body": body, "created": tx.now,
    }  # fmt: skip
    tx.insert(records, row)


def sweep(connection: Connection, now: datetime) -> int:
    """Remove what has expired, of all tenants; says how many."""
    return connection.execute(delete(records).where(records.c.created <= now - timedelta(hours=KEPT_H))).rowcount
