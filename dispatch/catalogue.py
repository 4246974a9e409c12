"""What may stand in a park's file: the asset kinds with their fields, and the library entries that ship.

Everything is read off the kinds themselves and the files in ``configs/assets``, so a kind that is dropped in is listed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.asset import Asset
from dispatch.assets import kinds
from dispatch.config.documents import read_document
from dispatch.config.mistakes import accepted, near_miss, shown
from dispatch.config.park import find_config, shipped_names
from dispatch.errors import ConfigError, Problem

# :class:`dispatch.stores.stock.Storage` reads Storage.
_MARKUP = re.compile(r":(?:class|mod|func):`~?(?:\w+\.)*(\w+)`")
_OF_EVERY_KIND = ("kind", "name", "source", "verified")


@dataclass(frozen=True)
class FieldEntry:
    """One field of a kind: what may be written, what holds if nothing is, and what it means."""

    name: str
    accepted: str
    default: str
    meaning: str


@dataclass(frozen=True)
class LibraryEntry:
    """One file of the library.

    Attributes:
        numbers: its fields as written.
        verified: False where nobody has checked the numbers; every report says so.
    """

    name: str
    kind: str
    numbers: Mapping[str, Any]
    source: str
    verified: bool


@dataclass(frozen=True)
class KindEntry:
    """One kind.

    Attributes:
        summary: first sentence of its docstring.
        text: the whole docstring: equations, sources, state.
        buses: by field of a bus, what that must carry.
        fields: all but the name, the source and whether that is verified, which every kind has.
        library: entries that ship for it.
    """

    name: str
    summary: str
    text: str
    buses: Mapping[str, str]
    fields: tuple[FieldEntry, ...]
    library: tuple[LibraryEntry, ...]


def catalogue() -> tuple[KindEntry, ...]:
    """All kinds in the order of their names."""
    library = list(_library())
    return tuple(_kind(name, cls, library) for name, cls in sorted(kinds().items()))


def kind_entry(name: str) -> KindEntry:
    """One kind.

    Raises:
        ConfigError: there is none of that name; says what there is.
    """
    if name not in kinds():
        problem = Problem("kind", f"there is no kind of asset {shown(name)}", near_miss(name, sorted(kinds())))
        raise ConfigError("kinds", [problem])
    return _kind(name, kinds()[name], list(_library()))


def _kind(name: str, cls: type[Asset], library: list[LibraryEntry]) -> KindEntry:
    text = _MARKUP.sub(r"\1", inspect.getdoc(cls) or "").replace("``", "`")
    return KindEntry(
        name=name,
        summary=" ".join(text.split("\n\n")[0].split()),
        text=text,
        buses={field: _carriers(carrier) for field, carrier in cls.bus_fields.items()},
        fields=tuple(_fields(cls)),
        library=tuple(entry for entry in library if entry.kind == name),
    )


def _carriers(carrier: object) -> str:
    if carrier is None:
        return "any carrier"
    return carrier if isinstance(carrier, str) else " or ".join(map(str, carrier)) if isinstance(carrier, tuple) else ""


def _fields(cls: type[Asset]) -> Iterator[FieldEntry]:
    for name, info in cls.model_fields.items():
        if name not in _OF_EVERY_KIND:
            default = "must be given" if info.is_required() else _written(info.default)
            yield FieldEntry(name, accepted(cls, name), default, info.description or "")


def _written(value: object) -> str:
    """A default as it would stand in the file."""
    if value is None or value == ():
        return "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    return "see its own fields" if isinstance(value, tuple) or hasattr(value, "model_fields") else shown(value)


def _library() -> Iterator[LibraryEntry]:
    for name in shipped_names("assets"):
        raw = dict(read_document(find_config(name, "assets"), f"{name}.yaml").raw)
        numbers = {key: value for key, value in raw.items() if key not in _OF_EVERY_KIND}
        yield LibraryEntry(name, str(raw["kind"]), numbers, str(raw.get("source", "")), bool(raw.get("verified", True)))
