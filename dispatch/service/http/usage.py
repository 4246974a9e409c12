"""When a key was last used, to within some minutes: noted beside the requests, none of which waits for it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from dispatch.service.store import keys
from dispatch.service.store.faults import StoreError

if TYPE_CHECKING:
    from dispatch.service.store import Store

_LOG = logging.getLogger("parkwatt.http")


class Usage:
    """Notes of a store's keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="usage")
        self._noting: set[str] = set()

    def note(self, key: keys.Key) -> None:
        """A key was used; written only where the last note is old."""
        now = datetime.now(UTC)
        is_fresh = key.last_used is not None and now - key.last_used < keys.USED_EVERY
        if not is_fresh and key.id not in self._noting:
            self._noting.add(key.id)
            self._writer.submit(self._write, key, now)

    def close(self) -> None:
        """Write what is still to be written."""
        self._writer.shutdown()

    def _write(self, key: keys.Key, now: datetime) -> None:
        try:
            with self._store.admin() as connection:
                keys.used(connection, key, now)
        except (SQLAlchemyError, StoreError):
            _LOG.warning("when %s was used could not be noted", key.id, exc_info=True)
        finally:
            self._noting.discard(key.id)
