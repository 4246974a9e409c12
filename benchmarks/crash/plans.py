"""Schedules asked for over the API while the solver breaks in every job: does a plan come each time, and in time?"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.crash.clients import Client
from benchmarks.crash.faulty.schedule import FOLDER, drawn
from benchmarks.crash.running import Running
from benchmarks.crash.solvers import FAULTS
from dispatch.service.store import jobs, schedules

DEADLINE_S = 6.0
_AT_ONCE = 4
_LOOK_S = 0.2
_PATIENCE_S = 600.0
_EVERY = 50


@dataclass(frozen=True)
class Planned:
    """What came of one job.

    Attributes:
        late_s: beyond its deadline, from when it was begun.
        wrong: why it is no plan that passes the audit; empty if it is.
        faults: how often the solver broke.
    """

    family: str
    rung: str
    late_s: float
    wrong: str
    faults: int


def plans(folder: Path, count: int, workers: int = 2) -> list[Planned]:
    """So many schedules, a few at once."""
    faults = folder / "faults"
    faults.mkdir(parents=True)
    extra = {FOLDER: str(faults), "PARKWATT_JOB_KINDS": "benchmarks.crash.faulty.schedule"}
    service = Running(folder, workers=workers, extra=extra)
    try:
        service.start()
        client = Client(service.url, service.credential("north"), service.store, "north", 1)
        client.begin()
        for number in range(count):
            _await_turn(service)
            client.schedule(DEADLINE_S)
            if number % _EVERY == _EVERY - 1:
                sys.stderr.write(f"{number + 1} of {count} schedules asked for\n")
        _await_turn(service, most=0)
        return _found(service, faults)
    finally:
        service.stop()


def _await_turn(service: Running, most: int = _AT_ONCE - 1) -> None:
    until = time.monotonic() + _PATIENCE_S
    open_ones = select(jobs.records.c.id).where(jobs.records.c.state.in_(("queued", "running")))
    while True:
        with service.store.admin(write=False) as connection:
            if len(connection.execute(open_ones).all()) <= most:
                return
        if time.monotonic() > until:
            raise RuntimeError(f"no job ended for {_PATIENCE_S:g} s")
        time.sleep(_LOOK_S)


def _found(service: Running, faults: Path) -> list[Planned]:
    with service.store.admin(write=False) as connection:
        made = {row.id: row for row in connection.execute(select(schedules.schedules))}
        done = [jobs.of(row) for row in connection.execute(select(jobs.records)).mappings()]
    return [_one(job, made[job.subject], faults / job.id) for job in done if job.kind == "schedule"]


def _one(job: jobs.Job, row: Any, log: Path) -> Planned:
    assert job.ended_at is not None
    assert job.started_at is not None
    late_s = (job.ended_at - job.started_at).total_seconds() - DEADLINE_S
    met = sum(line in FAULTS for line in log.read_text().splitlines()) if log.exists() else 0
    wrong = f"the job is {job.state}: {job.problem}" if job.state != "done" or row.result is None else ""
    if not wrong and (violations := row.result["certificate"]["audit"]["violations"]):
        wrong = f"the audit: {violations[0]}"
    return Planned(drawn(job.id).family, row.quality or "none", max(late_s, 0.0), wrong, met)
