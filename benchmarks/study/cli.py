"""``python -m benchmarks study NAME|FILE`` and ``python -m benchmarks cases [NAME]``.

Status 1 when a cell failed or a published figure does not hold, 2 when it was asked for wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from benchmarks.study.page import Findings
    from benchmarks.study.run import Done, Place


def add(commands: Any) -> None:
    study = commands.add_parser("study", help="run a study: cases × methods × days × seeds")
    study.add_argument("study", nargs="?", metavar="NAME|FILE", help="one that ships in configs/studies, or a file")
    study.add_argument("--executor", default="processes", metavar="WHERE", help="serial, processes or ray")
    study.add_argument("--workers", type=int, metavar="N", help="how many; default: one per core")
    study.add_argument("--out", type=Path, metavar="DIR", help="default: out/studies/NAME")
    study.add_argument("--resume", action="store_true", help="keep cells whose spec, code and inputs are the same")
    study.add_argument("--cases", type=Path, metavar="DIR", help="a folder of case folders of your own")
    study.add_argument("--schema", action="store_true", help="print the JSON schema of a study's file")
    study.set_defaults(run=run_study)
    cases = commands.add_parser("cases", help="list cases, or plan one and hold it against what is published")
    cases.add_argument("name", nargs="?", metavar="NAME", help="a case folder by name or path, or a shipped park")
    cases.add_argument("--cases", type=Path, metavar="DIR", help="a folder of case folders of your own")
    cases.add_argument("--schema", action="store_true", help="print the JSON schema of a case.yaml")
    cases.set_defaults(run=run_cases)


def run_study(asked: argparse.Namespace) -> int:
    from benchmarks.study.spec import schema
    from dispatch.errors import ParkwattError

    if asked.schema:
        print(schema())
        return 0
    try:
        return _study(asked)
    except ParkwattError as error:
        print(error, file=sys.stderr)
        return 2


def run_cases(asked: argparse.Namespace) -> int:
    from benchmarks.cases import folder
    from dispatch.errors import ParkwattError

    if asked.schema:
        print(json.dumps(folder.schema(), indent=1, ensure_ascii=False))
        return 0
    try:
        _require_folder(asked.cases)
        return _listed(asked.cases) if asked.name is None else _checked(asked.name, asked.cases)
    except ParkwattError as error:
        print(error, file=sys.stderr)
        return 2


def _require_folder(cases: Path | None) -> None:
    from dispatch.errors import DataError

    if cases is not None and not cases.is_dir():
        raise DataError(f"--cases {cases}: there is no such folder")


def _listed(more: Path | None) -> int:
    """All cases; 1 where a folder's files are wrong, with what is."""
    from rich.markup import escape
    from rich.table import Table

    from benchmarks.cases import folder
    from benchmarks.study.checking import require_metrics
    from dispatch.errors import ParkwattError

    drawn, wrong = Table(box=None, header_style="bold"), []
    for name in ("case", "title", "days", "published", "licence"):
        drawn.add_column(name, overflow="fold")
    for name in folder.names(more):
        try:
            one = folder.find(name, more)
            site = one.site()
            require_metrics(one)
        except ParkwattError as error:
            wrong.append(str(error))
            continue
        title = (site.title or one.name) if one.file is None else one.file.title
        days = "" if one.days is None else f"{one.days.first_day} to {one.days.last_day}"
        about = ("", "") if one.file is None else (str(len(one.file.published)), one.file.licence)
        drawn.add_row(*(escape(text) for text in (name, title, days, *about)))
    Console(width=None if sys.stdout.isatty() else 140).print(drawn)
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


def _checked(name: str, more: Path | None) -> int:
    from benchmarks.cases import folder
    from benchmarks.study.checking import check
    from benchmarks.study.tables import Sheet, printed

    err, console = Console(stderr=True), Console(width=None if sys.stdout.isatty() else 160)
    found = check(folder.find(name, more), more, lambda text: err.print(text, markup=False, highlight=False))
    printed(found.figures, console)
    heads = ("published", "metric", "figure", "found", "tolerance", "", "source")
    rows = tuple(
        (one.published.method, one.published.metric, one.published.value, one.found, one.published.tolerance,
         "holds" if one.holds else f"off by {one.published.apart(one.found):.1e}", one.published.source)
        for one in found.held
    )  # fmt: skip
    if rows:
        printed(Sheet("published", "What is published", heads, rows), console)
    if found.violations:
        console.print(f"{found.violations} violations: these figures are no measure.")
    return 0 if found.holds else 1


def _study(asked: argparse.Namespace) -> int:
    from benchmarks.study.laying import layout
    from benchmarks.study.run import Place, run
    from benchmarks.study.spec import load_study
    from benchmarks.study.writing import finished
    from dispatch.errors import DataError
    from dispatch.executor import How, executor

    if asked.study is None:
        raise DataError(f"which study? One that ships: {', '.join(shipped())}; or the path of a file")
    _require_folder(asked.cases)
    # A method's answer does not depend on what its worker did before: the serial executor shows that it does not.
    study, runs_on = load_study(asked.study), executor(asked.executor, asked.workers, How(warm=True, retries=1))
    started = datetime.now(UTC).isoformat(timespec="seconds")
    place = Place(asked.out or Path("out") / "studies" / Path(asked.study).stem)
    err = Console(stderr=True)
    made = layout(study, asked.cases, lambda text: err.print(text, markup=False, highlight=False))
    place.begin(resume=asked.resume)
    with _bar(err, len(made.cells)) as (say, tick), runs_on:
        done = run(made, runs_on, place, say, tick)
    command = f"python -m benchmarks study {asked.study}"
    found = finished(made, done, place, {"command": command, "executor": asked.executor, "started": started})
    _told(done, found, place)
    return 1 if done.failed else 0


def shipped() -> list[str]:
    """Names of studies that ship."""
    from dispatch.config.park import shipped_names

    return shipped_names("studies")


def _told(done: Done, found: Findings, place: Place) -> None:
    from benchmarks.study.tables import printed

    console = Console(width=None if sys.stdout.isatty() else 160)
    for sheet in (*found.figures, *found.differences):
        printed(sheet, console)
        console.print()
    for name, changed in done.again.items():
        console.print(f"run again: {name}: since changed: {changed}", markup=False, highlight=False)
    for name, reason in done.failed.items():
        console.print(f"failed: {name}: {reason}", markup=False, highlight=False, soft_wrap=True)
    few = [one for one in found.judged if one.note]
    if few:
        console.print(f"Few days ({few[0].days}): differences are no more than a first look.", highlight=False)
    console.print(f"{len(done.times)} cells run, {len(done.kept)} kept, {len(done.failed)} failed.", highlight=False)
    console.print(f"Page: {place.folder / 'study.html'}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _bar(console: Console, cells: int) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """A bar over cells on a terminal, a line for each elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("cells", total=cells)

        def say(text: str) -> None:
            bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

        def tick(name: str) -> None:
            bar.advance(task)
            if not console.is_terminal:
                console.print(f"done: {name}", markup=False, highlight=False, soft_wrap=True)

        yield say, tick
