"""``python -m benchmarks best-known``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rich.console import Console


def add(commands: Any) -> None:
    made = commands.add_parser("best-known", help="the best bounds and incumbents known of published instances")
    made.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    from benchmarks.best_known import table

    table.show(Console(width=None if sys.stdout.isatty() else 140))
    return 0
