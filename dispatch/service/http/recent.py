"""Keys that opened a moment ago: a client that asks a hundred times a second is looked up once in it.

To look a key up took a fifth of a read's time. What is changed in this process counts at once, what another process
changes (``parkwatt keys revoke``, another server on the same database) within ``HELD_S``. Only what opened is kept:
an unknown key and a wrong secret take the same way as ever.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass

from dispatch.service.store.changes import CHANGES
from dispatch.service.store.keys import Key

HELD_S = 1.0
LATELY_S = 3600.0
_MOST = 10_000


@dataclass(frozen=True)
class _Opened:
    key: Key
    until_s: float
    change: int


class Recent:
    """Keys by what was sent, for a second."""

    def __init__(self) -> None:
        self._opened: dict[bytes, _Opened] = {}
        self._lately: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def get(self, credential: str) -> Key | None:
        """The key that this opened a moment ago, if no key was changed since."""
        found = self._opened.get(_hashed(credential))
        if found is None or found.until_s < time.monotonic() or found.change != CHANGES.number:
            return None
        return found.key

    def put(self, credential: str, key: Key, change: int) -> None:
        """Keep one. ``change`` is the number of changes before the key was looked up."""
        with self._lock:
            if len(self._opened) >= _MOST:
                self._opened.clear()
            self._opened[_hashed(credential)] = _Opened(key, time.monotonic() + HELD_S, change)
        self.note(credential)

    def note(self, credential: str) -> None:
        """What was sent opened something, which is remembered for an hour."""
        with self._lock:
            if len(self._lately) >= _MOST:
                self._lately.clear()
            self._lately[_hashed(credential)] = time.monotonic() + LATELY_S

    def has_opened(self, credential: str) -> bool:
        """Did this open something within the hour? Whether it still does is to be looked up."""
        return self._lately.get(_hashed(credential), 0.0) > time.monotonic()


def _hashed(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
