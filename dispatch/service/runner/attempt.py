"""What is done with a job that was claimed: prepare, run, look at what came, and end it in one transaction.

Whatever happens, one of these follows: it is done (by ``run``, or by ``floor`` where run gave nothing), it failed with
a problem that a user can read, it waits for another attempt, or it is no longer ours and nothing is written.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from dispatch.service.runner import trouble
from dispatch.service.runner.lease import Lease
from dispatch.service.runner.places import Outcome, Place
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble
from dispatch.service.store import claims
from dispatch.service.store.claims import LostError
from dispatch.service.store.database import Store
from dispatch.service.store.faults import BusyError, UnreachableError
from dispatch.service.store.jobs import Job
from dispatch.service.work import Kind

T = TypeVar("T")
_LOG = logging.getLogger("parkwatt.jobs")
_LONGEST_TEXT = 500
_NOTHING: Any = object()

# The database is away, busy or full: nothing can be written of this job now, and nothing is wrong with it.
AWAY = (OperationalError, InterfaceError, BusyError, UnreachableError)


class StoppingError(Exception):
    """The worker is to stop, and the job has had its time of grace."""


class _TroubledError(Exception):
    def __init__(self, found: Trouble) -> None:
        super().__init__(found.text)
        self.trouble = found


class Attempt:
    """One claimed job on its way to its end.

    Attributes:
        job: as its row stood when the attempt that runs now began.

    Args:
        held: raises StoppingError when the worker must let go.
    """

    def __init__(
        self, store: Store, job: Job, kind: Kind, place: Place, policy: Policy, lease: Lease, held: Callable[[], None]
    ) -> None:
        self._store, self._kind, self._place, self._policy = store, kind, place, policy
        self.job, self._lease, self._held = job, lease, held
        self._asked: Any = _NOTHING
        self._most = kind.attempts or policy.attempts
        self._told = time.monotonic() - policy.progress_s
        self._line: str | None = None

    def end(self) -> None:
        """Do it.

        Raises:
            LostError: it is no longer ours.
            StoppingError: it should be given back.
        """
        if self.job.attempt > self._most + self._policy.lapses:
            self._give_up(Trouble(f"it was begun {self.job.attempt - 1} times and its worker ended each time"))
            return
        while (found := self._tried()) is not None:
            if found.is_users or found.is_final or self._counted >= self._most:
                self._give_up(found)
                return
            pause_s = self._policy.pause_before_next_s(self.job.id, self._counted, self._kind.pause_s)
            if pause_s >= self._left_s():
                self._give_up(found)
                return
            if pause_s > self._policy.hold_s:
                self._put_back(found, pause_s)
                return
            self._next(found, pause_s)

    @property
    def _counted(self) -> int:
        return self.job.attempt - self.job.returned

    def _left_s(self) -> float:
        """Until the deadline, which counts from the first start."""
        assert self.job.started_at is not None
        wanted = self.job.deadline_s or self._kind.deadline_s or self._policy.deadline_s
        return wanted - (datetime.now(UTC) - self.job.started_at).total_seconds()

    def _put_back(self, found: Trouble, pause_s: float) -> None:
        self._admin(lambda c: claims.retry(c, self.job, datetime.now(UTC), pause_s, found.text))

    def _next(self, found: Trouble, pause_s: float) -> None:
        """Begin the next attempt without letting the job go: its deadline does not wait for a free worker."""
        self.job = self._lease.change(
            lambda: self._admin(lambda c: claims.again(c, self.job, datetime.now(UTC), pause_s, found.text))
        )
        until = time.monotonic() + pause_s
        while (left := until - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(left, self._policy.watch_s))

    def _tried(self) -> Trouble | None:
        """One attempt; None: the job has ended."""
        try:
            self._prepare()
            value = self._ran()
            self._commit(value)
        except _TroubledError as error:
            _LOG.info("job %s, attempt %d: %s", self.job.id, self.job.attempt, error.trouble.text)
            return error.trouble
        return None

    def _prepare(self) -> None:
        def read() -> Any:
            with self._store.read(self.job.tenant, self.job.actor) as tx:
                return self._kind.prepare(tx, self.job)

        self._lease.check()
        try:
            self._asked = self._insisted(read)
        except (LostError, StoppingError):
            raise
        except Exception as error:
            raise self._troubled(error, "preparing it") from error

    def _insisted(self, work: Callable[[], T]) -> T:
        """Do it once the store answers: what was computed is not thrown away because a database starts again.

        Raises:
            LostError: that took so long that the job may be another's by now.
        """
        while True:
            try:
                return work()
            except AWAY:
                _LOG.warning("job %s waits for the store", self.job.id, exc_info=True)
                self._lease.check()
                self._held()
                time.sleep(self._policy.watch_s)

    def _admin(self, change: Callable[[Connection], T]) -> T:
        def write() -> T:
            with self._store.admin() as connection:
                return change(connection)

        return self._insisted(write)

    def _ran(self) -> Any:
        found = self._place.call(self._kind, self._asked, self._left_s(), self._heard, self._tick)
        if isinstance(found, Trouble):
            raise _TroubledError(found)
        return self._checked(found)

    def _checked(self, found: Outcome) -> Any:
        try:
            refused = self._kind.check(self._asked, found.value)
        except Exception as error:
            raise self._troubled(error, "checking what came") from error
        if refused is not None:
            raise _TroubledError(Trouble(f"what came was refused: {refused}"))
        return found.value

    def _commit(self, value: Any) -> None:
        def write() -> None:
            with self._store.write(self.job.tenant, self.job.actor) as tx:
                claims.fence(tx.connection, self.job)
                result = self._kind.commit(tx, self.job, value)
                claims.finish(tx.connection, self.job, datetime.now(UTC), result)

        try:
            self._insisted(write)
        except (LostError, StoppingError):
            raise
        except Exception as error:
            raise self._troubled(error, "writing what came") from error

    def _give_up(self, found: Trouble) -> None:
        """Let the floor answer, or fail."""
        if not found.is_users and self.job.attempt <= self._most + 2 * self._policy.lapses:
            try:
                if self._asked is _NOTHING:
                    self._prepare()
                if (value := self._floor(found.text)) is not None:
                    self._commit(value)
                    return
            except _TroubledError as error:
                found = error.trouble if error.trouble.is_users else found
        problem = found.document()
        self._admin(lambda c: claims.fail(c, self.job, datetime.now(UTC), problem))

    def _floor(self, reason: str) -> Any:
        try:
            value = self._kind.floor(self._asked, reason)
        except Exception as error:
            raise self._troubled(error, "answering by a rule") from error
        return None if value is None else self._checked(Outcome(value))

    def _troubled(self, error: Exception, doing: str) -> _TroubledError:
        found = trouble.of(error, doing)
        if not found.is_users:
            _LOG.error("job %s: %s", self.job.id, found.text, exc_info=error)
        return _TroubledError(found)

    def _heard(self, text: str) -> None:
        self._line = text[:_LONGEST_TEXT]
        self._tell()

    def _tick(self) -> None:
        self._lease.check()
        self._held()
        self._tell()

    def _tell(self) -> None:
        """Write the last line of progress, if there is one and the one before is old enough."""
        if self._line is None or time.monotonic() - self._told < self._policy.progress_s:
            return
        line, self._line, self._told = self._line, None, time.monotonic()
        with contextlib.suppress(*AWAY), self._store.admin() as connection:
            claims.progress(connection, self.job, datetime.now(UTC), line)
