"""Reading, and writing once: versions, formats, keys of requests, and errors of every sort."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import httpx
import pyarrow.ipc
import pytest

from dispatch.service.http.negotiation import ARROW, CSV, JSON, choose
from tests.unit.dispatch.service import probe
from tests.unit.dispatch.service.served import Api

PROBE = "/api/v1/probe"


def entries(api: Api) -> int:
    return int(api.client.get(f"{PROBE}/count").json()["entries"])


def make(api: Api, key: str | None = None, *, client: httpx.Client | None = None, **body: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return (client or api.client).post(f"{PROBE}/things", json={"number": 1, **body}, headers=headers)


# --------------------------------------------------------------------------------------------------- Idempotency-Key


def test_a_request_sent_again_is_done_once_and_answered_alike(api: Api) -> None:
    before = entries(api)
    first, second = make(api, "k", name="a"), make(api, "k", name="a")
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert {name: first.headers[name] == second.headers[name] for name in ("location", "etag", "content-type")} == {
        "location": True, "etag": True, "content-type": True,
    }  # fmt: skip
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert entries(api) == before + 1


def test_without_a_key_it_is_done_twice(api: Api) -> None:
    before = entries(api)
    make(api)
    make(api)
    assert entries(api) == before + 2


def test_a_key_names_one_request(api: Api) -> None:
    make(api, "k", name="a")
    refused = make(api, "k", name="b")
    assert refused.status_code == 422
    assert "k was used for another request" in refused.json()["detail"]
    elsewhere = api.client.post(f"{PROBE}/raw", json={"number": 1, "name": "a"}, headers={"Idempotency-Key": "k"})
    assert elsewhere.status_code == 422


def test_the_same_json_in_other_words_is_the_same_request(api: Api) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    one = api.client.post(f"{PROBE}/things", content=b'{"number":1,"name":"\\u00e9"}', headers=headers)
    other = api.client.post(f"{PROBE}/things", content='{ "name": "é", "number": 1 }'.encode(), headers=headers)
    assert other.headers["idempotency-replayed"] == "true"
    assert one.content == other.content


def test_keys_of_tenants_are_their_own(api: Api) -> None:
    assert make(api, "k", name="a").status_code == 201
    theirs = make(api, "k", name="b", client=api.other)
    assert (theirs.status_code, theirs.json()["name"]) == (201, "b")


def test_what_failed_may_be_tried_again_and_left_nothing(api: Api) -> None:
    before = entries(api)
    for _ in range(2):
        failed = api.client.post(f"{PROBE}/failing", headers={"Idempotency-Key": "f"})
        assert failed.status_code == 409
        assert "idempotency-replayed" not in failed.headers
    assert entries(api) == before


def test_the_same_at_the_same_time_is_refused_while_the_first_is_at_work(api: Api) -> None:
    probe.HELD.clear()
    probe.GO.clear()
    answers: list[int] = []

    def ask() -> httpx.Response:
        return api.client.post(f"{PROBE}/slow", headers={"Idempotency-Key": "s"})

    first = threading.Thread(target=lambda: answers.append(ask().status_code))
    first.start()
    assert probe.HELD.wait(10)
    refused = ask()
    probe.GO.set()
    first.join()
    assert (refused.status_code, refused.headers["retry-after"]) == (409, "1")
    assert (answers, ask().headers["idempotency-replayed"]) == ([200], "true")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_what_is_no_key_cannot_be_read(api: Api, key: str) -> None:
    before = entries(api)
    headers = {"Idempotency-Key": key.encode("latin-1")}
    refused = api.client.post(f"{PROBE}/things", json={"number": 1}, headers=headers)
    assert refused.status_code == 400
    assert entries(api) == before


# ------------------------------------------------------------------------------------------------------------- ETags


def test_what_the_client_has_is_not_sent_again(api: Api) -> None:
    first = api.client.get(f"{PROBE}/things/a")
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}" if tag.startswith('"') else tag, f'"x", {tag}', "*"):
        again = api.client.get(f"{PROBE}/things/a", headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
    assert api.client.get(f"{PROBE}/things/b", headers={"If-None-Match": tag}).status_code == 200


def test_a_compressed_answer_has_a_weak_tag_of_the_same_version(api: Api) -> None:
    zipped = api.client.get(f"{PROBE}/things/abc", headers={"Accept-Encoding": "gzip"})
    plain = api.client.get(f"{PROBE}/things/abc", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["etag"] == f"W/{plain.headers['etag']}"
    assert zipped.json() == plain.json()
    assert "Accept-Encoding" in zipped.headers["vary"]


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        ("old", {"If-Match": '"3"'}, 204),
        ("old", {"If-Match": 'W/"3"'}, 204),
        ("old", {"If-Match": '"2", "3"'}, 204),
        ("old", {"If-Match": "*"}, 204),
        ("old", {"If-Match": '"2"'}, 412),
        ("old", {"If-None-Match": "*"}, 412),
        ("old", {"If-None-Match": '"3"'}, 412),
        ("old", {}, 428),
        ("old", {"If-Match": "3"}, 400),
        ("new", {}, 204),
        ("new", {"If-None-Match": "*"}, 204),
        ("new", {"If-Match": "*"}, 412),
        ("new", {"If-Match": '"3"'}, 412),
    ],
)
def test_a_change_is_held_against_what_the_client_knows(
    api: Api, name: str, headers: dict[str, str], status: int
) -> None:
    answer = api.client.put(f"{PROBE}/things/{name}", headers=headers)
    assert answer.status_code == status
    if status == 412 and name == "old":
        assert answer.headers["etag"] == '"3"'
    if status == 204:
        assert answer.headers["etag"] == '"4"'


# ----------------------------------------------------------------------------------------------------------- formats


def test_a_table_is_json_arrow_or_csv_as_the_client_likes(api: Api) -> None:
    as_json = api.client.get(f"{PROBE}/table")
    assert as_json.headers["content-type"] == "application/json"
    assert as_json.json() == {
        "rows": [
            {"time": "2026-01-01T00:00:00Z", "power_kw": 1.5, "name": "a,b"},
            {"time": None, "power_kw": None, "name": "风"},
        ]
    }
    arrow = api.client.get(f"{PROBE}/table", headers={"Accept": ARROW})
    assert pyarrow.ipc.open_stream(io.BytesIO(arrow.content)).read_all().schema == probe.TABLE.schema
    csv = api.client.get(f"{PROBE}/table", headers={"Accept": "text/*"})
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.text.splitlines()[1] == '"2026-01-01T00:00:00Z",1.5,"a,b"'
    assert len({answer.headers["etag"] for answer in (as_json, arrow, csv)}) == 3
    assert api.client.get(f"{PROBE}/table", headers={"Accept": "image/png"}).status_code == 406
    assert api.client.get(f"{PROBE}/things/a", headers={"Accept": CSV}).status_code == 406


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON), ("", JSON), ("*/*", JSON), ("text/*", CSV), ("application/*;q=0.1, text/csv", CSV),
        (f"{JSON};q=0, */*", ARROW), (f"{ARROW};q=0.9, {CSV};q=0.8", ARROW), ("Text/CSV", CSV),
        ("text/csv;q=oh, */*;q=0.1", JSON), ("*/*;q=0.5, text/csv;q=1.0", CSV),
    ],
)  # fmt: skip
def test_the_client_decides_on_the_format(accept: str | None, chosen: str) -> None:
    assert choose(accept, (JSON, ARROW, CSV)) == chosen


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("what", "status", "kind"),
    [
        ("config", 422, "invalid"), ("data", 422, "invalid"), ("conflict", 409, "conflict"),
        ("busy", 503, "unavailable"), ("bug", 500, "internal"), ("damaged", 500, "internal"), ("zero", 500, "internal"),
    ],
)  # fmt: skip
def test_every_error_is_a_problem_and_bugs_tell_nothing(api: Api, what: str, status: int, kind: str) -> None:
    answer = api.client.get(f"{PROBE}/raise/{what}")
    found = answer.json()
    assert (answer.status_code, found["status"], found["type"]) == (status, status, f"urn:parkwatt:problem:{kind}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert found["trace_id"] == answer.headers["x-trace-id"]
    assert found["instance"] == f"{PROBE}/raise/{what}"


def test_a_configuration_s_problems_are_named_by_pointers(api: Api) -> None:
    found = api.client.get(f"{PROBE}/raise/config").json()["errors"]
    assert found == [
        {"in": "body", "pointer": "/assets/2/power_kw", "message": "is negative: −3", "value": None,
         "accepted": "0 or more"}
    ]  # fmt: skip


def test_a_number_that_json_lacks_is_a_bug_of_ours(api: Api) -> None:
    assert api.client.get(f"{PROBE}/nan").status_code == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/healthz", 405),
        ("TRACE", "/healthz", 405),
    ],
)  # fmt: skip
def test_errors_of_the_framework_are_problems_too(api: Api, method: str, path: str, status: int) -> None:
    answer = api.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert json.loads(answer.content)["status"] == status
    assert ("allow" in answer.headers) == (status == 405)


def test_head_is_get_without_its_body(api: Api) -> None:
    get, head = (api.client.request(method, f"{PROBE}/things/a") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", get.headers["etag"])
    assert head.headers.get("content-length") == get.headers.get("content-length")


def test_options_names_the_methods_of_an_address(api: Api) -> None:
    answer = api.anonymous.options(f"{PROBE}/things/a")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PUT")
    assert "access-control-allow-origin" not in answer.headers


def test_answers_carry_what_keeps_browsers_from_harm(api: Api) -> None:
    for answer in (api.client.get(f"{PROBE}/count"), api.anonymous.get("/nothing"), api.anonymous.get("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] in ("no-store", "private, no-cache")


def test_a_trace_that_comes_in_is_the_one_that_is_told(api: Api) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = api.client.get("/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.headers["x-trace-id"] == trace
    for wrong in ("x", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"ff-{trace}-00f067aa0ba902b7-01"):
        assert api.client.get("/healthz", headers={"traceparent": wrong}).headers["x-trace-id"] != trace


# -------------------------------------------------------------------------------------------------- unknown parameters


@pytest.mark.parametrize(
    ("path", "name", "accepted"),
    [
        ("/api/v1/jobs", "limt", "did you mean 'limit'?"),
        ("/api/v1/sites/none", "fields", "no parameters"),
        ("/healthz", "a/b", "no parameters"),
    ],
)
def test_a_parameter_that_a_route_does_not_have_is_refused(api: Api, path: str, name: str, accepted: str) -> None:
    refused = api.client.get(path, params={name: "5"})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["in"], error["pointer"], error["value"]) == ("query", "/" + name.replace("/", "~1"), "5")
    assert error["accepted"].startswith(accepted)


def test_a_parameter_of_one_value_is_refused_twice(api: Api) -> None:
    refused = api.client.get("/api/v1/jobs?limit=5&limit=6")
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["in"], error["pointer"], error["accepted"]) == ("query", "/limit", "one value")
    path = "/api/v1/measurements?site=none&series=a&series=b"
    assert api.client.get(path).status_code == 404  # of series there may be several; of this name there is no site


def test_a_misspelt_parameter_of_a_change_changes_nothing(api: Api) -> None:
    before = entries(api)
    refused = api.client.post("/api/v1/measurements", params={"on_rejct": "skip"}, json={"rows": []})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["accepted"] == "did you mean 'on_reject'? one of on_reject"
    assert entries(api) == before


def test_what_a_token_is_asked_with_is_ignored_where_it_is_not_known(api: Api) -> None:
    form = {"grant_type": "client_credentials"}
    plain, more = (api.client.post("/oauth/token", params=given, data=form) for given in ({}, {"more": "1"}))
    assert (more.status_code, more.json()["error"]) == (plain.status_code, plain.json()["error"])
