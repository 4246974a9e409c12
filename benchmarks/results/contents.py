"""What the page says, before it is laid out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks import manifests
from benchmarks.best_known import table as best_known
from benchmarks.results.headings import HEADINGS
from benchmarks.results.lines import VERDICTS, Line
from benchmarks.topics import TOPICS

COMMAND = "python -m benchmarks"


@dataclass(frozen=True)
class PiecePart:
    """Rows that one module measures; ``note``: what is to be said of more than one of them, all the same."""

    name: str
    subject: str
    command: str
    note: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class TopicPart:
    """A topic with its pieces."""

    name: str
    part: int
    title: str
    compares: str
    command: str
    counts: dict[str, int]
    pieces: tuple[PiecePart, ...]


@dataclass(frozen=True)
class Known:
    """A published instance; None where nothing is known yet."""

    instance: str
    steps: int
    units: int
    bound: float | None
    bound_by: str
    bound_run: str
    incumbent: float | None
    incumbent_by: str
    incumbent_run: str
    gap: float | None


@dataclass(frozen=True)
class Contents:
    """``same_inputs``: stale rows whose declared inputs and packages are what they were."""

    written_at: str
    commit: str
    uncommitted: bool
    machine: str
    counts: dict[str, int]
    same_inputs: int
    machines: tuple[str, ...]
    topics: tuple[TopicPart, ...]
    known: tuple[Known, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of them, in the page's order."""
        return tuple(line for topic in self.topics for piece in topic.pieces for line in piece.lines)

    @property
    def failing(self) -> tuple[Line, ...]:
        """What was measured in the present state and does not reach its bar."""
        return tuple(line for line in self.lines if line.verdict in {"does not hold", "failed"})

    @property
    def missed(self) -> tuple[Line, ...]:
        """Stale values that did not reach their bar."""
        return tuple(line for line in self.lines if line.verdict == "stale" and line.would_hold is False)


def contents(lines: Sequence[Line], subjects: dict[str, str]) -> Contents:
    """Put lines under their topics and pieces.

    Args:
        lines: in the register's order.
        subjects: by piece, a sentence.
    """
    state, asked = manifests.code_state(), {line.topic for line in lines}
    return Contents(
        written_at=manifests.now(),
        commit=state.commit,
        uncommitted=bool(state.changes),
        machine=manifests.machine(),
        counts=counts(lines),
        same_inputs=sum(line.verdict == "stale" and line.same_inputs for line in lines),
        machines=tuple(dict.fromkeys(line.machine for line in lines if line.machine)),
        topics=tuple(_topic(name, [x for x in lines if x.topic == name], subjects) for name in TOPICS if name in asked),
        known=tuple(_known(entry) for entry in best_known.read().values()),
    )


def counts(lines: Iterable[Line]) -> dict[str, int]:
    """How many rows have each verdict."""
    counted = Counter(line.verdict for line in lines)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def _topic(name: str, lines: Sequence[Line], subjects: dict[str, str]) -> TopicPart:
    heading = HEADINGS[name]
    pieces = []
    for piece in dict.fromkeys(line.piece for line in lines):
        module = piece.partition("/")[2]
        command = f"{COMMAND} show {name} {module}".rstrip() + " --fresh"
        members = tuple(line for line in lines if line.piece == piece)
        pieces.append(PiecePart(piece, subjects.get(piece, ""), command, _common(members), members))
    show = f"{COMMAND} show {name}"
    return TopicPart(name, heading.part, heading.title, heading.compares, show, counts(lines), tuple(pieces))


def _common(lines: Sequence[Line]) -> str:
    noted = [line.note for line in lines if line.note]
    return noted[0] if len(noted) > 1 and len(set(noted)) == 1 else ""


def _known(entry: best_known.Entry) -> Known:
    bound, incumbent = entry.bound, entry.incumbent
    return Known(
        entry.instance, entry.steps, entry.units,
        _number(bound.value), f"{bound.method} {bound.date}".strip(), bound.run,
        _number(incumbent.value), f"{incumbent.method} {incumbent.date}".strip(), incumbent.run,
        _number(entry.gap),
    )  # fmt: skip


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
