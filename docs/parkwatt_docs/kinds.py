"""A page for each kind of asset: its equations from its docstring, its fields, the library's devices, an example."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from dispatch.assets import kinds
from dispatch.catalogue import KindEntry, LibraryEntry, catalogue, kind_entry
from dispatch.config.park import CONFIGS
from parkwatt_docs import docstrings
from parkwatt_docs.examples import example
from parkwatt_docs.schemas import HEADINGS, Reader, reached
from parkwatt_docs.shared import told_by
from parkwatt_docs.writing import Folder, code, contents, escaped, fenced, label, restructured, table, told


def write(folder: Folder, schema: Mapping[str, Any], reader: Reader, own: Mapping[str, str]) -> None:
    """The list of kinds, and a page for each.

    Args:
        schema: of a park's file; own: by definition that only one kind uses, that kind.
    """
    entries = catalogue()
    folder.write("kinds/index", _list(entries))
    for entry in entries:
        folder.write(f"kinds/{entry.name}", _page(entry, schema["$defs"], reader, own))


def page(kind: str, schema: Mapping[str, Any], reader: Reader, own: Mapping[str, str]) -> Iterator[str]:
    """One kind's."""
    return _page(kind_entry(kind), schema["$defs"], reader, own)


def _list(entries: tuple[KindEntry, ...]) -> Iterator[str]:
    yield from ("(kinds)=", "# Asset kinds", "")
    yield "What may stand under `assets` in a park's file. Each has a page with its equations, fields and an example."
    rows = [
        (f"[{entry.name}](#kind-{label(entry.name)})", escaped(entry.summary), _carried(entry), _devices(entry.library))
        for entry in entries
    ]
    yield from table(("Kind", "What it is", "Buses", "Library"), rows)
    yield "† typical numbers that nobody has held against their source: every report of a plan that uses them says so."
    yield from contents(entry.name for entry in entries)


def _carried(entry: KindEntry) -> str:
    return ", ".join(f"{code(field)}: {escaped(carrier)}" for field, carrier in entry.buses.items())


def _devices(library: tuple[LibraryEntry, ...]) -> str:
    return ", ".join(code(one.name) + ("" if one.verified else " †") for one in library)


def _page(entry: KindEntry, definitions: Mapping[str, Any], reader: Reader, own: Mapping[str, str]) -> Iterator[str]:
    cls = kinds()[entry.name]
    title = cls.__name__
    yield from (f"(kind-{label(entry.name)})=", f"# {entry.name}", "")
    yield f"Buses: {_carried(entry)}." if entry.buses else "It stands on no bus."
    yield f"In code: `{cls.__module__}.{title}`."
    yield from ("", "## What it is, and its equations")
    yield from restructured(f".. autoclass:: {cls.__module__}.{title}\n   :no-members:")
    yield from _inherited(entry.name)
    yield from ("## Fields",)
    buses = {field: f"a bus for {carrier}" for field, carrier in entry.buses.items()}
    needed = [name for name, field in cls.model_fields.items() if field.is_required()]
    yield from table(HEADINGS, reader.rows(definitions[title], buses, needed))
    for name in [name for name in reached(definitions, definitions[title]) if own.get(name) == entry.name]:
        yield from block(name, definitions[name], reader)
    yield from _library(entry)
    yield from _example(entry.name)


def _inherited(kind: str) -> Iterator[str]:
    """Where equations stand that it shares with others."""
    shared = told_by(kinds()[kind])
    if shared:
        links = ", ".join(f"{{py:class}}`{one.__name__} <{one.__module__}.{one.__name__}>`" for one in shared)
        yield from (f"It shares equations with other kinds: {links}.", "")


def block(name: str, model: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    """A heading, what a block is for, and its fields."""
    yield from ("", f"({label('block', name)})=", f"### {name}", "")
    yield from docstrings.told(model.get("description", ""))
    yield from table(HEADINGS, reader.rows(model))


def _library(entry: KindEntry) -> Iterator[str]:
    if not entry.library:
        return
    yield from ("", "## Library", "", f"Devices that ship, for `use`{_dagger(entry.library)}.")
    rows = [
        (code(one.name) + ("" if one.verified else " †"), told(_numbers(one)), escaped(one.source or "none given"))
        for one in entry.library
    ]
    yield from table(("Name", "What it says", "Source"), rows)
    for one in entry.library:
        said = _comment(one.name)
        if said:
            yield from (f"{code(one.name)}: {escaped(said)}", "")


def _dagger(library: tuple[LibraryEntry, ...]) -> str:
    return (
        ""
        if all(one.verified for one in library)
        else "; † marks typical numbers that nobody has held against their source"
    )


def _numbers(one: LibraryEntry) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in one.numbers.items()) or "no numbers"


def _short(value: object) -> str:
    return (
        f"({len(value)} points)" if isinstance(value, list) and any(isinstance(v, dict) for v in value) else str(value)
    )


def _comment(name: str) -> str:
    """What the file says of itself above its first line."""
    lines = (CONFIGS / "assets" / f"{name}.yaml").read_text("utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))


def _example(kind: str) -> Iterator[str]:
    found = example(kind)
    if found is None:
        return
    yield from ("", "## Example", "", found.told or "With a device of the library.")
    yield from fenced(textwrap.dedent(found.yaml), "yaml")
