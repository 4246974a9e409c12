"""``parkwatt kinds``: what an asset may be, which fields it has, and what the library holds."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.catalogue import KindEntry, LibraryEntry, catalogue, kind_entry


def show(name: str | None, *, markdown: bool) -> None:
    """Print all kinds, or everything about one.

    Raises:
        ConfigError: there is no such kind.
    """
    entries = catalogue() if name is None else (kind_entry(name),)
    console = Console()
    if markdown:
        console.print("\n".join(page(entries)), markup=False, highlight=False, soft_wrap=True)
    elif name is None:
        console.print(_all(entries))
        console.print("One kind with its fields: parkwatt kinds NAME. As a page: parkwatt kinds --markdown.")
    else:
        for part in _one(entries[0]):
            console.print(part, highlight=False)


def _all(entries: tuple[KindEntry, ...]) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in ("kind", "what it is", "buses", "library"):
        table.add_column(heading)
    for entry in entries:
        buses = "\n".join(f"{field}: {carrier}" for field, carrier in entry.buses.items())
        library = "\n".join(_marked(one) for one in entry.library)
        table.add_row(entry.name, escape(entry.summary), escape(buses), escape(library))
    return table


def _one(entry: KindEntry) -> Iterator[str | Table]:
    yield f"\n[bold]{entry.name}[/bold]\n{escape(entry.text)}\n"
    table = Table(box=None, header_style="bold")
    for heading in ("field", "what may be written", "default", "what it means"):
        table.add_column(heading)
    for field in entry.fields:
        carrier = entry.buses.get(field.name)
        meaning = f"a bus for {carrier}" if carrier else field.meaning
        table.add_row(field.name, escape(field.accepted), escape(field.default), escape(meaning))
    yield table
    for one in entry.library:
        yield f"\n[bold]use: {one.name}[/bold]{'' if one.verified else '  [yellow]not verified[/]'}"
        yield f"  {escape(_numbers(one))}"
        yield f"  source: {escape(one.source or 'none given')}"


def page(entries: tuple[KindEntry, ...]) -> Iterator[str]:
    """The same as Markdown."""
    yield "# Asset kinds\n"
    yield "| Kind | What it is | Buses | Library |\n|---|---|---|---|"
    for entry in entries:
        buses = ", ".join(f"{field}: {carrier}" for field, carrier in entry.buses.items())
        library = ", ".join(_marked(one) for one in entry.library)
        yield _row(f"[{entry.name}](#{entry.name})", entry.summary, buses, library)
    for entry in entries:
        yield f"\n## {entry.name}\n\n{entry.summary}\n"
        yield "| Field | What may be written | Default | What it means |\n|---|---|---|---|"
        for field in entry.fields:
            carrier = entry.buses.get(field.name)
            yield _row(field.name, field.accepted, field.default, f"a bus for {carrier}" if carrier else field.meaning)
        for one in entry.library:
            yield f"\n`use: {one.name}`{'' if one.verified else ' (†)'}: {_numbers(one)}. Source: {one.source}"
    yield "\n† typical numbers that nobody has checked: every report of a plan that uses them says so."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"


def _marked(entry: LibraryEntry) -> str:
    return entry.name if entry.verified else f"{entry.name} †"


def _numbers(entry: LibraryEntry) -> str:
    return ", ".join(f"{key} {value}" for key, value in entry.numbers.items()) or "no numbers"
