"""What studies of long spans share on the command line: the span, the days, the bar while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dispatch.config.park import find_config, load_site
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Horizon, parse_quantity
from dispatch.site import Site

if TYPE_CHECKING:
    from dispatch.replay.case import Case
    from dispatch.sources import Sources


@dataclass(frozen=True)
class Span:
    """The options of a span: first and last local day, the length of a step."""

    first: str | None
    last: str | None
    step_minutes: float | None = None


def read_case(config: str, span: Span, console: Console, *, with_network: bool) -> tuple[Case, Sources]:
    """The park over the span, with what was measured, and its network.

    Raises:
        ParkwattError: config, span or data are wrong; the message says which.
    """
    from dispatch.replay.reading import read_case as read

    site = load_site(config)
    folder = find_config(config, "parks").parent
    say = partial(console.print, markup=False)
    return read(site, span_horizon(site, span), folder, with_network=with_network, progress=say)


def span_horizon(site: Site, span: Span) -> Horizon:
    """Whole local days; without dates, the year of the embedded data.

    Raises:
        DataError: a date or step is wrong, or none is given where none follows from the park.
    """
    embedded = site.embedded is not None
    if not embedded and (span.first is None or span.last is None):
        raise DataError("give --from and --to: only parks on embedded data know their span (2016)")
    first, last = _date("--from", span.first or "2016-01-01"), _date("--to", span.last or "2016-12-31")
    if embedded and (first.year, last.year) != (2016, 2016):
        raise DataError(f"--from {first} --to {last}: the embedded data are of 2016; give days of 2016")
    if last < first:
        raise DataError(f"--to {last} is before --from {first}")
    minutes = site.planning.step_minutes if span.step_minutes is None else span.step_minutes
    try:
        return Horizon.local_day(first, site.time_zone, minutes, days=(last - first).days + 1)
    except AlignmentError as error:
        raise DataError(f"--step {minutes:g} min: {error}; give 15min, 30min or 1h") from error
    except DataError as error:
        raise DataError(f"--from, --to {error}") from error


def minutes(step: str | None) -> float | None:
    """``--step`` in minutes.

    Raises:
        DataError: it is no duration above 0.
    """
    if step is None:
        return None
    try:
        hours = parse_quantity("duration_h", step)
    except ValueError as error:
        raise DataError(f"--step: {error}; write it like 15min or 1h") from None
    if not hours > 0:
        raise DataError(f"--step {step}: must be above 0; write it like 15min or 1h")
    return 60 * hours


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{option} '{text}' is not a date ({error}); write it like 2016-10-03") from None


@contextmanager
def bar(console: Console) -> Iterator[Callable[[str, float], None]]:
    """A bar for each piece of work, fed with its name and the share of it that is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, object] = {}

        def say(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1.0)
                if not console.is_terminal:
                    console.print(name, markup=False, highlight=False, soft_wrap=True)
            progress.update(tasks[name], completed=share)  # type: ignore[arg-type]  # rich's own number type

        yield say
