"""What comes in: limits before anything is read, and JSON of one meaning only. Never a 500."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.service.errors import BadRequestError
from dispatch.service.http.strict_json import check, is_deeper
from tests.unit.dispatch.service.served import Api

THINGS = "/api/v1/probe/things"
JSON = {"Content-Type": "application/json"}


def sent(api: Api, content: bytes | Iterator[bytes], path: str = THINGS, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.post(path, content=content, headers={**JSON, **named})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"number": NaN}', "NaN is no number"),
        (b'{"number": -Infinity}', "-Infinity is no number"),
        (b'{"number": 1e400}', "1e400"),
        (b'{"number": 1' + b"0" * 400 + b"}", "more than 64 bits"),
        (b'{"number": 18446744073709551616}', "more than 64 bits"),
        (b'{"number": 1, "number": 2}', "'number' stands twice"),
        (b'{"number": 1, "name": "\\ud800"}', "surrogate"),
        (b'{"number": 1, "\\udfff": 1}', "surrogate"),
        (b'{"number": 1, "name": "\\u0000"}', "NUL"),
        (b'{"number": 1, "name": "\xff"}', "byte 23 is 0xff"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"number": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"number": 1}'.encode("utf-32-be"), "not JSON"),
        (b"[" * 100_000, "nested more than 64"),
        (b'{"a":' * 100_000, "nested more than 64"),
        (b'{"number": 1', "line 1, column 13"),
        (b"{'number': 1}", "not JSON"),
        (b'"' + b'\\"' * 100_000, "not JSON"),
    ],
)
def test_json_that_readers_disagree_on_cannot_be_read(api: Api, body: bytes, told: str) -> None:
    refused = sent(api, body)
    assert refused.status_code == 400
    assert told in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"null", ""),
        (b"[]", ""),
        (b"{}", "/number"),
        (b'{"number": "many"}', "/number"),
        (b'{"number": 1, "more/of~it": 1}', "/more~1of~0it"),
        (b'{"number": 1, "inside": [[1], ["x"]]}', "/inside/1/0"),
    ],
)
def test_what_is_wrong_in_a_body_is_named_by_a_pointer(api: Api, body: bytes, pointer: str) -> None:
    refused = sent(api, body)
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    assert refused.json()["errors"][0]["in"] == "body"


def test_a_key_that_stands_twice_among_very_many_is_found_at_once() -> None:
    many = ",".join(f'"k{n}":0' for n in range(60_000))
    began = time.process_time()
    with pytest.raises(BadRequestError, match="stands twice"):
        check(f'{{{many},"k59999":1}}'.encode(), 10)
    assert time.process_time() - began < 2


def test_a_value_is_repeated_in_short(api: Api) -> None:
    refused = sent(api, json.dumps({"number": "x" * 10_000, "inside": {"a": 1}}).encode())
    values = {each["pointer"]: each["value"] for each in refused.json()["errors"]}
    assert values["/inside"] == "an object of 1"
    assert len(values["/number"]) < 250


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream", "", "application/jsonx"])
def test_another_format_is_not_read(api: Api, kind: str) -> None:
    refused = api.client.post(THINGS, content=b'{"number": 1}', headers={"Content-Type": kind})
    assert refused.status_code == 415
    assert refused.json()["errors"][0]["accepted"] == "application/json"


def test_json_in_another_charset_is_not_read(api: Api) -> None:
    assert sent(api, b'{"number": 1}', Content_Type="application/json; charset=latin-1").status_code == 415
    assert sent(api, b'{"number": 1}', Content_Type='application/json; charset="UTF-8"').status_code == 201


def test_a_body_is_refused_at_its_declared_size(api: Api) -> None:
    limit = api.served.settings.max_body_bytes
    place = urlsplit(api.served.url)
    head = (
        f"POST {THINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {api.client.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {limit + 1}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=5) as plain:
        plain.sendall(head.encode())
        assert plain.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_in_chunks_is_refused_once_it_is_too_large(api: Api) -> None:
    limit = api.served.settings.max_body_bytes

    def endless() -> Iterator[bytes]:
        for _ in range(limit // 2**20 + 2):
            yield b" " * 2**20

    with contextlib.suppress(httpx.TransportError):  # the server may hang up while more is being sent
        assert sent(api, endless()).status_code == 413
    assert api.client.get("/healthz").status_code == 200


def test_a_large_body_is_taken_of_nobody_but_those_who_are_known(api: Api) -> None:
    body, head = b'{"a":"' + b"x" * 2**17 + b'"}', {"Content-Type": "application/json"}
    assert api.anonymous.post("/healthz", content=body, headers=head).status_code == 413
    assert (
        api.anonymous.post(
            "/healthz", content=gzip.compress(body), headers=head | {"Content-Encoding": "gzip"}
        ).status_code
        == 413
    )
    assert api.client.post("/api/v1/sites:validate", content=body, headers=head).status_code == 200


def test_what_was_compressed_is_read(api: Api) -> None:
    body = gzip.compress(b'{"number": 1, "name": "zipped"}')
    assert sent(api, body, Content_Encoding="gzip").json()["name"] == "zipped"


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (gzip.compress(b" " * 2**26), "gzip", 413),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b'{"number": 1}')[:-4], "gzip", 400),
        (gzip.compress(b'{"number": 1}') + b"more", "gzip", 400),
        (gzip.compress(b'{"number": NaN}'), "gzip", 400),
        (b'{"number": 1}', "br", 415),
        (gzip.compress(gzip.compress(b'{"number": 1}')), "gzip, gzip", 415),
    ],
    ids=["bomb", "not gzip", "cut", "tail", "nan", "br", "twice"],
)
def test_what_was_compressed_badly_is_refused(api: Api, body: bytes, coding: str, status: int) -> None:
    assert sent(api, body, Content_Encoding=coding).status_code == status


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    from benchmarks.served import served

    with served(tmp_path_factory.mktemp("slow"), body_timeout_s=0.1) as server:
        place = urlsplit(server.url)
        with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=5) as plain:
            plain.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            assert plain.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", ["/api/v1/probe/things/a%00b", "/api/v1/keys?cursor=%00", "/%00"])
def test_nul_is_no_part_of_an_address(api: Api, path: str) -> None:
    assert api.client.get(path).status_code == 400


@pytest.mark.parametrize("path", ["/api/v1/probe/things/%ff%fe", "/api/v1/keys?cursor=%ff", "/api/v1/%ed%a0%80"])
def test_odd_addresses_are_no_failures(api: Api, path: str) -> None:
    assert api.client.get(path).status_code < 500


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        check(body, 64)
    except BadRequestError:
        return
    json.dumps(json.loads(body), allow_nan=False).encode()


TEXT = st.text('[]{}"\\aé', max_size=6)
ANY = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | st.integers(-9, 9),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXT, inside, max_size=4),
)


def depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


@settings(max_examples=60)
@given(ANY, st.integers(0, 6), st.booleans())
def test_depth_is_counted_as_it_is(value: object, deepest: int, ascii_: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_).encode()
    assert is_deeper(body, deepest) == (depth(value) > deepest)
