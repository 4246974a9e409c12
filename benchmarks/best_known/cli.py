"""``python -m benchmarks best-known [--improve [FAMILY|INSTANCE …] [--seconds S] [--method M]] [--check]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks.rows import CannotMeasure

if TYPE_CHECKING:
    from benchmarks.best_known import runs

METHODS = ("convex", "exact", "plain")
FAMILIES = ("ca", "rts_gmlc", "ferc")
GAP = 1e-5  # below, a better number is lost in the solver's tolerances


def add(commands: Any) -> None:
    """The sub-command, as the command line knows it."""
    known = commands.add_parser("best-known", help="the best bounds and incumbents known of published instances")
    accepted = f"{', '.join(FAMILIES)}, or one as in ca/2014-09-01_reserves_0; all if none"
    said = f"run instances and keep what is better: {accepted}"
    known.add_argument("--improve", nargs="*", metavar="FAMILY|INSTANCE", help=said)
    known.add_argument("--seconds", type=_seconds, default=120.0, help="for each instance, compiling included (120)")
    known.add_argument("--method", choices=METHODS, default="convex", help="how (convex)")
    known.add_argument("--again", action="store_true", help="instances that stand in the table, too")
    checked = "hold every plan of the table to a model that shares nothing with the product"
    known.add_argument("--check", action="store_true", help=checked)
    known.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 10 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, 10 to 86400")
    return seconds


def run(asked: argparse.Namespace) -> int:
    from benchmarks.best_known import table

    console = Console(width=None if sys.stdout.isatty() else 140)
    if asked.improve is not None:
        try:
            improve(asked, console)
        except CannotMeasure as reason:
            console.print(str(reason), style="red", markup=False)
            return 2
    table.show(console)
    return 0 if not asked.check or _checked(console) else 1


def _checked(console: Console) -> bool:
    from benchmarks.best_known import checking, table

    wrong = []
    for entry in table.read().values():
        said = checking.check(entry)
        console.print(f"{entry.instance}: {'; '.join(said) or 'as the table says'}", highlight=False, markup=False)
        wrong += said
    return not wrong


def improve(asked: argparse.Namespace, console: Console) -> None:
    """One instance after the other; what was found is in the table at once, so that a second call goes on."""
    from benchmarks.best_known import runs
    from dispatch.errors import SolveError

    chosen = choose(asked.improve)
    due = [path for path in chosen if asked.again or not runs.done(path)]
    console.print(f"{len(due)} of {len(chosen)} instances to run, {asked.seconds:.0f} s each", highlight=False)
    for number, path in enumerate(due, 1):
        console.print(f"{number}/{len(due)} {runs.name_of(path)}: {runs.METHODS[asked.method]}", highlight=False)
        try:
            ran = runs.run(path, asked.method, gap=GAP, seconds=asked.seconds)
        except SolveError as error:
            console.print(f"    {error}", highlight=False, markup=False)
            continue
        verdict = _verdict(ran)
        figures = f"bound {ran.bound:,.2f}, plan {ran.objective:,.2f}, gap {100 * ran.gap:.3g} %"
        console.print(f"    {figures}, {ran.seconds:.0f} s, {verdict}", highlight=False)


def _verdict(ran: runs.Ran) -> str:
    if ran.violations:
        return f"{ran.violations} violations, nothing kept"
    if not ran.answers:
        return f"the plan is short of {ran.short_kwh:,.0f} kWh of demand or reserve: no incumbent"
    return "audit passed"


def choose(names: Sequence[str]) -> list[Path]:
    """Files of families and instances; SystemExit names the valid ones where there are none of a name."""
    from benchmarks.best_known import runs
    from benchmarks.cases import pglib

    here = [path for family in FAMILIES for path in pglib.instances(family)]
    chosen = []
    for name in names or FAMILIES:
        found = [path for path in here if name in (path.parent.name, runs.name_of(path))]
        if not found:
            valid = ", ".join([*FAMILIES, *map(runs.name_of, here)])
            raise SystemExit(f"best-known: no family or instance {name!r}. Accepted: {valid}.")
        chosen += found
    return list(dict.fromkeys(chosen))
