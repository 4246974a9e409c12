"""What operators want of single set-points instead of what plans say, each with its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Float, Index, Row, String, Text, or_

from dispatch.service.errors import NotFoundError
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import UtcTime, table
from dispatch.service.store.transaction import Tx

overrides = table(
    "overrides",
    Column("id", String(40), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("asset", String(100), nullable=False),
    Column("quantity", String(100), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("value", Float),
    Column("least", Float),
    Column("most", Float),
    Column("start", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("reason", Text),
    Column("created", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Index("ix_overrides_tenant_site_until", "tenant", "site", "until"),
)
_C = overrides.c


def create(tx: Tx, values: Mapping[str, Any]) -> Row[Any]:
    """Note one; it holds from its start on."""
    id_ = new_id("ovr")
    tx.insert(overrides, {"id": id_, "created": tx.now, "actor": tx.actor, **values})
    return get(tx, id_)


def get(tx: Tx, id_: str) -> Row[Any]:
    """One override.

    Raises:
        NotFoundError: the tenant has none of this id.
    """
    row = tx.first(tx.select(overrides).where(_C.id == id_))
    if row is None:
        raise NotFoundError(f"There is no override '{id_}'.")
    return row


def end(tx: Tx, id_: str) -> None:
    """End one now, if it has not ended; before its start it never holds."""
    open_ = (_C.id == id_, _C.ended.is_(None), _C.until > tx.now)
    tx.execute(tx.update(overrides).where(*open_).values(ended=tx.now))


def listed(tx: Tx, site: str, *, before: str | None, limit: int) -> Sequence[Row[Any]]:
    """The newest first."""
    query = tx.select(overrides).where(_C.site == site)
    if before is not None:
        query = query.where(_C.id < before)
    return tx.all(query.order_by(_C.id.desc()).limit(limit))


def holding(tx: Tx, site: str, start: datetime, end_: datetime) -> Sequence[Row[Any]]:
    """Those that hold at some moment from start to before the end, the newest first."""
    lasting = (_C.until > start, or_(_C.ended.is_(None), _C.ended > start))
    query = tx.select(overrides).where(_C.site == site, _C.start < end_, *lasting)
    return tx.all(query.order_by(_C.id.desc()))


def ends_at(row: Row[Any]) -> datetime:
    """When it ends, or has ended."""
    until: datetime = row.until
    return until if row.ended is None else min(until, row.ended)
