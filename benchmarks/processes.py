"""Starts the product as a user does: as a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import CannotMeasure

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Ran:
    """What a finished process left behind."""

    status: int
    output: str  # standard output and standard error together
    seconds: float


def run(command: Sequence[str], *, cwd: Path = ROOT, timeout: float = 1800, extra: dict[str, str] | None = None) -> Ran:
    start = time.perf_counter()
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env={**os.environ, **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout, time.perf_counter() - start)


def parkwatt(*arguments: str) -> Ran:
    """The command, from this checkout."""
    return run([sys.executable, "-m", "dispatch", *arguments])


def plan(out: Path, park: str = "yizhuang") -> Ran:
    """The main job; RuntimeError with the last lines when it does not succeed."""
    ran = parkwatt("plan", park, "--out", str(out))
    if ran.status:
        tail = "\n".join(ran.output.splitlines()[-5:])
        raise RuntimeError(f"parkwatt plan {park} ended with {ran.status}: {tail}")
    return ran


def browser() -> str:
    """Path of a Chromium; CHROMIUM names it where it is not on the path."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not found:
        raise CannotMeasure(f"no browser: none of {', '.join(CHROMIUM_NAMES)} is on the path and CHROMIUM is not set")
    return found
