"""What to measure: quick rows always, slow ones by their order as long as there is time for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import manifests
from benchmarks.results import order
from benchmarks.results.lines import Line, lines
from benchmarks.results.running import Limits, Piece, Told, run
from benchmarks.rows import Measurement

QUICK_S = 2.0  # of a row that is not slow and was not measured here yet
LONGER = 1.5  # a row that was stopped wants so many times as long, at least


@dataclass
class Agenda:
    """Pieces to run in their order, and how many rows of each were measured or left out for want of time."""

    quick: list[Piece]
    slow: list[Piece]
    left_out: list[Piece] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(len(piece.measurements) for piece in self.quick + self.slow)


def agenda(measurements: Sequence[Measurement], *, everything: bool, row_s: float, folder: Path) -> Agenda:
    """Quick rows and, in their order, slow ones that have no value of the present state.

    Args:
        measurements: the rows asked for.
        everything: quick rows that have one are left out, too, so that a second call goes on where the first ended.
        row_s: a row that was stopped in the present state is tried again only if it may take longer now.
        folder: of the manifests.
    """
    stopped = _stopped(measurements, folder)

    def due(measurement: Measurement, line: Line) -> bool:
        if not measurement.slow and not everything:
            return True
        return line.wants_measuring and stopped.get(measurement.name, -1.0) + 1 < row_s

    known = zip(measurements, lines(measurements, folder), strict=True)
    chosen = [(m, line) for m, line in known if due(m, line)]
    quick, slow = ([one for one in chosen if one[0].slow == which] for which in (False, True))
    return Agenda(_pieces(quick, stopped), _pieces(slow, stopped))


def _stopped(measurements: Sequence[Measurement], folder: Path) -> dict[str, float]:
    """By name, after how many seconds a row was stopped in the present state."""
    hindered = manifests.hindrances(folder)
    found = {}
    for measurement, key in manifests.keys(measurements):
        before = hindered.get((measurement.topic, measurement.name))
        if before is not None and before.after_s is not None and before.key == key:
            found[measurement.name] = before.after_s
    return found


def _pieces(chosen: Sequence[tuple[Measurement, Line]], stopped: dict[str, float]) -> list[Piece]:
    by_piece: dict[str, list[tuple[Measurement, Line]]] = {}
    for measurement, line in chosen:
        by_piece.setdefault(line.piece, []).append((measurement, line))
    made = []
    for name, members in by_piece.items():
        known = [line.row.seconds for _, line in members]
        quick = not members[0][0].slow and None in known
        seconds = QUICK_S * len(members) if quick else order.expected_s(name, known)
        longer = [LONGER * stopped[m.name] for m, _ in members if m.name in stopped]
        made.append(Piece(name, [m for m, _ in members], max([seconds, *longer])))
    return sorted(made, key=lambda piece: order.place(piece.name))


def measure(agenda: Agenda, *, until: float, row_s: float, folder: Path, logs: Path, told: Told) -> None:
    """Run the agenda; slow pieces that would not end by ``until`` (monotonic seconds) are left out."""
    limits = Limits(row_s, until)
    for piece in agenda.quick:
        run(piece, limits, folder=folder, logs=logs, told=told)
    for piece in agenda.slow:
        if time.monotonic() + piece.seconds > until:
            agenda.left_out.append(piece)
        else:
            run(piece, limits, folder=folder, logs=logs, told=told)
