"""Ten thousand climbs of the ladder with solvers that break: which plan came, when, and whether it passes the audit.

Each climb is its number: park, prices, fault and deadline are drawn from it. Processes share the numbers among them and
write a line for each, so that a run that was cut off goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.crash.parks import KINDS, Parks
from benchmarks.crash.solvers import FAMILIES, FAULTS, Injected
from benchmarks.processes import ROOT
from dispatch.audit import audit
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.solver.worker import Worker

DEADLINES_S = {0.3: 0.5, 0.6: 0.3, 1.0: 0.15, 2.0: 0.05}
_LONGEST_S = 16.0
_AFTER = {"same": 0.35, "healthy": 0.3, "mixed": 0.35}
_COLD = 0.05  # of the climbs begin without a process that is there already
_WITH_PLAN = 0.5  # have a plan before this one
MARK = "PARKWATT_CRASH"  # in the environment of all that a run starts, so that what is left behind can be found
_EVERY = 250


@dataclass(frozen=True)
class Climb:
    """What one climb asks for."""

    number: int
    park: str
    family: str
    fault: str
    after: str
    deadline_s: float
    is_cold: bool
    has_plan: bool

    @classmethod
    def drawn(cls, number: int) -> Climb:
        random = np.random.default_rng([9, number])
        family = str(random.choice(list(FAMILIES)))
        faults = FAMILIES[family]
        return cls(
            number,
            park=str(random.choice(list(KINDS))),
            family=family,
            fault=faults[random.integers(len(faults))].__name__,
            after=str(random.choice(list(_AFTER), p=list(_AFTER.values()))),
            deadline_s=float(random.choice(list(DEADLINES_S), p=list(DEADLINES_S.values()))),
            is_cold=bool(random.random() < _COLD),
            has_plan=bool(random.random() < _WITH_PLAN),
        )


@dataclass(frozen=True)
class Climbed:
    """What came of it.

    Attributes:
        seconds: until the plan was there.
        rung: which one answered; empty if there is no plan.
        wrong: what the audit says of it, without any leave to pass limits; or the error instead of a plan.
        faults: how many calls of the solver went wrong.
    """

    number: int
    park: str
    family: str
    deadline_s: float
    seconds: float
    rung: str
    wrong: str
    faults: int

    @property
    def late_s(self) -> float:
        return max(self.seconds - self.deadline_s, 0.0)


def met(asked: Climb, parks: Parks, log: Path, worker: Worker | None) -> Climbed:
    """The climb; again with more time where there was too little of it to ask the solver, and so to meet a fault."""
    while True:
        one = climbed(asked, parks, log, worker)
        if one.faults or one.wrong or asked.deadline_s >= _LONGEST_S:
            return one
        asked = replace(asked, deadline_s=2 * asked.deadline_s)


def climbed(asked: Climb, parks: Parks, log: Path, worker: Worker | None) -> Climbed:
    """One climb; an error that escapes it is its result."""
    problem = parks.problem(asked.park, asked.number)
    log.write_text("")
    before = rule_based(problem) if asked.has_plan else None
    began, rung = time.monotonic(), ""
    try:
        run = Injected(asked.fault, asked.after, asked.number, str(log))
        found = climb(problem, deadline_s=asked.deadline_s, last_good=before, run=run, worker=worker)
        seconds, rung = time.monotonic() - began, found.schedule.proof.quality
        wrong = faulty(problem, found.schedule)
    except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
        seconds, wrong = time.monotonic() - began, f"{type(error).__name__}: {error}"
    faults = sum(line in FAULTS for line in log.read_text().splitlines())
    return Climbed(asked.number, asked.park, asked.family, asked.deadline_s, seconds, rung, wrong, faults)


def faulty(problem: Problem, schedule: Schedule) -> str:
    """What is wrong with a plan for the problem; nothing may be passed, whatever the plan says that it may."""
    if schedule.inputs is not problem.inputs:
        return "a plan for something else"
    planned = {name for solved in schedule.kinds.values() for name in solved.rows.names}
    if planned != {asset.name for asset in problem.site.assets}:
        return "a plan for other assets"
    found = audit(replace(schedule, proof=replace(schedule.proof, may_pass=frozenset())))
    return "; ".join(map(str, found.violations[:3]))


def main(file: str, first: str, last: str, step: str) -> None:
    """The process that climbs: every ``step``-th number, those apart that the file already has."""
    path = Path(file)
    done = {one.number for one in read(path)}
    if path.exists():  # a line that was cut off goes
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if line.endswith("}\n")))
    with ExitStack() as stack, path.open("a") as kept:
        parks, warm = Parks(), stack.enter_context(Worker())
        for number in range(int(first), int(last), int(step)):
            if number in done:
                continue
            asked = Climb.drawn(number)
            if not asked.is_cold:
                warm.ready(60.0)  # how long a busy machine takes to start a process is not what a warm climb measures
            one = met(asked, parks, path.with_suffix(".log"), None if asked.is_cold else warm)
            kept.write(json.dumps(asdict(one)) + "\n")
            kept.flush()


def read(path: Path) -> Iterator[Climbed]:
    """The lines of a file; a last one that was cut off is none."""
    for line in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if line.endswith("}\n"):
            yield Climbed(**json.loads(line))


def run(folder: Path, count: int, processes: int = 2) -> list[Climbed]:
    """So many climbs, by number; progress goes to the errors."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"climbs_{at}_of_{processes}.jsonl" for at in range(processes)]
    code = "import sys; from benchmarks.crash.climbs import main; main(*sys.argv[1:])"
    running = []
    for at, file in enumerate(files):
        command = [sys.executable, "-W", "ignore", "-c", code, str(file), str(at), str(count), str(processes)]
        with file.with_suffix(".err").open("w") as errors:
            mine = os.environ | {MARK: str(folder)}
            running.append(subprocess.Popen(command, cwd=ROOT, stderr=errors, env=mine))
    reported = 0
    while any(process.poll() is None for process in running):
        time.sleep(1.0)
        made = sum(1 for file in files for _ in read(file))
        if made // _EVERY > reported:
            reported = made // _EVERY
            sys.stderr.write(f"{made} of {count} climbs\n")
    for process, file in zip(running, files, strict=True):
        if process.returncode:
            raise RuntimeError(
                f"climbing ended with {process.returncode}: {file.with_suffix('.err').read_text()[-500:]}"
            )
    return sorted((one for file in files for one in read(file)), key=lambda one: one.number)


def left_behind(folder: Path) -> list[int]:
    """Processes that a run has started, directly or not, and that are still there."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # gone, or somebody else's
            continue
    return found
