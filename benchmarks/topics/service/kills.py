"""kill -9 of the server, of a worker, of its child and of PostgreSQL, with clients writing and jobs running."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.crash.kills import Killed, Target, kills
from benchmarks.rows import REGISTER, CannotMeasure

POINTS = 200
INPUTS = ("benchmarks/crash", "dispatch/service", "dispatch/solver/worker.py", "dispatch/ladder/climb.py")
TARGETS: dict[Target, str] = {
    "server": "the server",
    "worker": "a worker",
    "child": "a worker's child",
    "postgresql": "PostgreSQL with all its processes",
}


@cache
def killed(target: Target) -> Killed:
    """All that a target's rows say, measured once."""
    if not Path("/proc/self/stat").exists():
        raise CannotMeasure("processes are found by /proc, which is not there")
    with tempfile.TemporaryDirectory(prefix="parkwatt-kills-") as folder:
        found = kills(Path(folder), target, POINTS)
    for what in (*found.lost, *found.unended, *found.doubled, *found.left)[:20]:
        sys.stderr.write(f"{target}: {what}\n")
    return found


def _rows(target: Target, name: str) -> None:
    what = f"kill -9 of {name}, clients writing and jobs running"

    def row(text: str, unit: str, bar: str, value: str) -> None:
        def measured() -> int:
            found = getattr(killed(target), value)
            return found if isinstance(found, int) else len(found)

        REGISTER.row("service", name=f"{what}: {text}", unit=unit, bar=bar, slow=True, inputs=INPUTS)(measured)

    row("points", "points", f">= {POINTS}", "points")
    row("acknowledged writes", "writes", ">= 1000", "acknowledged")
    row("acknowledged writes lost", "writes", "== 0", "lost")
    row("accepted jobs that did not end with a result and one effect", "jobs", "== 0", "unended")
    row("requests that had their effect twice", "requests", "== 0", "doubled")
    row("half-written files, temporary files and processes left", "of them", "== 0", "left")


for _target, _name in TARGETS.items():
    _rows(_target, _name)
