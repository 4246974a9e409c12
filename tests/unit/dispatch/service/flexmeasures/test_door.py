"""The door as any client finds it: closed without a key, limited, audited, replayed, and not there unless opened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from benchmarks.cases.doors.server import Served
from dispatch.service.app import create_app
from dispatch.service.http.door import Door
from dispatch.service.settings import Settings
from dispatch.service.store import Store, audit

API = "/api/v3_0"
START = "2026-03-01T00:00:00+01:00"


@pytest.fixture
def tenant(doors: Served) -> str:
    return doors.new_tenant()


@pytest.fixture
def client(doors: Served, tenant: str) -> Iterator[httpx.Client]:
    key_id, secret = doors.key(tenant)
    with httpx.Client(base_url=doors.url, headers={"Authorization": f"pw_{key_id}_{secret}"}, verify=False) as found:
        yield found


def sensor_of(client: httpx.Client, unit: str = "kW", resolution: str = "PT15M") -> int:
    asset = client.post(f"{API}/assets", json={"name": "a", "account_id": 1, "generic_asset_type_id": 5}).json()
    body = {"name": unit, "unit": unit, "event_resolution": resolution, "generic_asset_id": asset["id"]}
    made = client.post(f"{API}/sensors", json=body)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


@pytest.mark.parametrize("path", ["/users", "/assets", "/sensors", "/nothing", ""])
def test_without_a_key_nothing_is_answered(doors: Served, path: str) -> None:
    answer = httpx.get(f"{doors.url}{API}{path}", verify=False)
    assert answer.status_code == 401


def test_credentials_are_asked_for_before_a_body_is_read(doors: Served) -> None:
    answer = httpx.post(f"{doors.url}{API}/assets", content=b"{" * 10, verify=False)
    assert answer.status_code == 401


def test_a_key_needs_the_scope_of_what_it_asks(doors: Served, tenant: str) -> None:
    key_id, secret = doors.key(tenant, ["sites:read"])
    headers = {"Authorization": f"Bearer pw_{key_id}_{secret}"}
    assert httpx.get(f"{doors.url}{API}/assets", headers=headers, verify=False).status_code == 200
    body = {"name": "a", "account_id": 1, "generic_asset_type_id": 5}
    refused = httpx.post(f"{doors.url}{API}/assets", headers=headers, json=body, verify=False)
    assert (refused.status_code, "sites:write" in refused.json()["message"]) == (403, True)


def test_the_whole_key_is_a_password_too(doors: Served, tenant: str) -> None:
    key_id, secret = doors.key(tenant)
    asked = {"email": "any@where.example", "password": f"pw_{key_id}_{secret}"}
    answer = httpx.post(f"{doors.url}/api/requestAuthToken", json=asked, verify=False)
    assert answer.status_code == 200
    headers = {"Authorization": answer.json()["auth_token"]}
    (user,) = httpx.get(f"{doors.url}{API}/users", headers=headers, verify=False).json()
    assert (user["email"], user["id"]) == ("any@where.example", answer.json()["user_id"])


@pytest.mark.parametrize("body", [b'{"email": 1}', b'{"email": "a@b.c", "password": NaN}', b"[", b'"\\ud800"'])
def test_a_request_for_a_token_that_is_none_is_refused(doors: Served, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{doors.url}/api/requestAuthToken", content=body, headers=headers, verify=False)
    assert answer.status_code in (400, 422)


def test_the_same_request_is_done_once(client: httpx.Client) -> None:
    body = {"name": "once", "account_id": 1, "generic_asset_type_id": 5}
    first, second = (client.post(f"{API}/assets", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(client.get(f"{API}/assets").json()) == 1
    refused = client.post(f"{API}/assets", json=body)
    assert (refused.status_code, refused.json()["message"].count("already exists")) == (422, 1)


def test_what_is_done_is_in_the_audit_trail_and_counts_for_the_limit(
    doors: Served, tenant: str, client: httpx.Client
) -> None:
    sensor_of(client)
    with doors.store.read(tenant) as tx:
        actions = [one.action for one in audit.listed(tx)]
    assert {"flexmeasures.asset.create", "flexmeasures.sensor.create"} <= set(actions)
    assert "RateLimit" in client.get(f"{API}/assets").headers


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"values": [1, 2, 3, 4, 5], "duration": "PT1H"}, "/duration"),
        ({"unit": "kWh"}, "/unit"),
        ({"start": "2026-03-01T00:00:00"}, "/start"),
        ({"start": "2026-03-01T00:01:00Z"}, "/duration"),
        ({"horizon": "PT1H"}, "/horizon"),
        ({"prior": "2199-01-01T00:00:00Z"}, "/prior"),
        ({"values": []}, "/values"),
        ({"values": ["1"]}, "/values/0"),
        ({"value": [1]}, "/value"),
        ({"duration": "P9Y"}, "/duration"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_their_place(
    client: httpx.Client, body: dict[str, object], named: str
) -> None:
    sensor = sensor_of(client)
    good = {"start": START, "duration": "PT1H", "values": [1, 2, 3, 4], "unit": "kW"}
    refused = client.post(f"{API}/sensors/{sensor}/data", json=good | body)
    assert refused.status_code == 422
    assert any(fault["pointer"].startswith(named) for fault in refused.json()["faults"]), refused.text


def test_values_are_read_as_they_are_and_as_they_were_known(client: httpx.Client) -> None:
    sensor = sensor_of(client)
    where = f"{API}/sensors/{sensor}/data"
    asked = {"start": START, "duration": "PT1H", "unit": "W", "resolution": "PT30M"}
    sent = {"start": START, "duration": "PT1H", "values": [1, 3, 5, None], "unit": "kW"}
    assert client.post(where, json=sent).json()["new_values"] == 4
    assert client.post(where, json=sent).json()["new_values"] == 0
    assert client.get(where, params=asked).json()["values"] == [2000, None]
    between = datetime.now(UTC).isoformat()
    client.post(where, json={**sent, "values": [2, 3, 5, 7]})
    assert client.get(where, params=asked).json()["values"] == [2500, 6000]
    assert client.get(where, params={**asked, "prior": between}).json()["values"] == [2000, None]
    assert client.get(where, params={**asked, "horizon": "PT1H"}).status_code == 422


def test_coarser_values_hold_for_each_step_of_theirs(client: httpx.Client) -> None:
    sensor = sensor_of(client)
    where = f"{API}/sensors/{sensor}/data"
    client.post(where, json={"start": START, "duration": "PT1H", "values": 8, "unit": "kW"})
    found = client.get(where, params={"start": START, "duration": "PT1H"}).json()
    assert (found["values"], found["unit"]) == ([8, 8, 8, 8], "kW")


def test_a_content_holds_until_the_next_one(client: httpx.Client) -> None:
    sensor = sensor_of(client, "kWh", "PT0M")
    where = f"{API}/sensors/{sensor}/data"
    client.post(where, json={"start": START, "duration": "PT1H", "values": [10, 20], "unit": "kWh"})
    found = client.get(where, params={"start": START, "duration": "PT2H", "resolution": "PT30M"}).json()["values"]
    assert found == [10, 20, 20, 20]
    late = (datetime.fromisoformat(START) + timedelta(days=2)).isoformat()
    assert client.get(where, params={"start": late, "duration": "PT1H", "resolution": "PT1H"}).json()["values"] == [
        None
    ]


def _planned(client: httpx.Client, model: dict[str, object], **attributes: object) -> dict[str, object]:
    """A schedule of four hours in which charging pays."""
    sensor = sensor_of(client)
    client.patch(f"{API}/sensors/{sensor}", json={"attributes": attributes})
    body = {
        "start": START, "duration": "PT4H", "flex-context": {"consumption-price": "-0.1 EUR/kWh"},
        "flex-model": {"soc-at-start": "0 kWh", "soc-max": "50 kWh", "power-capacity": "25 kW", **model},
    }  # fmt: skip
    asked = client.post(f"{API}/sensors/{sensor}/schedules/trigger", json=body)
    assert asked.status_code == 200, asked.text
    where = f"{API}/sensors/{sensor}/schedules/{asked.json()['schedule']}"
    until = time.monotonic() + 60
    while (answer := client.get(where)).status_code == 400 and time.monotonic() < until:
        assert answer.json()["status"] == "UNKNOWN_SCHEDULE"
        time.sleep(0.02)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize(("attributes", "sign"), [({}, 1), ({"consumption_is_positive": False}, -1)])
def test_consumption_is_positive_unless_the_sensor_says_otherwise(
    client: httpx.Client, attributes: dict[str, object], sign: int
) -> None:
    values = _planned(client, {"production-capacity": 0}, **attributes)["values"]
    assert sum(values) / 4 * sign == pytest.approx(50)  # type: ignore[arg-type]


def test_what_cannot_be_reached_is_said(client: httpx.Client) -> None:
    target = {"soc-targets": [{"datetime": "2026-03-01T01:00:00+01:00", "value": "40 kWh"}]}
    info = _planned(client, target)["scheduler_info"]
    assert [text.split(": ")[1] for text in info["unmet"]] == ["15 kWh are missing to what was wanted of its content"]  # type: ignore[index]


def test_values_are_never_deleted_and_files_not_read(client: httpx.Client) -> None:
    sensor = sensor_of(client)
    assert client.delete(f"{API}/sensors/{sensor}/data").status_code == 409
    assert client.post(f"{API}/sensors/{sensor}/data/upload").status_code == 422
    assert client.delete(f"{API}/sensors/99/data").status_code == 404


def test_a_number_is_never_given_twice(client: httpx.Client) -> None:
    first = sensor_of(client)
    client.delete(f"{API}/assets/1")
    assert sensor_of(client) == first + 1


def test_a_door_that_nobody_opened_is_not_there(tmp_path: Path) -> None:
    asked = Settings(data=tmp_path)
    store = Store.open(asked.url, tmp_path)
    try:
        assert not [one for one in create_app(asked, store).router.routes if isinstance(one, Door)]
    finally:
        store.close()
