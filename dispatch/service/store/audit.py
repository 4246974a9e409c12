"""What was done, by whom and when: the entries of a tenant's chain (:mod:`dispatch.service.store.chain`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from dispatch.service.store.chain import BEGINNING, Entry, Verdict, entries, entry_hash, verify_chain
from dispatch.service.store.transaction import Tx

__all__ = ["BEGINNING", "Entry", "Verdict", "entries", "entry_hash", "head", "listed", "verify", "verify_chain"]


def listed(
    tx: Tx,
    *,
    after: int = 0,
    limit: int = 100,
    subject: str | None = None,
    action: str | None = None,
    newest_first: bool = False,
) -> Sequence[Row[Any]]:
    """Entries after a number (before it, newest first), as rows of the table."""
    query = tx.select(entries)
    if subject is not None:
        query = query.where(entries.c.subject == subject)
    if action is not None:
        query = query.where(entries.c.action == action)
    if newest_first:
        query = query.where(entries.c.seq < after) if after else query
        return tx.all(query.order_by(entries.c.seq.desc()).limit(limit))
    return tx.all(query.where(entries.c.seq > after).order_by(entries.c.seq).limit(limit))


def head(tx: Tx) -> tuple[int, str]:
    """Number and hash of the last entry."""
    last = tx.first(tx.select(entries, entries.c.seq, entries.c.hash).order_by(entries.c.seq.desc()))
    return (0, BEGINNING) if last is None else (last.seq, last.hash)


def verify(tx: Tx) -> Verdict:
    """Walk the tenant's chain from its beginning."""
    return verify_chain(tx.connection, tx.tenant)
