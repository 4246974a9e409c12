"""What tests with real processes share: waiting, and seeing whether a process still runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def eventually(holds: Callable[[], bool], within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    """Whether it does anything any more; what only waits to be reaped by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def is_gone(pid: int, within_s: float = 5.0) -> bool:
    return eventually(lambda: not runs(pid), within_s)


def pids_in(file: Path) -> list[int]:
    """The two processes that an echo job of group wrote down, once it has."""
    assert eventually(lambda: file.exists() and file.read_text().count(" ") == 1, 60)
    return [int(pid) for pid in file.read_text().split()]
