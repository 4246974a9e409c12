"""What one tenant, or one address, can take from the others: places, threads, and looks at credentials."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from dispatch.service.errors import TooManyRequestsError
from dispatch.service.http.at_once import AtOnce
from dispatch.service.http.failures import source
from dispatch.service.settings import Settings
from tests.unit.dispatch.service import probe
from tests.unit.dispatch.service.served import Served, client, served

_MANY = 80  # more than there are threads


@contextmanager
def asking(server: Served, credential: str, count: int) -> Iterator[list[socket.socket]]:
    """So many requests under way that hold a thread each until ``probe.GO``."""
    probe.GO.clear()
    host, port = urlsplit(server.url).netloc.split(":")
    asked = f"GET /api/v1/probe/waiting HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\r\n".encode()
    with ExitStack() as opened:
        made = [opened.enter_context(socket.create_connection((host, int(port)))) for _ in range(count)]
        for each in made:
            each.sendall(asked)
        try:
            yield made
        finally:
            probe.GO.set()


def test_a_tenant_whose_requests_hang_holds_up_no_other(tmp_path: Path) -> None:
    with served(tmp_path, (probe.router,)) as server:
        busy, other = server.key(server.tenant()), server.key(server.tenant())
        with asking(server, busy, _MANY) as made, client(server, other) as asks:
            time.sleep(0.3)  # all have come in
            for _ in range(5):
                assert asks.get("/api/v1/keys", timeout=2).status_code == 200
            # A key that was never seen has to be looked up, for which nobody's request is waited for either.
            with client(server, server.key(server.tenant())) as new:
                assert new.get("/api/v1/keys", timeout=2).status_code == 200
            probe.GO.set()
            assert all(each.recv(100).startswith(b"HTTP/1.1 200") for each in made)  # each had its turn


def test_requests_beyond_the_line_are_refused_with_when_to_come_again(tmp_path: Path) -> None:
    asked = {"requests_at_once": 2, "requests_waiting": 1, "request_wait_s": 0.2}
    with served(tmp_path, (probe.router,), **asked) as server:
        key, other = server.key(server.tenant()), server.key(server.tenant())
        with asking(server, key, 3), client(server, key) as same, client(server, other) as asks:
            time.sleep(0.1)
            refused = same.get("/api/v1/keys")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert refused.json()["type"] == "urn:parkwatt:problem:too-many-requests"
            assert asks.get("/api/v1/keys").status_code == 200
            time.sleep(0.3)  # whoever waited was refused meanwhile
            began = time.monotonic()
            assert same.get("/api/v1/keys").status_code == 429
            assert time.monotonic() - began > 0.15
            probe.GO.set()
            time.sleep(0.1)
            assert same.get("/api/v1/keys").status_code == 200


def test_a_stream_of_events_is_no_request_that_is_answered(tmp_path: Path) -> None:
    with served(tmp_path, (probe.router,), requests_at_once=1, request_wait_s=0.1) as server:
        key = server.key(server.tenant())
        with client(server, key) as asks, asks.stream("GET", "/api/v1/probe/events/0") as got:
            next(got.iter_lines())
            assert asks.get("/api/v1/keys").status_code == 200


def test_whoever_waited_longest_comes_next_and_places_are_never_lost() -> None:
    async def run() -> tuple[list[int], int]:
        among, order, most = AtOnce(Settings(requests_at_once=2)), [], 0
        inside = 0

        async def one(number: int) -> None:
            nonlocal inside, most
            async with among.place("north"):
                inside += 1
                most = max(most, inside)
                order.append(number)
                try:
                    await anyio.sleep(0.001)
                finally:
                    inside -= 1

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, number)
            with anyio.move_on_after(0.0005):
                await one(99)  # leaves while it waits
        async with among.place("north"), among.place("north"):
            pass
        assert not among._lines
        return order, most

    order, most = anyio.run(run)
    assert [number for number in order if number != 99] == list(range(20))
    assert most == 2


def test_nobody_waits_where_nobody_may() -> None:
    async def run() -> None:
        among = AtOnce(Settings(requests_at_once=1, requests_waiting=0))
        async with among.place("north"), among.place("south"):
            with pytest.raises(TooManyRequestsError):
                async with among.place("north"):
                    pass

    anyio.run(run)


def test_credentials_that_do_not_hold_are_looked_at_so_often(tmp_path: Path) -> None:
    """Beyond that, a key that there is and one that there is not are refused in the same words."""
    with served(tmp_path, failures_per_minute=5) as server:
        tenant = server.tenant()
        known, fresh = server.key(tenant), server.key(tenant)
        with client(server, known) as asks, client(server) as anonymous:
            assert asks.get("/api/v1/keys").status_code == 200

            def tried(credential: str) -> tuple[int, str]:
                answer = anonymous.get("/api/v1/keys", headers={"Authorization": f"Bearer {credential}"})
                return answer.status_code, answer.json()["detail"].partition(" Try")[0]

            wrong = fresh[:-4] + "AAAA"
            assert [
                tried(each)[0] for each in (wrong, "pw_key_" + "0" * 26 + "_" + "A" * 43, "a.b.c", wrong, wrong)
            ] == [401] * 5
            found = {tried(each) for each in (fresh, wrong, "pw_key_" + "0" * 26 + "_" + "A" * 43, "a.b.c")}
            assert found == {(429, "Too many credentials from this address did not hold.")}
            assert asks.get("/api/v1/keys").status_code == 200  # it has opened before
            form = {"grant_type": "client_credentials", "client_id": fresh[3:33], "client_secret": fresh[34:]}
            assert anonymous.post("/oauth/token", data=form).status_code == 429
            assert anonymous.post("/login", data={"key": fresh}).status_code == 429
            elsewhere = {"Authorization": f"Bearer {fresh}", "X-Forwarded-For": "192.0.2.7"}  # said by the proxy
            assert anonymous.get("/api/v1/keys", headers=elsewhere).status_code == 200


def test_a_key_that_opens_is_no_failure(tmp_path: Path) -> None:
    with served(tmp_path, failures_per_minute=2) as server:
        for _ in range(4):
            with client(server, server.key(server.tenant())) as asks:
                assert asks.get("/api/v1/keys").status_code == 200


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_of_ipv6_is_its_network(host: str, address: str) -> None:
    assert source({"client": (host, 1)}) == address
