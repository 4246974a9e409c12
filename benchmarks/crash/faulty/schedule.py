"""The service's job that plans, with a solver that breaks: in the place of the real one, around which it stands.

Which fault it meets is drawn from the job's id. A job is tried once: three attempts would only meet it three times.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.crash.climbs import Climb
from benchmarks.crash.solvers import Injected
from dispatch.service.work import schedule as genuine

if TYPE_CHECKING:
    from dispatch.service.store import Tx
    from dispatch.service.store.jobs import Job

ATTEMPTS = 1
DEADLINE_S = genuine.DEADLINE_S
FOLDER = "PARKWATT_CRASH_FOLDER"  # in the environment: where faults are noted, a file for each job


def drawn(job: str) -> Climb:
    """What a job meets."""
    return Climb.drawn(zlib.crc32(job.encode()))


def prepare(tx: Tx, job: Job) -> tuple[Any, str]:
    return genuine.prepare(tx, job), job.id


def run(asked: tuple[Any, str], progress: Callable[[str], None]) -> Any:
    from dispatch import plan
    from dispatch.ladder.climb import climb

    wanted, job = asked
    what = drawn(job)
    log = Path(os.environ[FOLDER]) / job
    log.touch()
    injected = Injected(what.fault, what.after, what.number, str(log))
    vars(plan)["climb"] = partial(climb, run=injected)
    return genuine.run(wanted, progress)


def floor(asked: tuple[Any, str], reason: str) -> Any:
    return genuine.floor(asked[0], reason)


def check(asked: tuple[Any, str], outcome: Any) -> str | None:
    return genuine.check(asked[0], outcome)


def commit(tx: Tx, job: Job, outcome: Any) -> dict[str, Any]:
    return genuine.commit(tx, job, outcome)


def warm() -> None:
    genuine.warm()
