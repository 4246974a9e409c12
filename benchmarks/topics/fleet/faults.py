"""A thousand sites on Ray while workers, an actor and the driver are killed, disks fill up and files go bad.

Each run is a process of its own with a Ray of its own. Killed are workers of that Ray that plan at that moment, and
nobody else: descendants of the run's process, by their ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import ROOT
from benchmarks.rows import CannotMeasure, Measured, row
from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.errors import DataError
from dispatch.executor import How, Result, Serial, Workplace, executor
from dispatch.fleet.members import Member
from dispatch.fleet.run import Independent, Summary, ask, run

SITES, CHUNK, WORKERS = 1000, 10, 2
# A worker is killed once it has worked for so long, by its own clock: with two free cores one every few seconds, and on
# a busy machine not so often that it never gets anywhere.
AFTER_S = 7.0
FEW = 40
INPUTS = ("dispatch/executor", "dispatch/fleet", "benchmarks/topics/fleet")
HOW = How(warm=True, retries=3)
WHAT = f"{SITES} sites with commitment on Ray"
KILLED, DRIVER = f"{WHAT}, workers killed after {AFTER_S:g} s of work", f"{WHAT}, driver killed and resumed"
_PATIENCE_S = 1800.0
# What Ray calls a worker that runs a chunk, and one that holds objects and is asked.
_AT_WORK = ("ray::answer", "ray::Keeper.ask")


def planned(folder: Path, runs_on: Workplace, count: int, *, resume: bool = False) -> Summary:
    """The fleet's first sites, kept in a folder."""
    steps = horizon()
    asked = ask(fleet_sites(count), Independent(steps), steps, CHUNK)
    return run(asked, runs_on, folder, resume=resume)


def main(folder: str, count: str, *more: str) -> None:
    """One run on Ray; the process that is watched."""
    with executor("ray", WORKERS, HOW) as runs_on:
        began = time.perf_counter()
        planned(Path(folder), runs_on, int(count), resume="resume" in more)
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began}) + "\n")


def start(folder: Path, *more: str, count: int = SITES) -> subprocess.Popen[str]:
    """A run as a process, nothing of it awaited."""
    code = "import sys; from benchmarks.topics.fleet.faults import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(folder), str(count), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def seconds(running: subprocess.Popen[str]) -> float:
    """How long the run took once Ray was there."""
    out, _ = running.communicate(timeout=_PATIENCE_S)
    if running.returncode:
        raise RuntimeError(f"a run ended with {running.returncode}: {out[-300:]}")
    return float(json.loads(out.splitlines()[-1])["seconds"])


def working(parent: int) -> list[int]:
    """Ids of Ray's workers below a process that do something now."""
    parents, named = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                named[int(entry.name)] = (entry / "cmdline").read_text()
            except OSError:  # gone meanwhile
                continue
    below: set[int] = set()
    left = {parent}
    while left:
        left = {pid for pid, above in parents.items() if above in left} - below
        below |= left
    return sorted(pid for pid in below if named.get(pid, "").startswith(_AT_WORK))


def worked_s(pid: int) -> float:
    """CPU time of a process [s]; of one that is gone, none."""
    try:
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _killed(pid: int) -> bool:
    """Kill it; no if it was gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def content(folder: Path) -> str:
    """SHA-256 over all files of a run."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Faults:
    """What became of the three runs.

    Attributes:
        kills: how many workers were killed.
        lost: sites without their plan in the run whose workers were killed, and in the one whose driver was.
        same: are their files the same bytes as those of the run that nobody disturbed?
        whole_s, killed_s, resumed_s: seconds of the runs, Ray's start apart; the last one both goes together.
    """

    kills: int
    lost: tuple[int, int]
    same: tuple[bool, bool]
    whole_s: float
    killed_s: float
    resumed_s: float


