"""Tables of fields from a JSON schema: what may be written, in which unit, what holds otherwise, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parkwatt_docs.docstrings import REFERENCE, attributes
from parkwatt_docs.writing import code, escaped, told

Schema = Mapping[str, Any]

HEADINGS = ("Field", "Unit", "What may be written", "Default", "What it means")
_PLAIN = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "null": "nothing",
    "object": "mapping",
    "array": "list",
}
_FORMATS = {
    "date": "date, like 2016-10-14",
    "date-time": "time with offset",
    "duration": "duration, like PT15M",
    "uuid": "UUID",
    "binary": "file",
    "uri": "address",
}
_BOUNDS = (
    (("exclusiveMinimum", "gt"), "above {}"),
    (("minimum", "ge"), "{} or more"),
    (("exclusiveMaximum", "lt"), "below {}"),
    (("maximum", "le"), "at most {}"),
)
# Patterns that say what a sentence says better.
_PATTERNS = {
    r"^[A-Za-z0-9_\-]+$": "letters, digits, `_` and `-`",
    r"^[A-Z]{3}$": "three capital letters, like EUR",
    r"^\d{4}-\d\d-\d\d$": "day, like 2016-10-14",
}
_LONGEST, _MANY = 60, 12


@dataclass(frozen=True)
class Reader:
    """How a schema's parts are told.

    Attributes:
        link: the Markdown that stands for a definition, by its name.
        unit: the unit that a field's name says; "" where it says none.
        meanings: of fields that their block says nothing of, by name or by ``Block.field``.
        definitions: of the schema, by name.
        all_kinds: the Markdown that stands for a choice of more than a dozen of them.
    """

    link: Callable[[str], str]
    unit: Callable[[str], str]
    meanings: Mapping[str, str] = field(default_factory=dict)
    definitions: Schema = field(default_factory=dict)
    all_kinds: str = ""

    def rows(
        self, model: Schema, meanings: dict[str, str] | None = None, needed: Collection[str] = ()
    ) -> Iterator[tuple[str, ...]]:
        """A row for each field of an object's schema.

        Args:
            meanings: of fields whose own description says nothing.
            needed: fields that must be given, beside those that the schema says.
        """
        needed = {*needed, *model.get("required", ())}
        own = attributes(model.get("description", "")) | (meanings or {})
        for name, one in model.get("properties", {}).items():
            meaning = _described(one) or self._of_block(one) or own.get(name) or self._by_name(model, name)
            default = "must be given" if name in needed else _default(one)
            yield code(name), escaped(self.unit(name)), self.accepted(one, name), default, told(meaning)

    def _by_name(self, model: Schema, name: str) -> str:
        return self.meanings.get(f"{model.get('title', '')}.{name}") or self.meanings.get(name, "")

    def _of_block(self, field: Schema) -> str:
        """The first sentence on the one block that stands there."""
        found = set(references(field))
        text = self.definitions.get(found.pop(), {}).get("description", "") if len(found) == 1 else ""
        return REFERENCE.sub(r"``\1``", str(text).split("\n\n")[0])

    def accepted(self, field: Schema, name: str = "") -> str:
        """What may be written for a field."""
        choices = [one for key in ("anyOf", "oneOf", "allOf") for one in field.get(key, ())]
        if choices:
            shapes = [self.accepted(one, name) for one in choices if one.get("type") != "null"]
            if self.all_kinds and sum("$ref" in one for one in choices) > _MANY:
                return self.all_kinds
            # A quantity may be text with its unit: the column beside it says so for all of them.
            shapes = [s for s in shapes if s != "text"] if self.unit(name) and len(shapes) > 1 else shapes
            return " or ".join(dict.fromkeys(shapes))
        if "$ref" in field:
            return self.link(field["$ref"].rsplit("/", 1)[-1])
        if "const" in field:
            return code(str(field["const"]))
        if "enum" in field:
            return " or ".join(code(str(value)) for value in field["enum"])
        return self._plain(field, name)

    def _plain(self, field: Schema, name: str) -> str:
        kind = field.get("type", "")
        if isinstance(kind, list):
            return " or ".join(self._plain({**field, "type": one}, name) for one in kind if one != "null")
        if kind == "array" and field.get("items"):
            return f"list of {self.accepted(field['items'], name)}"
        if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
            return f"mapping of names to {self.accepted(field['additionalProperties'], name)}"
        said = _FORMATS.get(field.get("format", ""), _PLAIN.get(kind, "anything"))
        if kind == "string" and "pattern" in field:
            said = _PATTERNS.get(field["pattern"], f"text like {code(field['pattern'])}")
        bounds = [words.format(f"{field[key]:g}") for keys, words in _BOUNDS for key in keys if key in field]
        return ", ".join([said, *bounds])


def references(part: Any) -> Iterator[str]:
    """Names of all definitions that a part of a schema refers to, in the order of the text."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$ref":
                yield str(value).rsplit("/", 1)[-1]
            elif key != "discriminator":
                yield from references(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from references(value)


def reached(definitions: Schema, start: Schema, leave: frozenset[str] = frozenset()) -> list[str]:
    """All definitions within reach of a schema, nearest first, not going through ``leave``."""
    found: dict[str, None] = {}
    waiting = [start]
    while waiting:
        for name in references(waiting.pop(0)):
            if name not in found and name not in leave:
                found[name] = None
                waiting.append(definitions[name])
    return list(found)


def _described(field: Schema) -> str:
    if field.get("description"):
        return str(field["description"])
    said = [one["description"] for one in field.get("anyOf", ()) if one.get("description")]
    return str(said[0]) if said else ""


def _default(field: Schema) -> str:
    """As it would stand in the file."""
    where = [field, *field.get("anyOf", ())]
    held = [one["default"] for one in where if "default" in one]
    if not held or held[0] in (None, [], {}, ""):
        return "nothing"
    value = held[0]
    if isinstance(value, Mapping | list):
        return "its own"
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return code(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
