"""The OpenAPI document, made ready: names that Python can use, and answers that may grow."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
_REF = "#/components/schemas/"
_LITERAL = frozenset({"default", "example", "examples", "const", "enum"})  # values, not schemas


def load(path: Path) -> Schema:
    """The document, its schemas renamed to class names and those of answers open."""
    document: Schema = json.loads(path.read_text(encoding="utf-8"))
    renamed = _renamed(_untitled(document))
    _open_answers(renamed)
    return renamed


def digest(path: Path) -> str:
    """SHA-256 of what the generated files depend on: the document's content and this generator."""
    content = json.dumps(json.loads(path.read_text(encoding="utf-8")), sort_keys=True, ensure_ascii=False)
    here = sorted(p for p in Path(__file__).parent.iterdir() if p.suffix in (".py", ".j2"))
    return hashlib.sha256(content.encode() + b"".join(p.read_bytes() for p in here)).hexdigest()


def class_name(name: str) -> str:
    """``Page_SiteOut_`` as ``PageSiteOut``."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words)


def python_name(name: str) -> str:
    """``If-Match`` as ``if_match``."""
    from keyword import iskeyword

    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).strip("_").lower()
    return f"{snake}_" if iskeyword(snake) else snake


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """(method, path, operation), in the document's order; what all methods of a path share is in each."""
    for path, item in document["paths"].items():
        for method in ("get", "put", "post", "patch", "delete"):
            if method in item:
                shared = item.get("parameters", [])
                yield method.upper(), path, {**item[method], "parameters": shared + item[method].get("parameters", [])}


def _untitled(part: Any) -> Any:
    """Without the titles that pydantic makes of names, and without defaults that are objects: the service has them."""
    if isinstance(part, list):
        return [_untitled(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {name: value for name, value in part.items() if not _says_nothing(name, value)}
    return {name: value if name in _LITERAL else _untitled(value) for name, value in kept.items()}


def _says_nothing(name: str, value: Any) -> bool:
    # A property that is called so has a schema, which is no text; one called "default" has a schema with a type.
    is_default = (
        name == "default" and isinstance(value, dict) and bool(value) and not {"type", "$ref", "anyOf"} & set(value)
    )
    return is_default or (name == "title" and isinstance(value, str))


def _renamed(document: Schema) -> Schema:
    schemas = document.get("components", {}).get("schemas", {})
    names = {name: class_name(name) for name in schemas}
    if len(set(names.values())) < len(names):
        twice = sorted(name for name in names if list(names.values()).count(names[name]) > 1)
        raise ValueError(f"schemas whose class names are the same: {', '.join(twice)}")

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(each) for each in part]
        if not isinstance(part, dict):
            return part
        found = {name: walk(value) for name, value in part.items()}
        if isinstance(ref := found.get("$ref"), str) and ref.startswith(_REF):
            if (name := ref.removeprefix(_REF)) not in names:
                raise ValueError(f"the document refers to a schema that it lacks: {name}")
            found["$ref"] = _REF + names[name]
        return found

    document = walk(document)
    document.setdefault("components", {})["schemas"] = {
        names[name]: schema for name, schema in document["components"].get("schemas", {}).items()
    }
    return _mappings(document, names)


def _mappings(document: Schema, names: Mapping[str, str]) -> Schema:
    """Discriminators name schemas by text."""
    text = json.dumps(document, ensure_ascii=False)
    for name, new in names.items():
        text = text.replace(f'"{_REF}{name}"', f'"{_REF}{new}"')
    answer: Schema = json.loads(text)
    return answer


def _open_answers(document: Schema) -> None:
    """A newer service may say more than this client knows: what only comes out forbids nothing."""
    schemas = document["components"]["schemas"]
    goes_in = _reached(schemas, [operation.get("requestBody", {}) for _, _, operation in operations(document)])
    for name, schema in schemas.items():
        if name not in goes_in and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _reached(schemas: Mapping[str, Schema], parts: list[Any]) -> set[str]:
    found: set[str] = set()
    left = parts
    while left:
        part = left.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix(_REF)
            if name in schemas and name not in found:
                found.add(name)
                left.append(schemas[name])
            left += part.values()
        elif isinstance(part, list):
            left += part
    return found
