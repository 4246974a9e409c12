"""The hold on a job while it is worked on: signs of life, and the news that it is no longer ours."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from dispatch.service.runner.policy import Policy
from dispatch.service.store import claims
from dispatch.service.store.claims import LostError
from dispatch.service.store.database import Store
from dispatch.service.store.faults import StoreError
from dispatch.service.store.jobs import Job

_LOG = logging.getLogger("parkwatt.jobs")
_SIGNS = 3  # in one lease: two may fail to be written


class Lease:
    """Keeps a job while the block lasts, from a thread of its own: whatever the work does, the job stays ours."""

    def __init__(self, store: Store, job: Job, policy: Policy) -> None:
        self._store, self._policy = store, policy
        self._job = job
        self._lost = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"lease {job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def of(self, job: Job) -> None:
        """The next attempt of the same job is what is held from now on."""
        self._job = job

    def check(self) -> None:
        """Do nothing as long as the job is held.

        Raises:
            LostError: it was cancelled, taken over, or may have been while the store did not answer.
        """
        if self._lost.is_set():
            raise LostError(f"job {self._job.id} is no longer held by its attempt {self._job.attempt}")

    def _watch(self) -> None:
        each = self._policy.lease_s / _SIGNS
        signed = time.monotonic()
        while not self._over.wait(min(self._policy.watch_s, each)):
            job = self._job
            try:
                if time.monotonic() - signed >= each:
                    with self._store.admin() as connection:
                        claims.prolong(connection, job, datetime.now(UTC), self._policy.lease_s)
                    signed = time.monotonic()
                elif not self._holds(job):
                    raise LostError(job.id)
            except LostError:
                if job is self._job:  # else the next attempt has begun meanwhile, and this says nothing of it
                    self._lost.set()
                    return
            except (SQLAlchemyError, StoreError):
                _LOG.warning("no sign of life for job %s could be written", job.id, exc_info=True)
                if time.monotonic() - signed >= self._policy.lease_s:
                    self._lost.set()
                    return

    def _holds(self, job: Job) -> bool:
        with self._store.admin(write=False) as connection:
            return claims.is_mine(connection, job)
