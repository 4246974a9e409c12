"""kill -9 at random moments while clients write and jobs run: is everything there, done, and done once?"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import func, select

from benchmarks.crash.acknowledged import Ack, doubled, missing, unended
from benchmarks.crash.clients import Client
from benchmarks.crash.climbs import left_behind
from benchmarks.crash.running import Running, children, running
from benchmarks.postgres_server import PostgresServer
from dispatch.service.store import jobs, upkeep
from dispatch.service.store.durable import UNFINISHED

Target = Literal["server", "worker", "child", "postgresql"]
TENANTS = ("north", "south")
_LONGEST_PAUSE_S = 0.4
_PATIENCE_S = 300.0
_LAST_JOBS_S = 600.0
_EVERY = 20
_GONE_S = 15.0


@dataclass(frozen=True)
class Killed:
    """What was found after so many kills.

    Attributes:
        points: how often something was killed.
        acknowledged: writes that clients were told are done; sent: requests, those without an answer among them.
        lost, unended, doubled: what is wrong, in words.
        left: half-written and temporary files that no sweep removes, and processes that go on.
    """

    points: int
    acknowledged: int
    sent: int
    lost: tuple[str, ...]
    unended: tuple[str, ...]
    doubled: tuple[str, ...]
    left: tuple[str, ...]


def kills(folder: Path, target: Target, points: int, *, clients: int = 3, seed: int = 0) -> Killed:
    """Kill so often, with clients at work throughout; then let everything end, and look."""
    draw = random.Random(f"{target} {seed}")
    database = "postgresql" if target == "postgresql" else "sqlite"
    with running(folder, database) as (service, server):
        asking = _clients(service, clients)
        for number in range(points):
            _await_progress(service, asking, target)
            time.sleep(draw.uniform(0, _LONGEST_PAUSE_S))
            _kill(service, server, target, draw)
            service.start()
            if number % _EVERY == _EVERY - 1:
                sys.stderr.write(f"{target}: killed {number + 1} of {points} times\n")
        for client in asking:
            client.stop()
        told = [ack for client in asking for ack in client.told]
        _wait(lambda: not _waiting(service), _LAST_JOBS_S)
        return _found(service, asking, told, points)


def _clients(service: Running, count: int) -> Sequence[Client]:
    credentials = {tenant: service.credential(tenant) for tenant in TENANTS}
    made = []
    for number in range(count):
        tenant = TENANTS[number % len(TENANTS)]
        made.append(Client(service.url, credentials[tenant], service.store, tenant, number))
    for client in made[: len(TENANTS)]:
        client.begin()
    for client in made:
        client.start()
    return made


def _await_progress(service: Running, asking: Sequence[Client], target: Target) -> None:
    """Until something is acknowledged that was not before, and, where workers are killed, a job runs."""
    before = sum(len(client.told) for client in asking)
    _wait(lambda: sum(len(client.told) for client in asking) > before, _PATIENCE_S)
    if target in ("worker", "child"):
        _wait(lambda: bool(_count(service, "running")), _PATIENCE_S)


def _wait(is_so: Callable[[], bool], seconds: float) -> None:
    """Raises RuntimeError where it does not come to be so."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"nothing moved for {seconds:g} s")
        time.sleep(0.01)


def _count(service: Running, *states: str) -> int:
    with service.store.admin(write=False) as connection:
        query = select(func.count()).select_from(jobs.records).where(jobs.records.c.state.in_(states))
        return int(connection.execute(query).scalar_one())


def _waiting(service: Running) -> int:
    return _count(service, "queued", "running")


def _kill(service: Running, server: PostgresServer | None, target: Target, draw: random.Random) -> None:
    if target == "server":
        service.server.kill()
    elif target == "postgresql":
        assert server is not None
        server.kill()
        server.start()
    elif target == "worker":
        draw.choice(service.workers).kill()
    else:
        for pid in children(draw.choice(service.workers).pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # gone meanwhile
                continue


def _found(service: Running, asking: Sequence[Client], told: list[Ack], points: int) -> Killed:
    lost = missing(service.store, told)
    return Killed(
        points, len(told), sum(client.sent for client in asking), tuple(lost), tuple(unended(service.store)),
        tuple(doubled(service.store, told)), tuple(_left(service)),
    )  # fmt: skip


def _left(service: Running) -> list[str]:
    """Once everything has ended: what a sweep leaves of half-written files, and what lies in the temporary folder."""
    for program in (service.server, *service.workers):
        program.stop()
    upkeep.sweep(service.store, grace_s=0.0)
    until = time.monotonic() + _GONE_S
    while (still := left_behind(service.folder)) and time.monotonic() < until:
        time.sleep(0.1)
    files = [path.name for path in (*service.data.rglob(f"*{UNFINISHED}"), *service.temporary.iterdir())]
    return [*files, *(f"process {pid}" for pid in still)]
