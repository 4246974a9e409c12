"""``python -m benchmarks COMMAND``. Each command stands in its package as ``cli.py``; its ``add`` puts it here.

Status 0 when all is well, 1 when something measured does not hold or a part failed, 2 when it was asked for wrongly.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = (
    "benchmarks.best_known.cli",
    "benchmarks.show_cli",
    "benchmarks.study.cli",
)
"""Modules with ``add(commands)``: it adds parsers whose default ``run(asked)`` returns the exit status."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Every statement parkwatt makes, measured.")
    commands = top.add_subparsers(dest="command", required=True)
    for module in COMMANDS:
        importlib.import_module(module).add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    status: int = asked.run(asked)
    return status


if __name__ == "__main__":
    sys.exit(main())
