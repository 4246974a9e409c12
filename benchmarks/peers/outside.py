"""Peers that live in environments of their own: a problem goes to a process as JSON, its answer comes back so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.peers.interface import Answer
from benchmarks.rows import CannotMeasure

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
LONGEST_S = 1200


def interpreter(title: str, environment: str) -> Path:
    """Python of the environment that `make ENVIRONMENT-env` makes."""
    found = ROOT / f".venv-{environment}" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not found.exists():
        raise CannotMeasure(f"{title} is not installed beside us: make {environment}-env")
    return found


def run(python: Path, title: str, arguments: list[str]) -> str:
    """What the program wrote to standard output; RuntimeError with its last words where it failed."""
    done = subprocess.run(
        [str(python), *arguments],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{title} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


@cache
def version(title: str, environment: str, distribution: str) -> str:
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return run(interpreter(title, environment), title, ["-c", code]).strip()


def ask(title: str, environment: str, problem: Mapping[str, Any]) -> dict[str, Any]:
    """What the peer's program says to a problem."""
    python = interpreter(title, environment)
    with tempfile.TemporaryDirectory() as folder:
        problem_file, answer_file = Path(folder) / "problem.json", Path(folder) / "answer.json"
        problem_file.write_text(json.dumps(problem), encoding="utf-8")
        run(python, title, [str(PROGRAMS / f"{environment}_run.py"), str(problem_file), str(answer_file)])
        found: dict[str, Any] = json.loads(answer_file.read_text(encoding="utf-8"))
    return found


def answer(found: Mapping[str, Any], *, keeps: bool, note: str = "") -> Answer:
    """A program's answer as everybody's."""
    series = {name: tuple(values) for name, values in found.get("series", {}).items()}
    return Answer(
        float(found["objective"]),
        float(found["build_s"]),
        float(found["solve_s"]),
        found.get("again_s"),
        found.get("again_objective"),
        keeps=keeps,
        solver=found["solver"],
        status=found["status"],
        series=series,
        note=note,
    )
