"""What each sort of file may say: every block with its fields, from the JSON schemas that editors use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel, TypeAdapter

from dispatch import signals
from dispatch.assets import kinds
from dispatch.site import schema as park_schema
from parkwatt_docs import docstrings
from parkwatt_docs import kinds as kind_pages
from parkwatt_docs.meanings import IN_FILES
from parkwatt_docs.schemas import HEADINGS, Reader, reached, references
from parkwatt_docs.writing import Folder, code, label, table


@dataclass(frozen=True)
class File:
    """A sort of file.

    Attributes:
        page: of this reference; title: its heading; told: what the file is for.
        schema: makes its JSON schema.
    """

    page: str
    title: str
    told: str
    schema: Callable[[], Mapping[str, Any]]


def _of(path: str) -> Callable[[], Mapping[str, Any]]:
    """The schema of a model, by its full name."""

    def made() -> Mapping[str, Any]:
        module, _, name = path.rpartition(".")
        model: type[BaseModel] = getattr(import_module(module), name)
        return TypeAdapter(model).json_schema()

    return made


FILES = (
    File(
        "park",
        "A park's file",
        "`parkwatt validate FILE` holds a file against all of this at once, `parkwatt schema` prints it for an editor. "
        "A quantity may be written as a number in the unit of its name, or as text with a unit (`2 MWh`).",
        park_schema,
    ),
    File(
        "fleet",
        "A fleet's file",
        "Sites and what they share, for `parkwatt fleet plan FLEET.yaml`. [A fleet from a list of stations]"
        "(../../../fleet.md) goes through it.",
        _of("dispatch.fleet.shared.files.FleetFile"),
    ),
    File(
        "stations",
        "A mapping of a list of stations",
        "What the columns of a spreadsheet of stations mean, for `parkwatt fleet import`. `parkwatt fleet mapping` "
        "prints one to start from.",
        _of("dispatch.fleet.importing.mapping.StationMapping"),
    ),
    File(
        "archive",
        "A mapping of measurements and weather",
        "What the columns of measured files mean, for `parkwatt archive import`. `parkwatt archive example` prints "
        "one to start from.",
        _of("forecasting.importing.mapping.ImportMapping"),
    ),
    File(
        "product",
        "A market's product",
        "What may be sold, until when, in which steps; `configs/markets` holds those that ship, `parkwatt fleet "
        "products` lists them.",
        _of("dispatch.markets.product.Product"),
    ),
    File(
        "study",
        "A study's file",
        "Cases × methods × days × seeds, for `python -m benchmarks study FILE`; `configs/studies` has some.",
        _of("benchmarks.study.spec.Study"),
    ),
    File(
        "case",
        "A case's file",
        "`case.yaml` in a folder with a park and its series, for `python -m benchmarks cases` and for studies.",
        _of("benchmarks.cases.folder.CaseFile"),
    ),
)
UNITS = ("kw", "kwh", "kg", "degc", "minutes", "deg", "m", "h", "s", "pa", "bar", "percent", "years", "km", "days")
_SPELT = {
    "degc": "°C",
    "minutes": "min",
    "deg": "°",
    "kwh": "kWh",
    "kw": "kW",
    "percent": "%",
    "years": "a",
    "days": "d",
}


def unit(field: str) -> str:
    """The unit that a field's name ends in, as it is spelt."""
    if signals.unit_of(field) is not None:
        said = signals.accepted_units(field)
        return said.split("(meant in ")[1].split(")")[0]
    last = field.rsplit("_", 1)[-1]
    if "_" in field and last in UNITS:
        return _SPELT.get(last, last)
    return "share" if field.endswith(("fraction", "share", "efficiency", "_fill")) else ""


def write(folder: Folder) -> None:
    """All sorts of files, and the kinds of asset with them."""
    for file in FILES:
        told = _Told.of(file)
        folder.write(f"files/{file.page}", _page(file, told))
    told = _Told.of(FILES[0])
    kind_pages.write(folder, told.schema, told.reader, told.own)


def kind_page(kind: str) -> Iterator[str]:
    """The page of one kind of asset."""
    told = _Told.of(FILES[0])
    return kind_pages.page(kind, told.schema, told.reader, told.own)


@dataclass(frozen=True)
class _Told:
    """A file's schema, and how its parts are told.

    Attributes:
        own: by block that one kind of asset alone uses, that kind; it stands on the kind's page.
        elsewhere: blocks and kinds that have another page.
    """

    schema: Mapping[str, Any]
    reader: Reader
    own: Mapping[str, str]
    elsewhere: frozenset[str]

    @classmethod
    def of(cls, file: File) -> _Told:
        schema = file.schema()
        definitions = schema.get("$defs", {})
        named = {one.__name__: kind for kind, one in kinds().items()}
        own = _own(definitions, named) if file.page == "park" else {}

        def link(name: str) -> str:
            if name in named:
                return f"[{named[name]}](#kind-{label(named[name])})"
            return f"[{name}](#{label('block', name) if name in own else label(file.page, name)})"

        any_kind = "[assets](#kinds)" if definitions.keys() & named.keys() else ""
        return cls(schema, Reader(link, unit, IN_FILES, definitions, any_kind), own, frozenset({*own, *named}))


def _own(definitions: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, str]:
    """By definition that is within reach of one kind alone, that kind."""
    kinds_in = {name: set(reached(definitions, definitions[name])) for name in named if name in definitions}
    beside = {one for name in definitions if name not in named for one in references(definitions[name])}
    out = {}
    for name in definitions.keys() - named.keys():
        users = [kind for kind, found in kinds_in.items() if name in found]
        inside = {one for kind in users for one in kinds_in[kind]}
        others = {one for one in beside if name == one} - inside
        if len(users) == 1 and not others:
            out[name] = named[users[0]]
    return out


def _page(file: File, told: _Told) -> Iterator[str]:
    schema, reader = told.schema, told.reader
    yield from (f"({label('file', file.page)})=", f"# {file.title}", "", file.told)
    yield from docstrings.told(schema.get("description", ""))
    yield from table(HEADINGS, reader.rows(schema))
    definitions = schema.get("$defs", {})
    blocks = [name for name in reached(definitions, schema) if name not in told.elsewhere]
    if blocks:
        yield from ("## Blocks", "")
    for name in blocks:
        yield from _block(file.page, name, definitions[name], reader)


def _block(page: str, name: str, model: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    yield from ("", f"({label(page, name)})=", f"### {name}", "")
    yield from docstrings.told(model.get("description", ""))
    if "properties" in model:
        yield from table(HEADINGS, reader.rows(model))
    elif "enum" in model:
        yield from ("", "One of " + ", ".join(code(str(one)) for one in model["enum"]) + ".")
