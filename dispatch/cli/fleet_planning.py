"""``parkwatt fleet plan``: files and options around a run, a bar while it runs, the sums at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from dispatch.cli.fleet_request import Request
from dispatch.errors import DataError, SolveError

if TYPE_CHECKING:
    from dispatch.executor import Workplace
    from dispatch.fleet.members import Member
    from dispatch.fleet.read import Listed
    from dispatch.fleet.run import Asked, Progress, Summary, When
    from dispatch.fleet.shared.files import SharedFleet
    from dispatch.signals import Horizon

    Wanted = tuple[Listed, ...] | SharedFleet

# Most reasons of failures that are printed; all of them are in the table of sites.
_FEW = 10
_RETRIES = 3


def run(request: Request) -> None:
    """Plan what is not planned yet, print, write.

    Raises:
        ParkwattError: files, data or options are wrong, or no site has a plan; the message says which.
        KeyboardInterrupt: stopped; what is done is kept and the command that goes on has been said.
    """
    from dispatch.cli import fleet_sharing
    from dispatch.executor import How, executor
    from dispatch.fleet.read import read_sites
    from dispatch.fleet.shared.files import load_fleet

    began = time.perf_counter()
    fleet = load_fleet(request.sources[0]) if fleet_sharing.is_fleet(request.sources) else None
    wanted = read_sites(request.sources) if fleet is None else fleet
    request = request.placed(len(wanted if isinstance(wanted, tuple) else wanted.members))
    if fleet is not None and fleet.shared:
        when = when_of(request.day, request.inputs, fleet)
        fleet_sharing.run(request, fleet, lambda place: day_known(fleet, when, place, request.chunk))
        return
    how = How(warm=True, retries=_RETRIES, chunk_deadline_s=request.chunk_deadline_s)
    runs_on = executor(request.place, request.workers, how, address=request.address)
    when = when_of(request.day, request.inputs, wanted)
    name = Path(request.sources[0]).stem if fleet is None else fleet.file.name
    folder = request.out or Path("fleets") / f"{name}-{when.day}"
    when = _kept(when, request.day, folder, resume=request.resume)
    console = Console(stderr=True)
    try:
        with runs_on:
            made = _planned(request, runs_on, folder, when, console, wanted)
    except KeyboardInterrupt:
        text = f"\nstopped; what is done is kept. Go on with:\n{request.again(folder)}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        raise
    show(made, Console(), time.perf_counter() - began)
    if made.rungs.get("none", 0) == sum(made.rungs.values()):
        raise SolveError(f"no site has a plan, for the reasons that are named; see {made.folder / 'sites.parquet'}")


def _planned(
    request: Request, runs_on: Workplace, folder: Path, when: When, console: Console, wanted: Wanted
) -> Summary:
    from dispatch.fleet.reporting import Around, write_page
    from dispatch.fleet.run import Independent, ask
    from dispatch.fleet.run import run as run_all

    members, horizon = _members(request, runs_on, when, console, wanted)
    asked: Asked = ask(members, Independent(horizon), horizon, request.chunk)
    with _bar(console, len(members)) as tell:
        made = run_all(asked, runs_on, folder, resume=request.resume, tell=tell)
    page = write_page(folder, members, horizon, Around(fleet=Path(request.sources[0]).stem))
    console.print(f"page: {page}", markup=False, highlight=False)
    return made


def _members(
    request: Request, runs_on: Workplace, when: When, console: Console, wanted: Wanted
) -> tuple[Sequence[Member], Horizon]:
    """The sites, with what is known of their day or forecast of it."""
    from dispatch.fleet.run import known, read

    if not isinstance(wanted, tuple):
        return day_known(wanted, when, runs_on, request.chunk), wanted.horizon
    console.print(f"reading {len(wanted)} sites", markup=False, highlight=False)
    if request.inputs is not None:
        return known(wanted, when, request.inputs)
    with _bar(console, len(wanted), "forecasting") as bar:
        return read(wanted, when, runs_on, request.chunk, bar.count)


def day_known(fleet: SharedFleet, when: When, runs_on: Workplace, chunk: int) -> tuple[Member, ...]:
    """A fleet file's sites; what nobody says of their day is forecast where the file asks for that."""
    from dispatch.fleet.run import forecast

    if fleet.file.inputs != "forecast":
        return fleet.members
    needs = [{(a.name, n.quantity) for a in m.site.assets for n in a.needs} for m in fleet.members]
    open_ = [n for n, own in enumerate(needs) if own - set(fleet.members[n].series)]
    made = forecast([fleet.listed[n] for n in open_], when, fleet.horizon, runs_on, chunk)
    members = list(fleet.members)
    for n, member in zip(open_, made, strict=True):
        members[n] = replace(member, series={**member.series, **members[n].series})
    return tuple(members)


