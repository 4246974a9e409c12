"""Events, limits, metrics, readiness and settings: what an operator and a listener see."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from benchmarks.served import served
from dispatch.errors import ConfigError
from dispatch.service import trace
from dispatch.service.logs import JsonLines
from dispatch.service.settings import Settings
from dispatch.service.store import keys, workers
from tests.unit.dispatch.service.served import Api, client

PROBE = "/api/v1/probe"


def numbers(text: str) -> list[int]:
    return [int(line[3:]) for line in text.splitlines() if line.startswith("id:")]


def test_events_come_in_order_and_end(api: Api) -> None:
    answer = api.client.get(f"{PROBE}/events/5")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert numbers(answer.text) == [1, 2, 3, 4, 5]
    assert 'event: tick\ndata: {"n":5}\nid: 5\n\n' in answer.text


def test_a_listener_goes_on_where_it_was_cut_off(api: Api) -> None:
    rest = api.client.get(f"{PROBE}/events/5", headers={"Last-Event-ID": "3"})
    assert numbers(rest.text) == [4, 5]
    assert api.client.get(f"{PROBE}/events/5", headers={"Last-Event-ID": "soon"}).status_code == 400


def test_a_stream_ends_with_the_server_and_shows_life_until_then(tmp_path: Path) -> None:
    from tests.unit.dispatch.service import probe

    with (
        served(tmp_path, (probe.router,), event_beat_s=0.05) as server,
        client(server, server.key(server.tenant())) as listening,
        listening.stream("GET", f"{PROBE}/events/0") as got,
    ):
        lines = got.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        threading.Timer(0.05, server.app.state.closing.set).start()
        began = time.monotonic()
        list(lines)
        assert time.monotonic() - began < 5


def test_a_stream_ends_with_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dispatch.service.http import sse
    from tests.unit.dispatch.service import probe

    monkeypatch.setattr(sse, "_STILL_KNOWN_S", 0.05)
    with served(tmp_path, (probe.router,)) as server:
        tenant = server.tenant()
        key = server.key(tenant)
        with client(server, key) as listening, listening.stream("GET", f"{PROBE}/events/0") as got:
            lines = got.iter_lines()
            next(lines)
            with server.store.write(tenant, "test") as tx:
                assert keys.revoke(tx, key[3:33])
            list(lines)  # ends


def test_a_tenant_may_send_so_many_requests_and_others_are_not_held(tmp_path: Path) -> None:
    with (
        served(tmp_path, requests_per_minute=5) as server,
        client(server, server.key(server.tenant())) as one,
        client(server, server.key(server.tenant())) as other,
    ):
        answers = [one.get("/api/v1/keys") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert answers[0].headers["ratelimit-policy"] == '"tenant";q=5;w=60'
        assert answers[0].headers["ratelimit"].startswith('"tenant";r=4;t=')
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].json()["type"] == "urn:parkwatt:problem:too-many-requests"
        assert other.get("/api/v1/keys").status_code == 200


def test_the_server_says_whether_it_is_ready(api: Api) -> None:
    answer = api.anonymous.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["checks"].values()) == {"ok"}
    assert set(answer.json()["workers"]) == {"alive", "idle"}


def test_a_server_that_lacks_something_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        pids: tuple[int, ...] = ()

    def away(*_: object) -> None:
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(workers, "counted", away)
    with served(tmp_path, min_free_bytes=2**62) as server:
        server.app.state.supervisor = Nobody()
        server.store.close()
        answer = httpx.get(f"{server.url}/readyz")
        checks = answer.json()["checks"]
        assert answer.json()["workers"] is None
        assert (answer.status_code, checks["workers"]) == (503, "0 of 1 run")
        assert "fewer than" in checks["disk"]
        server.app.state.closing.set()
        assert "stop" in httpx.get(f"{server.url}/readyz").json()["checks"]["server"]


def test_a_server_is_not_ready_before_its_workers_live(tmp_path: Path) -> None:
    class Two:
        pids: tuple[int, ...] = (1, 2)

    with served(tmp_path, workers=2) as server:

        def ready() -> tuple[int, str, dict[str, int]]:
            answer = httpx.get(f"{server.url}/readyz")
            return answer.status_code, answer.json()["checks"]["workers"], answer.json()["workers"]

        assert ready() == (200, "ok", {"alive": 0, "idle": 0})  # it started none, and says how many there are
        server.app.state.supervisor = Two()
        assert ready() == (503, "none gives a sign of life", {"alive": 0, "idle": 0})
        del server.app.state.supervisor
        server.app.state.relies_on_workers = True
        assert ready()[0] == 503
        now = datetime.now(UTC)
        with server.store.admin() as connection:
            for id_, doing, age_s in (("a", "ready", 0), ("b", "chores", 0), ("c", "ready", 60)):
                seen = now - timedelta(seconds=age_s)
                workers.beat(connection, id_, f"host/{id_}", doing, seen, seen, 30.0)  # type: ignore[arg-type]
        assert ready() == (200, "ok", {"alive": 2, "idle": 1})
        text = httpx.get(f"{server.url}/metrics").text
        for state, count in (("idle", 1), ("chores", 1), ("gone", 1), ("busy", 0)):
            assert f'parkwatt_workers{{state="{state}"}} {count}.0' in text


def test_metrics_count_requests_by_route(api: Api) -> None:
    api.client.get(f"{PROBE}/things/some-name-of-a-tenant")
    text = api.anonymous.get("/metrics").text
    assert 'parkwatt_http_requests_total{method="GET",route="/api/v1/probe/things/{name}",status="200"}' in text
    assert "parkwatt_http_request_duration_seconds_bucket" in text
    assert "some-name-of-a-tenant" not in text
    assert api.tenant not in text
    assert 'parkwatt_series_rows{kept="journal"}' in text
    assert "parkwatt_jobs_oldest_waiting_seconds" in text


def test_metrics_are_for_the_operator(api: Api, tmp_path: Path) -> None:
    for header in ({"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}):
        assert api.anonymous.get("/metrics", headers=header).status_code == 404
    with served(tmp_path, metrics_token="of the operator") as server:
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        sent = {"Authorization": "Bearer of the operator"}
        assert httpx.get(f"{server.url}/metrics", headers=sent).status_code == 200


def test_a_request_is_one_line_of_json_without_secrets(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "parkwatt.http"):
        answer = api.client.get("/api/v1/keys", params={"limit": 7})
    record = next(each for each in caplog.records if each.getMessage() == "request")
    trace.begin(f"00-{answer.headers['x-trace-id']}-{'1' * 16}-00")
    line = JsonLines().format(record)
    found = json.loads(line)
    assert "\n" not in line
    assert (found["route"], found["status"], found["tenant"]) == ("/api/v1/keys", 200, api.tenant)
    assert found["trace_id"] == answer.headers["x-trace-id"]
    assert api.client.headers["authorization"][-43:] not in line


def test_settings_come_from_the_environment_and_flags_win() -> None:
    environment = {"PARKWATT_PORT": "9000", "PARKWATT_HOST": "0.0.0.0", "PARKWATT_SHARED": "x", "HOME": "y"}
    found = Settings.load(environment, port=9001, workers=None)
    assert (found.port, found.host, found.workers) == (9001, "0.0.0.0", 1)
    assert Settings(data=Path("d")).url.endswith("d/parkwatt.sqlite")


def test_a_setting_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ConfigError, match=r"PARKWATT_PORT: .*'many'.*Port to listen at") as caught:
        Settings.load({"PARKWATT_PORT": "many", "PARKWATT_EXECUTOR": "clouds"})
    assert len(caught.value.problems) == 2
