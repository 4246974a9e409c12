"""What signs, and what checks signatures: a store's secrets, read once and replaced as they age."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dispatch.service.settings import Settings
from dispatch.service.store import signing

if TYPE_CHECKING:
    from dispatch.service.store import Store

_LOOK_AGAIN_S = 5.0  # an unknown id makes us look at the database so often, and not for every forged token


class Signatures:
    """The secrets of a store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._lock = threading.Lock()
        self._known: Sequence[signing.Secret] = ()
        self._looked_s = float("-inf")

    def newest(self) -> signing.Secret:
        """The one that signs now; made where there is none, or the last is too old."""
        with self._lock:
            if self._is_fresh():
                return self._known[0]
            now = datetime.now(UTC)
            with self._store.admin() as connection:
                found = signing.listed(connection)
                if not found or now - found[0].created > timedelta(days=self._settings.signing_days):
                    signing.add(connection, now)
                    # Twice the age: what the one before signed holds until then.
                    signing.drop(connection, now - timedelta(days=2 * self._settings.signing_days))
                    found = signing.listed(connection)
            self._known = found
            return found[0]

    def of(self, kid: object) -> signing.Secret | None:
        """The secret of an id, None where there is none."""
        with self._lock:
            found = self._find(kid)
            if found is None and time.monotonic() - self._looked_s > _LOOK_AGAIN_S:
                with self._store.admin(write=False) as connection:
                    self._known = signing.listed(connection)
                self._looked_s = time.monotonic()
                found = self._find(kid)
            return found

    def all(self) -> Sequence[signing.Secret]:
        """Those that may have signed what comes in."""
        self.newest()
        return self._known

    def _find(self, kid: object) -> signing.Secret | None:
        return next((each for each in self._known if each.kid == kid), None)

    def _is_fresh(self) -> bool:
        age = timedelta(days=self._settings.signing_days)
        return bool(self._known) and datetime.now(UTC) - self._known[0].created <= age
