"""``parkwatt hosting``: options and files around the study of what a network can take."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.studies import Span, bar, read_case
from dispatch.errors import DataError

if TYPE_CHECKING:
    from dispatch.studies.hosting import Hosting

_SHOWN = 5
_DAYS = 12


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    add: tuple[str, ...]
    at: tuple[str, ...]
    span: Span
    days: int | None
    year: bool
    own: str
    json: Path | None
    out: Path | None


def run(request: Request) -> None:
    """Study, print, write.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.sources import user_errors
    from dispatch.studies.days import study_days
    from dispatch.studies.hosting import ADDITIONS, hosting
    from dispatch.studies.hosting_results import summary, write_all

    began = time.perf_counter()
    console = Console(stderr=True)
    _check(request)
    case, sources = read_case(request.config, request.span, console, with_network=True)
    network = sources.network
    if network is None:
        raise DataError(f"'{case.site.name}' has no 'grid': hosting capacity is a network's; give the park one")
    few = min(_DAYS, len(case.days)) if request.days is None else request.days
    days = study_days(case, None if request.year else few)
    try:
        with bar(console) as progress:
            done = hosting(
                case,
                network,
                days,
                request.add or ADDITIONS,
                buses=request.at,
                own_is=request.own,
                progress=progress,
            )
    except user_errors() as error:
        raise DataError(str(error)) from error
    show(done, Console())
    if request.json is not None:
        text = json.dumps(summary(done), indent=1, ensure_ascii=False)
        request.json.write_text(text + "\n", encoding="utf-8")
    folder = request.out or Path("studies") / f"{case.site.name}-hosting"
    write_all(done, folder)
    seconds = f"{time.perf_counter() - began:.0f} s"
    Console().print(f"\nPage: [bold]{escape(str(folder / 'hosting.html'))}[/bold] and all files beside it ({seconds})")


def _check(request: Request) -> None:
    """Options that can be seen to be wrong before anything is read.

    Raises:
        DataError: the message says which, and what would be accepted.
    """
    from dispatch.studies.hosting import ADDITIONS, OWN

    unknown = [kind for kind in request.add if kind not in ADDITIONS]
    if unknown:
        raise DataError(f"--add {unknown[0]}: not known; accepted: {', '.join(ADDITIONS)}")
    if request.own not in OWN:
        raise DataError(f"--own {request.own}: not known; accepted: {', '.join(OWN)}")
    if request.year and request.days is not None:
        raise DataError(f"--year looks at every day of the span, --days {request.days} at some: give one of them")


def show(done: Hosting, console: Console) -> None:
    """By kind: all together, the buses that take most and the one that takes least."""
    from dispatch.studies.hosting_results import NAMES, rows_of

    console.print(
        f"{escape(done.case.site.name)}: {done.days.told()}, {done.around.steps} steps, {len(done.buses)} buses"
    )
    for kind in done.kinds:
        shown = Table(box=None, header_style="bold", title=NAMES[kind.kind], title_justify="left")
        for head, side in (("bus", "left"), ("MW", "right"), ("what binds", "left"), ("when", "left")):
            shown.add_column(head, justify=side)  # type: ignore[arg-type]  # literals
        rows = rows_of(done, kind)
        few = rows if len(rows) <= _SHOWN + 2 else [*rows[: _SHOWN + 1], ("…", "", "", ""), rows[-1]]
        for row in few:
            shown.add_row(*(escape(cell) for cell in row))
        console.print(shown)
