"""Chunks that failed: each of their sites alone, and what fails alone gets the plan that needs no solver.

A chunk fails when it raises, takes too long, or when its worker dies more often than it may be tried again. One site
is enough for that. Alone, the others are planned as they would have been beside it; the one that fails again is told
with its reason, and its safe plan is made in a process of its own. The chunk's file is then written like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatch.executor import Executor, Failure, How, Processes
from dispatch.fleet.members import Member
from dispatch.fleet.outcomes import Outcome
from dispatch.fleet.run.asked import Chunk
from dispatch.fleet.run.planned import joined, tables
from dispatch.fleet.run.planner import Planner, Safely
from dispatch.fleet.run.store import Done, Store, UnwrittenError
from dispatch.fleet.run.tasks import PlanChunk, Unwritten, keep

# Building a problem takes seconds where it takes long; what hangs is ended.
_SAFE_S = 120.0
_REASONS = {"died": "its worker died each time", "deadline": "{text}", "raised": "{text}"}


@dataclass(frozen=True)
class Quarantine:
    """Where sites of failed chunks are planned.

    Attributes:
        pieces: keeps each site's plan until the chunk is whole.
    """

    runs_on: Executor
    planner: Planner
    references: dict[str, Member]
    safely: Safely
    store: Store
    pieces: Store

    def repair(self, troubled: Sequence[Chunk], told: Callable[[Chunk, str], None]) -> dict[str, Done]:
        """The marks of chunks that failed; ``told`` of every site that had to be set apart, with the reason.

        Raises:
            UnwrittenError: the file system refuses.
        """
        singles = {single.name: single for chunk in troubled for single in _singles(chunk)}
        left = [single for single in singles.values() if self.pieces.done(single.name, single.inputs) is None]
        work = PlanChunk(self.planner, self.pieces, self.references)
        for name, answer in self.runs_on.map(work, [(single.name, single) for single in left]):
            if isinstance(answer, Failure):
                why = _REASONS[answer.reason].format(text=answer.text)
                told(singles[name], why)
                self._safe(singles[name], why)
            elif isinstance(answer.value, Unwritten):
                raise UnwrittenError(answer.value.text)
        return {chunk.name: self._whole(chunk) for chunk in troubled}

    def _safe(self, single: Chunk, why: str) -> None:
        """Keep the site's safe plan, or that there is none."""
        work = PlanChunk(self.safely, self.pieces, {}, why)
        guarded = Processes(1, How(retries=1, chunk_deadline_s=_SAFE_S))
        for _, answer in guarded.map(work, [(single.name, single)]):
            kept: Done | Unwritten
            if isinstance(answer, Failure):
                reason = f"no safe plan either: {_REASONS[answer.reason].format(text=answer.text)}"
                none = Outcome.none(single.members[0].name, reason)
                kept = keep(self.pieces, single, tables([none], [], self.safely.horizon), why)
            else:
                kept = answer.value
            if isinstance(kept, Unwritten):
                raise UnwrittenError(kept.text)

    def _whole(self, chunk: Chunk) -> Done:
        """Put the chunk together and drop its pieces."""
        found = []
        for single in _singles(chunk):
            done = self.pieces.done(single.name, single.inputs)
            assert done is not None
            found.append({name: self.pieces.read(name, done) for name in done.files})
        made = self.store.write(chunk.name, chunk.inputs, joined(found))
        for single in _singles(chunk):
            self.pieces.discard(single.name)
        return made


def _singles(chunk: Chunk) -> list[Chunk]:
    return [chunk.single(number) for number in range(len(chunk.members))]
