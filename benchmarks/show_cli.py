"""``python -m benchmarks show [TOPIC] [NAME] [--json] [--fresh]``: measure and show rows.

Status 1 when a measured row does not hold.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rich.console import Console

from benchmarks.rows import Measurement
from benchmarks.show import as_json, collect, table
from benchmarks.topics import TOPICS, measurements, with_rows


def add(commands: Any) -> None:
    show = commands.add_parser("show", help="measure and show rows")
    show.add_argument("topic", nargs="?", choices=TOPICS, metavar="TOPIC", help=", ".join(TOPICS))
    named = "a row of the topic, or what the names of several have in common"
    show.add_argument("name", nargs="?", metavar="NAME", help=named)
    show.add_argument("--json", action="store_true", help="for a program")
    show.add_argument("--fresh", action="store_true", help="measure the slow rows too, and keep them")
    show.set_defaults(run=run)


def select(topic: str | None, name: str | None) -> list[Measurement]:
    """The rows asked for; SystemExit names the valid ones where there are none of that name."""
    found = [m for each in ([topic] if topic else TOPICS) for m in measurements(each)]
    if name is None:
        return found
    chosen = [m for m in found if m.name == name] or [m for m in found if name in m.name]
    if not chosen:
        names = ", ".join(repr(m.name) for m in found) or "none"
        raise SystemExit(f"{topic}: no row {name!r}. Rows: {names}.")
    return chosen


def run(asked: argparse.Namespace) -> int:
    console = Console(width=None if sys.stdout.isatty() else 140)
    chosen = select(asked.topic, asked.name)
    if not chosen:
        print(f"{asked.topic}: no rows. Topics with rows: {', '.join(with_rows())}.", file=sys.stderr)
    answers = collect(chosen, fresh=asked.fresh)
    if asked.json:
        print(as_json(answers))
    elif answers:
        table(answers, console)
    return 1 if any(row.holds is False for _, row in answers) else 0
