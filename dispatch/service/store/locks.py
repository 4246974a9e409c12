"""Who writes next: threads of a process in the order they came, processes one at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dispatch.service.store.faults import BusyError

_POLL_S = 0.002
_LONG_S = 0.05  # whoever wrote for longer lets other processes ask before the next thread


class FairLock:
    """A lock that is handed to whoever has waited longest; ``threading.Lock`` may let one thread starve."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, timeout_s: float) -> None:
        """Wait in line.

        Raises:
            BusyError: it was not one's turn in that time.
        """
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return
        with self._guard:
            if mine.is_set():  # handed over in the very last moment
                return
            self._waiting.remove(mine)
        raise BusyError(f"another write has held the store for {timeout_s:g} s")

    def release(self) -> None:
        """Hand it to the next in line."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


class WriterLock:
    """One writer at a time among threads and processes: a fair lock, and then the operating system's on a file.

    The file's lock dies with its process. It also spans the checkpoint that follows a commit: SQLite before 3.51.3 can
    damage a database when two connections checkpoint and reset its log in the same instant (sqlite.org/wal.html,
    "WAL-reset bug"), and here only one at a time does either.
    """

    def __init__(self, path: Path) -> None:
        self._fair = FairLock()
        self._file = FileLock(path, mode=0o600, thread_local=False)

    @contextmanager
    def held(self, timeout_s: float) -> Iterator[None]:
        """Inside, nobody else writes.

        Raises:
            BusyError: others wrote for all that time.
        """
        ends = time.monotonic() + timeout_s
        self._fair.acquire(timeout_s)
        try:
            try:
                self._file.acquire(timeout=max(ends - time.monotonic(), 0.0), poll_interval=_POLL_S)
            except Timeout:
                raise BusyError(f"another process has held the store for {timeout_s:g} s") from None
            began = time.monotonic()
            try:
                yield
            finally:
                self._file.release()
                # Other processes ask for the file now and then; the next thread here would have it before any of them,
                # and a worker could not keep its jobs while large writes queue in the server.
                if time.monotonic() - began > _LONG_S:
                    time.sleep(2 * _POLL_S)
        finally:
            self._fair.release()
