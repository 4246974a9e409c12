"""Studies run as a user runs them, in a process of their own, for rows that look at what comes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.manifests import ROOT

STUDIES = ROOT / "out" / "studies"


def arguments(study: str | Path, out: Path, *more: str) -> list[str]:
    """The command."""
    return [sys.executable, "-m", "benchmarks", "study", str(study), "--out", str(out), *more]


def ran(study: str | Path, out: Path, *more: str) -> dict[str, Any]:
    """Run to the end; its manifest. What it says of its progress is shown.

    Raises:
        RuntimeError: it was asked for wrongly, or a cell failed.
    """
    done = subprocess.run(arguments(study, out, *more), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{study}: status {done.returncode}: {done.stdout[-500:]}")
    return manifest(out)


def manifest(out: Path) -> dict[str, Any]:
    """Of a finished run."""
    told: dict[str, Any] = json.loads((out / "manifest.json").read_text("utf-8"))
    return told


def killed(study: str | Path, out: Path, after_s: float, *more: str) -> bool:
    """Run and end it and its workers by SIGKILL after so long; False where it was done before."""
    process = subprocess.Popen(
        arguments(study, out, *more),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False
