"""Puts the lines together and writes them as a page, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import manifests
from benchmarks.results import contents, markdown, page
from benchmarks.results.headings import subject
from benchmarks.results.lines import VERDICTS, lines
from benchmarks.results.order import piece_of
from benchmarks.rows import Measurement


@dataclass(frozen=True)
class Written:
    """Lines for the terminal, and whether a measured row does not hold."""

    said: tuple[str, ...]
    failing: bool


def write(measurements: Sequence[Measurement], out: Path, *, folder: Path = manifests.FOLDER) -> Written:
    """results.html, results.md and results.json in ``out``, from what the manifests hold."""
    made = contents.contents(lines(measurements, folder), subjects(measurements))
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(asdict(made), indent=1) + "\n", "utf-8")
    (out / "results.md").write_text(markdown.render(made), "utf-8")
    (out / "results.html").write_text(page.render(made), "utf-8")
    counts = ", ".join(f"{made.counts[verdict]} {verdict}" for verdict in VERDICTS)
    return Written((counts, f"{out / 'results.html'}, results.md, results.json"), bool(made.failing))


def subjects(measurements: Sequence[Measurement]) -> dict[str, str]:
    """By piece."""
    one = {piece_of(measurement): measurement for measurement in measurements}
    return {piece: subject(measurement, piece) for piece, measurement in one.items()}
