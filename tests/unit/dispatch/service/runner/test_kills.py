"""Workers and their children are killed at random while jobs flow: each job ends, and has its effects once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dispatch.service.runner.policy import Policy
from dispatch.service.runner.supervisor import Supervisor
from dispatch.service.store import Store, audit, jobs
from tests.unit.dispatch.service.runner.processes import is_gone

POLICY = Policy(
    lease_s=0.6, poll_s=0.02, watch_s=0.05, pause_s=0.02, attempts=50, nice=0, longest_restart_s=0.4,
    kinds=("tests.unit.dispatch.service.kinds.echo",), ours=False,
)  # fmt: skip
JOBS, KILLS = 40, 12


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    return []


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_kills_at_random_lose_nothing_and_repeat_nothing(
    database: str, new_database: Callable[[str, Path | None], str], tmp_path: Path
) -> None:
    store = Store.open(new_database(database, tmp_path), tmp_path / "data", migrate=False)
    chance = random.Random(7)
    made = []
    for number in range(JOBS):
        with store.write(chance.choice(["north", "south"]), "ann") as tx:
            request = {"value": number, "do": "hang", "seconds": chance.uniform(0.0, 0.1)}
            made.append(jobs.submit(tx, "echo", request))
    seen: set[int] = set()
    with Supervisor(store.url, store.disk.root, 2, POLICY, "error") as supervisor:
        kills = 0
        until = time.monotonic() + 300
        while not _all_ended(store) and time.monotonic() < until:
            time.sleep(chance.uniform(0.05, 0.8))
            for worker in supervisor.pids:
                seen |= {worker, *children(worker)}
            if kills < KILLS and supervisor.pids:
                worker = chance.choice(supervisor.pids)
                victim = chance.choice([worker, *children(worker)])
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                kills += 1
    for job in made:
        with store.read(job.tenant) as tx:
            ended = jobs.get(tx, job.id)
            assert (ended.state, ended.result) == ("done", {"value": job.request["value"], "quality": "optimal"})
            assert len(audit.listed(tx, action="echo", subject=job.id)) == 1
    assert all(is_gone(pid) for pid in seen)
    assert kills >= 5
    store.close()


def _all_ended(store: Store) -> bool:
    for tenant in ("north", "south"):
        with store.read(tenant) as tx:
            if jobs.find(tx, states=("queued", "running"), limit=1):
                return False
    return True
