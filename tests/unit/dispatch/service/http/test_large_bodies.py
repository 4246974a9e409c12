"""Large JSON: read once, in a thread, and only where somebody needs it."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
import starlette.requests
from fastapi.routing import iter_route_contexts

from dispatch.service.http import intake, strict_json
from dispatch.service.http.intake import LARGE_JSON, LargeRoute
from tests.unit.dispatch.service.served import Api

_MIB = 2**20


def filled(size: int, **more: Any) -> bytes:
    body = json.dumps({**more, "filling": "x"}).encode()
    return body.replace(b'"x"', b'"' + b"x" * (size - len(body) + 1) + b'"')


def post(api: Api, path: str, content: bytes, method: str = "POST") -> httpx.Response:
    return api.client.request(method, path, content=content, headers={"Content-Type": "application/json"})


def test_json_is_small_where_nobody_needs_it_large(api: Api) -> None:
    refused = post(api, "/api/v1/keys", filled(_MIB + 1, name="k", scopes=["sites:read"]))
    assert (refused.status_code, refused.json()["detail"][:30]) == (413, "A body may have 1048576 bytes,")
    assert post(api, "/api/v1/keys", filled(_MIB - 100, name="k")).status_code == 422


def test_a_large_site_is_read_once_and_not_by_the_loop(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    readers, check = [], strict_json.check

    def seen(body: bytes, deepest: int) -> Any:
        readers.append(threading.current_thread().name)
        return check(body, deepest)

    monkeypatch.setattr(intake.strict_json, "check", seen)
    monkeypatch.setattr(starlette.requests, "json", None)
    for path, method in (("/api/v1/sites/large", "PUT"), ("/api/v1/sites/large/schedules", "POST")):
        assert post(api, path, filled(2 * _MIB, name="large"), method).status_code in (404, 422)
    assert post(api, "/api/v1/measurements", filled(2 * _MIB, rows=[])).status_code == 422
    assert len(readers) == 3
    assert all("AnyIO" in name for name in readers)


def test_every_route_whose_json_may_be_large_takes_what_was_read(api: Api) -> None:
    routes = [
        each.original_route for each in iter_route_contexts(api.app.routes) if str(each.path).startswith(LARGE_JSON)
    ]
    takes = [route for route in routes if getattr(route, "body_field", None) is not None]
    assert len(takes) >= 6
    assert [route.path for route in takes if not isinstance(route, LargeRoute)] == []  # type: ignore[attr-defined]
