"""Jobs over HTTP: seen, followed, cancelled, and their results in the format that the client wants."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.ipc
import pytest

from dispatch.service import work
from dispatch.service.errors import TooManyRequestsError
from dispatch.service.runner.runner import run_one
from dispatch.service.store import files, jobs
from dispatch.service.store.jobs import Job
from dispatch.service.work import Kind
from tests.unit.dispatch.service.kinds import echo, table
from tests.unit.dispatch.service.served import Api

KINDS: Mapping[str, Kind] = {"echo": work.of(echo), "table": work.of(table)}
ARROW = "application/vnd.apache.arrow.stream"


def submit(api: Api, kind: str = "echo", scope: str = "plans", **request: Any) -> Job:
    with api.store.write(api.tenant, "ann") as tx:
        return jobs.submit(tx, kind, request, scope=scope, subject=request.get("subject", ""))


def done(api: Api, job: Job) -> Job:
    found = run_one(api.store, KINDS, tenant=api.tenant)
    assert found is not None
    assert found.id == job.id
    return found


def shown(client: httpx.Client, job: Job, status: int = 200) -> dict[str, Any]:
    answer = client.get(f"/api/v1/jobs/{job.id}")
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_job_is_seen_from_its_submission_to_its_end(api: Api) -> None:
    job = submit(api, value=[1.5])
    before = shown(api.client, job)
    assert (before["state"], before["result"], before["formats"], before["started_at"]) == ("queued", None, [], None)
    done(api, job)
    after = shown(api.client, job)
    assert (after["state"], after["result"]) == ("done", {"value": [1.5], "quality": "optimal"})
    assert after["formats"] == ["application/json"]
    assert after["running_s"] >= 0
    assert after["created_at"].endswith("Z")


def test_another_tenants_job_and_no_job_are_answered_alike(api: Api) -> None:
    job = submit(api)
    for path in ("", "/result", "/events", ":cancel"):
        answers = []
        for id_ in (job.id, f"job_{'0' * 26}"):
            method = api.other.post if path == ":cancel" else api.other.get
            answer = method(f"/api/v1/jobs/{id_}{path}")
            told = answer.json()
            answers.append((answer.status_code, told["title"], told["detail"].replace(id_, "")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert shown(api.client, job)["state"] == "queued"


def test_a_key_sees_jobs_of_what_it_may_read(api: Api) -> None:
    plan, bid = submit(api), submit(api, scope="markets")
    markets = api.allowed("markets:read")
    assert [each["id"] for each in markets.get("/api/v1/jobs").json()["items"]] == [bid.id]
    assert shown(markets, plan, 403)["detail"].startswith("The key lacks plans:read")
    assert markets.post(f"/api/v1/jobs/{bid.id}:cancel").status_code == 403
    assert api.allowed("markets:write").post(f"/api/v1/jobs/{bid.id}:cancel").status_code == 200


def test_lists_come_in_pages_newest_first(api: Api) -> None:
    made = [submit(api, subject=f"s{n % 2}") for n in range(5)]
    api.client.post(f"/api/v1/jobs/{made[0].id}:cancel").raise_for_status()
    first = api.client.get("/api/v1/jobs", params={"limit": 3}).json()
    rest = api.client.get("/api/v1/jobs", params={"limit": 3, "cursor": first["next"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == [job.id for job in reversed(made)]
    assert rest["next"] is None
    for query, count in (({"state": "cancelled"}, 1), ({"subject": "s1"}, 2), ({"kind": "none"}, 0)):
        assert len(api.client.get("/api/v1/jobs", params=query).json()["items"]) == count
    assert api.client.get("/api/v1/jobs", params={"state": "lost"}).status_code == 422


def test_what_has_ended_is_not_cancelled_and_a_cancelled_job_stays_so(api: Api) -> None:
    job = submit(api)
    for _ in range(2):
        assert api.client.post(f"/api/v1/jobs/{job.id}:cancel").json()["state"] == "cancelled"
    ended = submit(api)
    done(api, ended)
    refused = api.client.post(f"/api/v1/jobs/{ended.id}:cancel")
    assert (refused.status_code, refused.json()["detail"]) == (409, "The job has ended: it is done.")


def test_why_a_job_failed_can_be_read(api: Api) -> None:
    job = submit(api, do="data")
    done(api, job)
    problem = shown(api.client, job)["problem"]
    assert (problem["status"], problem["detail"]) == (422, "the forecast needs 14 days of measurements, found 2")
    refused = api.client.get(f"/api/v1/jobs/{job.id}/result")
    assert refused.status_code == 409
    assert "the job is failed: the forecast needs" in refused.json()["detail"]


def test_a_result_comes_in_the_format_that_the_client_wants(api: Api) -> None:
    job = submit(api, "table")
    early = api.client.get(f"/api/v1/jobs/{job.id}/result")
    assert (early.status_code, early.json()["detail"]) == (409, "There is no result: the job is queued.")
    done(api, job)
    assert shown(api.client, job)["formats"] == ["application/json", ARROW, "text/csv"]
    path = f"/api/v1/jobs/{job.id}/result"
    assert api.client.get(path).json() == {"href": "/somewhere"}
    arrow = api.client.get(path, headers={"Accept": ARROW})
    with pa.ipc.open_stream(io.BytesIO(arrow.content)) as reader:
        assert reader.read_all().to_pylist() == [{"power_kw": 1.5}, {"power_kw": None}]
    assert api.client.get(path, headers={"Accept": ARROW, "If-None-Match": arrow.headers["etag"]}).status_code == 304
    assert api.client.get(path, headers={"Accept": "text/csv"}).text == '"power_kw"\n1.5\n\n'
    assert api.client.get(path, headers={"Accept": "text/html"}).status_code == 406


def lines(stream: httpx.Response) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Events of a stream."""
    found: dict[str, str] = {}
    for line in stream.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield int(found["id"]), found["event"], json.loads(found["data"])
            found = {}


