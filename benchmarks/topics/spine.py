"""From a config to a plan that a person can use: does it work, how long does it take, is it the same."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.cases import commitment, mistakes
from benchmarks.page import complaints
from benchmarks.processes import ROOT, Ran, parkwatt, plan, run
from benchmarks.rows import CannotMeasure, row

PRODUCT = ("configs", "dispatch", "forecasting", "grid_models")


@row("spine", name="main job", unit="s", bar="<= 180", slow=True, inputs=PRODUCT)
def main_job_seconds() -> float:
    """`parkwatt plan yizhuang`, start of the process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        return plan(Path(folder) / "out").seconds


@row("spine", name="files that differ between two runs", unit="", bar="== 0", slow=True, inputs=PRODUCT)
def files_that_differ() -> int:
    """Same config, same commit: the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        plan(first)
        plan(second)
        return len(differing(first, second))


def differing(first: Path, second: Path) -> list[str]:
    """Files that only one folder has or that are not the same, but for wall times, which are kept apart."""

    def content(folder: Path) -> dict[str, bytes]:
        files = (p for p in folder.rglob("*") if p.is_file() and p.name != "timings.json")
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}

    one, two = content(first), content(second)
    if not one:
        raise RuntimeError("the plan wrote no file")
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


@row(
    "spine",
    name="complaints of the browser about report.html",
    unit="",
    bar="== 0",
    slow=True,
    inputs=PRODUCT,
)
def report_complaints() -> int:
    """Console errors and warnings, page errors and requests that leave the page."""
    with tempfile.TemporaryDirectory() as folder:
        plan(Path(folder) / "out")
        return len(complaints(Path(folder) / "out" / "report.html"))


@row("spine", name="mistakes named of five in one config", unit="", bar="== 5")
def mistakes_named() -> int:
    """How many get a message with their place; none of them does when there is a stack trace or another message."""
    with tempfile.TemporaryDirectory() as folder:
        config = mistakes.write(Path(folder))
        ran = parkwatt("validate", str(config))
    if ran.status == 0 or "Traceback" in ran.output:
        return 0
    messages = [line.strip() for line in ran.output.splitlines() if line.startswith("  ")]
    others = [text for text in messages if not text.startswith(mistakes.PLACES)]
    return 0 if others else len({text.split(" ")[0] for text in messages})


@row("spine", name="parkwatt --help", unit="s", bar="<= 1")
def help_seconds() -> float:
    return best_of_three("--help")


@row("spine", name="parkwatt validate yizhuang", unit="s", bar="<= 1")
def validate_seconds() -> float:
    return best_of_three("validate", "yizhuang")


def best_of_three(*arguments: str) -> float:
    runs = [parkwatt(*arguments) for _ in range(3)]
    if any(ran.status for ran in runs):
        raise RuntimeError(runs[0].output[-300:])
    return min(ran.seconds for ran in runs)


@row("spine", name="compile 610 units x 48 h", unit="s", bar="<= 3")
def compile_seconds() -> float:
    return commitment.compile_seconds(commitment.fleet())


@row("spine", name="re-solve overhead 610 units x 48 h", unit="s", bar="<= 0.2")
def resolve_overhead_seconds() -> float:
    """New demand into the compiled problem, solver time left out."""
    return commitment.resolve_overhead_seconds(commitment.fleet())


@row("spine", name="make run in an empty clone", unit="s", bar="<= 600", slow=True, inputs=PRODUCT)
def empty_clone_seconds() -> float:
    """Environment, installation and main job, from nothing but Python, pip and make."""
    if run(["git", "status", "--porcelain"]).output.strip():
        raise CannotMeasure("a clone holds what is committed, and here is more than that: commit first")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        succeed(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT)
        return succeed(["make", "run"], clone).seconds


def succeed(command: list[str], folder: Path) -> Ran:
    ran = run(command, cwd=folder, extra={"PYTHON": sys.executable})
    if ran.status:
        raise RuntimeError(f"{' '.join(command)} ended with {ran.status}: {ran.output[-500:]}")
    return ran
