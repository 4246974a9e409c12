"""The OpenAPI document: complete, current, and readable as a page without anything from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.cli.serving import write_document
from dispatch.service.http.scopes import SCOPES
from tests.unit.dispatch.service.served import Api

EXAMPLE_IDS = {
    "site": "works", "fleet": "north", "bid": f"bid_{'0' * 26}", "award": f"awd_{'0' * 26}",
    "key_id": f"key_{'0' * 26}",
}  # fmt: skip
SHARED = {"400", "401", "403", "429", "500", "503"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("openapi") / "openapi.json"
    write_document(out)
    return out.read_text("utf-8")


@pytest.fixture(scope="module")
def document(written: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_that_is_kept_is_current(repository: Path, written: str) -> None:
    kept = (repository / "docs" / "openapi.json").read_text("utf-8")
    assert kept == written, "write it anew: python -m dispatch openapi --out docs/openapi.json"


def test_every_operation_has_a_name_of_its_own_and_a_tag_that_is_described(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert described[operation["tags"][0]], name


def test_every_operation_of_the_api_says_who_may_and_what_may_happen(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "/api/v1/" in name:
            assert SHARED - set(operation["responses"]) == set(), name
            assert [list(need) for need in operation["security"]] == [["apiKey"], ["oauth2"]], name
            assert set(operation["security"][1]["oauth2"]) <= set(SCOPES), name
        if "{" in name and not name.startswith("PUT"):
            assert "404" in operation["responses"], name
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= set(operation["responses"]), name


def test_every_write_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        takes = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ()))
        assert takes == ("/api/v1/" in name and not name.startswith("GET")), name


def test_every_reference_points_at_something(written: str, document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', written)):
        place: Any = document
        for part in reference.split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
    assert "$defs" not in written
    assert "HTTPValidationError" not in written


def test_every_body_has_an_example_that_is_taken(document: dict[str, Any], api: Api) -> None:
    """Taken, or not there: what examples name is made by those before, except for what takes a job."""
    listed = [
        (name, content["application/json"]["example"])
        for name, operation in operations(document)
        if "application/json" in (content := operation.get("requestBody", {}).get("content", {}))
    ]
    for name, example in sorted(listed, key=lambda each: ("PUT" not in each[0], "sites/" not in each[0])):
        method, _, path = name.partition(" ")
        for parameter, value in EXAMPLE_IDS.items():
            path = path.replace(f"{{{parameter}}}", value)
        assert "{" not in path, name
        answer = api.client.request(method, path, json=example)
        if name.endswith("/overrides"):  # holds until a time to come, which no example can name for long
            assert [each["pointer"] for each in answer.json()["errors"]] == ["/until"]
        else:
            assert answer.status_code in (200, 201, 202, 404), (name, answer.text)


def test_links_name_operations_that_there_are(document: dict[str, Any]) -> None:
    ids = {operation["operationId"] for _, operation in operations(document)}
    links = [
        link
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert {link["operationId"] for link in links} <= ids
    assert {"keys_get", "keys_rotate"} <= {link["operationId"] for link in links}


def test_the_page_has_every_operation_and_nothing_from_elsewhere(api: Api) -> None:
    page = api.anonymous.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="(?!#|/openapi.json)', page.text) == []
    for _, operation in operations(api.anonymous.get("/openapi.json").json()):
        if operation["tags"] != ["probe"]:
            assert f'id="{operation["operationId"]}"' in page.text
