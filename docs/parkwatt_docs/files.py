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
from parkwatt_docs.schemas import HEADINGS, Reader, reached
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
        "`parkwatt validate FILE` holds a file against all of this at once, `parkwatt schema` prints it for an editor. A quantity may be "
        "written as a number in the unit of its name, or as text with a unit (`2 MWh`).",
        park_schema,
    ),
    File(
        "fleet",
        "A fleet's file",
        "Sites and what they share, for `parkwatt fleet plan FLEET.yaml`. [A fleet from a list of stations](../../../fleet.md) goes through it.",
        _of("dispatch.fleet.shared.files.FleetFile"),
    ),
    File(
        "stations",
        "A mapping of a list of stations",
        "What the columns of a spreadsheet of stations mean, for `parkwatt fleet import`. `parkwatt fleet mapping` prints one to start from.",
        _of("dispatch.fleet.importing.mapping.StationMapping"),
    ),
    File(
        "archive",
        "A mapping of measurements and weather",
        "What the columns of measured files mean, for `parkwatt archive import`. `parkwatt archive example` prints one to start from.",
        _of("forecasting.importing.mapping.ImportMapping"),
    ),
    File(
        "product",
        "A market's product",
        "What may be sold, until when, in which steps; `configs/markets` holds those that ship, `parkwatt fleet products` lists them.",
        _of("dispatch.markets.product.Product"),
    ),
)
UNITS = ("kw", "kwh", "kg", "degc", "minutes", "deg", "m", "h", "s", "pa", "bar", "percent", "years", "km", "days")
_SPELT = {"degc": "°C", "minutes": "min", "deg": "°", "kwh": "kWh", "kw": "kW", "percent": "%", "years": "a", "days": "d"}


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
    named = {cls.__name__: kind for kind, cls in kinds().items()}
    for file in FILES:
        schema = file.schema()
        definitions = schema.get("$defs", {})
        own = _own(definitions, named) if file.page == "park" else {}

        def link(name: str, *, page: str = file.page, own: Mapping[str, str] = own) -> str:
            if name in named:
                return f"[{named[name]}](#kind-{label(named[name])})"
            return f"[{name}](#{label('block', name) if name in own else label(page, name)})"

        reader = Reader(link, unit)
        folder.write(f"files/{file.page}", _page(file, schema, reader, {*own, *named}))
        if file.page == "park":
            kind_pages.write(folder, schema, reader, own)


def _own(definitions: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, str]:
    """By definition that one kind alone uses, that kind: it stands on the kind's page."""
    of_kind = {name: set(reached(definitions, definitions[name])) for name in named if name in definitions}
    others = {one for name, model in definitions.items() if name not in of_kind for one in _next(definitions, model)}
    out = {}
    for name in definitions:
        users = [kind for kind, found in of_kind.items() if name in found]
        if len(users) == 1 and not (others & {name} - of_kind[users[0]]) and name not in named:
            out[name] = named[users[0]]
    return out


def _next(definitions: Mapping[str, Any], model: Mapping[str, Any]) -> set[str]:
    return set(reached(definitions, model))


def _page(file: File, schema: Mapping[str, Any], reader: Reader, elsewhere: set[str]) -> Iterator[str]:
    yield from (f"({label('file', file.page)})=", f"# {file.title}", "", file.told)
    yield from docstrings.told(schema.get("description", ""))
    yield from table(HEADINGS, reader.rows(schema))
    definitions = schema.get("$defs", {})
    blocks = [name for name in reached(definitions, schema) if name not in elsewhere]
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
