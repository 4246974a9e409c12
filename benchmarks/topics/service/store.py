"""What the store does in a second, with every guarantee on: each commit synced, audited and judged row by row."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.rows import Measured, row

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.service.store import Store

_INPUTS = ("dispatch/service/store", "benchmarks/topics/service/store.py")
_START = np.datetime64("2021-01-01T00:15", "us")
_QUARTER = np.timedelta64(900, "s")
# Five years of quarter-hours of ten series, as in the measurements that chose this store: SQLite took 2.5 s of
# processor for as many rows, Parquet 19 MB, and bare SQLite did 1 500 small commits a second.
_SERIES, _ROWS = 10, 1_750_000
_BARE_COMMITS_PER_S, _PARQUET_BYTES = 1500.0, 19e6 / _ROWS
_SITES = 500
_TARIFF = "block_tariff_example"


def _park() -> dict[str, Any]:
    loads = [{"kind": "load", "name": f"load_{number}", "bus": "mv"} for number in range(_SERIES)]
    return {
        "name": "works", "time_zone": "Europe/Berlin", "currency": "EUR", "latitude_deg": 52.5, "longitude_deg": 13.4,
        "buses": [{"name": "mv"}],
        "assets": [
            *loads,
            {"kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 9000, "tariff": _TARIFF},
        ],
    }  # fmt: skip


@contextmanager
def _store(url: str | None = None) -> Iterator[Store]:
    from dispatch.service.store import Store, sites, tenants

    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(url or f"sqlite:///{folder}/park.db", Path(folder) / "data")
        with store.admin() as connection:
            tenants.create(connection, "north", "", datetime.now(UTC))
        with store.write("north", "benchmark") as tx:
            sites.put(tx, "works", sites.prepare(_park(), "works"))
        try:
            yield store
        finally:
            store.close()


def _table(first: int, count: int, series: int = _SERIES) -> pa.Table:
    import pyarrow as pa

    times = _START + np.arange(first, first + count) * _QUARTER
    names = [f"load_{number}" for number in range(series)]
    value = np.random.default_rng(first).normal(500, 100, count * series).round(1)
    return pa.table(
        {
            "site": pa.DictionaryArray.from_arrays(np.zeros(count * series, np.int32), ["works"]),
            "series": pa.array(np.repeat(names, count)),
            "time": pa.array(np.tile(times, series)).cast(pa.timestamp("us", "UTC")),
            "value": value,
        }
    )


def _per_s(store: Store, seconds: float) -> float:
    """Transactions a second that each append one measurement, one after the other."""
    from dispatch.service.store import series

    tables = [_table(number, 1, 1) for number in range(20_000)]
    with store.write("north", "benchmark") as tx:
        series.append(tx, tables[0])
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        done += 1
        with store.write("north", "benchmark") as tx:
            series.append(tx, tables[done])
    return done / (time.perf_counter() - began)


@row("service", name="store: transactions a second, an audit entry each", unit="1/s", bar=">= 400", inputs=_INPUTS)
def commits() -> Measured:
    with _store() as store:
        began, count = time.perf_counter(), 600
        for number in range(count):
            with store.write("north", "benchmark") as tx:
                tx.audit("count", str(number))
        return Measured(count / (time.perf_counter() - began), _BARE_COMMITS_PER_S)


@row("service", name="store: single measurements acknowledged a second", unit="1/s", bar=">= 150", inputs=_INPUTS)
def single() -> float:
    with _store() as store:
        return _per_s(store, 3.0)


@row(
    "service",
    name="store: single measurements acknowledged a second, PostgreSQL",
    unit="1/s",
    bar=">= 60",
    slow=True,
    inputs=(*_INPUTS, "benchmarks/postgres_server.py"),
)
def single_on_postgresql() -> float:
    from benchmarks.postgres_server import PostgresServer

    server = PostgresServer(durable=True)
    try:
        with _store(server.url()) as store:
            return _per_s(store, 5.0)
    finally:
        server.close()


@cache
def _bulk() -> dict[str, float]:
    """Five years appended at once, compacted and read."""
    from dispatch.service.store import series, upkeep

    table, found = _table(0, _ROWS // _SERIES), {}
    with _store() as store:
        began = time.process_time()
        with store.write("north", "benchmark") as tx:
            receipt = series.append(tx, table)
        found["append_s"] = time.process_time() - began
        assert receipt.taken == _ROWS
        began = time.process_time()
        upkeep.compact(store, everything=True)
        found["compact_s"] = time.process_time() - began
        size = sum(path.stat().st_size for path in store.disk.series("north").rglob("*.parquet"))
        found["bytes_a_row"] = size / _ROWS
        start = datetime(2024, 5, 1, tzinfo=UTC)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            with store.read("north") as tx:
                read = series.read(tx, "works", ["load_3"], start, start + timedelta(days=31))
            times.append(time.perf_counter() - began)
            assert len(read) == 31 * 96
        found["read_ms"] = 1e3 * float(np.median(times))
    return found


@row("service", name="store: 1.75 M rows judged and acknowledged", unit="CPU s", bar="<= 4", slow=True, inputs=_INPUTS)
def bulk() -> Measured:
    return Measured(_bulk()["append_s"], 2.5)


@row("service", name="store: 1.75 M rows of 1 800 days compacted", unit="CPU s", bar="<= 20", slow=True, inputs=_INPUTS)
def compacted() -> float:
    return _bulk()["compact_s"]


@row("service", name="store: bytes a measurement in Parquet by day", unit="B", bar="<= 12", slow=True, inputs=_INPUTS)
def size() -> Measured:
    return Measured(_bulk()["bytes_a_row"], _PARQUET_BYTES)


@row("service", name="store: a month of one series of ten, read", unit="ms", bar="<= 60", slow=True, inputs=_INPUTS)
def month() -> float:
    return _bulk()["read_ms"]


@row("service", name="store: 500 sites validated and put in one transaction", unit="s", bar="<= 5", inputs=_INPUTS)
def batch() -> float:
    from dispatch.service.store import sites

    with _store() as store:
        began = time.perf_counter()
        wanted = {
            f"s{number}": sites.prepare({**_park(), "title": str(number)}, f"s{number}") for number in range(_SITES)
        }
        with store.write("north", "benchmark") as tx:
            done = sites.put_many(tx, wanted)
        assert [each.outcome for each in done] == ["created"] * _SITES
        return time.perf_counter() - began
