"""Links of the OpenAPI document: which answer has what another operation asks for, so that tools can go on from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PARAMETER = re.compile(r"\{([^}]+)\}")
_MOST = 12


def add(document: dict[str, Any]) -> None:
    """Add links to what makes something: to its operations, by the id in the answer or in the path."""
    operations = [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]
    for path, method, operation in operations:
        if method not in ("post", "put"):
            continue
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                links = dict(_links(document, path, response, operations))
                if links:
                    response["links"] = links


def _links(
    document: dict[str, Any], path: str, response: dict[str, Any], operations: list[tuple[str, str, dict[str, Any]]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    names = _properties(document, response)
    count = 0
    for target, _, operation in operations:
        wanted = _PARAMETER.findall(target)
        found = {name: source for name in wanted if (source := _source(path, target, name, names))}
        if wanted and len(found) == len(wanted) and count < _MOST:
            count += 1
            yield operation["operationId"], {"operationId": operation["operationId"], "parameters": found}


def _source(path: str, target: str, name: str, names: set[str]) -> str | None:
    """Where a parameter of the target's path stands: in this path, in the answer by its name, or as the answer's id."""
    if f"{{{name}}}" in path:
        return f"$request.path.{name}"
    if name in names:
        return f"$response.body#/{name}"
    is_of_these = re.match(rf"{re.escape(path)}/\{{{re.escape(name)}\}}", target) is not None
    return "$response.body#/id" if is_of_these and "id" in names else None


def _properties(document: dict[str, Any], response: dict[str, Any]) -> set[str]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found = document["components"]["schemas"].get(name, schema)
    return set(found.get("properties", ()))
