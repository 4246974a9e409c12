"""Identifiers that sort by the time they were made, and say what they are of."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # without i, l, o, u: nobody misreads them
LENGTH = 26
_RANDOM_BITS = 80
ID_PATTERN = rf"[{_LETTERS}]{{{LENGTH}}}"


class _Clock:
    """The last number given out: within a millisecond the next is the one after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS - 1)
        with self._lock:
            self._last = fresh if fresh > self._last else self._last + 1
            return self._last


_CLOCK = _Clock()


def new_id(prefix: str) -> str:
    """``sch`` → ``sch_`` and 26 characters: milliseconds, then chance. Later ones of a process sort later."""
    return _written(prefix, _CLOCK.next())


def id_of(prefix: str, *parts: str) -> str:
    """The same for the same parts: of what there is once of each, whoever makes it; these do not sort by time."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return _written(prefix, int.from_bytes(digest) >> 8 * len(digest) - 5 * LENGTH)


def _written(prefix: str, number: int) -> str:
    letters = [_LETTERS[(number >> shift) & 31] for shift in range(5 * (LENGTH - 1), -1, -5)]
    return f"{prefix}_{''.join(letters)}"
