"""Reading series: Parquet parts and the journal together, by DuckDB, as they are or as they were known at a time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import or_

from dispatch.service.store.faults import DamagedError
from dispatch.service.store.series.entries import Kept, PartRows
from dispatch.service.store.series.rows import TIME
from dispatch.service.store.series.tables import held, journal, parts
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa
    from sqlalchemy import Row

_MEMORY = "1GB"
_THREADS = 2
_AT_ONCE = 500  # entries in one statement
_FEW = 100
_SMALL = 200_000  # rows of all parts of a time up to which they are looked through in memory
# The last of what was received for a key by a time; (start, end] because a value stands at the end of its interval.
_ALL = """
    SELECT site, series, source, time, value, received FROM ({everything})
    WHERE time > $start AND time <= $end AND received <= $as_of {where}
"""
_ROWS = f"{_ALL} QUALIFY row_number() OVER (PARTITION BY site, series, source, time ORDER BY received DESC) = 1"
_KEY = ("series", "source", "time")
_SHOWN = [*_KEY, "value", "received"]
_COLUMNS = "site, series, source, time, value, received"


class _Engine:
    """One DuckDB for a process, opened when it is first asked; each thread that reads has a cursor of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._mine = threading.local()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's: to open and close one took longer than a small query."""
        found: duckdb.DuckDBPyConnection | None = getattr(self._mine, "cursor", None)
        if found is None:
            found = self._mine.cursor = self._opened()
        return found

    def _opened(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._database is None:
                import duckdb

                self._database = duckdb.connect(
                    ":memory:",
                    config={
                        "memory_limit": _MEMORY,
                        "threads": _THREADS,
                        "temp_directory": tempfile.gettempdir(),
                        "autoinstall_known_extensions": "false",
                        "autoload_known_extensions": "false",
                    },
                )
            return self._database.cursor()


_ENGINE = _Engine()
_DECODED: Kept[pa.Table] = Kept()
_PARTS: Kept[PartRows] = Kept()


def read(
    tx: Tx,
    site: str,
    names: Collection[str] | None,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
    *,
    step: timedelta | None = None,
    limit: int | None = None,
) -> pa.Table:
    """Values of intervals that end in (start, end]: series, source, time, value, received, sorted.

    Args:
        names: series; None for all.
        as_of: as known then; by default all that is known.
        step: means over steps of this length, counted from midnight UTC, with how many values each is of (``count``)
            instead of when they were received.
        limit: at most so many rows.
    """
    if step is None and (few := _in_memory(tx, site, start, end)) is not None:
        return recent(few, site, names, start, end, as_of, limit)
    where, values = _of(site, names)
    tail = "ORDER BY series, source, time" + ("" if limit is None else f" LIMIT {int(limit)}")
    columns = "series, source, time, value, received"
    if step is not None:
        # In whole microseconds since 1970: DuckDB's own buckets follow the clock of the machine.
        columns = "series, source, make_timestamptz((epoch_us(time) + $step - 1) // $step * $step) AS time"
        columns += ", avg(value) AS value, count(value) AS count"
        tail = f"GROUP BY ALL {tail}"
        values |= {"step": step // timedelta(microseconds=1)}
    return _query(tx, f"SELECT {columns} FROM ({_ROWS}) {tail}", where, values, start, end, as_of)


def recent(
    table: pa.Table,
    site: str,
    names: Collection[str] | None,
    start: datetime,
    end: datetime,
    as_of: datetime | None,
    limit: int | None,
) -> pa.Table:
    """The same of a table in memory: what came lately is asked for most, and DuckDB takes 5 ms to begin with."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # One chunk each: the journal has an entry, and so a chunk, for every request that wrote.
    table = table.combine_chunks()
    wanted = [pc.equal(table["site"], site), *_between(table["time"], start, end)]
    if names is not None:
        wanted.append(pc.is_in(table["series"], pa.array(sorted(names), pa.string())))
    if as_of is not None:
        wanted.append(pc.less_equal(table["received"], pa.scalar(as_of, TIME())))
    found = table.select(_SHOWN).filter(reduce(pc.and_, wanted))
    newest_first = [*((name, "ascending") for name in _KEY), ("received", "descending")]
    found = found.sort_by(newest_first).combine_chunks()
    older = np.zeros(len(found), dtype=bool)
    if len(found) > 1:
        keys = (found[name].combine_chunks() for name in _KEY)
        older[1:] = reduce(np.logical_and, (pc.equal(k[1:], k[:-1]).to_numpy(zero_copy_only=False) for k in keys))
    return found.filter(pa.array(~older)).slice(0, limit)


def _in_memory(tx: Tx, site: str, start: datetime, end: datetime) -> pa.Table | None:
    """What is held of a site and a time, and some around it; None where that is too much to look through."""
    import pyarrow as pa

    found = _parts(tx, start, end)
    if sum(part.rows for part in found) > _SMALL:
        return None
    days = {part.id: part.day for part in found}
    kept = _PARTS.get(list(days), lambda ids: {id_: _part(tx, days[id_], id_) for id_ in ids})
    tables = [part.by_site[site] for part in kept if site in part.by_site]
    return pa.concat_tables([*tables, entries(tx, start, end, [site])])


def _part(tx: Tx, day: str, part: str) -> PartRows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = part_path(tx, day, part)
    try:
        # As bytes: a file that a sweep takes meanwhile must not be mapped into memory.
        return PartRows.of(pq.read_table(pa.BufferReader(path.read_bytes()), schema=empty().schema))
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedError(f"a part of the series cannot be read: {path}: {error}") from error


def _between(times: pa.ChunkedArray, start: datetime, end: datetime) -> Iterator[pa.ChunkedArray]:
    import pyarrow as pa
    import pyarrow.compute as pc

    yield pc.greater(times, pa.scalar(start, TIME()))
    yield pc.less_equal(times, pa.scalar(end, TIME()))


def revisions(
    tx: Tx, site: str, names: Collection[str] | None, start: datetime, end: datetime, as_of: datetime | None = None
) -> pa.Table:
    """Likewise, with those values that others have taken the place of."""
    where, values = _of(site, names)
    query = f"SELECT series, source, time, value, received FROM ({_ALL}) ORDER BY series, source, time, received"
    return _query(tx, query, where, values, start, end, as_of)


def _of(site: str, names: Collection[str] | None) -> tuple[str, dict[str, Any]]:
    if names is None:
        return "AND site = $site", {"site": site}
    return "AND site = $site AND list_contains($names, series)", {"site": site, "names": sorted(names)}


def lookup(tx: Tx, wanted: pa.Table) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """For rows with site, series, source and time: is a value held for that, and which (NaN: that nobody knows)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = wanted.append_column("place", pa.array(np.arange(len(wanted))))
    low, high = pc.min_max(wanted["time"]).as_py().values()
    query = f"""
        SELECT w.place, r.value FROM wanted w JOIN ({_ROWS}) r
        ON w.site = r.site AND w.series = r.series AND w.source = r.source AND w.time = r.time
    """
    where = "AND list_contains($sites, site)"
    sites = sorted(set(pc.unique(wanted["site"].cast(pa.string())).to_pylist()))
    start = low - timedelta(microseconds=1)
    found = _query(tx, query, where, {"sites": sites}, start, high, None, wanted=wanted)
    there, value = np.zeros(len(wanted), dtype=bool), np.full(len(wanted), np.nan)
    place = found["place"].to_numpy()
    there[place] = True
    value[place] = found["value"].to_numpy()
    return there, value


def holdings(tx: Tx, site: str) -> Sequence[Row[Any]]:
    """What is held of a site: series, source, first, last, times, received (when the last of it came)."""
    return tx.all(tx.select(held).where(held.c.site == site).order_by(held.c.series, held.c.source))


def _query(
    tx: Tx,
    query: str,
    where: str,
    values: dict[str, Any],
    start: datetime,
    end: datetime,
    as_of: datetime | None,
    **tables: pa.Table,
) -> pa.Table:
    import duckdb
    import pyarrow as pa

    files = [str(path) for path in _files(tx, start, end)]
    sites = values["sites"] if "sites" in values else [values["site"]]
    sources = [f"SELECT {_COLUMNS} FROM journal"]
    values = {**values, "start": start, "end": end, "as_of": as_of or datetime.max.replace(tzinfo=start.tzinfo)}
    if files:
        sources.append(f"SELECT {_COLUMNS} FROM read_parquet($files, hive_partitioning = false)")
        values["files"] = files
    cursor, seen = _ENGINE.cursor(), {"journal": entries(tx, start, end, sites), **tables}
    try:
        for name, table in seen.items():
            cursor.register(name, table)
        made = query.format(everything=" UNION ALL ".join(sources), where=where)
        found = cursor.sql(made, params=values).to_arrow_table()
    except duckdb.IOException as error:
        raise DamagedError(f"a part of the series cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        for name in seen:
            cursor.unregister(name)
    moments = [n for n, kind in zip(found.column_names, found.schema.types, strict=True) if pa.types.is_timestamp(kind)]
    for name in moments:
        found = found.set_column(found.column_names.index(name), name, found[name].cast(TIME()))
    return found


def entries(tx: Tx, start: datetime, end: datetime, sites: Sequence[str]) -> pa.Table:
    """What the journal holds of some sites and a time, and some around it."""
    import pyarrow as pa

    query = tx.select(journal, journal.c.id)
    if len(sites) <= _FEW:
        query = query.where(or_(journal.c.site.is_(None), journal.c.site.in_(sites)))
    some = query.where(journal.c.first <= end, journal.c.last > start)
    found = _DECODED.get([row.id for row in tx.all(some)], lambda ids: _bodies(tx, ids))
    return pa.concat_tables([empty(), *found])


def _bodies(tx: Tx, ids: list[str]) -> dict[str, pa.Table]:
    query = tx.select(journal, journal.c.id, journal.c.received, journal.c.body)
    found: dict[str, pa.Table] = {}
    for first in range(0, len(ids), _AT_ONCE):
        some = tx.all(query.where(journal.c.id.in_(ids[first : first + _AT_ONCE])))
        found |= {row.id: decoded(row.body, row.received) for row in some}
    return found


def decoded(body: bytes, received: datetime) -> pa.Table:
    """An entry of the journal, with when it was received."""
    import pyarrow as pa
    import pyarrow.ipc

    table = pa.ipc.open_stream(body).read_all()
    columns = [table[name].cast(pa.string()) for name in ("site", "series", "source")]
    stamp = pa.repeat(pa.scalar(received, TIME()), len(table))
    return pa.table([*columns, table["time"], table["value"], stamp], schema=empty().schema)


@cache
def empty() -> pa.Table:
    """No rows, as the journal and the parts have them."""
    import pyarrow as pa

    text = pa.string()
    kinds = {"site": text, "series": text, "source": text, "time": TIME(), "value": pa.float64(), "received": TIME()}
    return pa.schema(list(kinds.items())).empty_table()


def part_path(tx: Tx, day: str, part: str) -> Path:
    """Where a part lies."""
    return tx.disk.series(tx.tenant) / day / f"{part}.parquet"


def _parts(tx: Tx, start: datetime, end: datetime) -> Sequence[Row[Any]]:
    days = parts.c.day.between(start.date().isoformat(), end.date().isoformat())
    return tx.all(tx.select(parts, parts.c.day, parts.c.id, parts.c.rows).where(days).order_by(parts.c.id))


def _files(tx: Tx, start: datetime, end: datetime) -> list[Path]:
    return [part_path(tx, row.day, row.id) for row in _parts(tx, start, end)]
