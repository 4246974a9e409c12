"""What jobs make of fleets: forecasts, plans, flexibility, awards carried out, settlements, with their files.

A row is there from the request on; until its job has written the result, its state is that of the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqlalchemy import Column, Index, Row, String, exists, or_

from dispatch.service.errors import ConflictError, NotFoundError
from dispatch.service.store import files, jobs
from dispatch.service.store.arrow import ARROW_STREAM, from_bytes, to_bytes
from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import Json, UtcTime, table
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["fleet_forecast", "fleet_plan", "flexibility", "evaluation", "award", "settlement"]
PREFIXES: Mapping[Kind, str] = dict(zip(get_args(Kind), ("fcs", "fpl", "flx", "evl", "awd", "stl"), strict=True))
ARROW, HTML = ARROW_STREAM, "text/html"
_PENDING = "pending"

results = table(
    "fleet_results",
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("fleet", String(100), nullable=False),
    Column("parent", String(40), nullable=False),  # what it is of: a bid, an award; empty: of the fleet
    Column("job", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("request", Json, nullable=False),
    Column("summary", Json, nullable=False),
    Column("files", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Index("ix_fleet_results_tenant_kind_fleet_id", "tenant", "kind", "fleet", "id"),
    Index("ix_fleet_results_tenant_kind_parent_id", "tenant", "kind", "parent", "id"),
)


@dataclass(frozen=True)
class Result:
    """One result.

    Attributes:
        state: of the job until it is written: queued, running, failed, cancelled; then done or infeasible.
        summary: what it says in short; empty before it is there.
        files: by name, ids of files.
        problem: why the job failed.
    """

    id: str
    kind: str
    fleet: str
    parent: str
    job: str
    state: str
    request: dict[str, Any]
    summary: dict[str, Any]
    files: dict[str, str]
    created: datetime
    problem: dict[str, Any] | None = None

    @property
    def is_there(self) -> bool:
        """Has its job written it?"""
        return self.state in ("done", "infeasible")


@dataclass(frozen=True)
class Content:
    """What a job has made: its summary, tables and pages by name."""

    summary: dict[str, Any]
    tables: Mapping[str, pa.Table]
    pages: Mapping[str, str]
    state: Literal["done", "infeasible"] = "done"


def submit(tx: Tx, kind: Kind, fleet: str, request: Mapping[str, Any], *, parent: str = "") -> Result:
    """Accept a result that a job of the same kind will make."""
    made = new_id(PREFIXES[kind])
    job = jobs.submit(tx, kind, {**request, "result": made}, subject=made, scope="markets")
    row: dict[str, Any] = {
        "id": made, "kind": kind, "fleet": fleet, "parent": parent, "job": job.id, "state": _PENDING,
        "request": dict(request), "summary": {}, "files": {}, "created": tx.now,
    }  # fmt: skip
    tx.insert(results, row)
    tx.audit(f"{kind}.submit", made, {"fleet": fleet, "parent": parent, "job": job.id})
    return Result(**{**row, "state": job.state})


def get(tx: Tx, kind: Kind, id_: str) -> Result:
    """A result of a kind.

    Raises:
        NotFoundError: the tenant has none of that id.
    """
    row = tx.first(tx.select(results).where(results.c.id == id_, results.c.kind == kind))
    if row is None:
        raise NotFoundError(f"there is no {kind.replace('_', ' ')} '{id_}'")
    return _shown(tx, row)


def require(tx: Tx, kind: Kind, id_: str) -> Result:
    """A result that is there.

    Raises:
        NotFoundError: the tenant has none of that id; ConflictError: it is not there yet, or never will be.
    """
    found = get(tx, kind, id_)
    if not found.is_there:
        raise ConflictError(f"{kind.replace('_', ' ')} '{id_}' is {found.state}; accepted: one that is done")
    return found


def listed(
    tx: Tx, kind: Kind, *, fleet: str = "", parent: str = "", before: str = "", limit: int = 100, replaced: bool = True
) -> Sequence[Result]:
    """The newest first, from one on.

    Args:
        replaced: those too of whose parent a later one is done.
    """
    query = tx.select(results).where(results.c.kind == kind)
    if not replaced:
        later = results.alias()
        same = [later.c[name] == results.c[name] for name in ("tenant", "kind", "parent")]
        newer = exists().where(*same, later.c.id > results.c.id, later.c.state == "done")
        query = query.where(or_(results.c.state != "done", ~newer))
    if fleet:
        query = query.where(results.c.fleet == fleet)
    if parent:
        query = query.where(results.c.parent == parent)
    if before:
        query = query.where(results.c.id < before)
    return [_shown(tx, row) for row in tx.all(query.order_by(results.c.id.desc()).limit(limit))]


def around(tx: Tx, found: Result) -> tuple[str | None, str | None]:
    """Of a result that is done: which one of the same parent it replaces, and which one replaces it."""
    if found.state != "done":
        return None, None
    query = tx.select(results, results.c.id).where(
        results.c.kind == found.kind, results.c.parent == found.parent, results.c.state == "done"
    )
    before = tx.first(query.where(results.c.id < found.id).order_by(results.c.id.desc()).limit(1))
    after = tx.first(query.where(results.c.id > found.id).order_by(results.c.id).limit(1))
    return None if before is None else before.id, None if after is None else after.id


def write(tx: Tx, id_: str, content: Content) -> dict[str, str]:
    """Keep what the job has made; in the transaction that ends it. Says which file each table and page is."""
    kept = {name: files.put(tx, to_bytes(made), ARROW, f"{name}.arrow").id for name, made in content.tables.items()}
    kept |= {name: files.put(tx, made.encode(), HTML, f"{name}.html").id for name, made in content.pages.items()}
    row = {"state": content.state, "summary": content.summary, "files": kept}
    tx.execute(tx.update(results).where(results.c.id == id_).values(row))
    tx.audit("result.write", id_, {"state": content.state, "files": kept})
    return kept


def read_table(tx: Tx, found: Result, name: str) -> pa.Table:
    """One of its tables.

    Raises:
        NotFoundError: it has none of that name.
    """
    return from_bytes(_content(tx, found, name))


def read_page(tx: Tx, found: Result, name: str) -> bytes:
    """One of its pages.

    Raises:
        NotFoundError: it has none of that name.
    """
    return _content(tx, found, name)


def _content(tx: Tx, found: Result, name: str) -> bytes:
    if name not in found.files:
        raise NotFoundError(f"'{found.id}' has no {name}; it has {', '.join(sorted(found.files)) or 'nothing'}")
    return files.read(tx, found.files[name])


def _shown(tx: Tx, row: Row[Any]) -> Result:
    values = dict(row._mapping)
    values.pop("tenant")
    if values["state"] != _PENDING:
        return Result(**values)
    job = jobs.seek(tx, row.job)
    if job is None:  # it ended long ago, and nothing came of it
        return Result(**{**values, "state": "failed"})
    return Result(**{**values, "state": job.state, "problem": job.problem})
