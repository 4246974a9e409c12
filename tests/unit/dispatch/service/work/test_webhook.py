from __future__ import annotations

import base64
import hashlib
import hmac
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from dispatch.errors import DataError
from dispatch.service.work import callbacks, webhook
from dispatch.service.work.callbacks import AddressError
from dispatch.service.work.webhook import Telling, UnheardError


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
                "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "224.0.0.1", "255.255.255.255",
                "64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1", "fec0::1"]
)  # fmt: skip
def test_addresses_of_private_networks_are_not_public(address: str) -> None:
    assert not callbacks.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_addresses_of_everybody_are(address: str) -> None:
    assert callbacks.is_public(address)


@pytest.mark.parametrize(
    ("url", "says"),
    [("https://127.0.0.1/x", "public"), ("https://[::1]/x", "public"), ("https://localhost/x", "public"),
     ("http://8.8.8.8/x", "https"), ("ftp://8.8.8.8/", "like"), ("https://", "like"), ("https://u:p@8.8.8.8/", "user"),
     ("https://8.8.8.8:99999/", "like"), ("https://no.such.invalid/", "looked up"),
     ("https://2130706433/", "public")],
)  # fmt: skip
def test_callbacks_lead_nowhere_that_the_settings_do_not_allow(
    url: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *more: Any, **named: Any) -> Any:
        if host.endswith(".invalid"):
            raise OSError("no such host")
        return real(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(AddressError, match=says):
        callbacks.checked(url, is_private_allowed=False)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: both)
    with pytest.raises(AddressError, match="public"):
        callbacks.checked("https://example.org/", is_private_allowed=False)
    assert callbacks.checked("https://example.org/", is_private_allowed=True) == ("example.org", "8.8.8.8", 443)


@contextmanager
def subscriber(status: int) -> Iterator[tuple[str, list[Any]]]:
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])), self.path))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/told?x=1", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def telling(url: str, token: str | None = "shared") -> Telling:
    return Telling("job_1", url, {"objectType": "EVENT"}, token, is_private_allowed=True)


def test_a_call_is_signed_over_id_time_and_body() -> None:
    with subscriber(204) as (url, heard):
        assert webhook.run(telling(url)) == 204
    headers, body, path = heard[0]
    assert path == "/told?x=1"
    assert headers["Host"].startswith("localhost:")
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert (
        headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(b"shared", told, hashlib.sha256)).decode()
    )


def test_without_a_token_there_is_nothing_to_sign_with() -> None:
    with subscriber(200) as (url, heard):
        webhook.run(telling(url, token=None))
    assert not {"Authorization", "webhook-signature"} & set(heard[0][0])


@pytest.mark.parametrize(("status", "error"), [(500, UnheardError), (429, UnheardError), (302, UnheardError),
                                               (410, DataError), (404, DataError)])  # fmt: skip
def test_what_may_be_better_later_is_tried_again_and_the_rest_is_not(status: int, error: type[Exception]) -> None:
    with subscriber(status) as (url, heard), pytest.raises(error, match=str(status)):
        webhook.run(telling(url))
    assert len(heard) == 1  # nobody follows where an answer points


def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(UnheardError, match="no answer"):
        webhook.run(telling("http://127.0.0.1:9/"))


def test_what_was_allowed_once_is_looked_up_again() -> None:
    told = Telling("job_1", "http://127.0.0.1:9/", {}, None, is_private_allowed=False)
    with pytest.raises(DataError, match="https"):
        webhook.run(told)


def test_a_token_is_not_shown() -> None:
    assert "shared" not in repr(telling("https://example.org/"))
