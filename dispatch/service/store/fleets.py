"""Fleets: sites that are planned, offered and settled together, by name or by label, and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Integer, Row, String

from dispatch.service.errors import ConflictError, Fault, InvalidError, NotFoundError
from dispatch.service.store import sites
from dispatch.service.store.metadata import Json, UtcTime, canonical, table
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from dispatch.site import Site

MOST_SITES = 10_000
_AT_ONCE = 500

fleets = table(
    "fleets",
    Column("fleet", String(100), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("body", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("deleted", UtcTime),
)


@dataclass(frozen=True)
class Fleet:
    """A fleet as it is now."""

    fleet: str
    version: int
    etag: str
    body: dict[str, Any]
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Listed:
    """One of its sites: the park under the site's name, whatever the park's own is."""

    site: str
    version: int
    park: Site
    labels: Mapping[str, str]


def etag_of(body: Mapping[str, Any]) -> str:
    """The tag of a body."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()[:32]


def put(tx: Tx, fleet: str, body: Mapping[str, Any]) -> tuple[Fleet, bool]:
    """Make a fleet or change it; was it made?"""
    row = tx.first(tx.select(fleets).where(fleets.c.fleet == fleet))
    there = row is not None and row.deleted is None
    tag = etag_of(body)
    if row is not None and there and row.etag == tag:
        return _shown(row), False
    values: dict[str, Any] = {
        "fleet": fleet, "version": 1 if row is None else row.version + 1, "etag": tag, "body": dict(body),
        "created": row.created if row is not None and there else tx.now, "updated": tx.now,
    }  # fmt: skip
    if row is None:
        tx.insert(fleets, values)
    else:
        tx.execute(tx.update(fleets).where(fleets.c.fleet == fleet).values({**values, "deleted": None}))
    tx.audit("fleet.put", fleet, {"version": values["version"], "etag": tag})
    return Fleet(**values), not there


def get(tx: Tx, fleet: str) -> Fleet:
    """A fleet.

    Raises:
        NotFoundError: the tenant has none of that name.
    """
    row = tx.first(tx.select(fleets).where(fleets.c.fleet == fleet, fleets.c.deleted.is_(None)))
    if row is None:
        raise NotFoundError(f"there is no fleet '{fleet}'")
    return _shown(row)


def etag(tx: Tx, fleet: str) -> str | None:
    """The tag of a fleet, None where there is none."""
    row = tx.first(tx.select(fleets, fleets.c.etag).where(fleets.c.fleet == fleet, fleets.c.deleted.is_(None)))
    return None if row is None else str(row.etag)


def listed(tx: Tx, *, after: str = "", limit: int = 100) -> Sequence[Fleet]:
    """By name, after one."""
    query = tx.select(fleets).where(fleets.c.deleted.is_(None), fleets.c.fleet > after)
    return [_shown(row) for row in tx.all(query.order_by(fleets.c.fleet).limit(limit))]


def delete(tx: Tx, fleet: str) -> None:
    """End a fleet; what was made of it stays."""
    get(tx, fleet)
    tx.execute(tx.update(fleets).where(fleets.c.fleet == fleet).values(deleted=tx.now, updated=tx.now, etag=""))
    tx.audit("fleet.delete", fleet)


def _shown(row: Row[Any]) -> Fleet:
    return Fleet(row.fleet, row.version, row.etag, row.body, row.created, row.updated)


def names(tx: Tx, body: Mapping[str, Any]) -> tuple[str, ...]:
    """The sites that a fleet's body means now, in order."""
    if body.get("sites") is not None:
        return tuple(body["sites"])
    found: list[str] = []
    while rows := sites.listed(tx, after=found[-1] if found else "", limit=_AT_ONCE, with_labels=body["where"]):
        found += [row.site for row in rows]
        if len(found) > MOST_SITES:
            raise ConflictError(f"the labels are those of more than {MOST_SITES} sites; accepted: at most so many")
    return tuple(found)


def labels(tx: Tx, wanted: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """Labels of sites.

    Raises:
        InvalidError: some do not exist; names all of them.
    """
    held = _held(tx, wanted)
    _require([(place, site) for place, site in enumerate(wanted) if site not in held], len(wanted))
    return tuple(held[site] for site in wanted)


def missing(tx: Tx, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those that are no sites any more."""
    held = _held(tx, wanted)
    return tuple(site for site in wanted if site not in held)


def _held(tx: Tx, wanted: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Labels of those that there are."""
    held: dict[str, Mapping[str, str]] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        some = sites.sites.c.site.in_(wanted[first : first + _AT_ONCE])
        query = tx.select(sites.sites, sites.sites.c.site, sites.sites.c.labels)
        held |= {row.site: row.labels for row in tx.all(query.where(some, sites.sites.c.deleted.is_(None)))}
    return held


def _require(missing: Sequence[tuple[int, str]], count: int) -> None:
    if missing:
        faults = [Fault(f"/sites/{n}", "there is no such site", site, "the name of a site") for n, site in missing]
        raise InvalidError(f"{len(missing)} of {count} sites do not exist", faults)


def parks(tx: Tx, wanted: Sequence[str], versions: Mapping[str, int] | None = None) -> tuple[Listed, ...]:
    """Sites as parks, each named as its site.

    Args:
        versions: which; by default those of now.

    Raises:
        InvalidError: some do not exist; names all of them.
    """
    found, missing = [], []
    for place, site in enumerate(wanted):
        kept = sites.get(tx, site, None if versions is None else versions[site])
        park = None if kept is None else sites.park(tx, site, kept.version)
        if kept is None or park is None:
            missing.append((place, site))
            continue
        found.append(Listed(site, kept.version, park.model_copy(update={"name": site}), kept.labels))
    _require(missing, len(wanted))
    return tuple(found)
