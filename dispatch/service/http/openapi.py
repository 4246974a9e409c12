"""The OpenAPI document: what FastAPI finds in the routes, and what all of them share.

A route says its own answers; credentials, limits, formats, idempotency and the problems that any request may meet are
added here, from what the routes depend on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic.json_schema import models_json_schema

from dispatch.service.http import examples, links
from dispatch.service.http.call import Allowed
from dispatch.service.http.gate import API
from dispatch.service.http.problem import TITLES, Problem, ProblemError, problems
from dispatch.service.http.replays import FORM, HEADER
from dispatch.service.http.scopes import SCOPES

VERSION = "1.0.0"  # of the API: its first number is the one in the paths
_REF = "#/components/schemas/{model}"
_FRAMEWORKS = ("HTTPValidationError", "ValidationError")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SUMMARY = "Sites, measurements, forecasts, schedules, markets and carbon of industrial parks and virtual power plants"
_DESCRIPTION = """\
Times are RFC 3339 with an offset, answers have UTC. Units stand in the names. A missing value is never zero.

Every error is a problem document (RFC 9457) that names the place, the value and what would be accepted.
Send `Idempotency-Key` with what changes something: the same key and request is answered once and replayed afterwards.
Lists come in pages; `next` is the cursor of the next one. Tables are JSON, Arrow or CSV, as `Accept` says.
"""
_TRACE = {"$ref": "#/components/headers/TraceId"}
_TAG = "etag of the version that the client has"


def operation_name(route: APIRoute) -> str:
    """The id of an operation: its tag and the function's name, ``sites_list``."""
    tag = str(route.tags[0]).replace("-", "_").replace(" ", "_") if route.tags else "root"
    return f"{tag}_{route.name}"


def install(app: FastAPI, tags: list[dict[str, str]]) -> None:
    """Let ``app.openapi()`` give the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, tags)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's own way to extend the document


def text(document: dict[str, Any]) -> str:
    """The document as it is kept in docs/."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _document(app: FastAPI, tags: list[dict[str, str]]) -> dict[str, Any]:
    made = get_openapi(
        title=app.title, version=app.version, summary=_SUMMARY, description=_DESCRIPTION, routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    complete(app, made)
    used = {tag for _, _, operation in _operations(made) for tag in operation.get("tags", ())}
    made["tags"] = [tag for tag in tags if tag["name"] in used]
    links.add(made)
    examples.add(made, API)
    return made


def complete(app: FastAPI, made: dict[str, Any], problem: type[Problem] = Problem) -> None:
    """Add to a document what the routes of an app share, whose problems have this form."""
    needed = _scopes(app)
    for path, method, operation in _operations(made):
        _complete(operation, method, needed.get((path, method)))
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FRAMEWORKS:
        schemas.pop(name, None)
    _, found = models_json_schema([(problem, "serialization"), (ProblemError, "serialization")], ref_template=_REF)
    schemas |= found["$defs"]
    _lift(made["paths"], schemas)
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {
        f"Problem{status}": {**told, "headers": {"X-Trace-Id": _TRACE}} for status, told in problems(*TITLES).items()
    }
    components["securitySchemes"] = _security_schemes()
    components["headers"] = _headers()


def _lift(value: Any, schemas: dict[str, Any]) -> None:
    """Move definitions that a route's own schemas carry to where references to them point."""
    if isinstance(value, dict):
        for name, schema in value.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _lift(each, schemas)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _scopes(app: FastAPI) -> dict[tuple[str, str], tuple[str, ...]]:
    """Scopes that each operation needs; those without credentials are not in it."""
    found = {}
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        for each in dependant.dependencies if dependant is not None else ():
            if isinstance(each.call, Allowed):
                for method in context.methods or ():
                    found[str(context.path_format), method.lower()] = each.call.needed
    return found


def _complete(operation: dict[str, Any], method: str, scopes: tuple[str, ...] | None) -> None:
    """Add to an operation what it shares with others."""
    own = set(operation["responses"])
    responses = operation["responses"]
    if "HTTPValidationError" in json.dumps(responses.get("422", {})):
        del responses["422"]
    shared = [400, 422, 500]
    if "requestBody" in operation:
        shared += [408, 413, 415]
    if scopes is not None:
        shared += [401, 403, 406, 429, 503]
        operation["security"] = [{"apiKey": []}, {"oauth2": list(scopes)}]
        _add_parameters(operation, method, own)
        if method != "get":
            shared += [409, 507]
    for status in shared:
        responses.setdefault(str(status), problems(status)[status])
    operation["responses"] = {status: _response(status, told) for status, told in sorted(responses.items())}


def _response(status: str, told: dict[str, Any]) -> dict[str, Any]:
    """A response with the header that all have; a problem that is told like everywhere by its reference."""
    if int(status) in TITLES and told == problems(int(status))[int(status)]:
        return {"$ref": f"#/components/responses/Problem{status}"}
    told.setdefault("headers", {})["X-Trace-Id"] = _TRACE
    return told


def _add_parameters(operation: dict[str, Any], method: str, own: set[str]) -> None:
    parameters = operation.setdefault("parameters", [])
    if method != "get":
        schema = {"type": "string", "pattern": FORM}
        told = "Names this request: sent again with the same key it is answered alike and done once"
        parameters.append(_header(HEADER, schema, told))
    tags = {"type": "string", "examples": ['"095b9070bd365892"']}
    if "412" in own:
        parameters.append(_header("If-Match", tags, f"Change only this version: {_TAG}"))
        parameters.append(_header("If-None-Match", tags, "`*`: only where there is none yet"))
    elif method == "get" and "200" in own:
        parameters.append(_header("If-None-Match", tags, f"Answer 304 where nothing has changed: {_TAG}"))
        operation["responses"]["304"] = {"description": "The client has this version"}
    if not parameters:
        del operation["parameters"]


def _header(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def _headers() -> dict[str, Any]:
    trace = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return {"TraceId": {"description": "What the server's log has this request under", "schema": trace}}


def _security_schemes() -> dict[str, Any]:
    return {
        "apiKey": {
            "type": "http", "scheme": "bearer", "bearerFormat": "pw_<id>_<secret>",
            "description": "An API key; `parkwatt keys create` makes one",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "A token for some of a key's scopes: client_id is the key's id, client_secret its secret",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": dict(SCOPES)}},
        },
    }  # fmt: skip
