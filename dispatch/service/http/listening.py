"""Waiting for events of jobs: one look at the database for all listeners of the server, however many they are.

The look asks for the number of the last event of each job that somebody listens to, and wakes those whose job has a
later one. Without listeners nobody looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from dispatch.service.settings import Settings
from dispatch.service.store import Store, jobs
from dispatch.service.store.faults import StoreError

_LOG = logging.getLogger("parkwatt.jobs")
_AT_ONCE = 500  # jobs in one query
_LONGEST_S = 1.0  # that a listener sleeps before it looks after its client

Key = tuple[str, str]  # tenant and job


class Listening:
    """Who waits for events of which job."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._every_s = store, settings.event_poll_s
        self._waiting: defaultdict[Key, set[tuple[int, asyncio.Future[bool]]]] = defaultdict(set)
        self._poller: asyncio.Task[None] | None = None

    async def wait(self, tenant: str, job: str, after: int) -> bool:
        """Wait for an event of a job after this one; false when there was none for a while."""
        key = (tenant, job)
        mine = (after, asyncio.get_running_loop().create_future())
        self._waiting[key].add(mine)
        self._look_from_now_on()
        try:
            return await asyncio.wait_for(mine[1], max(_LONGEST_S, 2 * self._every_s))
        except TimeoutError:
            return False
        finally:
            self._waiting[key].discard(mine)
            if not self._waiting[key]:
                del self._waiting[key]

    def _look_from_now_on(self) -> None:
        loop = asyncio.get_running_loop()
        if self._poller is None or self._poller.done() or self._poller.get_loop() is not loop:
            self._poller = loop.create_task(self._poll())

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._every_s)
            keys = list(self._waiting)
            try:
                last = await anyio.to_thread.run_sync(self._numbers, keys)
            except (SQLAlchemyError, StoreError):
                _LOG.warning("the store does not say what happened to jobs", exc_info=True)
                continue
            for key in keys:
                self._wake(key, last.get(key))

    def _wake(self, key: Key, number: int | None) -> None:
        """Wake who waits for something that has happened, or for a job that is gone."""
        for after, future in list(self._waiting.get(key, ())):
            if (number is None or number > after) and not future.done():
                future.set_result(True)

    def _numbers(self, keys: Sequence[Key]) -> dict[Key, int]:
        found: dict[Key, int] = {}
        with self._store.admin(write=False) as connection:
            for first in range(0, len(keys), _AT_ONCE):
                found |= jobs.last_events(connection, keys[first : first + _AT_ONCE])
        return found


def listening(request: Request) -> Listening:
    """The app's one; made when somebody first listens."""
    state = request.app.state
    if not hasattr(state, "listening"):
        state.listening = Listening(state.store, state.settings)
    found: Listening = state.listening
    return found
