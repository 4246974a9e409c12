"""Runs pieces one after the other, each in a process of its own that is stopped where a row takes too long."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import manifests
from benchmarks.manifests import ROOT
from benchmarks.rows import Measurement

GRACE_S = 15.0  # to end servers and workers that a measurement has started
_LOOK_S = 0.5
_MOST_STOPS = 2  # rows of a module share their runs: where two take too long, so will the others


@dataclass
class Piece:
    """Rows that are measured in one process."""

    name: str
    measurements: list[Measurement]
    seconds: float  # that they are expected to take

    @property
    def topic(self) -> str:
        return self.measurements[0].topic


@dataclass(frozen=True)
class Limits:
    """``row_s``: for one row; ``until``: on the monotonic clock, when all must have ended."""

    row_s: float
    until: float

    def left_s(self, began: float) -> float:
        """How long a row that began then may still take."""
        return min(began + self.row_s, self.until) - time.monotonic()


@dataclass
class Attempt:
    """A process with a part of a piece's rows."""

    process: subprocess.Popen[bytes]
    channel: int
    row: str | None = None
    began: float = field(default_factory=time.monotonic)
    finished: list[str] = field(default_factory=list)
    rest: bytes = b""

    def events(self) -> list[dict[str, Any]]:
        """What the process has told since, after a short wait."""
        if not select.select([self.channel], [], [], _LOOK_S)[0]:
            return []
        more = os.read(self.channel, 1 << 16)
        if not more:  # all is told, and the process on its way out
            time.sleep(_LOOK_S)
        *whole, self.rest = (self.rest + more).split(b"\n")
        return [json.loads(line) for line in whole if line]


Told = Callable[[Piece, dict[str, Any]], None]


def run(piece: Piece, limits: Limits, *, folder: Path, logs: Path, told: Told) -> None:
    """Measure what the piece holds; each row is in its manifest at once.

    Args:
        piece: what to measure.
        limits: in time.
        folder: of the manifests.
        logs: folder for what the measurements print.
        told: is called with every event, for a progress line.
    """
    waiting, stops = {m.name: (m, key) for m, key in manifests.keys(piece.measurements)}, 0
    while waiting and time.monotonic() < limits.until:
        attempt, why = _attempt(piece, list(waiting), limits, folder, logs, told)
        for name in attempt.finished:
            del waiting[name]
        if not why:
            return
        took = time.monotonic() - attempt.began
        stops += 1
        over = attempt.row is None or stops == _MOST_STOPS
        for name in [x for x in waiting if over or x == attempt.row]:
            text = why if attempt.row in {name, None} else "not tried: two rows of its module were stopped"
            measurement, key = waiting.pop(name)
            manifests.keep_hindrance(measurement, key, text, after_s=took, folder=folder)
            told(piece, {"stopped": name, "why": text})


def _attempt(
    piece: Piece, names: Sequence[str], limits: Limits, folder: Path, logs: Path, told: Told
) -> tuple[Attempt, str]:
    """One process until it ends or is stopped; and why its present row has no value, empty if all have one."""
    logs.mkdir(parents=True, exist_ok=True)
    mine, theirs = os.pipe()
    command = [sys.executable, "-m", "benchmarks.results.process", piece.topic, str(folder), str(theirs)]
    with (logs / f"{piece.name.replace('/', '-')}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[theirs], start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    os.close(theirs)
    attempt = Attempt(process, mine)
    try:
        if process.stdin is not None:
            modules = sorted({m.function.__module__ for m in piece.measurements})
            process.stdin.write(json.dumps({"modules": modules, "names": list(names)}).encode())
            process.stdin.close()
        return attempt, _watch(piece, attempt, limits, told)
    finally:
        stop(process)
        os.close(mine)


def _watch(piece: Piece, attempt: Attempt, limits: Limits, told: Told) -> str:
    while True:
        running = attempt.process.poll() is None
        for event in attempt.events():
            if "began" in event:
                attempt.row, attempt.began = event["began"], time.monotonic()
            else:
                attempt.finished.append(event["kept"])
                attempt.row = None
            told(piece, event)
        took = f"{time.monotonic() - attempt.began:.0f} s"
        if not running:
            status = attempt.process.returncode
            return f"its process ended with {status} after {took}, see its log" if status or attempt.row else ""
        if limits.left_s(attempt.began) <= 0:
            return f"stopped after {took}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it has started: first as Ctrl-C would, so that servers end their own; then at once."""
    family = descendants(process.pid) if process.poll() is None else set()
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        family |= descendants(process.pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid, began in family:
        if _began(pid) == began:  # the number may be somebody else's by now
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + GRACE_S
    while any(_lives(pid, began) for pid, began in family) and time.monotonic() < until:
        time.sleep(0.01)  # they are nobody's children here, so nothing waits for them


def descendants(pid: int) -> set[tuple[int, str]]:
    """Processes that a process has started, and those that these have, with when each began; Linux only."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents.setdefault(int(_stat(path)[1]), []).append(int(path.parent.name))
    found, waiting = set(), [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found |= {(child, _began(child)) for child in children}
        waiting += children
    return found


def _stat(path: Path) -> list[str]:
    """The fields after the command's name, which may hold anything: state, parent, …"""
    return path.read_text("utf-8", errors="replace").rpartition(")")[2].split()


def _lives(pid: int, began: str) -> bool:
    try:
        now = _stat(Path(f"/proc/{pid}/stat"))
    except OSError:
        return False
    return now[19] == began and now[0] != "Z"


def _began(pid: int) -> str:
    try:
        return _stat(Path(f"/proc/{pid}/stat"))[19]
    except OSError:
        return ""