@cache
def faults(count: int = SITES) -> Faults:
    """The undisturbed run, the one whose workers are killed, and the one whose driver is."""
    _linux()
    with tempfile.TemporaryDirectory() as made:
        folders = [Path(made) / name for name in ("whole", "workers", "driver")]
        whole_s = seconds(start(folders[0], count=count))
        running, kills = start(folders[1], count=count), 0
        while running.poll() is None:
            time.sleep(0.1)
            for pid in working(running.pid):
                if worked_s(pid) >= AFTER_S:
                    kills += _killed(pid)
        killed_s = seconds(running)
        resumed_s = _driver_killed(folders[2], count)
        digests = [content(folder) for folder in folders]
        lost = [_lost(folder, count) for folder in folders]
    same = digests[1] == digests[0], digests[2] == digests[0]
    return Faults(kills, (lost[1], lost[2]), same, whole_s, killed_s, resumed_s)


def _driver_killed(folder: Path, count: int) -> float:
    """Seconds of both goes: the driver is killed when a third is done, and the run goes on."""
    running, began = start(folder, count=count), 0.0
    while len(list(folder.glob("done/*.json"))) < count / CHUNK / 3:
        time.sleep(0.05)
        if running.poll() is not None:
            raise RuntimeError("the run ended before its driver could be killed")
        began = began or (time.perf_counter() if (folder / "run.json").exists() else 0.0)
    running.kill()
    running.communicate()
    first_s = time.perf_counter() - began
    while working(running.pid):  # its Ray ends with it
        time.sleep(0.1)
    return first_s + seconds(start(folder, "resume", count=count))


def _lost(folder: Path, count: int) -> int:
    """Sites without a plan of their own."""
    told = json.loads((folder / "result.json").read_text())
    own = sum(int(number) for rung, number in told["rungs"].items() if rung in ("optimal", "incumbent"))
    return count - own + len(told["failures"])


def _linux() -> None:
    if not Path("/proc/self/stat").exists():
        raise CannotMeasure("workers are found by /proc, which is not there")


