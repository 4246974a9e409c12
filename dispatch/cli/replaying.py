"""``parkwatt replay``: files and options around a replay, a bar for each method while it runs."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.cli.planning import look_into_files
from dispatch.cli.tables import whole
from dispatch.config.park import find_config, load_site
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Horizon, parse_quantity
from dispatch.site import Site

if TYPE_CHECKING:
    from dispatch.replay import Case, Journal, Replayed

_POLL_S = 0.5
_SHOWN = 3


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    first: str
    last: str
    every: str | None
    methods: str | None
    executor: str
    workers: int | None
    out: Path | None
    resume: bool


def run(request: Request) -> bool:
    """Replay, print, write; did every method's path pass the audit?

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.executor import executor
    from dispatch.replay import Journal, replay
    from dispatch.replay.case import checked
    from dispatch.replay.replay_page import write_all

    began = time.perf_counter()
    site = load_site(request.config)
    runs_on = executor(request.executor, request.workers)
    span = _span(site, request)
    folder = request.out or Path("replays") / f"{site.name}-{request.first}-{request.last}"
    console = Console(stderr=True)
    for text in not_held(site):
        console.print(text, markup=False)
    look_into_files(site, request.config)
    case, hashes = _case(request, site, span, console)
    journal = Journal(folder / "checkpoints")
    _prepare(folder / "checkpoints", _fingerprint(checked(case), hashes), resume=request.resume)
    with _bars(console, case, journal) as progress:
        done = replay(case, runs_on, journal, progress=progress)
    write_all(done, folder)
    passed = show(done, Console())
    seconds = f"{time.perf_counter() - began:.0f} s"
    Console().print(f"\nPage: [bold]{escape(str(folder / 'replay.html'))}[/bold] and all files beside it ({seconds})")
    return passed


def not_held(site: Site) -> Iterator[str]:
    """What plans hold and rolling plans do not: a limit on traced carbon takes several plans for each of them."""
    for wish in site.wishes:
        if isinstance(wish, FlowLimitWish):
            yield f"not held in a replay, only by 'parkwatt plan': {wish.text}"


def _case(request: Request, site: Site, span: Horizon, console: Console) -> tuple[Case, dict[str, str]]:
    from dispatch.replay import METHODS, Settings
    from dispatch.replay.reading import read_case

    methods = METHODS if request.methods is None else tuple(m.strip() for m in request.methods.split(","))
    rolling = site.planning.rolling
    if request.methods is None and not (rolling.keep_plan_below or rolling.keep_plan_below_share):
        methods = tuple(m for m in methods if m != "rolling_kept")
    if request.methods is None and not site.planning.scenarios:
        methods = tuple(m for m in methods if m != "rolling_scenarios")
    every_h = _usual_every_h(site) if request.every is None else _hours("--every", request.every)
    settings = Settings(every_h=every_h, methods=methods)
    folder = find_config(request.config, "parks").parent
    case, sources = read_case(site, span, folder, settings, progress=lambda t: console.print(t, markup=False))
    return case, dict(sources.hashes)


def _usual_every_h(site: Site) -> float:
    """As often as can be: every step, or every interval of the demand meter where that is longer."""
    metered = (asset.tariff.metering_minutes for asset in site.assets if isinstance(asset, GridConnection))
    return max(site.planning.step_minutes, *metered, 0.0) / 60


def _hours(option: str, text: str) -> float:
    """``15min``, ``1h`` or ``1d`` in hours.

    Raises:
        DataError: it is no duration, or none above 0.
    """
    try:
        hours = parse_quantity("duration_h", text)
    except ValueError as error:
        raise DataError(f"{option}: {error}; write it like 15min, 1h or 24h") from None
    if not hours > 0:
        raise DataError(f"{option} {text}: must be above 0; write it like 15min, 1h or 24h")
    return hours


def _span(site: Site, request: Request) -> Horizon:
    """The whole local days from the first to the last."""
    first, last = (_date(f"--{which}", text) for which, text in (("from", request.first), ("to", request.last)))
    if last < first:
        raise DataError(f"--to {last} is before --from {first}")
    try:
        return Horizon.local_day(first, site.time_zone, site.planning.step_minutes, days=(last - first).days + 1)
    except AlignmentError as error:
        raise DataError(f"planning.step_minutes {site.planning.step_minutes:g}: {error}") from error
    except DataError as error:
        raise DataError(f"--from, --to {error}") from error


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{option} '{text}' is not a date ({error}); write it like 2016-10-03") from None


def _fingerprint(case: Case, hashes: dict[str, str]) -> str:
    """Of everything that decides what is done; not of which methods, since each stands by itself."""
    settings = replace(case.settings, methods=())
    told = [str(settings), sorted(hashes.items()), str(case.span.edges[[0, -1]].tolist())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _prepare(folder: Path, fingerprint: str, *, resume: bool) -> None:
    """An empty folder for checkpoints, or on ``resume`` the one that is there, if it is of the same replay.

    Raises:
        DataError: it is of another replay, or cannot be written.
    """
    mark = folder / "replay.sha256"
    if resume and mark.is_file() and mark.read_text("utf-8").strip() != fingerprint:
        raise DataError(
            f"--resume: {folder} holds another replay (other park, data, span or options); leave out --resume to begin "
            "anew, or give another --out"
        )
    if not resume and folder.is_dir():
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(fingerprint + "\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{folder}: cannot be written to ({reason}); give another folder with --out") from error


@contextmanager
def _bars(console: Console, case: Case, journal: Journal) -> Iterator[Callable[[str], None]]:
    """A bar per method, fed from the journal, which every executor's workers write; a line per stage otherwise."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    stop = threading.Event()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = {m: bar.add_task(m.replace("_", " "), total=len(case.days)) for m in case.settings.methods}

        def watch() -> None:
            while not stop.wait(_POLL_S):
                for method, task in tasks.items():
                    bar.update(task, completed=journal.days_done(method))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()

        def say(text: str) -> None:
            if console.is_terminal:
                bar.console.print(text, markup=False)
            else:
                console.print(text, markup=False, highlight=False, soft_wrap=True)

        try:
            yield say
        finally:
            stop.set()
            watcher.join()


def show(done: Replayed, console: Console) -> bool:
    """The methods side by side, and what the audit found; did all of them pass?"""
    from dispatch.replay.results import found, span_text, summary, table

    heads, rows = table(done)
    shown = Table(box=None, header_style="bold", title=escape(f"{done.case.site.name}, {span_text(done)}"))
    for number, head in enumerate(heads):
        shown.add_column(escape(head), justify="right" if number else "left")
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    whole(console, shown)
    console.print(f"  perfect foresight: {summary(done)['perfect_foresight_is']}", highlight=False)
    reasons = found(done, _SHOWN)
    for method, text in reasons:
        console.print(f"  [red]violation[/]: {method}: {escape(text)}", highlight=False)
    if reasons:
        console.print("  [red]the audit failed[/]: what is found of a method makes its figures no measure of it")
    return not reasons
