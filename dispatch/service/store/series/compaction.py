"""From the journal to Parquet: files written aside and synced first, then one commit that swaps rows for files.

A process that dies before that commit leaves files that nobody names, which a sweep removes; one that comes second
finds that the rows it read are gone and changes nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, func, select

from dispatch.service.store.durable import UNFINISHED, write_file
from dispatch.service.store.ids import new_id
from dispatch.service.store.series import reading
from dispatch.service.store.series.tables import journal, parts
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Row

    from dispatch.service.store.database import Store

# Parts of a day are merged from the smallest on while the next is less than so many times as large.
GROWTH = 4
_EPOCH = date(1970, 1, 1)
# So much of the journal at once: a bound for memory, and for how long the commit takes.
ENTRIES = 5000
ROWS = 2_000_000
# Files that nobody names any more stay for readers that began before, and for backups.
GRACE_S = 3600.0


@dataclass(frozen=True)
class Compacted:
    """What a compaction moved: entries of the journal, their rows, and the parts written."""

    entries: int = 0
    rows: int = 0
    parts: int = 0


class _OvertakenError(Exception):
    """Somebody else has compacted the same meanwhile."""


@dataclass(frozen=True)
class _Made:
    row: dict[str, Any]
    replaces: tuple[str, ...]


def compact(store: Store, tenant: str) -> Compacted:
    """Move the oldest part of a tenant's journal into Parquet; call again while it says that it moved something.

    Writers are held up only for the commit at the end.
    """
    with store.read(tenant, "compaction") as tx:
        ids, table = _oldest(tx)
        if not ids:
            return Compacted()
        made = [_write(tx, day, rows) for day, rows in _by_day(table)]
    try:
        with store.write(tenant, "compaction") as tx:
            _swap(tx, ids, made)
    except _OvertakenError:
        return Compacted()
    return Compacted(len(ids), len(table), len(made))


def waiting(connection: Connection) -> Sequence[Row[Any]]:
    """Tenants with a journal: tenant, entries, rows, oldest."""
    counts = (func.count().label("entries"), func.sum(journal.c.rows).label("rows"))
    oldest = func.min(journal.c.received, type_=journal.c.received.type).label("oldest")
    query = select(journal.c.tenant, *counts, oldest).group_by(journal.c.tenant).order_by(journal.c.tenant)
    return connection.execute(query).all()


def _oldest(tx: Tx) -> tuple[list[str], pa.Table]:
    import pyarrow as pa

    query = tx.select(journal, journal.c.id, journal.c.rows).order_by(journal.c.id).limit(ENTRIES)
    ids: list[str] = []
    total = 0
    for row in tx.all(query):
        total += row.rows
        if ids and total > ROWS:
            break
        ids.append(row.id)
    tables = []
    for first in range(0, len(ids), 500):
        some = tx.select(journal, journal.c.received, journal.c.body).where(journal.c.id.in_(ids[first : first + 500]))
        tables += [reading.decoded(row.body, row.received) for row in tx.all(some)]
    return ids, pa.concat_tables([reading.empty(), *tables])


def _by_day(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """By day, in one pass over the rows: there may be thousands of days."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pc.cast(pc.cast(table["time"], "date32"), pa.int32()).to_numpy()
    order = np.argsort(days, kind="stable")
    table, days = table.take(pa.array(order)), days[order]
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    for first, last in pairwise(edges):
        yield (_EPOCH + timedelta(days=int(days[first]))).isoformat(), table.slice(first, last - first)


def _write(tx: Tx, day: str, rows: pa.Table) -> _Made:
    """A part of these rows and of those parts of the day that are not much larger."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    replaced: list[str] = []
    tables, size = [rows], len(rows)
    for part in tx.all(tx.select(parts).where(parts.c.day == day).order_by(parts.c.rows)):
        if part.rows >= GROWTH * size:
            break
        path = reading.part_path(tx, day, part.id)
        path.touch()  # its grace begins now
        tables.append(pq.read_table(path, schema=reading.empty().schema))
        replaced.append(part.id)
        size += part.rows
    order = [(name, "ascending") for name in ("site", "series", "source", "time", "received")]
    merged = pa.concat_tables(tables).sort_by(order)
    part_id = new_id("prt")
    path = reading.part_path(tx, day, part_id)
    options = {"compression": "zstd", "column_encoding": {"time": "DELTA_BINARY_PACKED"}, "version": "2.6"}
    options |= {"use_dictionary": ["site", "series", "source", "received"]}
    write_file(path, lambda handle: pq.write_table(merged, handle, **options))
    content = path.read_bytes()
    row = {"id": part_id, "day": day, "rows": len(merged), "size": len(content), "created": datetime.now(UTC)}
    return _Made({**row, "sha256": hashlib.sha256(content).hexdigest()}, tuple(replaced))


def _swap(tx: Tx, ids: list[str], made: list[_Made]) -> None:
    _remove(tx, journal, ids)
    _remove(tx, parts, [part for one in made for part in one.replaces])
    tx.insert(parts, [one.row for one in made])


def _remove(tx: Tx, table: Any, ids: list[str]) -> None:
    gone = 0
    for first in range(0, len(ids), 500):
        gone += tx.execute(tx.delete(table).where(table.c.id.in_(ids[first : first + 500]))).rowcount
    if gone != len(ids):
        raise _OvertakenError


def sweep(store: Store, tenant: str, *, grace_s: float = GRACE_S) -> int:
    """Remove files of series that nothing names and that are old enough; says how many."""
    with store.read(tenant) as tx:
        root = tx.disk.series(tenant)
        named = {reading.part_path(tx, row.day, row.id) for row in tx.all(tx.select(parts, parts.c.day, parts.c.id))}
    gone, before = 0, time.time() - grace_s
    for path in root.glob("*/*"):
        is_ours = path.suffix in (".parquet", UNFINISHED) and _is_day(path.parent.name)
        if is_ours and path not in named and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _is_day(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True
