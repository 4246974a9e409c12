"""What nobody asks for and must be done: ended jobs and their events go, and the store tidies up what is its own.

One worker at a time does it: whoever moves the chore's next time forward in the database has taken it on. One that
dies in the middle leaves nothing half done, as a chore only removes what is no longer needed, and comes again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError

from dispatch.service.runner.policy import Policy
from dispatch.service.store import Store, chores, claims, idempotency

_LOG = logging.getLogger("parkwatt.jobs")
_LOOK_S = 5.0
_AT_ONCE = 500  # jobs in one transaction: other writers wait for no more than that

Chore = Callable[[Store, Policy], int]


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


CHORES: Mapping[str, Chore] = {"jobs": forget_jobs, "idempotency": forget_answers}


class Housekeeping:
    """Does the chores that are due; called between jobs, and looks at the store every few seconds only."""

    def __init__(self, store: Store, policy: Policy, chores: Mapping[str, Chore] = CHORES) -> None:
        self._store, self._policy, self._chores = store, policy, chores
        self._looked = -_LOOK_S

    def __call__(self) -> None:
        """Look, and do what is due."""
        if time.monotonic() - self._looked < min(_LOOK_S, self._policy.housekeeping_s):
            return
        self._looked = time.monotonic()
        for name, chore in self._chores.items():
            if self._taken(name):
                began = time.monotonic()
                count = chore(self._store, self._policy)
                _LOG.info("housekeeping: %s, %d removed in %.1f s", name, count, time.monotonic() - began)

    def _taken(self, name: str) -> bool:
        now = datetime.now(UTC)
        with self._store.admin(write=False) as connection:
            if not chores.is_due(connection, name, now):
                return False
        try:
            with self._store.admin() as connection:
                return chores.take(connection, name, now, self._policy.housekeeping_s)
        except IntegrityError:  # another worker took it on in the same moment, for the very first time
            return False
