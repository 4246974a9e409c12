"""The client is what the document says, and light."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from dispatch.client import AsyncClient, Client, NotAcceptedError
from dispatch.client.generated import MADE_FROM
from dispatch.client.generator.document import class_name, digest, load, operations, python_name
from dispatch.client.generator.methods import methods
from dispatch.client.generator.types import python_type


def test_it_is_made_from_the_document_that_is_there(repository: Path) -> None:
    assert digest(repository / "docs" / "openapi.json") == MADE_FROM, "make it anew: make client"


@pytest.mark.slow
def test_it_is_what_the_generator_writes(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dispatch.client.generator", "docs/openapi.json", str(tmp_path)]
    subprocess.run(command, cwd=repository, check=True)
    there = {path.name: path.read_text() for path in (repository / "dispatch/client/generated").glob("*.py")}
    assert {path.name: path.read_text() for path in tmp_path.glob("*.py")} == there


def test_every_operation_is_a_method_of_both_clients(repository: Path) -> None:
    document = load(repository / "docs" / "openapi.json")
    blocking, waiting = Client("http://127.0.0.1:1"), AsyncClient("http://127.0.0.1:1")
    found = list(methods(document))
    for method in found:
        for client in (blocking, waiting):
            assert callable(getattr(getattr(client, method.tag), method.name))
    assert len({(method.tag, method.name) for method in found}) == len(found)
    assert len({(method.verb, method.path) for method in found}) == len(list(operations(document))) > 90
    blocking.close()


ARGUMENTS: dict[str, Any] = {
    "str": "a/b", "int": 1, "float": 1.5, "bool": True, "datetime": datetime(2026, 6, 1, tzinfo=UTC), "bytes": b"x",
    "pa.Table": pa.table({"a": [1]}),
}  # fmt: skip


def given(kind: str) -> Any:
    """Something of a type."""
    if kind.startswith("Literal["):
        return ast.literal_eval(kind.removeprefix("Literal"))[0]
    return ARGUMENTS.get(kind.partition(" |")[0], {"a": "b"})


def test_every_method_asks_for_what_the_document_says(repository: Path) -> None:
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(418, json={"title": "teapot"})

    client = Client("http://parkwatt", "key", transport=httpx.MockTransport(refuse))
    for method in methods(load(repository / "docs" / "openapi.json")):
        function = getattr(getattr(client, method.tag), method.name)
        options = {each.name: given(each.type) for each in method.options if each.required}
        body = [given(method.body[0])] if method.body else []
        names = [given(each.type) for each in method.names]
        with pytest.raises(NotAcceptedError, match="teapot"):
            list(function(*names, *body, **options))  # a stream asks when it is read
        request = asked.pop()
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(method.path))
        assert request.method == method.verb
        assert re.fullmatch(pattern, request.url.raw_path.decode().partition("?")[0]), method
        assert request.headers["accept"].startswith(method.accept)
        assert ("idempotency-key" in request.headers) == method.keyed
        assert set(request.url.params) == {each.wire for each in method.query if each.required}
        assert request.headers.get("content-type") == (method.body[1] if method.body else None)
    client.close()


def test_it_imports_nothing_but_httpx_and_pydantic() -> None:
    told = "import sys, dispatch.client; print(*{m.partition('.')[0] for m in sys.modules})"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "pandas", "pyarrow", "jinja2", "fastapi", "sqlalchemy", "yaml", "cvxpy", "typer"}
    assert heavy & set(found) == set()
    assert {"httpx", "pydantic"} <= set(found)


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/things": {
            "parameters": [{"name": "X-Who", "in": "header", "schema": {"type": "string"}}],
            "get": {
                "operationId": "things_list", "tags": ["things"], "summary": "List things",
                "parameters": [
                    {"name": "cursor", "in": "query", "schema": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                    {"name": "class", "in": "query", "required": True, "schema": {"enum": ["a", "b"]}},
                    {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Page_Thing_"}},
                    "text/csv": {}, "application/x-other": {},
                }}},
            },
            "post": {
                "operationId": "things_add", "tags": ["things"], "description": 'With "quotes" and \\.',
                "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                "requestBody": {"content": {
                    "application/vnd.apache.arrow.stream": {}, "application/x-ndjson": {},
                    "application/json": {"schema": {"$ref": "#/components/schemas/Thing-Input"}},
                }},
                "responses": {"201": {"content": {"application/json": {"schema": {"type": "integer"}}}}, "204": {}},
            },
        },
    },
    "components": {"schemas": {
        "Page_Thing_": {"type": "object", "additionalProperties": False, "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing-Input"}},
            "next": {"type": "string"},
        }},
        "Thing-Input": {"type": "object", "title": "Thing", "additionalProperties": False, "properties": {
            "title": {"type": "string", "title": "Title"}}},
    }},
}  # fmt: skip


def written(tmp_path: Path, document: dict[str, Any] = DOCUMENT) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def test_operations_become_methods(tmp_path: Path) -> None:
    found = {method.name: method for method in methods(load(written(tmp_path)))}
    assert list(found) == ["list", "list_csv", "list_bytes", "add", "add_arrow"]
    assert found["list"].shape == "models.PageThing"
    pages = found["list"]
    assert (pages.item, pages.next_name, pages.iterates) == ("models.ThingInput", "next", "iterate")
    assert [(p.name, p.wire, p.type) for p in found["list"].options] == [
        ("class_", "class", "Literal['a', 'b']"), ("cursor", "cursor", "str | None"), ("x_who", "X-Who", "str | None"),
    ]  # fmt: skip
    assert (found["add"].shape, found["add"].keyed, found["add"].body) == (
        "int | None", True, ("models.ThingInput", "application/json")
    )  # fmt: skip
    assert found["add"].told == 'things_add.\n\nWith "quotes" and \\\\.'
    assert {name: method.returns for name, method in found.items()}["list_bytes"] == "bytes"


def test_what_only_comes_out_may_grow(tmp_path: Path) -> None:
    schemas = load(written(tmp_path))["components"]["schemas"]
    assert "additionalProperties" not in schemas["PageThing"]
    assert schemas["ThingInput"] == {
        "type": "object", "additionalProperties": False, "properties": {"title": {"type": "string"}},
    }  # fmt: skip


def test_a_document_that_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    schemas = {**DOCUMENT["components"]["schemas"], "Page Thing": {}}
    with pytest.raises(ValueError, match="class names are the same: Page Thing, Page_Thing_"):
        load(written(tmp_path, {**DOCUMENT, "components": {"schemas": schemas}}))
    with pytest.raises(ValueError, match="it lacks: Page_Thing_"):
        load(written(tmp_path, {**DOCUMENT, "components": {"schemas": {}}}))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"], "format": "date-time"}, "datetime | None"),
        ({"type": "array", "items": {"type": "number"}}, "Sequence[float]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "dict[str, int]"),
        ({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/A"}]}, "models.A | None"),
        ({"allOf": [{"type": "boolean"}]}, "bool"),
        ({"const": "x"}, "Literal['x']"),
        ({"anyOf": [{}, {"type": "string"}]}, "Any"),
        ({"type": "string", "format": "date"}, "date"),
    ],
)
def test_schemas_become_types(schema: dict[str, Any], expected: str) -> None:
    assert python_type(schema) == expected


def test_names() -> None:
    assert [class_name(each) for each in ("Page_SiteOut_", "a-b c")] == ["PageSiteOut", "ABC"]
    assert [python_name(each) for each in ("If-Match", "siteName", "from")] == ["if_match", "site_name", "from_"]
