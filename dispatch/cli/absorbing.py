"""``parkwatt absorb``: options and files around the study of what wind and PV lose, and to what."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.studies import Span, bar, read_case

if TYPE_CHECKING:
    from dispatch.studies.absorption import Absorption


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    span: Span
    days: int | None
    network: bool
    executor: str
    workers: int | None
    out: Path | None


def run(request: Request) -> None:
    """Study, print, write.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.executor import executor
    from dispatch.studies.absorption import absorption
    from dispatch.studies.absorption_results import write_all
    from dispatch.studies.days import study_days

    began = time.perf_counter()
    console = Console(stderr=True)
    runs_on = executor(request.executor, request.workers)
    case, sources = read_case(request.config, request.span, console, with_network=request.network)
    days = study_days(case, request.days)
    with bar(console) as progress:
        done = absorption(case, days, sources.network, executor=runs_on, progress=progress)
    folder = request.out or Path("studies") / f"{case.site.name}-absorption"
    write_all(done, folder)
    show(done, Console())
    seconds = f"{time.perf_counter() - began:.0f} s"
    where = escape(str(folder / "absorption.html"))
    Console().print(f"\nPage: [bold]{where}[/bold] and all files beside it ({seconds})")


def show(done: Absorption, console: Console) -> None:
    """A row for each plant."""
    from dispatch.studies.absorption_results import HEADS, rows_of

    shown = Table(box=None, header_style="bold", title=f"{escape(done.case.site.name)}: {done.days.told()}")
    for number, head in enumerate(HEADS):
        shown.add_column(escape(head.replace(" [", "\n[")), justify="right" if number else "left")
    for row in rows_of(done):
        shown.add_row(*(escape(cell) for cell in row))
    console.print(shown)
