"""``python -m benchmarks claims [PARK …] [--days N] [--quick] [--out DIR]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

OUT = Path("studies") / "claims"


def add(commands: Any) -> None:
    claims = commands.add_parser("claims", help="the founding document's claims, answered for the reference parks")
    claims.add_argument("parks", nargs="*", metavar="PARK", help="reference parks; default: all of the spec")
    claims.add_argument("--days", type=int, metavar="N", help="so many of the spec's days, spread evenly")
    claims.add_argument("--quick", action="store_true", help="two days of each park: a trial of the command, no result")
    claims.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"default: {OUT}; a run goes on from it")
    claims.add_argument("--workers", type=int, metavar="N", help="processes, a park each; default: one per core")
    claims.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from benchmarks.claims.spec import QUICK_DAYS, read_spec
    from benchmarks.claims.study import study
    from benchmarks.rows import CannotMeasure
    from dispatch.errors import ParkwattError

    try:
        spec = read_spec()
        if unknown := [name for name in asked.parks if name not in spec.parks]:
            raise ValueError(f"{', '.join(unknown)}: no park of the study; accepted: {', '.join(spec.parks)}")
        days = spec.chosen(QUICK_DAYS if asked.quick else asked.days)
        parks = tuple(asked.parks) or spec.parks
        written = study(
            parks, spec, days, asked.out, asked.workers, lambda text: print(text, file=sys.stderr, flush=True)
        )
    except (ParkwattError, ValueError, CannotMeasure) as error:
        print(error, file=sys.stderr)
        return 2
    for path in written:
        print(path)
    return 0
