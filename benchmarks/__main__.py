"""``python -m benchmarks show [TOPIC] [NAME] [--json] [--fresh]`` and ``python -m benchmarks best-known``.

Status 1 when a measured row does not hold, 2 when it was asked for wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from benchmarks.best_known import cli as best_known
from benchmarks.rows import Measurement
from benchmarks.show import as_json, collect, table
from benchmarks.topics import TOPICS, measurements, with_rows


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Every statement parkwatt makes, measured.")
    commands = top.add_subparsers(dest="command", required=True)
    best_known.add(commands)
    show = commands.add_parser("show", help="measure and show rows")
    show.add_argument("topic", nargs="?", choices=TOPICS, metavar="TOPIC", help=", ".join(TOPICS))
    named = "a row of the topic, or what the names of several have in common"
    show.add_argument("name", nargs="?", metavar="NAME", help=named)
    show.add_argument("--json", action="store_true", help="for a program")
    show.add_argument("--fresh", action="store_true", help="measure the slow rows too, and keep them")
    return top


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


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    if hasattr(asked, "run"):
        status: int = asked.run(asked)
        return status
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


if __name__ == "__main__":
    sys.exit(main())
