"""Objects of OpenADR of a tenant, all kinds in one table: what they have in common is how they are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Row, String, Text, func

from dispatch.service.store.ids import id_of, new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

objects = table(
    "openadr_objects",
    Column("id", String(40), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("modified", UtcTime, nullable=False),
    Index("ix_openadr_objects_found", "tenant", "kind", "parent", "name"),
    Index("ix_openadr_objects_client", "tenant", "kind", "client"),
)
_AT_ONCE = 200
_PREFIXES = {"PROGRAM": "prg", "EVENT": "evt", "REPORT": "rpt", "SUBSCRIPTION": "sub", "VEN": "ven", "RESOURCE": "res"}


@dataclass(frozen=True)
class Kept:
    """An object.

    Attributes:
        kind: ``PROGRAM``, ``EVENT``, ``REPORT``, ``SUBSCRIPTION``, ``VEN`` or ``RESOURCE``.
        name: of the program, VEN or resource; of the others what they are called or who sent them.
        parent: the program of an event or subscription, the event of a report, the VEN of a resource; "" without one.
        client: the key that it belongs to; "" where it is nobody's own.
        body: as it was sent.
    """

    id: str
    kind: str
    name: str
    parent: str
    client: str
    body: Mapping[str, Any]
    created: datetime
    modified: datetime

    @property
    def targets(self) -> frozenset[str]:
        """Whom it is meant for; empty: everybody."""
        return frozenset(self.body.get("targets") or ())


def derived_id(kind: str, *parts: str) -> str:
    """The id of an object of which there is one for these parts."""
    return id_of(_PREFIXES[kind], *parts)


def add(
    tx: Tx, kind: str, name: str, body: Mapping[str, Any], *, parent: str = "", client: str = "", object_id: str = ""
) -> Kept:
    """Keep a new object.

    Args:
        object_id: a new one by default.
    """
    row: dict[str, Any] = {
        "id": object_id or new_id(_PREFIXES[kind]), "kind": kind, "name": name, "parent": parent, "client": client,
        "body": dict(body), "created": tx.now, "modified": tx.now,
    }  # fmt: skip
    tx.insert(objects, row)
    tx.audit(f"openadr.{kind.lower()}.create", row["id"], {"name": name, "parent": parent})
    return Kept(**row)


def change(tx: Tx, kept: Kept, name: str, body: Mapping[str, Any], *, parent: str = "", client: str = "") -> Kept:
    """Put a new state in the place of an object's."""
    values: dict[str, Any] = {"name": name, "body": dict(body), "parent": parent, "client": client, "modified": tx.now}
    tx.execute(tx.update(objects).where(objects.c.id == kept.id).values(values))
    tx.audit(f"openadr.{kept.kind.lower()}.update", kept.id, {"name": name, "parent": parent})
    return Kept(id=kept.id, kind=kept.kind, created=kept.created, **values)


def remove(tx: Tx, kept: Kept) -> list[Kept]:
    """Forget an object and what belongs to it (a program's events, their reports, a VEN's resources); all of them.

    Subscriptions to a program stay: whoever has one is to hear that it is gone.
    """
    below = {"PROGRAM": ("EVENT",), "EVENT": ("REPORT",), "VEN": ("RESOURCE",)}.get(kept.kind, ())
    gone = [kept]
    for kind in below:
        for one in found(tx, kind, parent=kept.id):
            gone += remove(tx, one)
    tx.execute(tx.delete(objects).where(objects.c.id == kept.id))
    tx.audit(f"openadr.{kept.kind.lower()}.delete", kept.id, {"name": kept.name})
    return gone


def get(tx: Tx, kind: str, object_id: str) -> Kept | None:
    """An object of a kind; None where the tenant has none of this id."""
    row = tx.first(tx.select(objects).where(objects.c.kind == kind, objects.c.id == object_id))
    return None if row is None else _kept(row)


def count(tx: Tx, kind: str) -> int:
    """How many objects of a kind there are."""
    return int(tx.execute(tx.select(objects, func.count()).where(objects.c.kind == kind)).scalar_one())


def found(
    tx: Tx,
    kind: str,
    *,
    name: str | None = None,
    parent: str | Sequence[str] | None = None,
    client: str | None = None,
) -> list[Kept]:
    """Objects of a kind in the order they were made, filtered by equality."""
    return list(walked(tx, kind, name=name, parent=parent, client=client))


def walked(
    tx: Tx,
    kind: str,
    *,
    name: str | None = None,
    parent: str | Sequence[str] | None = None,
    client: str | None = None,
) -> Iterator[Kept]:
    """The same, read as far as somebody looks."""
    query = tx.select(objects).where(objects.c.kind == kind)
    if name is not None:
        query = query.where(objects.c.name == name)
    if isinstance(parent, str):
        query = query.where(objects.c.parent == parent)
    elif parent is not None:
        query = query.where(objects.c.parent.in_(parent))
    if client is not None:
        query = query.where(objects.c.client == client)
    rows = tx.execute(query.order_by(objects.c.created, objects.c.id).execution_options(yield_per=_AT_ONCE))
    yield from (_kept(row) for row in rows)


def _kept(row: Row[Any]) -> Kept:
    return Kept(**{name: value for name, value in row._mapping.items() if name != "tenant"})
