"""``python -m benchmarks results [TOPIC …] [--minutes M | --all] [--row-minutes M] [--out FOLDER]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks.topics import TOPICS

if TYPE_CHECKING:
    from benchmarks.results import due
    from benchmarks.results.progress import Progress

PAGE_S = 40.0  # to look at manifests and write the page; taken off the minutes
A_YEAR_S = 365 * 86_400.0


def add(commands: Any) -> None:
    made = commands.add_parser(
        "results",
        help="every row on one page: measures what fits into the minutes, reads the rest from manifests",
    )
    made.add_argument("topics", nargs="*", metavar="TOPIC", help=f"all if none: {', '.join(TOPICS)}")
    made.add_argument(
        "--minutes", type=_minutes, default=30.0, help="for measuring and writing together (30); 0 only writes"
    )
    made.add_argument(
        "--all",
        action="store_true",
        help="everything that has no value of the present state; goes on where it was stopped",
    )
    made.add_argument("--row-minutes", type=_minutes, default=120.0, help="after which a single row is stopped (120)")
    made.add_argument(
        "--out", type=Path, default=Path("results"), metavar="FOLDER", help="where the page goes (results)"
    )
    made.add_argument(
        "--manifests", type=Path, metavar="FOLDER", help="where measured rows are kept (benchmarks/manifests)"
    )
    made.set_defaults(run=run)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected minutes, 0 to 100000")
    return minutes


def run(asked: argparse.Namespace) -> int:
    began = time.monotonic()
    from benchmarks import manifests
    from benchmarks.results import due
    from benchmarks.results.progress import Progress
    from benchmarks.results.writing import write
    from benchmarks.topics import measurements

    if unknown := [topic for topic in asked.topics if topic not in TOPICS]:
        print(f"results: no topic {unknown[0]!r}. Accepted: {', '.join(TOPICS)}.", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    folder = (asked.manifests or manifests.FOLDER).resolve()
    topics = [topic for topic in TOPICS if topic in asked.topics or not asked.topics]
    chosen = [m for topic in topics for m in measurements(topic)]
    row_s = asked.row_minutes * 60
    until = began + (A_YEAR_S if asked.all else asked.minutes * 60 - PAGE_S)
    state = manifests.code_state()
    agenda = due.agenda(chosen, everything=asked.all, row_s=row_s, folder=folder)
    ended = 0
    if time.monotonic() < until:
        progress = Progress(console, agenda, until=None if asked.all else until)
        ended = _measure(agenda, progress, until, row_s, folder)
    written = write(chosen, asked.out, folder=folder)
    if state != manifests.code_state():
        console.print("the code changed while it was measured: rows measured before that are stale", style="yellow")
    for line in written.said:
        console.print(line, markup=False, soft_wrap=True)
    return ended or (1 if written.failing else 0)


def _measure(agenda: due.Agenda, progress: Progress, until: float, row_s: float, folder: Path) -> int:
    """130 where it was interrupted: what was measured until then is kept, and the page is written."""
    from benchmarks.results import due

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        due.measure(agenda, until=until, row_s=row_s, folder=folder, logs=folder / "logs", told=progress)
    except KeyboardInterrupt:
        progress.console.print("interrupted; what was measured is kept")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    progress.end()
    return 0
