"""Is what the table says so? From the logs it names, and with a model that knows nothing of ``dispatch``."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.best_known import runs, table
from benchmarks.cases import pglib
from benchmarks.methods import uc_reference

TOLERANCE = 1e-6  # relative; both solvers stop at their own feasibility of 1e-7


def wrong_logs(entry: table.Entry, logs: Path = runs.LOGS) -> list[str]:
    """Logs that are missing, that were changed, or that say something else than the table."""
    said = []
    for side, found in (("bound", entry.bound), ("incumbent", entry.incumbent)):
        if not found.run:
            continue
        path = logs / f"{found.run}.json"
        if not path.exists():
            said.append(f"{entry.instance}: the log {found.run} of its {side} is not there")
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest()[:16] != found.run:
            said.append(f"{entry.instance}: the log {found.run} is not what it was")
        kept = json.loads(path.read_text("utf-8"))
        if (kept["instance"], kept[side]) != (entry.instance, found.value):
            said.append(f"{entry.instance}: the log {found.run} has {side} {kept[side]!r} of {kept['instance']}")
    return said


def cost(entry: table.Entry, logs: Path = runs.LOGS) -> float:
    """What the independent model pays for the commitment of an incumbent; RuntimeError where it finds no plan."""
    kept = json.loads((logs / f"{entry.incumbent.run}.json").read_text("utf-8"))
    path = pglib.folder() / f"{entry.instance}.json.gz"
    if hashlib.sha256(path.read_bytes()).hexdigest() != kept["instance_sha256"]:
        raise RuntimeError(f"{entry.instance}: the file is another one than was run")
    return uc_reference.cost_of(pglib.load(path), commitment(kept["commitment"]))


def commitment(kept: dict[str, Any]) -> np.ndarray:
    """(unit, step), as :func:`benchmarks.best_known.runs.committed` packed it."""
    packed = np.frombuffer(base64.b64decode(kept["on"]), np.uint8)
    shape = kept["units"], kept["steps"]
    return np.unpackbits(packed, count=shape[0] * shape[1]).reshape(shape)


def check(entry: table.Entry, logs: Path = runs.LOGS) -> list[str]:
    """What is wrong with an entry; empty where all of it is so."""
    said = wrong_logs(entry, logs)
    if said or not entry.incumbent.run:
        return said
    try:
        found = cost(entry, logs)
    except RuntimeError as error:
        return [f"{entry.instance}: {error}"]
    if found > entry.incumbent.value * (1 + TOLERANCE):
        return [f"{entry.instance}: its plan costs {found!r}, and the table says {entry.incumbent.value!r}"]
    if found < entry.bound.value * (1 - TOLERANCE):
        return [f"{entry.instance}: its plan costs {found!r}, which is below the bound {entry.bound.value!r}"]
    return []
