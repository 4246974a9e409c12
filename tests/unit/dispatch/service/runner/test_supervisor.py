"""Real workers on real databases: jobs start at once, outlive workers that are killed, and leave nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.service import work
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import run_one
from dispatch.service.runner.supervisor import Supervisor
from dispatch.service.store import Store, audit, events, jobs
from dispatch.service.store import workers as signs
from dispatch.service.store.jobs import Job
from tests.unit.dispatch.service.runner.processes import eventually, is_gone, pids_in, runs

POLICY = Policy(
    lease_s=1.0, poll_s=0.02, watch_s=0.05, progress_s=0.1, pause_s=0.05, grace_s=0.3, nice=0,
    kinds=("tests.unit.dispatch.service.kinds.echo",), ours=False,
)  # fmt: skip


# What concerns the child alone is the same on each database.
BOTH = pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True, scope="module")
ONE = pytest.mark.parametrize("store", ["sqlite"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def store(
    request: pytest.FixtureRequest,
    new_database: Callable[[str, Path | None], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("served")
    opened = Store.open(new_database(request.param, folder), folder / "data", migrate=False)
    yield opened
    opened.close()


def supervisor(store: Store, workers: int, policy: Policy = POLICY) -> Supervisor:
    return Supervisor(store.url, store.disk.root, workers, policy, "warning")


@pytest.fixture(scope="module")
def workers(store: Store) -> Iterator[Supervisor]:
    with supervisor(store, 1) as started:
        yield started


def submit(store: Store, **request: Any) -> Job:
    with store.write("north", "ann") as tx:
        return jobs.submit(tx, "echo", request, deadline_s=request.pop("deadline_s", None))


def get(store: Store, job: Job) -> Job:
    with store.read(job.tenant) as tx:
        return jobs.get(tx, job.id)


def ended(store: Store, job: Job, within_s: float = 20.0) -> Job:
    assert eventually(lambda: get(store, job).has_ended, within_s), get(store, job)
    return get(store, job)


def effects(store: Store, job: Job) -> int:
    with store.read(job.tenant) as tx:
        return len(audit.listed(tx, action="echo", subject=job.id))


def told(store: Store, job: Job) -> list[tuple[str, dict[str, Any]]]:
    with store.read(job.tenant) as tx:
        return [(event.kind, event.data) for event in events.after(tx.connection, {(job.tenant, job.id): 0})]


@BOTH
def test_a_new_job_starts_at_once(store: Store, workers: Supervisor) -> None:
    assert ended(store, submit(store, value=1)).result == {"value": 1, "quality": "optimal"}
    done = [ended(store, submit(store, value=n)) for n in range(5)]
    waited = sorted(job.queued_s for job in done if job.queued_s is not None)
    assert waited[2] < 0.3


@BOTH
def test_a_worker_that_is_killed_loses_no_job_and_another_takes_its_place(store: Store, workers: Supervisor) -> None:
    job = submit(store, do="hang", times=1, value=5)
    assert eventually(lambda: get(store, job).state == "running")
    victim = int(get(store, job).runner.partition("/")[2])
    os.kill(victim, signal.SIGKILL)
    done = ended(store, job)
    assert (done.state, done.attempt, effects(store, job)) == ("done", 2, 1)
    assert eventually(lambda: len(workers.pids) == 1 and victim not in workers.pids)


@BOTH
def test_workers_are_seen_idle_busy_gone_and_leave_in_order(store: Store, workers: Supervisor) -> None:
    def alive() -> dict[int, str]:
        with store.admin(write=False) as connection:
            found = signs.listed(connection, datetime.now(UTC), 100)
        return {int(one.name.partition("/")[2]): one.state for one in found if one.state != "gone"}

    (first,) = workers.pids
    assert eventually(lambda: alive() == {first: "idle"}, 20)
    with supervisor(store, 1) as others:
        (second,) = others.pids
        assert eventually(lambda: alive() == {first: "idle", second: "idle"}, 20)
        job = submit(store, do="hang", times=1, value=5)
        assert eventually(lambda: sorted(alive().values()) == ["busy", "idle"])
        victim = next(pid for pid, state in alive().items() if state == "busy")
        os.kill(victim, signal.SIGKILL)
        assert ended(store, job).state == "done"
        assert eventually(lambda: len(alive()) == 2 and victim not in alive(), 20)
        (second,) = others.pids
    assert second not in alive()


@BOTH
def test_a_cancelled_job_ends_now_and_its_processes_soon(store: Store, workers: Supervisor, tmp_path: Path) -> None:
    job = submit(store, do="group", file=str(tmp_path / "pids"))
    pids = pids_in(tmp_path / "pids")
    with store.write("north", "bob") as tx:
        assert jobs.cancel(tx, job.id).state == "cancelled"
    assert all(is_gone(pid, 1.5) for pid in pids)
    assert effects(store, job) == 0
    assert ended(store, submit(store, value=6)).state == "done"


@ONE
def test_at_the_deadline_the_floor_answers(store: Store, workers: Supervisor) -> None:
    job = submit(store, do="hang", floor=True, deadline_s=0.5)
    done = ended(store, job)
    assert done.result is not None
    assert (done.state, done.result["quality"]) == ("done", "safe_state")
    assert done.running_s is not None
    assert done.running_s < 1.5
    assert ("progress", {"text": "hanging"}) in told(store, job)


@ONE
def test_crashes_are_tried_again_and_then_answered_by_the_floor(store: Store, workers: Supervisor) -> None:
    once, always = submit(store, do="kill", times=1, value=1), submit(store, do="crash", floor=True)
    assert (ended(store, once).state, ended(store, once).attempt) == ("done", 2)
    floored = ended(store, always)
    assert floored.result is not None
    assert (floored.attempt, floored.result["quality"]) == (3, "safe_state")


@ONE
def test_progress_is_there_within_a_second(store: Store, workers: Supervisor) -> None:
    job = submit(store, do="clock", lines=4, pause_s=0.15)
    late: list[float] = []
    while not get(store, job).has_ended:
        late += [time.time() - float(data["text"]) for kind, data in told(store, job)[-1:] if kind == "progress"]
    assert min(late) < 1.0


def test_who_is_told_to_stop_gives_back_what_is_in_hand(
    new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    store = Store.open(new_database("sqlite", tmp_path), tmp_path / "data", migrate=False)
    job = submit(store, do="group", times=1, value=1, file=str(tmp_path / "pids"))
    with supervisor(store, 1, replace(POLICY, lease_s=30.0)) as first:
        pids = [*pids_in(tmp_path / "pids"), *first.pids]
    back = get(store, job)
    assert (back.state, back.attempt, back.returned) == ("queued", 1, 1)
    assert not any(runs(pid) for pid in pids)
    done = run_one(store, work.find(POLICY.kinds, ours=False))
    assert done is not None
    assert (done.id, done.state) == (job.id, "done")
    store.close()


_SERVER = """
import sys, time
from pathlib import Path
from dispatch.service import work
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import run_one
from dispatch.service.runner.supervisor import Supervisor
supervisor = Supervisor(sys.argv[1], Path(sys.argv[2]), 1, Policy(kinds=(sys.argv[3],), ours=False), "warning")
supervisor.start()
print(*supervisor.pids, flush=True)
time.sleep(60)
"""


def test_nothing_is_left_running_when_the_server_is_killed(
    new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    store = Store.open(new_database("sqlite", tmp_path), tmp_path / "data", migrate=False)
    job = submit(store, do="group", file=str(tmp_path / "pids"))
    command = [sys.executable, "-c", _SERVER, store.url, str(store.disk.root), POLICY.kinds[0]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        workers = [int(pid) for pid in server.stdout.readline().split()]
        pids = [*workers, *pids_in(tmp_path / "pids")]
        server.kill()
    assert all(is_gone(pid) for pid in pids)
    assert get(store, job).state == "queued"
    store.close()
