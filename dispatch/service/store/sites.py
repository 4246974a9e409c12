"""Sites: parks under the name that their owner calls them by, with every version that there was.

A site's body is a park's file as JSON, with ``labels`` beside it. What it says is validated before a transaction
begins (:func:`prepare`), so that hundreds of sites do not keep other writers waiting.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Column, Index, Integer, Row, Select, String, Text, bindparam

from dispatch.errors import ConfigError, Problem
from dispatch.service.store.metadata import Json, UtcTime, belongs, canonical, table
from dispatch.service.store.remembered import Remembered
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from dispatch.site import Site

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$"
LABELS = "labels"
Outcome = Literal["created", "updated", "same"]
_PARSED = 1024
_AT_ONCE = 500
_LONGEST_NAME = 64

sites = table(
    "sites",
    Column("site", String(100), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("labels", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("deleted", UtcTime),
)
versions = table(
    "site_versions",
    Column("site", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("etag", String(64), nullable=False),
    Column("body", Json),  # none: here the site was deleted
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    belongs("sites", "site"),
)
labels = table(
    "site_labels",
    Column("site", String(100), primary_key=True),
    Column("label", String(63), primary_key=True),
    Column("value", String(255), nullable=False),
    belongs("sites", "site"),
    Index("ix_site_labels_tenant_label_value", "tenant", "label", "value"),
)


@dataclass(frozen=True)
class Prepared:
    """A body that describes a valid park, and the park.

    Attributes:
        etag: hash of the body's canonical text.
    """

    body: dict[str, Any]
    labels: dict[str, str]
    etag: str
    park: Site


@dataclass(frozen=True)
class Kept:
    """A site as it is now, or a version of it."""

    site: str
    version: int
    etag: str
    name: str
    title: str
    body: dict[str, Any]
    labels: dict[str, str]
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Put:
    """What became of a body."""

    site: str
    outcome: Outcome
    version: int
    etag: str


def prepare(body: Mapping[str, Any], name: str) -> Prepared:
    """Validate a body; touches no disk but for the shipped libraries.

    Raises:
        ConfigError: with every problem found.
    """
    wrong = list(_label_problems(body.get(LABELS, {})))
    try:
        park = _parsed(_park_text(body))
    except ConfigError as error:
        raise ConfigError(name, [*wrong, *error.problems]) from None
    wrong += _long_names(park)
    if wrong:
        raise ConfigError(name, wrong)
    content = dict(body)
    return Prepared(content, dict(body.get(LABELS, {})), _etag(content), park)


def _label_problems(found: Any) -> list[Problem]:
    if not isinstance(found, Mapping):
        return [Problem(LABELS, "is no mapping", "names and texts, like {region: north}")]
    wrong = [
        Problem(f"{LABELS}.{name}", "is no label", "a name of 1 to 63 and a text of at most 255 characters")
        for name, value in found.items()
        if not (0 < len(name) <= 63 and isinstance(value, str) and len(value) <= 255) or "\x00" in name + value
    ]
    return wrong if len(found) <= 50 else [*wrong, Problem(LABELS, f"are {len(found)}", "at most 50")]


def _long_names(park: Site) -> list[Problem]:
    """Names that those of series are made of, and that other tables refer to."""
    places = {"name": park.name}
    places |= {f"buses[{index}].name": bus.name for index, bus in enumerate(park.buses)}
    places |= {f"assets[{index}].name": asset.name for index, asset in enumerate(park.assets)}
    accepted = f"at most {_LONGEST_NAME} characters"
    return [Problem(at, "is too long", accepted) for at, name in places.items() if len(name) > _LONGEST_NAME]


def _etag(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()[:32]


def put(tx: Tx, site: str, prepared: Prepared) -> Put:
    """Make a site, or a new version of it where the content is another one."""
    return put_many(tx, {site: prepared})[0]


def put_many(tx: Tx, wanted: Mapping[str, Prepared]) -> list[Put]:
    """Likewise many, in few statements; in the order given."""
    there = _present(tx, list(wanted))
    results: list[Put] = []
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for site, prepared in wanted.items():
        old = there.get(site)
        if old is not None and old.deleted is None and old.etag == prepared.etag:
            results.append(Put(site, "same", old.version, old.etag))
            continue
        version = 1 if old is None else old.version + 1
        row = {
            "site": site, "version": version, "etag": prepared.etag, "name": prepared.park.name,
            "title": prepared.park.title, "labels": prepared.labels, "updated": tx.now,
        }  # fmt: skip
        is_new = old is None or old.deleted is not None
        created = tx.now if old is None or is_new else old.created
        (new if old is None else changed).append({**row, "created": created})
        content.append({"site": site, "version": version, "etag": prepared.etag, "body": prepared.body})
        results.append(Put(site, "created" if is_new else "updated", version, prepared.etag))
        tx.audit("site.put", site, {"version": version, "etag": prepared.etag})
    _store(tx, new, changed, content)
    _relabel(tx, {each["site"]: wanted[each["site"]].labels for each in (*new, *changed)})
    return results


def _present(tx: Tx, names: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for first in range(0, len(names), _AT_ONCE):
        rows = tx.all(tx.select(sites).where(sites.c.site.in_(names[first : first + _AT_ONCE])))
        found |= {row.site: row for row in rows}
    return found


def _store(tx: Tx, new: list[dict[str, Any]], changed: list[dict[str, Any]], content: list[dict[str, Any]]) -> None:
    if new:
        tx.insert(sites, new)
    if changed:
        fields: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changed[0] if name != "site"}
        fields["deleted"] = None
        statement = tx.update(sites).where(sites.c.site == bindparam("new_site")).values(fields)
        tx.connection.execute(statement, [{f"new_{name}": value for name, value in row.items()} for row in changed])
    if content:
        tx.insert(versions, [{**row, "at": tx.now, "actor": tx.actor} for row in content])


def _relabel(tx: Tx, wanted: Mapping[str, Mapping[str, str]]) -> None:
    names = list(wanted)
    for first in range(0, len(names), _AT_ONCE):
        tx.execute(tx.delete(labels).where(labels.c.site.in_(names[first : first + _AT_ONCE])))
    rows = [{"site": s, "label": label, "value": value} for s, own in wanted.items() for label, value in own.items()]
    if rows:
        tx.insert(labels, rows)


def get(tx: Tx, site: str, version: int | None = None) -> Kept | None:
    """A site as it is, or a version that it had; None where there is none, or it is deleted."""
    row = tx.first(tx.select(sites).where(sites.c.site == site))
    if row is None or (version is None and row.deleted is not None):
        return None
    wanted = row.version if version is None else version
    content = tx.first(tx.select(versions).where(versions.c.site == site, versions.c.version == wanted))
    if content is None or content.body is None:
        return None
    body: dict[str, Any] = content.body
    named = str(body["name"]), str(body.get("title", ""))
    return Kept(site, wanted, content.etag, *named, body, body.get(LABELS, {}), row.created, content.at)


def etag(tx: Tx, site: str) -> str | None:
    """The tag of a site as it is; None where there is none."""
    row = tx.first(tx.select(sites, sites.c.etag).where(sites.c.site == site, sites.c.deleted.is_(None)))
    return None if row is None else str(row.etag)


def listed(
    tx: Tx, *, after: str = "", limit: int = 100, with_labels: Mapping[str, str] | None = None
) -> Sequence[Row[Any]]:
    """Sites by name, after one: site, version, etag, name, title, labels, created, updated."""
    query = tx.select(sites).where(sites.c.deleted.is_(None), sites.c.site > after)
    for label, value in (with_labels or {}).items():
        query = query.where(sites.c.site.in_(_labelled(tx, label, value)))
    return tx.all(query.order_by(sites.c.site).limit(limit))


def _labelled(tx: Tx, label: str, value: str) -> Select[Any]:
    return tx.select(labels, labels.c.site).where(labels.c.label == label, labels.c.value == value)


def history(tx: Tx, site: str, *, after: int = 0, limit: int = 100) -> Sequence[Row[Any]]:
    """Versions of a site after a number: version, etag, at, actor, and whether it was ``deleted`` there."""
    columns = (versions.c.version, versions.c.etag, versions.c.at, versions.c.actor)
    query = tx.select(versions, *columns, versions.c.body.is_(None).label("deleted"))
    query = query.where(versions.c.site == site, versions.c.version > after)
    return tx.all(query.order_by(versions.c.version).limit(limit))


def delete(tx: Tx, site: str) -> bool:
    """End a site; its versions and measurements stay. False where there is none."""
    row = tx.first(tx.select(sites).where(sites.c.site == site, sites.c.deleted.is_(None)))
    if row is None:
        return False
    version = row.version + 1
    changed = tx.update(sites).where(sites.c.site == site)
    tx.execute(changed.values(deleted=tx.now, updated=tx.now, version=version, etag=""))
    tx.insert(versions, {"site": site, "version": version, "etag": "", "body": None, "at": tx.now, "actor": tx.actor})
    tx.execute(tx.delete(labels).where(labels.c.site == site))
    tx.audit("site.delete", site, {"version": version})
    return True


def park(tx: Tx, site: str, version: int | None = None) -> Site | None:
    """The park that a site describes, None where there is none; parsed once for as long as it stays the same."""
    if version is None:
        tag = etag(tx, site)
    else:
        of = tx.select(versions, versions.c.etag).where(versions.c.site == site, versions.c.version == version)
        tag = found.etag if (found := tx.first(of)) else None
    return tagged(tx, site, tag) if tag else None  # a deleted one has an empty tag


def tagged(tx: Tx, site: str, tag: str) -> Site:
    """The park of a version of a site, by the hash of its body: who has it need not read the body."""

    def read() -> Site:
        found = tx.first(tx.select(versions, versions.c.body).where(versions.c.site == site, versions.c.etag == tag))
        if found is None:
            raise KeyError(tag)
        return _parsed(_park_text(found.body))

    return _PARKS.get(tag, read)


def _park_text(body: Mapping[str, Any]) -> str:
    return canonical({key: value for key, value in body.items() if key != LABELS})


_PARKS: Remembered[str, Site] = Remembered(_PARSED)


@lru_cache(maxsize=_PARSED)
def _parsed(text: str) -> Site:
    """A park depends on nothing but its text and the shipped libraries: the same one is validated once."""
    from dispatch.config.park import parse_site

    return parse_site(json.loads(text), "site")
