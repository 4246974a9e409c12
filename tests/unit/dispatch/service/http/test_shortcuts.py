"""What makes a request cheap changes no answer: keys that opened a moment ago, routers asked where they fit."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from dispatch.service.http import recent
from dispatch.service.http.matching import hasten
from dispatch.service.store import keys
from tests.unit.dispatch.client.loops import run
from tests.unit.dispatch.service.served import Api


def opens(api: Api, key: str) -> bool:
    answer: httpx.Response = api.anonymous.get("/api/v1/sites", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_a_key_that_is_revoked_here_opens_nothing_more(api: Api) -> None:
    key = api.served.key(api.tenant)
    assert opens(api, key)
    assert opens(api, key)
    with api.store.write(api.tenant, "test") as tx:
        keys.revoke(tx, key[3:33])
    assert not opens(api, key)


def test_what_another_process_revokes_is_noticed_in_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "HELD_S", 0.2)
    key = api.served.key(api.tenant)
    assert opens(api, key)
    with api.store.write(api.tenant, "other process") as tx:
        tx.execute(tx.update(keys.keys).where(keys.keys.c.id == key[3:33]).values(revoked=tx.now))
    time.sleep(0.25)
    assert not opens(api, key)


def test_a_key_ends_with_its_time_though_it_opened_just_now(api: Api) -> None:
    key = api.served.key(api.tenant, expires=datetime.now(UTC) + timedelta(seconds=0.4))
    assert opens(api, key)
    time.sleep(0.45)
    assert not opens(api, key)


def test_a_wrong_secret_gets_nothing_from_a_key_that_opened(api: Api) -> None:
    key = api.served.key(api.tenant)
    assert opens(api, key)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert not opens(api, wrong)
    assert not opens(api, wrong)


@pytest.mark.parametrize("is_hastened", [False, True])
def test_a_hastened_app_answers_as_before(is_hastened: bool) -> None:
    app, things, others = FastAPI(), APIRouter(), APIRouter()
    things.add_api_route("/things/{name}", lambda name: f"thing {name}")
    things.add_api_route("/things/{name}:do", lambda name: f"done {name}", methods=["POST"])
    others.add_api_route("/things/{name}/parts", lambda name: f"parts of {name}")
    others.add_api_route("/{rest:path}", lambda rest: f"rest {rest}", methods=["DELETE"])
    app.include_router(things, prefix="/api")
    app.include_router(others, prefix="/api")
    app.add_api_route("/alone", lambda: "alone")
    if is_hastened:
        hasten(app)
    asked = [
        ("GET", "/api/things/a"), ("POST", "/api/things/a:do"), ("GET", "/api/things/a/parts"), ("GET", "/alone"),
        ("DELETE", "/api/x/y"), ("GET", "/api/none"), ("POST", "/api/things/a"), ("GET", "/nowhere"),
    ]  # fmt: skip

    async def answered() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://parkwatt", verify=False) as client:
            return [await client.request(method, path) for method, path in asked]

    found = run(answered())
    told = [answer.json() if answer.status_code == 200 else answer.status_code for answer in found]
    assert told == ["thing a", "done a", "parts of a", "alone", "rest x/y", 405, 405, 404]
