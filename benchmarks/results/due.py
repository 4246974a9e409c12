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
    known = lines(measurements, folder)
    hindered = manifests.hindrances(folder)
    keys = {(m.topic, m.name): key for m, key in manifests.keys(measurements)}

    def due(measurement: Measurement, line: Line) -> bool:
        if not measurement.slow and not everything:
            return True
        before = hindered.get((measurement.topic, measurement.name))
        if (
            before is not None
            and before.after_s is not None
            and before.key == keys[measurement.topic, measurement.name]
        ):
            return line.wants_measuring and before.after_s + 1 < row_s
        return line.wants_measuring

    chosen = [(m, line) for m, line in zip(measurements, known, strict=True) if due(m, line)]
    quick = _pieces([(m, line) for m, line in chosen if not m.slow])
    return Agenda(quick, _pieces([(m, line) for m, line in chosen if m.slow]))


def _pieces(chosen: Sequence[tuple[Measurement, Line]]) -> list[Piece]:
    by_piece: dict[str, list[tuple[Measurement, Line]]] = {}
    for measurement, line in chosen:
        by_piece.setdefault(line.piece, []).append((measurement, line))
    made = []
    for name, members in by_piece.items():
        known = [line.row.seconds for _, line in members]
        quick = not members[0][0].slow and None in known
        seconds = 2.0 * len(members) if quick else order.expected_s(name, known)
        made.append(Piece(name, [m for m, _ in members], seconds))
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
