"""Runs of published instances, each with a log; the table names the run that proved each of its numbers.

A log says what ran, on which instance (by its file's SHA-256), commit, machine and packages, for how long, what came
out and whether the plan passed the audit; and it holds the plan's commitment, so that the plan can be made again. It
lies in ``runs/`` under the hash of its content as long as the table names it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import manifests
from benchmarks.best_known import table
from benchmarks.cases import pglib
from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.search.portfolio import improve_and_prove
from dispatch.solve import solve
from dispatch.solver.highs import Limits, Run
from dispatch.solver.highs import run as plain

LOGS = Path(__file__).resolve().parent / "runs"
METHODS = {
    "convex": "convex mode",
    "exact": "two processes, one proving and one improving",
    "plain": "HiGHS alone on the same form",
}
SHORT_KWH = 0.1  # of demand and of reserve together over all hours: the solver's tolerance, and no more
PACKAGES = ("cvxpy", "highspy", "numpy", "scipy")


@dataclass(frozen=True)
class Ran:
    """One run of one instance."""

    name: str
    objective: float
    bound: float
    seconds: float
    violations: int
    short_kwh: float = 0.0

    @property
    def answers(self) -> bool:
        """The plan is one of the library's problem, which knows no shortfall: it serves all and holds all reserve."""
        return self.violations == 0 and self.short_kwh <= SHORT_KWH

    @property
    def gap(self) -> float:
        """Certified, relative to the plan."""
        return (self.objective - self.bound) / self.objective


def name_of(path: Path) -> str:
    """As the table names an instance: ``rts_gmlc/2020-01-27``."""
    return f"{path.parent.name}/{path.name.removesuffix('.json.gz')}"


def run(path: Path, method: str, *, gap: float, seconds: float, known: Path = table.TABLE, logs: Path = LOGS) -> Ran:
    """Solve an instance, audit the plan, and put what is better than what was known into the table.

    Args:
        path: of the instance's file.
        method: one of METHODS.
        gap: relative, at which the search ends.
        seconds: that compiling and solving may take together.
        known: the table.
        logs: where the logs of runs lie that the table names.
    """
    state = _state()
    site, inputs = pglib.read(pglib.load(path))
    began = time.perf_counter()
    problem = Problem(site, inputs, Mode("convex" if method == "convex" else "exact"))
    limits = Limits(gap=gap, seconds=seconds - (time.perf_counter() - began))
    schedule = solve(problem, limits, run=_search(method, problem))
    took = time.perf_counter() - began
    found = audit(schedule).violations
    proof = schedule.proof
    ran = Ran(path.name.removesuffix(".json.gz"), proof.objective, proof.bound, took, len(found), short_kwh(schedule))
    if not found:
        record(path, ran, method, log(path, ran, method, seconds, schedule, state), known=known, logs=logs)
    return ran


@cache
def _state() -> manifests.Key:
    """The code as it was when this process began to run it: others may commit meanwhile."""
    return manifests.code_state()


def _search(method: str, problem: Problem) -> Run | None:
    choice: dict[str, Callable[[], Run | None]] = {
        "convex": lambda: None,
        "exact": lambda: partial(improve_and_prove, layout=problem.layout()),
        "plain": lambda: plain,
    }
    return choice[method]()


def log(path: Path, ran: Ran, method: str, seconds: float, schedule: Schedule, state: manifests.Key) -> dict[str, Any]:
    """All that says how the numbers came about."""
    return {
        "instance": name_of(path),
        "instance_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "method": METHODS[method],
        "seconds_allowed": seconds,
        "seconds": round(ran.seconds, 2),
        "bound": ran.bound,
        "incumbent": ran.objective,
        "audit_violations": ran.violations,
        "short_kwh": ran.short_kwh,
        "commit": state.commit,
        "uncommitted_changes": state.changes,
        "machine": manifests.machine(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "measured_at": manifests.now(),
        "commitment": committed(schedule),
    }


def short_kwh(schedule: Schedule) -> float:
    """What is not served and what is missing of the reserve."""
    wanted = (("load", "shed_kw"), ("reserve", "reserve_short_kw"))
    missing = [schedule.kinds[kind].series[series] for kind, series in wanted if kind in schedule.kinds]
    return float(sum(np.clip(each, 0, None).sum() for each in missing))  # hourly steps


def committed(schedule: Schedule) -> dict[str, Any]:
    """Which unit is on in which step: rows are the instance's thermal units, bits packed and in base64."""
    solved = schedule.kinds["thermal"]
    order = np.argsort([int(member.name.removeprefix("unit_")) for member in solved.rows.members])
    on = np.asarray(solved.series["on"])[order] > 0.5
    packed = base64.b64encode(np.packbits(on).tobytes()).decode()
    return {"units": on.shape[0], "steps": on.shape[1], "on": packed}


def record(path: Path, ran: Ran, method: str, made: dict[str, Any], *, known: Path, logs: Path) -> str:
    """Keep the log if a number of it is better than what was known; logs that the table no longer names go."""
    text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    said = f"{METHODS[method]}, {ran.seconds:.0f} s"
    size = (made["commitment"]["steps"], made["commitment"]["units"])
    incumbent = ran.objective if ran.answers else None
    kept = table.improve(name_of(path), ran.bound, incumbent, method=said, size=size, run=digest, path=known)
    if digest in (kept.bound.run, kept.incumbent.run):
        logs.mkdir(exist_ok=True)
        (logs / f"{digest}.json").write_text(text, "utf-8")
    _clear(table.read(known), logs)
    return digest


def _clear(entries: dict[str, table.Entry], logs: Path) -> None:
    named = {found.run for entry in entries.values() for found in (entry.bound, entry.incumbent)}
    for path in logs.glob("*.json"):
        if path.stem not in named:
            path.unlink()


def done(path: Path, known: Path = table.TABLE, logs: Path = LOGS) -> bool:
    """Whether both numbers of an instance are there, each with the log of its run."""
    entry = table.read(known).get(name_of(path))
    if entry is None or math.isnan(entry.gap):
        return False
    return all((logs / f"{found.run}.json").exists() for found in (entry.bound, entry.incumbent))
