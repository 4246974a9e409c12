"""The node beyond what a client's package asks: keys that are rotated or revoked, replays, audit, scopes, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest

from benchmarks.cases.doors.openadr import LOGIC, VEN
from benchmarks.cases.doors.server import Served
from dispatch.service.store import audit, jobs, keys

ROOT = "/openadr/3.1"
Made = Callable[..., tuple[str, httpx.Client]]


@pytest.fixture
def tenant(doors: Served) -> str:
    return doors.new_tenant()


@pytest.fixture
def made(doors: Served, tenant: str) -> Iterator[Made]:
    """A new key's id, and a client that sends with it."""
    with ExitStack() as opened:

        def new(scopes: tuple[str, ...], key: tuple[str, str] | None = None) -> tuple[str, httpx.Client]:
            key_id, secret = key or doors.key(tenant, scopes)
            headers = {"Authorization": f"Bearer pw_{key_id}_{secret}"}
            client = httpx.Client(base_url=f"{doors.url}{ROOT}", headers=headers, verify=False)
            return key_id, opened.enter_context(client)

        yield new


def program(client: httpx.Client, **more: Any) -> str:
    answer = client.post("/programs", json={"programName": "p", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_rotated_key_keeps_what_was_its_own(doors: Served, tenant: str, made: Made) -> None:
    _, logic = made(LOGIC)
    old_id, old = made(VEN)
    ven = {"objectType": "BL_VEN_REQUEST", "venName": "works", "clientID": old_id, "targets": ["works"]}
    assert logic.post("/vens", json=ven).status_code == 201
    logic.post("/events", json={"programID": program(logic), "eventName": "e", "targets": ["works"]})
    with doors.store.write(tenant, "test") as tx:
        rotated = keys.rotate(tx, old_id, overlap=timedelta(0))
    assert rotated is not None
    _, new = made(VEN, (rotated[0].id, rotated[1]))
    assert old.get("/vens").status_code == 401
    assert [one["venName"] for one in new.get("/vens").json()] == ["works"]
    assert [one["eventName"] for one in new.get("/events", params={"targets": "works"}).json()] == ["e"]


def test_a_subscriber_whose_key_is_revoked_is_told_nothing(doors: Served, tenant: str, made: Made) -> None:
    _, logic = made(LOGIC)
    ven_id, ven = made(VEN)
    operation = {"objects": ["EVENT"], "operations": ["CREATE"], "callbackUrl": "http://127.0.0.1:9/"}
    assert ven.post("/subscriptions", json={"clientName": "v", "objectOperations": [operation]}).status_code == 201
    body = {"programID": program(logic), "eventName": "e"}
    logic.post("/events", json=body)

    def told() -> int:
        with doors.store.read(tenant) as tx:
            return len(jobs.find(tx, kind="webhook"))

    assert told() == 1
    with doors.store.write(tenant, "test") as tx:
        keys.revoke(tx, ven_id)
    logic.post("/events", json=body)
    assert told() == 1


def test_a_subscriber_is_told_only_of_what_it_sees(doors: Served, tenant: str, made: Made) -> None:
    _, logic = made(LOGIC)
    ven_id, ven = made(VEN)
    logic.post("/vens", json={"objectType": "BL_VEN_REQUEST", "venName": "v", "clientID": ven_id, "targets": ["a"]})
    operation = {"objects": ["EVENT", "VEN"], "operations": ["CREATE"], "callbackUrl": "http://127.0.0.1:9/"}
    ven.post("/subscriptions", json={"clientName": "v", "objectOperations": [operation], "targets": ["a", "b"]})
    number = program(logic)
    for target in ("a", "b", "c"):
        logic.post("/events", json={"programID": number, "eventName": target, "targets": [target, "hidden"]})
    with doors.store.read(tenant) as tx:
        found = [job.request["content"]["object"] for job in jobs.find(tx, kind="webhook")]
    assert [(one["eventName"], one["targets"]) for one in found] == [("a", ["a"])]


def test_changes_and_deletions_are_told_as_such(doors: Served, tenant: str, made: Made) -> None:
    _, logic = made(LOGIC)
    operation = {
        "objects": ["EVENT", "PROGRAM"],
        "operations": ["UPDATE", "DELETE"],
        "callbackUrl": "http://127.0.0.1:9/",
    }
    number = program(logic)
    logic.post("/subscriptions", json={"clientName": "l", "programID": number, "objectOperations": [operation]})
    body = {"programID": number, "eventName": "e"}
    kept = logic.post("/events", json=body).json()["id"]
    logic.put(f"/events/{kept}", json={**body, "priority": 1})
    logic.delete(f"/programs/{number}")
    with doors.store.read(tenant) as tx:
        found = [job.request["content"] for job in jobs.find(tx, kind="webhook")]
    told = {(one["objectType"], one["operation"]) for one in found}
    assert told == {("EVENT", "UPDATE"), ("EVENT", "DELETE"), ("PROGRAM", "DELETE")}


def test_a_token_has_no_more_than_its_key(doors: Served, tenant: str) -> None:
    key_id, secret = doors.key(tenant, VEN)
    form = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret, "scope": "read_all"}
    answer = httpx.post(f"{doors.url}{ROOT}/auth/token", data=form, verify=False)
    assert answer.json()["scope"] == "events:read"


def test_a_change_is_done_once_and_is_in_the_audit_trail(doors: Served, tenant: str, made: Made) -> None:
    _, logic = made(LOGIC)
    body, headers = {"programName": "once"}, {"Idempotency-Key": "k"}
    first, second = (logic.post("/programs", json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    with doors.store.read(tenant) as tx:
        assert [one.action for one in audit.listed(tx)].count("openadr.program.create") == 1
    assert "RateLimit" in first.headers


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("", set(LOGIC)),
        ("read_targets write_reports", {"events:read", "measurements:write"}),
        ("events:write", {"events:write"}),
    ],
)
def test_a_token_has_what_was_asked_for(doors: Served, tenant: str, asked: str, granted: set[str]) -> None:
    key_id, secret = doors.key(tenant, LOGIC)
    form = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret, "scope": asked}
    answer = httpx.post(f"{doors.url}{ROOT}/auth/token", data=form, verify=False)
    assert set(answer.json()["scope"].split()) == granted
    refused = httpx.post(f"{doors.url}{ROOT}/auth/token", data={**form, "scope": "keys:write"}, verify=False)
    assert refused.status_code == 401
    wrong = httpx.post(f"{doors.url}{ROOT}/auth/token", data={**form, "grant_type": "password"}, verify=False)
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"programName": ""}, "/programName"),
        ({"programName": 7}, "/programName"),
        ({"programName": "p", "targets": ["x" * 200]}, "/targets/0"),
        ({"programName": "p", "intervalPeriod": {"start": "today"}}, "/intervalPeriod/start"),
        (
            {"programName": "p", "intervalPeriod": {"start": "2026-03-01T00:00:00Z", "duration": "15M"}},
            "/intervalPeriod/duration",
        ),
        ({"programName": "p", "attributes": [{"type": "A", "values": [{"x": 1}]}]}, "/attributes/0/values/0"),
        ({"programName": "p", "color": "red"}, "/color"),
    ],
)
def test_what_is_wrong_is_a_bad_request_with_its_place(made: Made, body: dict[str, Any], named: str) -> None:
    _, logic = made(LOGIC)
    refused = logic.post("/programs", json=body)
    assert refused.status_code == 400
    assert any(fault["pointer"].startswith(named) for fault in refused.json()["errors"]), refused.text


