"""A run over a fleet: every site planned on its own, kept chunk by chunk, continued after any interruption."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from dispatch.errors import DataError
from dispatch.executor import Executor, Failure
from dispatch.fleet.members import Member
from dispatch.fleet.run.asked import Asked, Chunk, differences
from dispatch.fleet.run.planner import Safely
from dispatch.fleet.run.quarantine import Quarantine
from dispatch.fleet.run.store import DamagedError, Done, Store, UnwrittenError, write_text
from dispatch.fleet.run.summary import Summary, summarise
from dispatch.fleet.run.tasks import PlanChunk, TryChunk, Unwritten

_PIECES = "pieces"
# How many sites of a structure are tried before the first one stands for it whatever it does.
_MOST_REFERENCES = 5


@dataclass(frozen=True)
class Progress:
    """How far a run is, in sites.

    Attributes:
        found: those that were done before.
        apart: those that had to be set apart.
        note: what happened last, where it is worth a line.
    """

    total: int
    found: int = 0
    done: int = 0
    apart: int = 0
    note: str = ""


Tell = Callable[[Progress], None]


def run(asked: Asked, runs_on: Executor, folder: Path, *, resume: bool = False, tell: Tell = lambda _: None) -> Summary:
    """Plan every site that is not planned yet; the files are the same bytes whoever runs it and however often.

    Args:
        asked: the sites, in chunks.
        runs_on: where chunks are planned; its workers must reach ``folder``.
        folder: for the run's files, see :mod:`dispatch.fleet.run.store`.
        resume: go on with the run that the folder holds.
        tell: of every chunk that is done.

    Raises:
        DataError: the folder holds another run, is written into right now, or takes no more.
    """
    with _alone(folder):
        _open(asked, folder, resume=resume)
        work = _Run(asked, runs_on, Store(folder, asked.run), tell)
        work.look()
        try:
            work.plan()
        except UnwrittenError as error:
            kept = f"{work.progress.done} of {work.progress.total} sites are done and kept"
            raise DataError(f"{error}. {kept}; make room and go on with --resume") from error
        return summarise(asked, Store(folder, asked.run), work.marks)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"{folder}: another run is writing into this folder") from error


def _open(asked: Asked, folder: Path, *, resume: bool) -> None:
    path = folder / "run.json"
    if not path.exists():
        if resume and any(folder.glob("done/*")):
            raise DataError(f"{path} is missing: what the run in {folder} was asked is not known")
        _write(path, asked)
        return
    if not resume:
        raise DataError(f"{folder} holds a run already: go on with it by --resume, or choose another folder by --out")
    try:
        before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same = before == asked.told
        found = [] if same else differences(before, asked.told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error}): the run cannot be continued; choose another --out") from error
    if not same:
        reasons = "\n".join(f"  {text}" for text in found)
        raise DataError(f"--resume: the run in {folder} is another one:\n{reasons}")


def _write(path: Path, asked: Asked) -> None:
    try:
        write_text(path, asked.text())
    except UnwrittenError as error:
        raise DataError(str(error)) from error


@dataclass
class _Run:
    """One go at a run.

    Attributes:
        marks: of chunks that are done.
    """

    asked: Asked
    runs_on: Executor
    store: Store
    tell: Tell
    marks: dict[str, Done] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.progress = Progress(len(self.asked.names))

    def look(self) -> None:
        """Take up what is done already; what is damaged is told and planned again."""
        for chunk in self.asked.chunks:
            try:
                done = self.store.done(chunk.name, chunk.inputs)
            except DamagedError as error:
                self._note(f"{error}: its {len(chunk.members)} sites are planned again")
                self.store.discard(chunk.name)
                continue
            if done is not None:
                self._keep(done)
        self.progress = replace(self.progress, found=self.progress.done)
        if self.progress.found:
            self._note(f"{self.progress.found} of {self.progress.total} sites are there already")

    def plan(self) -> None:
        """Plan the others; chunks that fail site by site."""
        references = {chunk.structure: chunk.members[0] for chunk in reversed(self.asked.chunks)}
        left = [chunk for chunk in self.asked.chunks if chunk.name not in self.marks]
        troubled = self._map(left, references)
        if troubled:
            better = self._better(troubled, references)
            again = [chunk for chunk in troubled if better.get(chunk.structure) is not references[chunk.structure]]
            self._map(again, better)
            self._repair([chunk for chunk in troubled if chunk.name not in self.marks], better)
        shutil.rmtree(self.store.folder / _PIECES, ignore_errors=True)

    def _map(self, chunks: list[Chunk], references: dict[str, Member]) -> list[Chunk]:
        """Plan chunks; those that failed, in order."""
        named, troubled = {chunk.name: chunk for chunk in chunks}, []
        work = PlanChunk(self.asked.planner, self.store, references)
        for name, answer in self.runs_on.map(work, list(named.items())):
            if isinstance(answer, Failure):
                troubled.append(named[name])
                self._note(f"chunk {name}: {answer.text}")
            elif isinstance(answer.value, Unwritten):
                raise UnwrittenError(answer.value.text)
            else:
                self._count(self._seen(named[name], answer.value))
        return sorted(troubled, key=lambda chunk: chunk.name)

    def _better(self, troubled: list[Chunk], references: dict[str, Member]) -> dict[str, Member]:
        """References that can be planned themselves: one that cannot has failed every chunk of its structure."""
        better = dict(references)
        for structure in sorted({chunk.structure for chunk in troubled}):
            alike = [c for c in self.asked.chunks if c.structure == structure]
            singles = (chunk.single(number) for chunk in alike for number in range(len(chunk.members)))
            for single in islice(singles, _MOST_REFERENCES):
                answers = self.runs_on.map(TryChunk(self.asked.planner), [(single.name, single)])
                if not any(isinstance(answer, Failure) for _, answer in answers):
                    better[structure] = single.members[0]
                    break
        return better

    def _repair(self, troubled: list[Chunk], references: dict[str, Member]) -> None:
        pieces = Store(self.store.folder / _PIECES, self.asked.run)
        safely = Safely(self.asked.horizon)
        quarantine = Quarantine(self.runs_on, self.asked.planner, references, safely, self.store, pieces)

        def told(single: Chunk, why: str) -> None:
            self._note(f"site {single.members[0].name}: {why}; its safe plan is tried")

        for done in quarantine.repair(troubled, told).values():
            self._count(done)

    def _seen(self, chunk: Chunk, done: Done) -> Done:
        """A worker elsewhere may have written to a folder of its own."""
        if not self.store.mark(chunk.name).exists():
            raise DataError(
                f"a worker wrote {self.store.mark(chunk.name)}, which is not there for this process: "
                "--out must be a folder that all machines of the cluster share"
            )
        return done

    def _count(self, done: Done) -> None:
        self._keep(done)
        self._note("")

    def _keep(self, done: Done) -> None:
        self.marks[done.chunk] = done
        sites = self.progress.done + sum(done.rungs.values())
        self.progress = replace(self.progress, done=sites, apart=self.progress.apart + done.failed)

    def _note(self, text: str) -> None:
        self.progress = replace(self.progress, note=text)
        self.tell(self.progress)
