"""``parkwatt archive import`` and ``show``: options and tables around forecasting's archive."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.studies import bar
from dispatch.errors import DataError

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from forecasting.archive.inventory import Holding
    from forecasting.archive.revisions import Counts
    from forecasting.importing.run import Incoming

_UNUSED_SHOWN = 8
_NS_PER_MIN = 60_000_000_000


@dataclass(frozen=True)
class _Line:
    """One kind of rows of one series."""

    site: str
    variable: str
    held: Holding


def run_import(mapping: Path, into: Path | None, *, check: bool) -> None:
    """Read, check, append, say what came in.

    Raises:
        DataError: mapping or files are wrong; the message lists everything that was found.
    """
    began = time.perf_counter()
    if into is None and not check:
        raise DataError("archive import: give the archive's folder with --into, or --check to store nothing")
    with _users_mistakes():
        from forecasting.archive.store import Store
        from forecasting.importing.mapping import read_mapping
        from forecasting.importing.run import read_files

        with bar(Console(stderr=True)) as progress:
            asked = read_mapping(mapping)
            incoming = read_files(asked, mapping.parent, lambda _, share: progress("reading the files", share))
            counts = None
            if into is not None and not check:
                counts = Store(into).append(
                    incoming.archive, progress=lambda _, share: progress("writing the archive", share)
                )
    console = Console()
    console.print(_came_in(incoming, counts))
    _say_unused(incoming, console)
    seconds = f"{time.perf_counter() - began:.1f} s"
    what = f"{len(incoming.files)} files, {len(incoming.archive):,} rows"
    where = "nothing stored" if into is None or check else f"archive: [bold]{escape(str(into))}[/bold]"
    console.print(f"\n{what}; {where} ({seconds})")


def run_show(folder: Path, as_of: str | None, sites: tuple[str, ...], json_file: Path | None) -> None:
    """Print what an archive holds.

    Raises:
        DataError: there is no archive, no such site, or the time is none.
    """
    with _users_mistakes():
        from forecasting.archive.store import Store
        from forecasting.clock import instant_ns

        if as_of is not None:
            instant_ns(as_of, "--as-of")
        store = Store.existing(folder)
        known = {site for site, _ in store.series()}
        if missing := [site for site in sites if site not in known]:
            raise DataError(f"archive {folder}: no site {missing[0]!r}; it has {', '.join(sorted(known)) or 'none'}")
        chosen, lines = sites or tuple(sorted(known)), []
        with bar(Console(stderr=True)) as progress:
            for number, site in enumerate(chosen):  # one at a time: an archive may be larger than memory
                progress("reading the archive", number / len(chosen))
                lines += _lines(store.read(sites=site, known_by=as_of))
    console = Console()
    if not lines:
        console.print(f"{escape(str(folder))}: nothing" + (f" known at {escape(as_of)}" if as_of else ""))
    else:
        console.print(_holdings(lines))
    if json_file is not None:
        text = json.dumps([_as_json(line) for line in lines], indent=1, ensure_ascii=False)
        json_file.write_text(text + "\n", encoding="utf-8")


@contextmanager
def _users_mistakes() -> Iterator[None]:
    """What forecasting says of a user's data, as this package's error."""
    from dispatch.sources import user_errors

    try:
        yield
    except user_errors() as error:
        raise DataError(str(error)) from error


def _lines(archive: Archive) -> list[_Line]:
    from forecasting.archive.inventory import held

    return [_Line(site, name, one) for (site, name), rows in sorted(archive.rows().items()) for one in held(rows)]


def _utc(ns: int) -> str:
    from forecasting.clock import utc_text

    return utc_text(ns)


def _step(line: _Line) -> str:
    return "" if line.held.step_ns is None else f"{line.held.step_ns / _NS_PER_MIN:g} min"


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in headings:
        left = heading in ("site", "variable", "is", "from", "to", "step")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    return table


def _kind(line: _Line) -> str:
    if not line.held.runs:
        return "measured"
    members = f" of {line.held.members} members" if line.held.members > 1 else ""
    return f"{line.held.runs} runs{members}"


_FIGURES = ("site", "variable", "is", "from", "to", "step", "rows", "gaps", "missing")


def _figures(line: _Line) -> tuple[str, ...]:
    held = line.held
    names = (escape(line.site), escape(line.variable), _kind(line), _utc(held.first_ns), _utc(held.last_ns))
    return (*names, _step(line), *_plain(held.rows, held.gaps, held.missing))


def _plain(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in numbers)


def _holdings(lines: list[_Line]) -> Table:
    table = _table(*_FIGURES, "restated")
    for line in lines:
        table.add_row(*_figures(line), *_plain(line.held.restated))
    return table


def _came_in(incoming: Incoming, counts: Mapping[tuple[str, str], Counts] | None) -> Table:
    table = _table(*_FIGURES, *(("repeated",) if counts is None else ("new", "already", "restated")))
    for line in _lines(incoming.archive):
        key = line.site, line.variable
        repeated = incoming.repeated.get(key, 0)
        if counts is None:
            table.add_row(*_figures(line), *_plain(repeated))
        else:
            count = counts[key]
            restated = max(count.restated, line.held.restated)
            table.add_row(*_figures(line), *_plain(count.new, repeated + count.duplicate, restated))
    return table


def _say_unused(incoming: Incoming, console: Console) -> None:
    """Rows that do not count, and columns that no series of the mapping names with the first file that has each."""
    aside = [f"{count} of {site}/{name}" for (site, name), count in sorted(incoming.set_aside.items())]
    if aside:
        console.print(f"\nSet aside, as they contradict rows that count: {escape(', '.join(aside))}", highlight=False)
    first: dict[str, Path] = {}
    for path, columns in incoming.unused.items():
        for column in columns:
            first.setdefault(column, path)
    if first:
        told = [f"{name} ({path.name})" for name, path in list(first.items())[:_UNUSED_SHOWN]]
        more = f" and {len(first) - _UNUSED_SHOWN} more" if len(first) > _UNUSED_SHOWN else ""
        console.print(f"\nNot in the mapping, so not imported: {escape(', '.join(told))}{more}", highlight=False)


def _as_json(line: _Line) -> dict[str, object]:
    held = line.held
    return {
        "site": line.site,
        "variable": line.variable,
        "from": _utc(held.first_ns),
        "to": _utc(held.last_ns),
        "step_min": None if held.step_ns is None else held.step_ns / _NS_PER_MIN,
        "rows": held.rows,
        "gaps": held.gaps,
        "missing": held.missing,
        "restated": held.restated,
        "runs": held.runs,
        "members": held.members,
        "last_available_at": _utc(held.known_ns),
    }