def when_of(day: str | None, inputs: Path | None, wanted: Wanted) -> When:
    """Which day, and what was known.

    Raises:
        DataError: an option has no meaning beside a fleet's file, or is no date.
    """
    from dispatch.fleet.run import When

    if isinstance(wanted, tuple):
        return When.of(day, wanted[0].site)
    if inputs is not None:
        raise DataError(f"--inputs {inputs}: a fleet's file names them itself, under inputs")
    if day not in (None, wanted.file.day):
        raise DataError(f"--day {day}: the fleet's file says what is known of {wanted.file.day}; change it there")
    return When.of(wanted.file.day, wanted.listed[0].site)


def _kept(when: When, day: str | None, folder: Path, *, resume: bool) -> When:
    """What was known when the run began is what it goes on with: day and issue time are kept beside it.

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
        if day is not None and before.day != when.day:
            raise DataError(f"--resume: the run in {folder} is of {before.day}, asked is --day {when.day}")
        return before
    if not resume and (folder / "run.json").exists():  # said before the forecasts are made, not after
        raise DataError(f"{folder} holds a run already: go on with it by --resume, or choose another folder by --out")
    if (folder / "shared.parquet").exists():
        raise DataError(f"{folder} holds the plan of sites that share something: choose another folder by --out")
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
def _bar(console: Console, total: int, what: str = "planning") -> Iterator[_Told]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield _Told(console, bar, total, what)


class _Told:
    """What a run says of itself, on a terminal as a bar, elsewhere as a line now and then."""

    def __init__(self, console: Console, bar: Bar, total: int, what: str) -> None:
        self._console, self._bar, self._total, self._what = console, bar, total, what
        self._task = bar.add_task(what, total=total, apart=0)
        self._said = 0

    def __call__(self, progress: Progress) -> None:
        self._bar.update(self._task, apart=progress.apart)
        if progress.note:
            self._console.print(progress.note, markup=False, highlight=False, soft_wrap=True)
        self.count(progress.done)

    def count(self, done: int) -> None:
        """So many sites are done."""
        self._bar.update(self._task, completed=done)
        tenth = 10 * done // max(self._total, 1)
        if not self._console.is_terminal and tenth > self._said:
            self._said = tenth
            self._console.print(f"{self._what}: {done} of {self._total} sites", markup=False, highlight=False)


def _sums(made: Summary, count: int) -> str:
    """Money and carbon of the sites that have a plan; how many these are, where some have none."""
    planned = count - made.rungs.get("none", 0)
    if not planned:
        return "cost and CO2 are not known: no site has a plan"
    sums = ", ".join(f"{money:,.2f} {currency}" for currency, money in made.money.items())
    of = f" of {planned} of {count} sites" if planned < count else ""
    return f"cost {sums} · CO2 {made.co2_kg / 1e3:,.3f} t{of}"


def _fined(made: Summary) -> str | None:
    """Which sites pay penalties, which are no part of their money."""
    from dispatch.fleet.outcomes import penalty_words

    return penalty_words(made.sites["site"].to_pylist(), made.sites["penalty"].to_pylist())


def show(made: Summary, console: Console, seconds: float) -> None:
    """Sites by rung, sums, failures with their reasons, and where the files are."""
    count = sum(made.rungs.values())
    table = Table(box=None, header_style="bold", title=f"{count} sites")
    table.add_column("rung")
    table.add_column("sites", justify="right")
    for rung, sites in made.rungs.items():
        table.add_row(escape(rung.replace("_", " ")), str(sites))
    console.print(table)
    console.print(_sums(made, count), highlight=False)
    if (fined := _fined(made)) is not None:
        console.print(fined, markup=False, highlight=False, soft_wrap=True)
    for site, why in list(made.failures.items())[:_FEW]:
        console.print(f"[bold]{escape(site)}[/bold]: {escape(why)}", highlight=False, soft_wrap=True)
    if len(made.failures) > _FEW:
        console.print(f"and {len(made.failures) - _FEW} more, in the column 'failed' of sites.parquet")
    console.print(
        f"\nSites: [bold]{escape(str(made.folder / 'sites.parquet'))}[/bold], plans in series/ ({seconds:.0f} s)"
    )
