"""Keys over HTTP: made, rotated, revoked, never more than their maker may do."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.unit.dispatch.service.served import Api


def made(client: httpx.Client, **body: object) -> dict[str, object]:
    answer = client.post("/api/v1/keys", json={"name": "k", "scopes": ["sites:read"], **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def bearer(api: Api, key: object) -> httpx.Response:
    return api.anonymous.get("/api/v1/keys", headers={"Authorization": f"Bearer {key}"})


def test_a_key_that_was_made_opens_what_it_may(api: Api) -> None:
    key = made(api.client, scopes=["keys:read"])
    assert bearer(api, key["key"]).status_code == 200
    assert made(api.client)["key"] != key["key"]
    assert bearer(api, made(api.client)["key"]).status_code == 403


def test_a_secret_is_shown_once(api: Api) -> None:
    key = made(api.client)
    listed = api.client.get("/api/v1/keys").text
    secret = str(key["key"]).split("_", 3)[3]
    assert str(key["id"]) in listed
    assert secret not in listed
    assert secret not in api.client.get("/api/v1/audit").text


def test_a_repeated_answer_has_no_secret(api: Api) -> None:
    sent = {"json": {"name": "k", "scopes": ["sites:read"]}, "headers": {"Idempotency-Key": "once"}}
    first, second = (api.client.post("/api/v1/keys", **sent) for _ in range(2))  # type: ignore[arg-type]
    assert first.json()["key"]
    assert second.json() == {**first.json(), "key": None}
    assert second.headers["idempotency-replayed"] == "true"


def test_nobody_gives_away_more_than_they_have(api: Api) -> None:
    weak = api.allowed("keys:write", "keys:read", "sites:read")
    refused = weak.post("/api/v1/keys", json={"name": "k", "scopes": ["sites:read", "plans:write"]})
    assert refused.status_code == 403
    assert "plans:write" in refused.json()["detail"]
    strong = made(api.client, scopes=["plans:write"])
    assert weak.post(f"/api/v1/keys/{strong['id']}/rotation", json={}).status_code == 403


def test_a_rotated_key_opens_beside_the_new_one_for_a_while(api: Api) -> None:
    old = made(api.client, scopes=["keys:read"])
    turn = f"/api/v1/keys/{old['id']}/rotation"
    new = api.client.post(turn, json={"overlap_minutes": 5}).json()
    assert new["replaces"] == old["id"]
    assert [bearer(api, key["key"]).status_code for key in (old, new)] == [200, 200]
    newest = api.client.post(f"/api/v1/keys/{new['id']}/rotation", json={}).json()
    assert [bearer(api, key["key"]).status_code for key in (new, newest)] == [401, 200]
    assert api.client.post(f"/api/v1/keys/{new['id']}/rotation", json={}).status_code == 409


@pytest.mark.parametrize("expires", [4102444800, 4102444800.5, "4102444800", "1e10", True])
def test_a_time_is_written_out(api: Api, expires: object) -> None:
    refused = api.client.post("/api/v1/keys", json={"name": "k", "scopes": ["keys:read"], "expires": expires})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/expires"
    assert "2026-05-01T" in error["accepted"]


def test_a_revoked_key_opens_nothing_and_says_so_to_its_owner_alone(api: Api) -> None:
    key = made(api.client, scopes=["keys:read"])
    closed = api.client.post(f"/api/v1/keys/{key['id']}:revoke")
    assert closed.status_code == 200
    assert closed.json()["revoked"] is not None
    assert closed.json() == api.client.get(f"/api/v1/keys/{key['id']}").json()
    refused = bearer(api, key["key"])
    assert (refused.status_code, refused.json()["detail"]) == (401, "The key was revoked.")
    forged = bearer(api, str(key["key"])[:-1] + ("A" if str(key["key"])[-1] != "A" else "B"))
    assert (forged.status_code, forged.json()["detail"]) == (401, "The credentials do not hold.")


def test_nobody_gives_away_a_longer_time_than_they_have(api: Api) -> None:
    ends = "2031-01-01T00:00:00Z"
    short = made(api.client, scopes=["keys:write", "keys:read", "sites:read"], expires=ends)
    with httpx.Client(
        base_url=api.served.url, headers={"Authorization": f"Bearer {short['key']}"}, verify=False
    ) as client:
        assert made(client)["expires"] == ends
        assert made(client, expires="2030-01-01T00:00:00Z")["expires"] == "2030-01-01T00:00:00Z"
        endless = made(api.client)
        assert client.post(f"/api/v1/keys/{endless['id']}/rotation", json={}).status_code == 403


def test_a_key_that_ends_in_the_past_is_refused(api: Api) -> None:
    body = {"name": "k", "scopes": ["sites:read"], "expires": "2020-01-01T00:00:00Z"}
    refused = api.client.post("/api/v1/keys", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/expires"


def bearing(api: Api, credential: str) -> httpx.Client:
    return httpx.Client(base_url=api.served.url, headers={"Authorization": f"Bearer {credential}"}, verify=False)


def token(api: Api, key: dict[str, object], scope: str = "") -> str:
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": str(key["key"])[34:]}
    return str(
        api.anonymous.post("/oauth/token", data=form | ({"scope": scope} if scope else {})).json()["access_token"]
    )


def test_a_token_makes_no_key_that_outlives_it_or_may_do_more(api: Api) -> None:
    key = made(api.client, scopes=["keys:write", "keys:read", "sites:read", "plans:write"])
    with bearing(api, token(api, key, "keys:write sites:read")) as client:
        child = made(client, scopes=["sites:read"])
        ends = datetime.fromisoformat(str(child["expires"]))
        assert ends <= datetime.now(UTC) + timedelta(minutes=60)
        assert made(client, expires="2090-01-01T00:00:00Z")["expires"] == child["expires"]
        beyond = client.post("/api/v1/keys", json={"name": "k", "scopes": ["plans:write"]})
        assert beyond.status_code == 403
        assert client.post(f"/api/v1/keys/{key['id']}/rotation", json={}).status_code == 403
        # What it made may be rotated: it ends with the token in any case.
        again = client.post(f"/api/v1/keys/{child['id']}/rotation", json={})
        assert (again.status_code, again.json()["expires"]) == (201, child["expires"])


def test_keys_that_a_key_made_are_listed_under_it_and_closed_with_it(api: Api) -> None:
    key = made(api.client, scopes=["keys:write", "keys:read"])
    with bearing(api, str(key["key"])) as client:
        child = made(client, scopes=["keys:read"])
    listed = api.client.get("/api/v1/keys", params={"made_by": key["id"]}).json()["items"]
    assert [(each["id"], each["made_by"]) for each in listed] == [(child["id"], key["id"])]
    assert api.client.post(f"/api/v1/keys/{key['id']}:revoke").status_code == 200
    assert bearer(api, child["key"]).status_code == 401
    entries = api.client.get("/api/v1/audit", params={"limit": 1000}).json()["items"]
    assert [each["details"] for each in entries if each["subject"] == child["id"]][-1] == {"made_by": key["id"]}


def test_a_rotated_key_repeats_a_request_and_gets_the_same_answer(api: Api) -> None:
    """Its new key, and a token of that; another client of the tenant and another tenant get answers of their own."""
    scopes = ["keys:write", "keys:read", "sites:read"]
    old = made(api.client, scopes=scopes)
    body, once = {"name": "mine", "scopes": ["sites:read"]}, {"Idempotency-Key": "rotated"}
    with bearing(api, str(old["key"])) as client:
        first = client.post("/api/v1/keys", json=body, headers=once)
        new = client.post(f"/api/v1/keys/{old['id']}/rotation", json={}).json()
    for credential in (str(new["key"]), token(api, new)):
        with bearing(api, credential) as client:
            again = client.post("/api/v1/keys", json=body, headers=once)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == {**first.json(), "key": None}
    for other in (api.client, api.other):
        theirs = other.post("/api/v1/keys", json=body, headers=once)
        assert "idempotency-replayed" not in theirs.headers
        assert theirs.json()["id"] != first.json()["id"]


def test_keys_come_in_pages(api: Api) -> None:
    names = {str(made(api.client)["id"]) for _ in range(4)}
    seen, cursor = [], None
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.client.get("/api/v1/keys", params=asked).json()
        assert len(page["items"]) <= 2
        seen += [key["id"] for key in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(set(seen))
    assert names <= set(seen)


def test_a_cursor_holds_for_its_tenant_and_query_alone(api: Api) -> None:
    for _ in range(3):
        made(api.client)
        made(api.other)
    cursor = api.client.get("/api/v1/keys", params={"limit": 1}).json()["next"]
    assert api.client.get("/api/v1/keys", params={"cursor": cursor}).status_code == 200
    assert api.other.get("/api/v1/keys", params={"cursor": cursor}).status_code == 422
    assert api.client.get("/api/v1/audit", params={"cursor": cursor}).status_code == 422
    assert api.client.get("/api/v1/keys", params={"cursor": "A" + cursor[1:]}).status_code == 422


def test_a_key_tells_when_it_was_used(api: Api) -> None:
    key = made(api.client, scopes=["keys:read"])
    assert key["last_used"] is None
    bearer(api, key["key"])
    until = time.monotonic() + 5
    while api.client.get(f"/api/v1/keys/{key['id']}").json()["last_used"] is None:
        assert time.monotonic() < until
        time.sleep(0.01)
