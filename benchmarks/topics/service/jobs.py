"""What a job costs: jobs that do nothing, through real workers and their children, beside commits that do nothing.

Each job is three commits, when it is accepted, claimed and done, in three processes. The jobs a second stand beside
the commits a second of one process on the same database, measured right after.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from benchmarks.postgres_server import PostgresServer
from benchmarks.rows import Measured, row
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.supervisor import Supervisor
from dispatch.service.store import Store, jobs, tenants

INPUTS = ("benchmarks/topics/service/jobs.py", "benchmarks/empty_job.py", "dispatch/service/runner",
          "dispatch/service/store")  # fmt: skip
KIND = "benchmarks.empty_job"
POLICY = Policy(kinds=(KIND,), ours=False, renew_after=1_000_000)
WORKERS, JOBS, COMMITS, ALONE = 2, 1000, 1000, 60
_LONGEST_S = 300.0


@contextmanager
def _sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/park.db", Path(folder) / "data")
        yield store
        store.close()


@contextmanager
def _postgresql() -> Iterator[Store]:
    server = PostgresServer(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(server.url(), Path(folder))
            yield store
            store.close()
    finally:
        server.close()


@contextmanager
def _served(store: Store, workers: int) -> Iterator[None]:
    """Workers that have shown that they work, and a tenant."""
    with store.admin() as connection:
        tenants.create(connection, "north", "North", datetime.now(UTC))
    with Supervisor(store.url, store.disk.root, workers, POLICY, "warning"):
        _submit(store, 10 * workers)
        _wait(store)
        yield


def _submit(store: Store, count: int) -> None:
    for _ in range(count):
        with store.write("north", "benchmark") as tx:
            jobs.submit(tx, "empty_job", {})


def _wait(store: Store) -> None:
    until = time.monotonic() + _LONGEST_S
    while _left(store):
        if time.monotonic() > until:
            raise RuntimeError(f"{_left(store)} jobs are left after {_LONGEST_S} s")
        time.sleep(0.02)


def _left(store: Store) -> int:
    with store.admin(write=False) as connection:
        found = jobs.numbers(connection, datetime.now(UTC))
    return sum(found.waiting.values()) + sum(found.running.values())


def _jobs_a_second(store: Store) -> Measured:
    with _served(store, WORKERS):
        began = time.perf_counter()
        _submit(store, JOBS)
        _wait(store)
        took = time.perf_counter() - began
    return Measured(JOBS / took, _commits_a_second(store))


def _commits_a_second(store: Store) -> float:
    with store.admin() as connection:
        connection.execute(text("CREATE TABLE plain (number INTEGER)"))
    began = time.perf_counter()
    for _ in range(COMMITS):
        with store.admin() as connection:
            connection.execute(text("INSERT INTO plain VALUES (1)"))
    return COMMITS / (time.perf_counter() - began)


@row("service", name="empty jobs by two workers, SQLite", unit="1/s", bar=">= 50", slow=True, inputs=INPUTS)
def jobs_on_sqlite() -> Measured:
    with _sqlite() as store:
        return _jobs_a_second(store)


@row("service", name="empty jobs by two workers, PostgreSQL", unit="1/s", bar=">= 50", slow=True, inputs=INPUTS)
def jobs_on_postgresql() -> Measured:
    with _postgresql() as store:
        return _jobs_a_second(store)


@row("service", name="start of a new job on an idle machine, p95", unit="s", bar="<= 0.3", slow=True, inputs=INPUTS)
def start_seconds() -> float:
    """From its submission to its first start, one job after the other."""
    with _sqlite() as store, _served(store, 1):
        for _ in range(ALONE):
            _submit(store, 1)
            _wait(store)
            time.sleep(0.05)
        with store.read("north") as tx:
            waited = [job.queued_s for job in jobs.find(tx, limit=ALONE) if job.queued_s is not None]
    return sorted(waited)[int(0.95 * len(waited))]
