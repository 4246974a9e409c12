"""Large JSON: read once, in a thread, and only where somebody needs it."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
import starlette.requests
from fastapi._compat import ModelField
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


def test_a_large_body_is_validated_once_and_not_by_the_loop(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, validate, validated = [], ModelField.validate, intake._validated

    def note(value: Any) -> None:
        seen.append((type(value).__name__, threading.current_thread().name.startswith("AnyIO")))

    def by_fastapi(self: ModelField, value: Any, *given: Any, **more: Any) -> Any:
        if self.name == "body":
            note(value)
        return validate(self, value, *given, **more)

    def by_us(field: ModelField, value: Any) -> Any:
        note(value)
        return validated(field, value)

    monkeypatch.setattr(ModelField, "validate", by_fastapi)
    monkeypatch.setattr(intake, "_validated", by_us)
    hours = {f"load_{n}": [1.5] * 1000 for n in range(20)}
    body = json.dumps({"day": "2026-06-02", "series": hours}).encode()
    answer = post(api, "/api/v1/sites/large/schedules", body)
    assert answer.status_code == 404  # there is no such site, and nothing is wrong with the body
    assert seen == [("dict", True), ("ScheduleAsked", False)]


def test_what_is_wrong_in_a_large_body_is_named_beside_all_else(api: Api) -> None:
    series = {"hall": [1.5] * 2000, "roof": [1.5] * 10 + ["x"] + [1.5] * 2000}
    content = {"day": "2026-06-02", "series": series, "mode": "sometimes"}
    faults = {}
    for filling in (0, 20_000):  # small ones are validated by FastAPI
        sent = {**content, "series": {name: values[: 15 + filling] for name, values in series.items()}}
        refused = post(api, f"/api/v1/sites/{'x' * 200}/schedules", json.dumps(sent).encode())
        assert refused.status_code == 422
        faults[filling] = [(each["in"], each["pointer"]) for each in refused.json()["errors"]]
    assert faults[0] == faults[20_000]
    assert {("body", "/mode"), ("body", "/series/roof/10")} < set(faults[0])
    assert "path" in {place for place, _ in faults[0]}


def test_a_body_that_is_wrong_in_very_many_places_is_told_how_many(api: Api) -> None:
    def refused(**content: Any) -> Any:
        body = json.dumps({"day": "2026-06-02", **content}).encode()
        answer = post(api, "/api/v1/sites/large/schedules", body)
        assert answer.status_code == 422
        return answer.json()

    many = refused(series={f"load_{n}": ["x"] * 100 for n in range(90)})
    assert (many["detail"], many["errors_left_out"]) == ("9000 problems were found.", 8900)
    assert many["errors"][1]["pointer"] == "/series/load_0/1"
    too_many = refused(**{f"unknown_{n}": n for n in range(20_000)})
    assert [each["message"] for each in too_many["errors"]] == ["is wrong in 20000 places, of which none is named"]


def test_every_route_whose_json_may_be_large_takes_what_was_read(api: Api) -> None:
    routes = [
        each.original_route for each in iter_route_contexts(api.app.routes) if str(each.path).startswith(LARGE_JSON)
    ]
    takes = [route for route in routes if getattr(route, "body_field", None) is not None]
    assert len(takes) >= 6
    assert [route.path for route in takes if not isinstance(route, LargeRoute)] == []  # type: ignore[attr-defined]
