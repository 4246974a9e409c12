"""JSON Schema as the text of a Python type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dispatch.client.generator.document import Schema

_SIMPLE = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"date-time": "datetime", "date": "date", "binary": "bytes"}


def python_type(schema: Schema) -> str:
    """The type of a schema; models by their names."""
    if ref := schema.get("$ref"):
        return "models." + str(ref).rpartition("/")[2]
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return union(python_type(each) for each in schema[key])
    if len(every := schema.get("allOf", ())) == 1:
        return python_type(every[0])
    return _plain(schema)


def union(types: Iterable[str]) -> str:
    """Each type once, None last."""
    each = sorted(dict.fromkeys(types), key=lambda kind: kind == "None")
    return "Any" if "Any" in each else " | ".join(each)


def optional(kind: str) -> str:
    """The type, or None."""
    return kind if kind == "Any" else union([*kind.split(" | "), "None"])


def _plain(schema: Schema) -> str:
    kind: Any = schema.get("type")
    if isinstance(kind, list):
        return union(python_type({**schema, "type": each}) for each in kind)
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "str")
    if kind == "array":
        return f"Sequence[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties", {})
        return f"dict[str, {python_type(more) if isinstance(more, dict) else 'Any'}]"
    return _SIMPLE.get(kind, "Any")
