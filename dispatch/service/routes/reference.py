"""What the API is: its OpenAPI document, and a page to read it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dispatch.service.http.negotiation import JSON, json_bytes

PREFIX = ""
router = APIRouter(tags=["reference"], include_in_schema=False)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_QUOTED = re.compile(r"`([^`]+)`")
_METHODS = ("get", "put", "post", "patch", "delete")
_CACHED = {"Cache-Control": "public, max-age=300"}


@router.get("/openapi.json")
def document(request: Request) -> Response:
    """The document that clients are generated from."""
    return Response(json_bytes(request.app.openapi()), headers=_CACHED, media_type=JSON)


@router.get("/docs")
def page(request: Request) -> HTMLResponse:
    """The document as one page without scripts, which works where there is no internet."""
    document = request.app.openapi()
    answers = document["components"]["responses"]

    def resolved(answer: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = answers.get(answer.get("$ref", "").rpartition("/")[2], answer)
        return found

    html = _template().render(document=document, methods=_METHODS, resolved=resolved)
    return HTMLResponse(html, headers={**_CACHED, "Content-Security-Policy": _POLICY})


@lru_cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    loader = PackageLoader("dispatch.service.http", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["code"] = lambda text: Markup(_QUOTED.sub(r"<code>\1</code>", str(escape(text))))
    return environment.get_template("reference.html.j2")
