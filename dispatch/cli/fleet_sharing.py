"""``parkwatt fleet plan`` of a fleet's file: sites under what they share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from dispatch.errors import ConfigError, DataError, SolveError

if TYPE_CHECKING:
    from dispatch.cli.fleet_request import Request
    from dispatch.executor import Workplace
    from dispatch.fleet.coordination.rounds import Round
    from dispatch.fleet.members import Member
    from dispatch.fleet.shared.coordinated import Coordination
    from dispatch.fleet.shared.files import SharedFleet
    from dispatch.fleet.shared.written import Answered


def is_fleet(sources: tuple[str, ...]) -> bool:
    """Is it one fleet's file, or the name of one that ships?"""
    from dispatch.config.documents import read_document
    from dispatch.config.park import find_config, shipped_names
    from dispatch.fleet.shared.files import FOLDER

    if len(sources) != 1:
        return False
    if sources[0] in shipped_names(FOLDER) and not Path(sources[0]).exists():
        return True
    if Path(sources[0]).suffix not in {".yaml", ".yml"}:
        return False
    try:
        return "sites" in read_document(find_config(sources[0], FOLDER), sources[0]).raw
    except ConfigError:
        return False  # whoever reads it as a park says what is wrong


def _round_to(console: Console) -> Callable[[Round], None]:
    """Prints the bounds after each round: waiting is easier where one sees them close in."""

    def told(found: Round) -> None:
        upper = f"{found.upper:,.2f}" if found.upper < float("inf") else "not known yet"
        gap = f", gap {found.gap:.2e}" if found.upper < float("inf") else ""
        console.print(
            f"round {found.number}: costs at least {found.lower:,.2f}, at most {upper}{gap}",
            highlight=False,
            soft_wrap=True,
        )

    return told


def _answered(fleet: SharedFleet, coordination: Coordination | None) -> Answered:
    from dispatch.fleet.shared.written import answer

    try:
        return answer(fleet, coordination)
    except DataError as error:
        raise DataError(_whose(fleet, error)) from error


def _whose(fleet: SharedFleet, error: DataError) -> str:
    """What a plan lacks, with the site that lacks it."""
    for member in fleet.members:
        for asset in member.site.assets:
            for need in asset.needs:
                known = member.series.get((asset.name, need.quantity))
                if known is None or not isfinite(known.sum()):
                    return f"site '{member.name}': {member.failure or error}"
    return str(error)


def run(request: Request, fleet: SharedFleet, known: Callable[[Workplace], tuple[Member, ...]]) -> None:
    """Plan, print, write.

    Args:
        request: the options.
        fleet: its file.
        known: the sites with what is known of their day, forecast by some workplace where that is asked for.

    Raises:
        DataError: an option that has no meaning here.
        SolveError: a plan that does not pass its audit; files are there all the same.
    """
    from dispatch.executor import How, executor
    from dispatch.fleet.reporting_shared import write_shared_page
    from dispatch.fleet.shared.coordinated import Coordination
    from dispatch.fleet.shared.plan import MOST_WHOLE

    if request.resume:
        raise DataError("--resume: sites that share something are planned together, in one go; leave it out")
    console = Console()
    folder = request.out or Path("fleets") / f"{fleet.file.name}-{fleet.file.day}"
    if (folder / "run.json").exists():
        raise DataError(f"{folder} holds a run of sites planned apart: choose another folder by --out")
    with ExitStack() as stack:
        coordination: Coordination | None = None
        if len(fleet.members) > MOST_WHOLE or fleet.file.inputs == "forecast":
            place = stack.enter_context(
                executor(request.place, request.workers, How(warm=True), address=request.address)
            )
            fleet = replace(fleet, members=known(place))
            if len(fleet.members) > MOST_WHOLE:
                coordination = Coordination(place=place, tell=_round_to(console))
        made = _answered(fleet, coordination)
    made.write(folder)
    title = fleet.file.title or fleet.file.name
    page = write_shared_page(made.plan, folder, name=title, notes=fleet.file.notes)
    for line in made.words():
        console.print(escape(line), highlight=False, soft_wrap=True)
    console.print(
        f"\nFiles: [bold]{escape(str(folder))}[/bold], page: [bold]{escape(page.name)}[/bold]", highlight=False
    )
    if not made.plan.passed:
        wrong = [str(v) for audit in made.plan.audits.values() for v in audit.violations]
        wrong += [str(v) for meter in made.plan.meters.values() for v in meter.violations]
        raise SolveError(f"the plan does not pass its audit: {'; '.join(wrong[:3]) or made.plan.violations[0]}")
