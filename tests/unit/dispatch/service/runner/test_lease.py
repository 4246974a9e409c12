"""A job is held as long as signs of life can be written, and given up before another may have it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.service.runner.lease import Lease
from dispatch.service.runner.places import InProcess
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import Runner
from dispatch.service.store import Store, claims, jobs
from dispatch.service.store.claims import LostError
from dispatch.service.store.jobs import Job
from tests.unit.dispatch.service.runner.processes import eventually

POLICY = Policy(lease_s=0.6, watch_s=0.02, poll_s=0.01)


def claimed(store: Store) -> Job:
    with store.write("north", "ann") as tx:
        jobs.submit(tx, "echo", {})
    with store.admin() as connection:
        job = claims.claim(connection, "runner", datetime.now(UTC), POLICY.lease_s)
    assert job is not None
    return job


def is_lost(lease: Lease) -> bool:
    try:
        lease.check()
    except LostError:
        return True
    return False


def test_signs_of_life_keep_a_job_and_a_cancel_is_noticed(store: Store) -> None:
    job = claimed(store)
    with Lease(store, job, POLICY) as lease:
        assert not eventually(lambda: is_lost(lease), 1.2)
        with store.write("north", "ann") as tx:
            jobs.cancel(tx, job.id)
        assert eventually(lambda: is_lost(lease), 1.0)


def test_who_cannot_give_a_sign_lets_go(
    new_database: Callable[[str, Path | None], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = new_database("sqlite", tmp_path)
    store = Store.open(url, tmp_path / "data", migrate=False, wait_s=0.02)
    other = Store.open(url, tmp_path / "data", migrate=False)
    with Lease(store, claimed(store), POLICY) as lease, other.admin():
        assert eventually(lambda: is_lost(lease), 5.0)
    assert "no sign of life" in caplog.text
    store.close()
    other.close()


def test_a_runner_waits_for_a_store_that_does_not_answer(
    new_database: Callable[[str, Path | None], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = new_database("sqlite", tmp_path)
    store = Store.open(url, tmp_path / "data", migrate=False, wait_s=0.02)
    other = Store.open(url, tmp_path / "data", migrate=False)
    with store.write("north", "ann") as tx:
        job = jobs.submit(tx, "echo", {})
    runner = Runner(store, {}, InProcess(), POLICY)
    loop = threading.Thread(target=runner.loop)
    with other.admin():
        loop.start()
        assert eventually(lambda: "the store does not answer" in caplog.text)
    with store.read("north") as tx:
        assert jobs.get(tx, job.id).state == "queued"

    def ended() -> bool:
        with store.read("north") as tx:
            return jobs.get(tx, job.id).has_ended

    assert eventually(ended)
    runner.stop()
    loop.join()
    store.close()
    other.close()