@row("fleet", name=f"{KILLED}: sites lost", unit="sites", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def workers_killed_lost() -> int:
    return faults().lost[0]


@row("fleet", name=f"{KILLED}: how many", unit="workers", bar=">= 5", slow=True, inputs=INPUTS)
def workers_killed() -> int:
    return faults().kills


@row("fleet", name=f"{KILLED}: the same bytes", unit="", bar="== 1", slow=True, inputs=INPUTS)
def workers_killed_same() -> bool:
    return faults().same[0]


@row("fleet", name=f"{KILLED}: time against undisturbed", unit="×", bar="<= 3",
     slow=True, inputs=INPUTS)  # fmt: skip
def workers_killed_overhead() -> Measured:
    found = faults()
    return Measured(found.killed_s / found.whole_s)


@row("fleet", name=f"{DRIVER}: sites lost", unit="sites", bar="== 0", slow=True, inputs=INPUTS)
def driver_killed_lost() -> int:
    return faults().lost[1]


@row("fleet", name=f"{DRIVER}: the same bytes", unit="", bar="== 1", slow=True, inputs=INPUTS)
def driver_killed_same() -> bool:
    return faults().same[1]


@row("fleet", name=f"{DRIVER}: time against undisturbed", unit="×", bar="<= 1.5", slow=True,
     inputs=INPUTS)  # fmt: skip
def driver_killed_overhead() -> float:
    found = faults()
    return found.resumed_s / found.whole_s


class Priced:
    """Sites' linear programs, solved again and again from where the last prices left them.

    Where a program has several optima, the answer depends on all prices before.
    """

    def __init__(self, members: tuple[Member, ...]) -> None:
        from dispatch.fleet.template import Template
        from dispatch.solver.highs import load

        template = Template(members[0], horizon())
        stack = template.stack(members)
        self.columns = template.at["net_import_kw"]
        matrices = [stack.matrices(n) for n in range(len(members))]
        self.cost = [each.cost for each in matrices]
        self.solvers = [load(each, np.zeros(each.cost.size, bool)) for each in matrices]

    def price(self, extra: np.ndarray) -> np.ndarray:
        """(site, column) points at (T,) more money per kW."""
        points = []
        for cost, solver in zip(self.cost, self.solvers, strict=True):
            new = cost.copy()
            new[self.columns] += extra
            solver.changeColsCost(new.size, np.arange(new.size, dtype=np.int32), new)
            solver.run()
            points.append(np.array(solver.getSolution().col_value))
        return np.array(points)


def _iterations(runs_on: Workplace, *, kill: bool) -> str:
    """SHA-256 of five iterations' answers; in the third an actor is killed while it answers."""
    members, digest = fleet_sites(FEW), hashlib.sha256()
    parts = [tuple(members[at::4]) for at in range(4)]
    killed: list[int] = []
    with runs_on.held(Priced, parts) as held:
        for iteration in range(5):
            extra = 0.1 * np.random.default_rng(iteration).standard_normal(horizon().steps)
            killer = threading.Thread(target=_kill_one, args=(killed,))
            if kill and iteration == 2:
                killer.start()
            for answer in held.call("price", [extra] * len(parts)):
                assert isinstance(answer, Result), answer
                digest.update(answer.value.tobytes())
            if killer.is_alive():
                killer.join()
    if kill and not killed:
        raise RuntimeError("no actor could be killed while it answered")
    return digest.hexdigest()


def _kill_one(killed: list[int]) -> None:
    """The first worker of this process's Ray that is seen at work."""
    until = time.monotonic() + 10
    while not killed and time.monotonic() < until:
        killed += [pid for pid in working(os.getpid())[:1] if _killed(pid)]


@row("fleet", name="an actor killed while it answers: the same bytes over five iterations", unit="", bar="== 1",
     slow=True, inputs=INPUTS)  # fmt: skip
def actor_killed_same() -> bool:
    _linux()
    with executor("ray", WORKERS, HOW) as runs_on:
        return _iterations(runs_on, kill=True) == _iterations(Serial(), kill=False)


@row("fleet", name="Ray: time for a chunk that does nothing, workers reused", unit="ms", bar="<= 10", slow=True,
     inputs=INPUTS)  # fmt: skip
def ray_overhead_ms() -> float:
    chunks = [(str(n), n) for n in range(1000)]
    with executor("ray", WORKERS, HOW) as runs_on:
        list(runs_on.map(abs, chunks[:10]))
        began = time.perf_counter()
        list(runs_on.map(abs, chunks))
        return 1e3 * (time.perf_counter() - began) / len(chunks)


@row("fleet", name="disk full: finished chunks lost, with a clear error", unit="chunks", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def disk_full_lost() -> int:
    with tempfile.TemporaryDirectory() as made, _small(Path(made), "120k") as folder:
        try:
            planned(folder, Serial(), FEW)
        except DataError as error:
            if "cannot write" not in str(error) or "--resume" not in str(error):
                raise
        else:
            raise RuntimeError("the disk did not fill up")
        before = _done(folder)
        if not before:
            raise RuntimeError("nothing was finished when the disk was full")
        subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        planned(folder, Serial(), FEW, resume=True)
        planned(Path(made) / "whole", Serial(), FEW)
        if content(folder) != content(Path(made) / "whole"):
            raise RuntimeError("the run that went on has other files")
        return len(before.items() - _done(folder).items())


def _done(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("done/*.json")}


@contextmanager
def _small(folder: Path, size: str) -> Iterator[Path]:
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=False).returncode:
        raise CannotMeasure("needs the right to mount a small file system")
    try:
        yield small
    finally:
        subprocess.run(["umount", small], check=True)


@row("fleet", name="a part file gone bad: named, planned again, the same bytes", unit="", bar="== 1", slow=True,
     inputs=INPUTS)  # fmt: skip
def damaged_same() -> bool:
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        planned(folder, Serial(), FEW)
        before = content(folder)
        path = folder / "series" / "chunk=00002" / "part.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        steps = horizon()
        asked: Any = ask(fleet_sites(FEW), Independent(steps), steps, CHUNK)
        run(asked, Serial(), folder, resume=True, tell=lambda progress: notes.append(progress.note))
        return str(path) in notes[0] and content(folder) == before
