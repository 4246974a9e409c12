"""Entries chained by hashes, so that none can be changed or left out unseen: how they are made and how they are walked.

The hash of an entry covers its content and the hash before it, tenant by tenant. Who holds the last hash of some day
holds a proof of everything up to then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Row, String, Text, insert, select

from dispatch.service.store.metadata import Json, UtcTime, canonical, microseconds, table

BEGINNING = hashlib.sha256(b"parkwatt audit").hexdigest()
_READ_AT_ONCE = 2000

entries = table(
    "audit",
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(100), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Json, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_tenant_subject", "tenant", "subject", "seq"),
)


@dataclass(frozen=True)
class Entry:
    """What a transaction wants noted."""

    action: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What walking a chain found.

    Attributes:
        count: entries read.
        head: hash of the last of them.
        broken_at: number of the first that does not fit, None where all do.
        reason: what is wrong with it.
    """

    count: int
    head: str
    broken_at: int | None = None
    reason: str = ""


def entry_hash(previous: str, tenant: str, seq: int, at: datetime, actor: str, entry: Entry) -> str:
    """The hash of an entry; its exact input, so that others can compute it too."""
    content = [previous, tenant, seq, microseconds(at), actor, entry.action, entry.subject, entry.details]
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def append(connection: Connection, tenant: str, at: datetime, actor: str, wanted: Sequence[Entry]) -> None:
    """Append entries; only the holder of the tenant's write lock does."""
    there = select(entries.c.seq, entries.c.hash).where(entries.c.tenant == tenant)
    last = connection.execute(there.order_by(entries.c.seq.desc()).limit(1)).first()
    seq, previous = (0, BEGINNING) if last is None else (last.seq, last.hash)
    rows = []
    for entry in wanted:
        seq += 1
        made = entry_hash(previous, tenant, seq, at, actor, entry)
        rows.append(
            {
                "tenant": tenant, "seq": seq, "at": at, "actor": actor, "action": entry.action,
                "subject": entry.subject, "details": entry.details, "previous_hash": previous, "hash": made,
            }
        )  # fmt: skip
        previous = made
    connection.execute(insert(entries), rows)


def verify_chain(connection: Connection, tenant: str) -> Verdict:
    """Walk a tenant's chain: every number there, every hash that of its content and of the one before it."""
    count, previous = 0, BEGINNING
    for row in _walked(connection, tenant):
        if row.seq != count + 1:
            return Verdict(count, previous, count + 1, f"entry {count + 1} is not there; the next is {row.seq}")
        made = entry_hash(previous, tenant, row.seq, row.at, row.actor, Entry(row.action, row.subject, row.details))
        if row.previous_hash != previous or row.hash != made:
            return Verdict(count, previous, row.seq, f"entry {row.seq} is not what was written")
        count, previous = row.seq, made
    return Verdict(count, previous)


def _walked(connection: Connection, tenant: str) -> Iterator[Row[Any]]:
    query = select(entries).where(entries.c.tenant == tenant).order_by(entries.c.seq)
    after = 0
    while found := connection.execute(query.where(entries.c.seq > after).limit(_READ_AT_ONCE)).all():
        yield from found
        after = found[-1].seq
