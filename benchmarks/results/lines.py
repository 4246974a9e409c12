"""Rows as the page shows them: kept values, their verdict, and when, where and on which state they were measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import manifests
from benchmarks.results import changed, order
from benchmarks.rows import Bar, Measurement, Row

Verdict = Literal["does not hold", "failed", "stale", "not measured", "holds"]
VERDICTS: tuple[Verdict, ...] = ("holds", "does not hold", "failed", "stale", "not measured")


@dataclass(frozen=True)
class Line:
    """One row of the page.

    Attributes:
        piece: topic and module, as in ``scheduler/pglib``.
        would_hold: whether a stale value reaches the bar; it does not count as holding.
        same_inputs: a stale row's declared inputs and packages are what they were.
        note: why there is no value, or what changed since there was one.
    """

    topic: str
    piece: str
    slow: bool
    row: Row
    verdict: Verdict
    note: str
    would_hold: bool | None = None
    same_inputs: bool = False
    commit: str = ""
    machine: str = ""
    measured_at: str = ""

    @property
    def wants_measuring(self) -> bool:
        """Not measured in the present state."""
        return self.verdict in {"stale", "not measured"}


def lines(measurements: Iterable[Measurement], folder: Path = manifests.FOLDER) -> list[Line]:
    """All of them, in their order, from the manifests alone."""
    hindered = manifests.hindrances(folder)
    return [_line(m, now, folder, hindered.get((m.topic, m.name))) for m, now in manifests.keys(measurements)]


def _line(measurement: Measurement, now: manifests.Key, folder: Path, hindered: manifests.Hindrance | None) -> Line:
    row = manifests.recall(measurement, now, folder)
    kept = manifests.entry(measurement, folder)
    why = hindered.why if hindered is not None and hindered.key == now else ""
    piece = order.piece_of(measurement)
    if kept is None:
        return Line(measurement.topic, piece, measurement.slow, row, "not measured", why)
    verdict = _verdict(row)
    note, would, same = row.note, None, False
    if verdict == "stale":
        what = changed.since(kept.key, now, measurement.inputs)
        note, same = "; ".join(filter(None, (why, what.text))), what.same_inputs
        would = Bar.parse(row.bar).holds(row.value) if row.value is not None else None
    return Line(
        measurement.topic, piece, measurement.slow, row, verdict, note, would, same,
        kept.key.commit, kept.machine, kept.measured_at,
    )  # fmt: skip


def _verdict(row: Row) -> Verdict:
    if row.state != "measured":
        return row.state
    return "holds" if row.holds else "does not hold"
