"""Bids of fleets: drafts, what was sent, what was won of it.

A draft expires when the last gate closes, a submitted bid when its last period has passed and nothing was awarded.
That is said by the clock when it is looked at; nobody has to write it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Column, Float, Index, Row, String, Text

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

State = Literal["draft", "submitted", "awarded", "withdrawn", "expired"]

bids = table(
    "bids",
    Column("id", String(40), primary_key=True),
    Column("fleet", String(100), nullable=False),
    Column("flexibility", String(40), nullable=False),
    Column("product", String(100), nullable=False),
    Column("day", String(10), nullable=False),
    Column("side", String(4), nullable=False),
    Column("portfolio", Text, nullable=False),
    Column("state", String(12), nullable=False),  # as it was written; see Bid.state
    Column("body", Json, nullable=False),
    Column("left_out_kw", Float, nullable=False),
    Column("clipped", Text),
    Column("expires_at", UtcTime, nullable=False),
    Column("delivered_by", UtcTime, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("submitted", UtcTime),
    Column("award", String(40)),
    Index("ix_bids_tenant_fleet_id", "tenant", "fleet", "id"),
)


@dataclass(frozen=True)
class Bid:
    """A bid as it stands at a moment."""

    id: str
    fleet: str
    flexibility: str
    product: str
    day: date
    side: str
    portfolio: str
    state: State
    body: dict[str, Any]
    left_out_kw: float
    expires_at: datetime
    delivered_by: datetime
    created: datetime
    submitted: datetime | None
    award: str | None
    clipped: str | None


def create(tx: Tx, values: Mapping[str, Any]) -> Bid:
    """Keep a draft."""
    same = {"created": tx.now, "submitted": None, "award": None, "clipped": None}
    row = {"id": new_id("bid"), "state": "draft", **same, **values}
    tx.insert(bids, row)
    tx.audit("bid.create", row["id"], {name: row[name] for name in ("fleet", "flexibility", "product", "day", "side")})
    return get(tx, row["id"])


def get(tx: Tx, id_: str) -> Bid:
    """A bid.

    Raises:
        NotFoundError: the tenant has none of that id.
    """
    row = tx.first(tx.select(bids).where(bids.c.id == id_))
    if row is None:
        raise NotFoundError(f"there is no bid '{id_}'")
    return _shown(tx, row)


def listed(tx: Tx, *, fleet: str = "", before: str = "", limit: int = 100) -> Sequence[Bid]:
    """The newest first, from one on."""
    query = tx.select(bids)
    if fleet:
        query = query.where(bids.c.fleet == fleet)
    if before:
        query = query.where(bids.c.id < before)
    return [_shown(tx, row) for row in tx.all(query.order_by(bids.c.id.desc()).limit(limit))]


def committed(tx: Tx, fleet: str, first: date, last: date, *, others: bool = False) -> Sequence[Bid]:
    """Bids of a fleet for some days that bind it: sent and not decided yet, or won.

    Args:
        others: those of all fleets but this one instead.
    """
    query = tx.select(bids).where(
        bids.c.fleet != fleet if others else bids.c.fleet == fleet,
        bids.c.day >= first.isoformat(), bids.c.day <= last.isoformat(),
        bids.c.state.in_(("submitted", "awarded")),
    )  # fmt: skip
    found = (_shown(tx, row) for row in tx.all(query.order_by(bids.c.id)))
    return [one for one in found if one.state in ("submitted", "awarded")]


def require(found: Bid, *states: State) -> None:
    """Refuse what a bid's state does not allow.

    Raises:
        ConflictError: it is in another.
    """
    if found.state not in states:
        raise ConflictError(f"bid '{found.id}' is {found.state}; accepted: {' or '.join(states)}")


def submit(tx: Tx, found: Bid) -> Bid:
    """It has been sent."""
    require(found, "draft")
    return _changed(tx, found, "bid.submit", {"state": "submitted", "submitted": tx.now})


def withdraw(tx: Tx, found: Bid) -> Bid:
    """It does not count any more.

    Raises:
        ConflictError: its gate has closed, or it is not open.
    """
    require(found, "draft", "submitted")
    if tx.now >= found.expires_at:
        raise ConflictError(f"the gate of bid '{found.id}' closed at {found.expires_at.isoformat()}")
    return _changed(tx, found, "bid.withdraw", {"state": "withdrawn"})


def award(tx: Tx, found: Bid, award_id: str) -> Bid:
    """Something of it was won, and can be delivered.

    Raises:
        ConflictError: it was withdrawn meanwhile.
    """
    require(found, "submitted", "expired")
    return _changed(tx, found, "bid.award", {"state": "awarded", "award": award_id})


def _changed(tx: Tx, found: Bid, action: str, values: Mapping[str, Any]) -> Bid:
    tx.execute(tx.update(bids).where(bids.c.id == found.id).values(values))
    tx.audit(action, found.id, {"award": values["award"]} if "award" in values else {})
    return get(tx, found.id)


def _shown(tx: Tx, row: Row[Any]) -> Bid:
    values = dict(row._mapping)
    values.pop("tenant")
    late = (row.state == "draft" and tx.now >= row.expires_at) or (
        row.state == "submitted" and tx.now >= row.delivered_by
    )
    return Bid(**{**values, "day": date.fromisoformat(row.day), "state": "expired" if late else row.state})
