"""A runner: claims jobs one after the other and sees each to its end."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from dispatch.service import trace, work
from dispatch.service.errors import problem
from dispatch.service.runner.attempt import AWAY, Attempt, StoppingError
from dispatch.service.runner.lease import Lease
from dispatch.service.runner.places import InProcess, Place
from dispatch.service.runner.policy import Policy
from dispatch.service.store import claims, jobs
from dispatch.service.store.claims import LostError
from dispatch.service.store.database import Store
from dispatch.service.store.jobs import Job
from dispatch.service.store.workers import Doing
from dispatch.service.work import Kind

_LOG = logging.getLogger("parkwatt.jobs")
_AWAY_S = 1.0  # pause before the store is asked again after it did not answer


class Runner:
    """Does jobs of these kinds from this store.

    Args:
        chores: called between jobs, at most every second or so; what it has to do it decides itself.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, Kind],
        place: Place,
        policy: Policy | None = None,
        chores: Callable[[], None] | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self._store, self._kinds, self._place = store, kinds, place
        self._policy = policy or Policy()
        self._chores = chores
        self._stop = threading.Event()
        self._until: float | None = None
        self._doing: Doing = "starting"

    def stop(self) -> None:
        """Claim nothing any more; what is in hand may go on for the time of grace. May be called from a signal."""
        if self._until is None:
            self._until = time.monotonic() + self._policy.grace_s
        self._stop.set()

    def stop_now(self) -> None:
        """Claim nothing any more and give back what is in hand. May be called from another thread."""
        self._until = time.monotonic()
        self._stop.set()

    @property
    def goes_on(self) -> bool:
        """Whether nobody has told it to stop."""
        return not self._stop.is_set()

    @property
    def doing(self) -> Doing:
        """What it does beside jobs, for those who watch."""
        return self._doing if self.goes_on else "stopping"

    def loop(self) -> None:
        """Do jobs until told to stop."""
        self._doing = "ready"
        while not self._stop.is_set():
            try:
                if self._idle():
                    self._stop.wait(self._policy.poll_s)
            except AWAY:
                _LOG.warning("the store does not answer", exc_info=True)
                self._stop.wait(_AWAY_S)

    def _idle(self) -> bool:
        """Do one job if there is one; whether there was none."""
        is_ready = self._place.ready(lambda: not self._stop.is_set())
        if self._stop.is_set():
            return True
        if not is_ready:
            _LOG.error("no child process could be started")
        if self._chores is not None:
            self._doing = "chores"
            try:
                self._chores()
            finally:
                self._doing = "ready"
        with self._store.admin(write=False) as connection:
            if not claims.is_due(connection, datetime.now(UTC)):
                return True
        return self.once() is None

    def once(self, tenant: str = "") -> Job | None:
        """Claim a job and see it to its end, a later attempt, or to where it is no longer ours; None: none is due."""
        with self._store.admin() as connection:
            job = claims.claim(connection, self.name, datetime.now(UTC), self._policy.lease_s, tenant)
        if job is not None:
            self._do(job)
        return job

    def _do(self, job: Job) -> None:
        trace.begin(job.traceparent)
        kind = self._kinds.get(job.kind)
        if kind is None:
            self._refuse(job)
            return
        lease = Lease(self._store, job, self._policy)
        attempt = Attempt(self._store, job, kind, self._place, self._policy, lease, self._held)
        try:
            with lease:
                attempt.end()
        except LostError:
            _LOG.info("job %s was cancelled or taken over", job.id)
        except StoppingError:
            self._release(attempt.job)
        except AWAY:
            _LOG.warning("job %s waits for its lease to lapse: the store does not answer", job.id, exc_info=True)

    def _refuse(self, job: Job) -> None:
        known = ", ".join(sorted(self._kinds))
        told = problem(500, "job-failed", "The job could not be done", f"no job '{job.kind}'; there are: {known}")
        with self._store.admin() as connection:
            claims.fail(connection, job, datetime.now(UTC), told)

    def _held(self) -> None:
        if self._until is not None and time.monotonic() >= self._until:
            raise StoppingError

    def _release(self, job: Job) -> None:
        try:
            with self._store.admin() as connection:
                claims.release(connection, job, datetime.now(UTC))
        except LostError:
            _LOG.info("job %s was cancelled or taken over", job.id)


def run_one(
    store: Store, kinds: Mapping[str, Kind] | None = None, policy: Policy | None = None, *, tenant: str = ""
) -> Job | None:
    """Claim one job and do it in this process, without a child; the job as it then stands, None if none was due.

    Args:
        kinds: all that there are, unless given.
        tenant: only a job of this one; empty: of whose turn it is.
    """
    job = Runner(store, work.find() if kinds is None else kinds, InProcess(), policy).once(tenant)
    if job is None:
        return None
    with store.read(job.tenant) as tx:
        return jobs.get(tx, job.id)
