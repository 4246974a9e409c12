"""The hold on a job while it is worked on: signs of life, and the news that it is no longer ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
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
        self._changing = threading.Lock()
        self._lost = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"lease {job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def change(self, begun: Callable[[], Job]) -> Job:
        """Begin the next attempt of the job: it is what is held from then on. Meanwhile nobody asks for the old one."""
        with self._changing:
            self._job = begun()
        return self._job

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
            try:
                with self._changing:
                    signed = self._looked(signed, each)
            except LostError:
                self._lost.set()
                return
            except (SQLAlchemyError, StoreError):
                _LOG.warning("no sign of life for job %s could be written", self._job.id, exc_info=True)
                if time.monotonic() - signed >= self._policy.lease_s:
                    self._lost.set()
                    return

    def _looked(self, signed: float, each: float) -> float:
        """Give a sign of life where it is time, else only see that the job is ours; when the last sign was given."""
        if time.monotonic() - signed < each:
            with self._store.admin(write=False) as connection:
                if not claims.is_mine(connection, self._job):
                    raise LostError(self._job.id)
            return signed
        with self._store.admin() as connection:
            now = time.monotonic()
            claims.prolong(connection, self._job, datetime.now(UTC), self._policy.lease_s)
        return now
