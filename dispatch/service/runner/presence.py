"""A worker's signs of life, from a thread of its own: whatever it does, others see in the store that it is there."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from dispatch.service.runner.policy import Policy
from dispatch.service.store import Store, new_id, workers
from dispatch.service.store.faults import StoreError
from dispatch.service.store.workers import Doing

_LOG = logging.getLogger("parkwatt.workers")
_SIGNS = 3  # in the time that one counts for: two may fail to be written


class Presence:
    """A worker is there while the block lasts.

    A sign is written when what it does has changed, and often enough; it counts as long as a job's lease does. One that
    is killed says nothing, and its last sign lapses.

    Args:
        doing: what the worker does now.
    """

    def __init__(self, store: Store, name: str, policy: Policy, doing: Callable[[], Doing]) -> None:
        self._store, self._name, self._policy, self._doing = store, name, policy, doing
        self._id, self._started = new_id("worker"), datetime.now(UTC)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="signs of life", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        with contextlib.suppress(SQLAlchemyError, StoreError), self._store.admin() as connection:
            workers.leave(connection, self._id)

    def _live(self) -> None:
        each = self._policy.lease_s / _SIGNS
        said: Doing | None = None
        signed = time.monotonic()
        while True:
            doing, now = self._doing(), time.monotonic()
            if (doing != said or now - signed >= each) and self._signed(doing):
                said, signed = doing, now
            if self._over.wait(min(self._policy.watch_s, each)):
                return

    def _signed(self, doing: Doing) -> bool:
        try:
            with self._store.admin() as connection:
                alive_s = self._policy.lease_s
                workers.beat(connection, self._id, self._name, doing, self._started, datetime.now(UTC), alive_s)
        except (SQLAlchemyError, StoreError):
            _LOG.warning("no sign of life could be written", exc_info=True)
            return False
        return True
