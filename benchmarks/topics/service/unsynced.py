"""SQLite when the power goes: what was not synced is dropped, torn or reordered, and what was acknowledged is there."""

from __future__ import annotations

import re
import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.crash.power import Losses, Recorded, losses, recorded
from benchmarks.rows import row

POINTS, WRITES, FEW = 200, 400, 60
INPUTS = ("benchmarks/crash", "dispatch/service/store")
WHAT = f"SQLite, power lost at {POINTS} random moments of {WRITES} writes"
# Syncs left out, each of which must lose something: the check can fail.
LEFT_OUT = {
    "of the database (synchronous = OFF)": r"^park\.db(-wal)?$",
    "of files and Parquet parts": re.escape(".unfinished") + "$",
    "of folders": r"^(data(/.*)?)?$",
}


@cache
def record() -> Recorded:
    """One program's writes from the first file on, in a folder that lasts as long as the process."""
    folder = Path(_FOLDER.name)
    return recorded(folder, WRITES)


_FOLDER = tempfile.TemporaryDirectory(prefix="parkwatt-power-")


@cache
def lost() -> Losses:
    found = losses(record(), POINTS)
    for moment, what in found.wrong[:20]:
        sys.stderr.write(f"after call {moment}: {what}\n")
    return found


@row("service", name=f"{WHAT}: moments", unit="moments", bar=f">= {POINTS}", slow=True, inputs=INPUTS)
def moments() -> int:
    return lost().points


@row("service", name=f"{WHAT}: acknowledgements held against what was there", unit="acknowledgements", bar=">= 10000",
     slow=True, inputs=INPUTS)  # fmt: skip
def held() -> int:
    return lost().acknowledged


@row("service", name=f"{WHAT}: lost", unit="writes", bar="== 0", slow=True, inputs=INPUTS)
def lost_writes() -> int:
    return len(lost().wrong)


def _without(what: str) -> int:
    return len({moment for moment, _ in losses(record(), FEW, seed=1, unsynced=LEFT_OUT[what]).wrong})


@row("service", name=f"the same of {FEW} moments without the syncs of the database: moments with losses",
     unit="moments", bar=">= 1", slow=True, inputs=INPUTS)  # fmt: skip
def without_database() -> int:
    return _without("of the database (synchronous = OFF)")


@row("service", name=f"the same of {FEW} moments without the syncs of files: moments with losses", unit="moments",
     bar=">= 1", slow=True, inputs=INPUTS)  # fmt: skip
def without_files() -> int:
    return _without("of files and Parquet parts")


@row("service", name=f"the same of {FEW} moments without the syncs of folders: moments with losses", unit="moments",
     bar=">= 1", slow=True, inputs=INPUTS)  # fmt: skip
def without_folders() -> int:
    return _without("of folders")
