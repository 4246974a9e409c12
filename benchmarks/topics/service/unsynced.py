"""SQLite when the power goes: what was not synced is dropped, torn or reordered, and what was acknowledged is there."""

from __future__ import annotations

import re
import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.crash.power import Losses, Recorded, losses, recorded, recorded_service
from benchmarks.rows import REGISTER, row

POINTS, WRITES, SECONDS, FEW = 200, 400, 60.0, 60
INPUTS = ("benchmarks/crash", "dispatch/service/store")
RECORDS = {
    "server": f"the server with a worker and a client for {SECONDS:g} s",
    "store": f"a program with {WRITES} writes to the store, from its first file on",
}
# Syncs left out, each of which must lose something: the check can fail.
LEFT_OUT = {
    "the database (synchronous = OFF)": r"^(park\.db|parkwatt\.sqlite)(-wal)?$",
    "files and Parquet parts": re.escape(".unfinished") + "$",
    "folders": r"^(data|files|series)?(/(files|series|north|south|[0-9a-f]{2}|\d{4}-\d\d-\d\d))*$",
}
_FOLDER = tempfile.TemporaryDirectory(prefix="parkwatt-power-")


@cache
def record(which: str) -> Recorded:
    """What was written, in a folder that lasts as long as the process."""
    folder = Path(_FOLDER.name) / which
    folder.mkdir()
    return recorded(folder, WRITES) if which == "store" else recorded_service(folder, SECONDS)


@cache
def lost(which: str) -> Losses:
    found = losses(record(which), POINTS)
    for moment, what in found.wrong[:20]:
        sys.stderr.write(f"{which}, after call {moment}: {what}\n")
    return found


def _rows(which: str, name: str) -> None:
    what = f"SQLite, power lost at {POINTS} random moments of {name}"

    @row("service", name=f"{what}: moments", unit="moments", bar=f">= {POINTS}", slow=True, inputs=INPUTS)
    def moments() -> int:
        return lost(which).points

    @row("service", name=f"{what}: acknowledgements looked for", unit="acknowledgements", bar=">= 10000", slow=True,
         inputs=INPUTS)  # fmt: skip
    def held() -> int:
        return lost(which).acknowledged

    @row("service", name=f"{what}: lost", unit="writes", bar="== 0", slow=True, inputs=INPUTS)
    def lost_writes() -> int:
        return len(lost(which).wrong)


def _without(what: str, paths: str) -> None:
    """The same program, had it not made these syncs."""

    def moments() -> int:
        return len({moment for moment, _ in losses(record("store"), FEW, seed=1, unsynced=paths).wrong})

    name = f"power lost at {FEW} moments without the syncs of {what}: moments with losses"
    REGISTER.row("service", name=name, unit="moments", bar=">= 1", slow=True, inputs=INPUTS)(moments)


for _which, _name in RECORDS.items():
    _rows(_which, _name)
for _what, _paths in LEFT_OUT.items():
    _without(_what, _paths)
