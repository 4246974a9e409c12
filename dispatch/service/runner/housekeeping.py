"""What nobody asks for and must be done: ended jobs and their events go, and the store tidies up what is its own.

One worker at a time does it: whoever moves the chore's next time forward in the database has taken it on. One that
dies in the middle leaves nothing half done, as a chore only removes what is no longer needed, and comes again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError

from dispatch.service.runner.policy import Policy
from dispatch.service.store import Store, claims, idempotency, upkeep, workers
from dispatch.service.store import chores as due

_LOG = logging.getLogger("parkwatt.jobs")
_LOOK_S = 5.0
_AT_ONCE = 500  # jobs in one transaction: other writers wait for no more than that


def forget_jobs(store: Store, policy: Policy) -> int:
    """Remove jobs that ended so many days ago, with their events."""
    count = 0
    while True:
        with store.admin() as connection:
            removed = claims.forget(connection, datetime.now(UTC), policy.keep_days, _AT_ONCE)
        count += removed
        if removed < _AT_ONCE:
            return count


def forget_answers(store: Store, _policy: Policy) -> int:
    """Remove answers kept by Idempotency-Key whose time is over."""
    with store.admin() as connection:
        return idempotency.sweep(connection, datetime.now(UTC))


def forget_workers(store: Store, _policy: Policy) -> int:
    """Remove workers that were killed long ago."""
    with store.admin() as connection:
        return workers.forget(connection, datetime.now(UTC))


def compact_series(store: Store, _policy: Policy) -> int:
    """Move journals of measurements that are long or old to files by day."""
    return upkeep.compact(store)


def sweep_disk(store: Store, _policy: Policy) -> int:
    """Remove contents of files and parts of series that nothing names any more."""
    return upkeep.sweep(store)


@dataclass(frozen=True)
class Chore:
    """Something that comes again: how often, and what it is; it answers how much it did."""

    every_s: Callable[[Policy], float]
    do: Callable[[Store, Policy], int]


def _seldom(policy: Policy) -> float:
    return policy.housekeeping_s


CHORES: Mapping[str, Chore] = {
    "compaction": Chore(lambda policy: policy.compaction_s, compact_series),
    "jobs": Chore(_seldom, forget_jobs),
    "idempotency": Chore(_seldom, forget_answers),
    "disk": Chore(_seldom, sweep_disk),
    "workers": Chore(_seldom, forget_workers),
}


class Housekeeping:
    """Does the chores that are due; called between jobs, and looks at the store every few seconds only."""

    def __init__(self, store: Store, policy: Policy, chores: Mapping[str, Chore] = CHORES) -> None:
        self._store, self._policy, self._chores = store, policy, chores
        self._look_s = min([_LOOK_S, *(chore.every_s(policy) for chore in chores.values())])
        self._looked = -self._look_s

    def __call__(self) -> None:
        """Look, and do what is due."""
        if time.monotonic() - self._looked < self._look_s:
            return
        self._looked = time.monotonic()
        for name, chore in self._chores.items():
            if self._taken(name, chore.every_s(self._policy)):
                self._do(name, chore)

    def _do(self, name: str, chore: Chore) -> None:
        began = time.monotonic()
        try:
            count = chore.do(self._store, self._policy)
        except Exception:  # noqa: BLE001 - a chore that fails keeps no job from being done; it comes again
            _LOG.exception("housekeeping: %s failed", name)
        else:
            _LOG.info("housekeeping: %s, %d in %.1f s", name, count, time.monotonic() - began)

    def _taken(self, name: str, every_s: float) -> bool:
        now = datetime.now(UTC)
        with self._store.admin(write=False) as connection:
            if not due.is_due(connection, name, now):
                return False
        try:
            with self._store.admin() as connection:
                return due.take(connection, name, now, every_s)
        except IntegrityError:  # another worker took it on in the same moment, for the very first time
            return False