def test_events_are_followed_to_the_end_and_taken_up_again(api: Api) -> None:
    job = submit(api, do="progress", lines=1, value=1)
    path = f"/api/v1/jobs/{job.id}/events"
    with api.client.stream("GET", path) as stream:
        events = lines(stream)
        assert next(events)[:2] == (1, "queued")
        done(api, job)
        rest = [(number, kind) for number, kind, _ in events]
    assert rest == [(2, "running"), (3, "progress"), (4, "done")]
    with api.client.stream("GET", path, headers={"Last-Event-ID": "2"}) as stream:
        again = list(lines(stream))
    assert [number for number, _, _ in again] == [3, 4]
    assert again[0][2]["text"] == "step 0"
    assert again[1][2]["result"]["value"] == 1
    assert api.client.get(path, headers={"Last-Event-ID": "4"}).status_code == 204


def test_many_listeners_cost_one_look(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    last_events = jobs.last_events

    def counted(connection: Any, keys: Any) -> Any:
        looks.append(len(keys))
        return last_events(connection, keys)

    job = submit(api, value=1)
    heard: list[str] = []

    def listen() -> None:
        with api.client.stream("GET", f"/api/v1/jobs/{job.id}/events") as stream:
            heard.extend(kind for _, kind, _ in lines(stream))

    monkeypatch.setattr(jobs, "last_events", counted)
    listeners = [threading.Thread(target=listen) for _ in range(12)]
    for each in listeners:
        each.start()
    time.sleep(0.3)
    done(api, job)
    for each in listeners:
        each.join(10)
    assert sorted(heard) == ["done"] * 12 + ["queued"] * 12 + ["running"] * 12
    assert set(looks) == {1}
    # One look in each pause of 20 ms, not twelve.
    assert len(looks) < 40


def test_files_that_nobody_named_are_not_results(api: Api) -> None:
    with api.store.write(api.tenant, "ann") as tx:
        made = files.put(tx, b"secret", "text/plain", "a.txt")
    job = submit(api, value=made.id)
    done(api, job)
    assert api.client.get(f"/api/v1/jobs/{job.id}/result").json()["value"] == made.id


def test_prometheus_sees_the_queue(api: Api) -> None:
    submit(api, "table")
    text = api.anonymous.get("/metrics").text
    assert 'parkwatt_jobs_waiting{kind="table"}' in text
    assert "parkwatt_jobs_oldest_waiting_seconds" in text


def test_the_queue_has_an_end_that_an_operator_sets(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.store, "most_queued", 1)
    submit(api)
    with pytest.raises(TooManyRequestsError):
        submit(api)
