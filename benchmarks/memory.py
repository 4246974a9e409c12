"""Memory of this process, by the kernel's own book.

`getrusage` would not do: its peak begins with what the process had held that this one was started from.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.rows import CannotMeasure

_BOOK = Path("/proc/self/status")


def resident_mb() -> float:
    """What it holds now [MB]; raises CannotMeasure where the system keeps no such book."""
    return _entry_mb("VmRSS")


def peak_mb() -> float:
    """The most that it has held [MB]; raises CannotMeasure where the system keeps no such book."""
    return _entry_mb("VmHWM")


def _entry_mb(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", _BOOK.read_text("utf-8"), re.MULTILINE) if _BOOK.is_file() else None
    if found is None:
        raise CannotMeasure(f"memory of a process is read from {_BOOK}, which this system lacks")
    return int(found[1]) * 1024 / 1e6
