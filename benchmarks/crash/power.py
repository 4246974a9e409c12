"""Power that goes at random moments while a program writes to its store: is all there that was acknowledged by then?"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.crash.acknowledged import Ack, acks, missing
from benchmarks.crash.disk import Disk, Event, events
from benchmarks.processes import ROOT
from benchmarks.rows import CannotMeasure
from dispatch.service.store import Store

SOURCE = Path(__file__).with_name("recorder.c")
_WRITING = "import sys; from benchmarks.crash.writer import main; main(*sys.argv[1:])"
_ASKING = "import sys; from benchmarks.crash.clients import main; main(*sys.argv[1:])"
_EVERY = 50


@dataclass(frozen=True)
class Recorded:
    """What a program did to a folder, and the folder as it left it."""

    events: Sequence[Event]
    root: Path
    start: Disk = field(default_factory=Disk)

    def disk(self, unsynced: str = "") -> Disk:
        """The disk when the record began."""
        found = copy.deepcopy(self.start)
        found.leave_out(unsynced)
        return found

    @property
    def told(self) -> list[bytes]:
        return [event.data for event in self.events if event.op == "mark"]


@dataclass(frozen=True)
class Losses:
    """What was found after the power went.

    Attributes:
        points: how many moments were tried.
        acknowledged: how many acknowledgements had been given in all of them together.
        wrong: for each moment where something was lost, its number and what.
    """

    points: int
    acknowledged: int
    wrong: tuple[tuple[int, str], ...]


def recorder(folder: Path) -> Path:
    """The recorder, compiled.

    Raises:
        CannotMeasure: there is no compiler, or this is no Linux on x86-64.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux" or os.uname().machine != "x86_64":
        raise CannotMeasure("recording what a program writes needs a C compiler, and Linux on x86-64")
    made = folder / "recorder.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(SOURCE), "-ldl"]
    done = subprocess.run([*command, "-lpthread"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return made


def environment(folder: Path, root: Path) -> dict[str, str]:
    """What makes a program that is started with it be recorded; its marks go to ``folder/marks``."""
    told = {"RECORD_ROOT": str(root), "RECORD_LOG": str(folder / "log"), "RECORD_MARKS": str(folder / "marks")}
    return {**os.environ, **told, "LD_PRELOAD": str(recorder(folder))}


def recorded(folder: Path, writes: int) -> Recorded:
    """A store from its first file on, and so many writes to it; the record holds everything, or this fails."""
    root = folder / "root"
    root.mkdir()
    arguments = [f"sqlite:///{root}/park.db", str(root / "data"), str(folder / "marks"), "1", str(writes)]
    command = [sys.executable, "-c", _WRITING, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment(folder, root), check=True, timeout=600)
    return complete(Recorded(list(events(folder / "log", root)), root))


def complete(found: Recorded) -> Recorded:
    """The record, if all that it holds makes the folder as it is.

    Raises:
        RuntimeError: something was written that was not recorded.
    """
    disk = found.disk()
    for event in found.events:
        disk.do(event)
    # Shared memory of SQLite's is written past every call; it is made anew by whoever opens the database first.
    if wrong := [name for name in disk.differs(found.root) if not name.endswith("-shm")]:
        raise RuntimeError(f"the recorder has missed something of {wrong[:5]}")
    mapped = {event.path for event in found.events if event.op == "mapped" and not event.path.endswith("-shm")}
    if mapped:
        raise RuntimeError(f"written through memory, which is not recorded: {sorted(mapped)[:5]}")
    return found


def recorded_service(folder: Path, seconds: float) -> Recorded:
    """A server, a worker and a client as processes of their own, for so long; the store was made before."""
    from benchmarks.crash.running import Running

    service = Running(folder, workers=1)
    credential = service.credential("north")
    service.store.close()
    root, start = service.data, Disk()
    start.begin(root)
    recording = environment(folder, root)
    for program in (service.server, *service.workers):
        program.environment |= {name: recording[name] for name in recording.keys() - os.environ.keys()}
    service.start()
    place = f"{service.database} {root}"
    arguments = [service.url, credential, "north", place, str(folder / "marks"), str(seconds)]
    subprocess.run([sys.executable, "-c", _ASKING, *arguments], cwd=ROOT, env=recording, check=True, timeout=900)
    service.stop()
    found = Recorded(list(events(folder / "log", root)), root, start)
    return complete(found)


Check = Callable[[Path, list[Ack]], list[str]]


def check_store(folder: Path, told: list[Ack]) -> list[str]:
    """Open the store that is found, as the program would, and look for what was acknowledged."""
    (database,) = [*folder.glob("*.db"), *folder.glob("*.sqlite"), folder / "park.db"][:1]
    data = folder if database.suffix == ".sqlite" else folder / "data"
    try:
        store = Store.open(f"sqlite:///{database}", data)
        try:
            return missing(store, told)
        finally:
            store.close()
    except Exception as error:  # noqa: BLE001 - a store that cannot be opened has lost everything
        return [f"the store cannot be opened: {type(error).__name__}: {error}"]


def losses(found: Recorded, points: int, *, seed: int = 0, unsynced: str = "", check: Check = check_store) -> Losses:
    """Let the power go at so many moments of a record.

    Args:
        unsynced: syncs of these paths are taken as never made, which must lose something.
    """
    random = np.random.default_rng(seed)
    moments = np.sort(random.integers(1, len(found.events) + 1, points))
    disk, done, told, wrong, acknowledged = found.disk(unsynced), 0, [b""], [], 0
    with tempfile.TemporaryDirectory() as made:
        for number, moment in enumerate(moments):
            for event in found.events[done:moment]:
                disk.do(event)
                told += [event.data] if event.op == "mark" else []
            done = int(moment)
            image = Path(made) / str(number)
            disk.leave(image, random)
            known = acks(told[1:])
            acknowledged += len(known)
            wrong += [(done, what) for what in check(image, known)[:3]]
            shutil.rmtree(image)
            if number % _EVERY == _EVERY - 1:
                sys.stderr.write(f"power lost at {number + 1} of {points} moments\n")
    return Losses(points, acknowledged, tuple(wrong))
