"""A kind of job whose effect can be counted: one entry in the audit trail, in the transaction that ends the job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.service.store import Tx
    from dispatch.service.store.jobs import Job

ACTION = "crash.effect"
DEADLINE_S = 30.0


def prepare(_tx: Tx, job: Job) -> float:
    return float(job.request["seconds"])


def run(asked: float, progress: Callable[[str], None]) -> float:
    progress("at work")
    time.sleep(asked)
    return asked


def floor(asked: float, _reason: str) -> float:
    return asked


def commit(tx: Tx, job: Job, _outcome: float) -> dict[str, Any]:
    tx.audit(ACTION, job.id)
    return {"href": f"/api/v1/jobs/{job.id}"}
