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
_MOST_STOPS = 2  # rows of a piece share their runs: where two take too long, so will the others


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
        *whole, self.rest = (self.rest + os.read(self.channel, 1 << 16)).split(b"\n")
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
    rows = {m.name: m for m in piece.measurements}
    keys = dict(zip(rows, (key for _, key in manifests.keys(rows.values())), strict=True))
    waiting, stops = list(rows), 0
    while waiting and time.monotonic() < limits.until:
        attempt, why = _attempt(piece, waiting, limits, folder, logs, told)
        hit = attempt.row if why else None
        waiting = [name for name in waiting if name not in attempt.finished and name != hit]
        if hit is None:
            return
        took = time.monotonic() - attempt.began
        manifests.keep_hindrance(rows[hit], keys[hit], f"{why} {took:.0f} s", after_s=took, folder=folder)
        told(piece, {"stopped": hit, "why": f"{why} {took:.0f} s"})
        stops += 1
        if stops == _MOST_STOPS:
            for name in waiting:
                text = f"not tried: {stops} rows of its piece were stopped"
                manifests.keep_hindrance(rows[name], keys[name], text, after_s=took, folder=folder)
                told(piece, {"stopped": name, "why": text})
            return


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
            process.stdin.write(json.dumps(list(names)).encode())
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
        if not running:
            if attempt.process.returncode and attempt.row is None:
                told(piece, {"broken": piece.name, "why": f"the process ended with {attempt.process.returncode}"})
            return f"the process ended with {attempt.process.returncode} after" if attempt.row else ""
        if limits.left_s(attempt.began) <= 0:
            return "stopped after"


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


def _began(pid: int) -> str:
    try:
        return _stat(Path(f"/proc/{pid}/stat"))[19]
    except OSError:
        return ""