def test_an_event_whose_times_nobody_knows_is_refused(made: Made) -> None:
    _, logic = made(LOGIC)
    body = {"programID": program(logic), "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [1]}]}]}
    refused = logic.post("/events", json=body)
    assert (refused.status_code, "begins" in refused.text) == (400, True)
    assert logic.post("/events", json={**body, "intervalPeriod": {"start": "0001-01-01"}}).status_code == 201


def test_an_event_that_is_under_way_is_active(made: Made) -> None:
    _, logic = made(LOGIC)
    number = program(logic)
    interval = [{"id": 0, "payloads": []}]
    for name, start, lasting in (("past", "2020-01-01T00:00:00Z", "PT1H"), ("now", "2020-01-01T00:00:00Z", "P9999Y"),
                                 ("later", "2199-01-01T00:00:00Z", "PT1H")):  # fmt: skip
        period = {"start": start, "duration": lasting}
        body = {"programID": number, "eventName": name, "intervalPeriod": period, "intervals": interval}
        assert logic.post("/events", json=body).status_code == 201
    assert [one["eventName"] for one in logic.get("/events", params={"active": True}).json()] == ["now"]


def test_a_bearer_token_is_shown_to_its_owner_alone(made: Made) -> None:
    _, logic = made(LOGIC)
    _, ven = made(VEN)
    operation = {
        "objects": ["EVENT"],
        "operations": ["CREATE"],
        "callbackUrl": "http://127.0.0.1:9/",
        "bearerToken": "mine",
    }
    ven.post("/subscriptions", json={"clientName": "v", "objectOperations": [operation]})
    assert "mine" in ven.get("/subscriptions").text
    assert "mine" not in logic.get("/subscriptions").text


def test_the_document_is_for_everybody(doors: Served) -> None:
    document = httpx.get(f"{doors.url}{ROOT}/openapi.json", verify=False).json()
    assert f"{ROOT}/events" in document["paths"]
    assert "422" in document["paths"][f"{ROOT}/events"]["post"]["responses"]  # an Idempotency-Key of another request
    ours = httpx.get(f"{doors.url}/openapi.json", verify=False).json()["paths"]
    assert "/api/v1/sites" in ours
    assert not [path for path in ours if path.startswith((ROOT, "/api/v3_0"))]
