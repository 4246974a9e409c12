"""The HTTP API by resource, from the OpenAPI document that the client is made from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parkwatt_docs import files
from parkwatt_docs.meanings import IN_BODIES
from parkwatt_docs.schemas import HEADINGS, Reader
from parkwatt_docs.writing import Folder, code, contents, escaped, label, table, told

_DOCUMENT = Path(__file__).resolve().parents[1] / "openapi.json"


def write(folder: Folder) -> None:
    """A page for each resource, and one of all bodies."""
    document = json.loads(_DOCUMENT.read_text("utf-8"))
    reader = reader_of(document["components"]["schemas"])
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    folder.write("http/index", _index(document, by_tag))
    for tag in document["tags"]:
        folder.write(f"http/{tag['name']}", _resource(tag, by_tag[tag["name"]], reader))
    folder.write("http/bodies", _bodies(document["components"]["schemas"], reader))


def reader_of(bodies: Mapping[str, Any]) -> Reader:
    """What tells the fields of bodies."""
    return Reader(lambda name: f"[{_short(name)}](#{label('body', name)})", files.unit, IN_BODIES, bodies)


def _short(name: str) -> str:
    """A body's name without the module that tells two of one name apart."""
    return name.rsplit("__", 1)[-1].replace("_", " ").strip()


def _index(document: Mapping[str, Any], by_tag: Mapping[str, list[Any]]) -> Iterator[str]:
    yield from ("(http)=", "# HTTP API", "")
    for paragraph in document["info"]["description"].split("\n"):
        yield from ([paragraph, ""] if paragraph else [])
    yield "A running service shows the same at `/docs`; `parkwatt openapi` prints the document behind it."
    for tag in document["tags"]:
        yield from ("", f"## [{tag['name']}](#{label('resource', tag['name'])})", "", told(tag["description"]))
        rows = [
            (f"[`{method} {path}`](#{label('operation', one['operationId'])})", told(one["summary"]))
            for method, path, one in by_tag[tag["name"]]
        ]
        yield from table(("Request", "What it does"), rows)
    yield from contents([*(tag["name"] for tag in document["tags"]), "bodies"])


def _resource(
    tag: Mapping[str, Any], operations: list[tuple[str, str, Mapping[str, Any]]], reader: Reader
) -> Iterator[str]:
    yield from (f"({label('resource', tag['name'])})=", f"# {tag['name']}", "", told(tag["description"]))
    for method, path, one in operations:
        yield from ("", f"({label('operation', one['operationId'])})=", f"## {escaped(one['summary'])}", "")
        yield from ("```text", f"{method} {path}", "```", "")
        for paragraph in one.get("description", "").split("\n\n"):
            yield from (told(paragraph), "")
        yield _allowed(one)
        yield from _parameters(one, reader)
        yield from _exchanged(one, reader)


def _allowed(one: Mapping[str, Any]) -> str:
    scopes = [scope for way in one.get("security", ()) for scopes in way.values() for scope in scopes]
    client = f"In the client: `{one['operationId'].replace('_', '.', 1)}`."
    return f"{client} Scope: {', '.join(map(code, scopes))}." if scopes else client


def _parameters(one: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    rows = [
        (
            code(p["name"]) + ("" if p.get("required") else " (may be left out)"),
            p["in"],
            reader.accepted(p["schema"], p["name"]),
            told(p.get("description", "")),
        )
        for p in one.get("parameters", ())
    ]
    yield from table(("Parameter", "Where", "What may be sent", "What it means"), rows)


def _exchanged(one: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    body = one.get("requestBody", {}).get("content", {})
    rows = [("request", code(kind), _shape(held, reader)) for kind, held in body.items()]
    for status, answer in one["responses"].items():
        rows += [(status, code(kind), _shape(held, reader)) for kind, held in answer.get("content", {}).items()]
    yield from table(("Sent", "As", "What is in it"), rows)
    problems = [status for status, answer in one["responses"].items() if "$ref" in answer]
    if problems:
        yield from (f"Refused as [Problem](#body-problem): {', '.join(problems)}.", "")
    for held in body.values():
        if "example" in held:
            yield from ("```json", json.dumps(held["example"], indent=1, ensure_ascii=False), "```", "")


def _shape(held: Mapping[str, Any], reader: Reader) -> str:
    return reader.accepted(held["schema"]) if held.get("schema") else "bytes"


def _bodies(schemas: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    yield from ("# Bodies", "", "What requests and answers hold, by name.")
    for name, model in sorted(schemas.items(), key=lambda one: _short(one[0])):
        yield from ("", f"({label('body', name)})=", f"## {escaped(_short(name))}", "")
        for paragraph in model.get("description", "").split("\n\n"):
            yield from (told(paragraph), "")
        yield from table(HEADINGS, reader.rows(model))
