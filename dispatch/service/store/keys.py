"""API keys: a public id that finds the row, and a secret of which only a hash is kept.

A secret has 256 random bits, so a plain SHA-256 of it can not be guessed back; slow hashes are for passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Index, Row, String, Text, func, select, update

from dispatch.service.store.changes import CHANGES
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.tenants import tenants
from dispatch.service.store.transaction import Tx

# A key that is used says so once in a while: a write for every request would be a write for every read.
USED_EVERY = timedelta(minutes=5)

keys = table(
    "keys",
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", UtcTime),
    Column("revoked", UtcTime),
    Column("last_used", UtcTime),
    Column("replaces", String(40)),
    # A key and those that it was rotated into are one client, under the id of the first; a key that another client made
    # is under that one, and ends with it.
    Column("client", String(40), nullable=False, server_default=""),
    Column("made_by", String(40)),
    Index("uq_keys_id", "id", unique=True),
    Index("ix_keys_tenant_client", "tenant", "client"),
    Index("ix_keys_tenant_made_by", "tenant", "made_by"),
)


@dataclass(frozen=True)
class Key:
    """A key as it is kept; the secret is shown once, when it is made.

    Attributes:
        client: id of the first key of those that were rotated into this one.
        made_by: the client whose key made it, and with which it ends; None where an operator did.
    """

    tenant: str
    id: str
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    created: datetime
    created_by: str
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None
    replaces: str | None
    client: str
    made_by: str | None

    def opens(self, now: datetime) -> bool:
        """Whether it is of use at a time."""
        return (self.expires is None or now < self.expires) and (self.revoked is None or now < self.revoked)


def create(tx: Tx, name: str, scopes: Sequence[str], *, expires: datetime | None = None) -> tuple[Key, str]:
    """A new key of the tenant, and its secret, which nobody can read again."""
    maker = get(tx, tx.actor)
    return _create(tx, name, scopes, expires, made_by=None if maker is None else maker.client)


def _create(
    tx: Tx, name: str, scopes: Sequence[str], expires: datetime | None, *, made_by: str | None, old: Key | None = None
) -> tuple[Key, str]:
    secret = secrets.token_urlsafe(32)
    key_id, replaces = new_id("key"), None if old is None else old.id
    row = {
        "id": key_id, "name": name, "secret_sha256": hashed(secret), "scopes": sorted(set(scopes)),
        "created": tx.now, "created_by": tx.actor, "expires": expires, "replaces": replaces,
        "client": key_id if old is None else old.client, "made_by": made_by,
    }  # fmt: skip
    tx.insert(keys, row)
    tx.audit("key.create", key_id, {"name": name, "scopes": row["scopes"], "replaces": replaces, "made_by": made_by})
    made = get(tx, key_id)
    assert made is not None
    return made, secret


def rotate(tx: Tx, key_id: str, *, overlap: timedelta = timedelta(0)) -> tuple[Key, str] | None:
    """A new key with the name and scopes of an old one, which opens for some more time; None without such a key.

    Where another client's key does it, the new one is under that client from now on: it was shown the secret.
    """
    old = get(tx, key_id)
    if old is None or not old.opens(tx.now):
        return None
    until = tx.now + overlap
    ends = until if old.revoked is None else min(until, old.revoked)
    tx.execute(tx.update(keys).where(keys.c.id == key_id).values(revoked=ends))
    tx.after_commit(CHANGES.note)
    tx.audit("key.rotate", key_id, {"opens_until": ends.isoformat()})
    by = get(tx, tx.actor)
    made_by = old.made_by if by is None or by.client == old.client else by.client
    return _create(tx, old.name, old.scopes, old.expires, made_by=made_by, old=old)


def revoke(tx: Tx, key_id: str) -> tuple[str, ...]:
    """Let a key open nothing from now on, and with the last key of a client all that were made by it; those closed.

    Nothing where the key opened nothing before.
    """
    old = get(tx, key_id)
    if old is None or not old.opens(tx.now):
        return ()
    closed = [_close(tx, old)]
    clients = [old.client]
    while clients:
        client = clients.pop()
        if _open(tx, keys.c.client == client):
            continue  # it was rotated, and goes on
        for child in _open(tx, keys.c.made_by == client):
            closed.append(_close(tx, child, client))
            clients.append(child.client)
    return tuple(closed)


def _open(tx: Tx, which: ColumnElement[bool]) -> list[Key]:
    found = [_key(row) for row in tx.all(tx.select(keys).where(which).order_by(keys.c.id))]
    return [key for key in found if key.opens(tx.now)]


def _close(tx: Tx, key: Key, made_by: str | None = None) -> str:
    tx.execute(tx.update(keys).where(keys.c.id == key.id).values(revoked=tx.now))
    tx.after_commit(CHANGES.note)
    tx.audit("key.revoke", key.id, {} if made_by is None else {"made_by": made_by})
    return key.id


def get(tx: Tx, key_id: str) -> Key | None:
    """A key of the tenant."""
    row = tx.first(tx.select(keys).where(keys.c.id == key_id))
    return None if row is None else _key(row)


def successor(tx: Tx, key_id: str) -> Key | None:
    """The key that took its place when it was rotated."""
    row = tx.first(tx.select(keys).where(keys.c.replaces == key_id))
    return None if row is None else _key(row)


def listed(tx: Tx, *, made_by: str = "", after: str = "", limit: int = 100) -> Sequence[Key]:
    """Keys of the tenant in the order they were made; those only that a client made, by the id of any of its keys."""
    query = tx.select(keys).where(keys.c.id > after).order_by(keys.c.id).limit(limit)
    if made_by:
        maker = get(tx, made_by)
        query = query.where(keys.c.made_by == (made_by if maker is None else maker.client))
    return [_key(row) for row in tx.all(query)]


def find(connection: Connection, key_id: str) -> Key | None:
    """A key by its public id, whoever its tenant is; none of a closed tenant."""
    joined = keys.join(tenants, tenants.c.tenant == keys.c.tenant)
    query = select(keys).select_from(joined).where(keys.c.id == key_id, tenants.c.closed.is_(None))
    row = connection.execute(query).first()
    return None if row is None else _key(row)


def secret_of(connection: Connection, key_id: str) -> str:
    """What is kept of a key's secret; of an unknown key something that no secret has, for the same work.

    One row comes back either way, and nothing more of it is read: whoever tries ids can not tell by the time it takes.
    """
    kept = select(keys.c.secret_sha256).where(keys.c.id == key_id).scalar_subquery()
    return str(connection.execute(select(func.coalesce(kept, _NOBODYS))).scalar_one())


def fits(kept: str, secret: str) -> bool:
    """Whether a secret is that of which this is kept."""
    return hmac.compare_digest(kept, hashed(secret))


def used(connection: Connection, key: Key, now: datetime) -> bool:
    """Note that a key was used, where the last note is old enough; says whether it was noted."""
    if key.last_used is not None and now - key.last_used < USED_EVERY:
        return False
    changed = update(keys).where(keys.c.tenant == key.tenant, keys.c.id == key.id).values(last_used=now)
    return connection.execute(changed).rowcount == 1


def hashed(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_NOBODYS = "0" * 64


def _key(row: Row[Any]) -> Key:
    return Key(**{**row._mapping, "scopes": tuple(row.scopes)})
