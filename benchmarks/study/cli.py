"""``python -m benchmarks study NAME|FILE`` and ``python -m benchmarks cases [NAME]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    study = commands.add_parser("study", help="run a study: cases × methods × days × seeds")
    study.add_argument("study", nargs="?", metavar="NAME|FILE", help="one that ships in configs/studies, or a file")
    study.add_argument("--executor", default="processes", metavar="WHERE", help="serial, processes or ray")
    study.add_argument("--workers", type=int, metavar="N", help="how many; default: one per core")
    study.add_argument("--out", type=Path, metavar="DIR", help="default: studies/NAME")
    study.add_argument("--resume", action="store_true", help="keep cells whose spec, code and inputs are the same")
    study.add_argument("--cases", type=Path, metavar="DIR", help="a folder of case folders of your own")
    study.add_argument("--schema", action="store_true", help="print the JSON schema of a study's file")
    study.set_defaults(run=run_study)


def run_study(asked: argparse.Namespace) -> int:
    from benchmarks.study.spec import load_study, schema
    from dispatch.errors import ParkwattError

    if asked.schema:
        print(schema())
        return 0
    if asked.study is None:
        print("which study? Give a name or a file.", file=sys.stderr)
        return 2
    try:
        study = load_study(asked.study)
    except ParkwattError as error:
        print(error, file=sys.stderr)
        return 2
    print(study.title)
    return 0
