"""``python -m benchmarks peers [NAME] [--json]``: our answers and those of others, side by side."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console


def add(commands: Any) -> None:
    made = commands.add_parser("peers", help="shared cases by us and by programs of others: objectives, then times")
    made.add_argument("name", nargs="?", metavar="NAME", help="a case, or what the names of several have in common")
    made.add_argument("--json", action="store_true", help="for a program")
    made.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Status 1 where a program failed or an objective is not the same, 2 where no case has that name."""
    from benchmarks.cases.shared import cases
    from benchmarks.peers import comparison, table

    names = [case.name for case in cases()]
    chosen = [name for name in names if asked.name is None or asked.name in name]
    if not chosen:
        listed = "; ".join(names)
        print(f"peers: no case {asked.name!r}. Cases: {listed}.", file=sys.stderr)
        return 2
    logging.disable(logging.INFO)  # what programs of others tell on loading
    console = Console(width=None if sys.stdout.isatty() else 170)
    told = Console(stderr=True)
    with told.status("measuring") as status:
        found = [comparison.compared(name, status.update) for name in chosen]
    if asked.json:
        print(json.dumps([_plain(each) for each in found], indent=1))
    else:
        for each in found:
            table.show(each, console)
    return 1 if any(table.is_wrong(each) for each in found) else 0


def _plain(found: Any) -> dict[str, Any]:
    told = {module: asdict(each) for module, each in found.told.items()}
    for each in told.values():
        if each["answer"]:
            each["answer"].pop("series")
    return {"case": found.case.name, "unit": found.case.unit, "equal": found.case.equal, "programs": told}
