"""``parkwatt fleet plan``: files and options around a run, a bar while it runs, the sums at its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from dispatch.errors import DataError

if TYPE_CHECKING:
    from dispatch.executor import Workplace
    from dispatch.fleet.run import Asked, Progress, Summary, When
    from dispatch.site import Site

# Most reasons of failures that are printed; all of them are in the table of sites.
_FEW = 10
_RETRIES = 3


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    sources: tuple[str, ...]
    day: str | None
    executor: str
    workers: int | None
    address: str | None
    out: Path | None
    resume: bool
    chunk: int
    chunk_deadline_s: float | None

    def again(self, folder: Path) -> str:
        """The command that goes on."""
        asked = ["parkwatt", "fleet", "plan", *self.sources, "--out", str(folder), "--chunk", str(self.chunk)]
        asked += ["--executor", self.executor] + (["--workers", str(self.workers)] if self.workers else [])
        asked += ["--address", self.address] if self.address else []
        return shlex.join([*asked, "--resume"])


def run(request: Request) -> None:
    """Plan what is not planned yet, print, write.

    Raises:
        ParkwattError: files, data or options are wrong; the message says which.
        KeyboardInterrupt: stopped; what is done is kept and the command that goes on has been said.
    """
    from dispatch.executor import How, executor
    from dispatch.fleet.run import rows

    began = time.perf_counter()
    how = How(warm=True, retries=_RETRIES, chunk_deadline_s=request.chunk_deadline_s)
    runs_on = executor(request.executor, request.workers, how, address=request.address)
    wanted = rows(request.sources)
    if not wanted:
        raise DataError(f"{', '.join(request.sources)}: the fleet has no site")
    first = wanted[0].site()
    when = _when(request, first)
    folder = request.out or Path("fleets") / f"{Path(request.sources[0]).stem}-{when.day}"
    when = _kept(when, folder, resume=request.resume)
    console = Console(stderr=True)
    try:
        with runs_on:
            made = _planned(request, runs_on, folder, when, console)
    except KeyboardInterrupt:
        console.print(f"\nstopped; what is done is kept. Go on with:\n{request.again(folder)}", markup=False)
        raise
    show(made, Console(), time.perf_counter() - began)


def _planned(request: Request, runs_on: Workplace, folder: Path, when: When, console: Console) -> Summary:
    from dispatch.fleet.run import Independent, ask, read, rows
    from dispatch.fleet.run import run as run_all

    wanted = rows(request.sources)
    console.print(f"reading {len(wanted)} sites", markup=False, highlight=False)
    members, horizon = read(wanted, when, runs_on, request.chunk)
    asked: Asked = ask(members, Independent(horizon), horizon, request.chunk)
    with _bar(console, len(members)) as tell:
        return run_all(asked, runs_on, folder, resume=request.resume, tell=tell)


def _when(request: Request, first: Site) -> When:
    from dispatch.fleet.run import When

    return When.of(request.day, first)


def _kept(when: When, folder: Path, *, resume: bool) -> When:
    """What was known when the run began is what it goes on with: its issue time is kept beside it.

    Raises:
        DataError: the folder cannot be written to, or its run is of another day.
    """
    from dispatch.fleet.run import When
    from dispatch.fleet.run.store import write_text

    path = folder / "issued.json"
    if resume and path.exists():
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            before = When(told["day"], datetime.fromisoformat(told["issue"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}): choose another folder by --out") from error
        if before.day != when.day:
            raise DataError(f"--resume: the run in {folder} is of {before.day}, asked is {when.day}")
        return before
    if not (folder / "run.json").exists():
        write_text(path, json.dumps({"day": when.day, "issue": when.issue.isoformat()}) + "\n")
    return when


class _Rate(ProgressColumn):
    """Sites a second, and how many had to be set apart."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        rate = "" if speed is None else f"{speed:.1f} sites/s"
        apart = int(task.fields.get("apart", 0))
        return Text(f"{rate} · {apart} failed" if apart else rate)


@contextmanager
def _bar(console: Console, total: int) -> Iterator[_Told]:
    columns = (TextColumn("planning"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield _Told(console, bar, total)


class _Told:
    """What a run says of itself, on a terminal as a bar, elsewhere as a line now and then."""

    def __init__(self, console: Console, bar: Bar, total: int) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("planning", total=total, apart=0)
        self._said = 0

    def __call__(self, progress: Progress) -> None:
        self._bar.update(self._task, completed=progress.done, apart=progress.apart)
        if progress.note:
            self._console.print(progress.note, markup=False, highlight=False, soft_wrap=True)
        tenth = 10 * progress.done // max(progress.total, 1)
        if not self._console.is_terminal and tenth > self._said:
            self._said = tenth
            self._console.print(f"{progress.done} of {progress.total} sites", markup=False, highlight=False)


def show(made: Summary, console: Console, seconds: float) -> None:
    """Sites by rung, sums, failures with their reasons, and where the files are."""
    count = sum(made.rungs.values())
    table = Table(box=None, header_style="bold", title=f"{count} sites")
    table.add_column("rung")
    table.add_column("sites", justify="right")
    for rung, sites in made.rungs.items():
        table.add_row(escape(rung.replace("_", " ")), str(sites))
    console.print(table)
    sums = [f"{money:,.2f} {currency}" for currency, money in made.money.items()]
    console.print(f"cost {', '.join(sums)} · CO2 {made.co2_kg / 1e3:,.3f} t", highlight=False)
    for site, why in list(made.failures.items())[:_FEW]:
        console.print(f"[bold]{escape(site)}[/bold]: {escape(why)}", highlight=False, soft_wrap=True)
    if len(made.failures) > _FEW:
        console.print(f"and {len(made.failures) - _FEW} more, in the column 'failed' of sites.parquet")
    console.print(
        f"\nSites: [bold]{escape(str(made.folder / 'sites.parquet'))}[/bold], plans in series/ ({seconds:.0f} s)"
    )
