"""PostgreSQL that goes away and comes back while clients write and a worker works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from benchmarks.postgres_server import PostgresServer
from benchmarks.rows import CannotMeasure
from dispatch.service import work
from dispatch.service.runner.attempt import AWAY
from dispatch.service.runner.places import InProcess
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import Runner
from dispatch.service.store import Store, health, jobs
from dispatch.service.store.faults import FullError, UnreachableError
from tests.unit.dispatch.service.attacked.writing import SITES, put_sites, read, writing
from tests.unit.dispatch.service.kinds import echo
from tests.unit.dispatch.service.served import client, served

_TIMES = 3


def test_a_worker_waits_for_a_store_that_is_away_or_full() -> None:
    assert issubclass(UnreachableError, AWAY)
    assert issubclass(FullError, AWAY)
    assert issubclass(OperationalError, AWAY)


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer(durable=True)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    yield server
    server.close()


@contextmanager
def _working(store: Store) -> Iterator[threading.Thread]:
    runner = Runner(store, {"echo": work.of(echo)}, InProcess(), Policy(poll_s=0.02, lease_s=2.0))
    thread = threading.Thread(target=runner.loop, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        runner.stop()
        thread.join(20)


@pytest.mark.slow
def test_postgresql_is_restarted_under_writes(tmp_path: Path, database: PostgresServer) -> None:
    with served(tmp_path, database=database.url(), workers=0) as server:
        tenant = server.tenant()
        key = server.key(tenant)
        with client(server, key) as asks, _working(server.store) as worker:
            put_sites(asks)
            with writing(server.url, key) as told:
                ids = [_restarted(database, server.store, tenant, asks) for _ in range(_TIMES)]
                time.sleep(0.7)
            assert told.lost == []
            assert told.statuses == {200, 503}
            for site in SITES:
                assert read(asks, site) == told.times(site)
            assert asks.get("/readyz").status_code == 200
            assert _ended(server.store, tenant, ids) == {"done"}
            assert worker.is_alive()
        assert health.check(server.store).problems == ()


def _restarted(database: PostgresServer, store: Store, tenant: str, asks: httpx.Client) -> str:
    """Ask for a job, crash the server, see what is told meanwhile, and start it; the job's id."""
    with store.write(tenant, "ann") as tx:
        asked = jobs.submit(tx, "echo", {"value": [1]}).id
    time.sleep(0.7)
    database.kill()
    time.sleep(0.3)
    away = {asks.get(path).status_code for path in ("/api/v1/sites", "/readyz")}
    database.start()
    assert away == {503}
    return asked


def _ended(store: Store, tenant: str, ids: list[str]) -> set[str]:
    until = time.monotonic() + 30
    states: set[str] = set()
    while time.monotonic() < until and states != {"done"}:
        with store.read(tenant) as tx:
            states = {jobs.get(tx, id_).state for id_ in ids}
        time.sleep(0.1)
    return states
