"""No tenant sees or infers what another has: every route of the document is asked for it."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

import httpx

from benchmarks.rows import row
from benchmarks.served import served
from benchmarks.topics.service.isolation.matrix import Found, matrix
from benchmarks.topics.service.isolation.world import poor, rich

INPUTS = ("dispatch/service", "benchmarks/topics/service")
_PATIENCE_S = 600.0
_UNLIMITED = 10**9
_NAME = "another tenant's things over every route"


def isolation(folder: Path, *, whole: bool) -> Found:
    """Ask as one tenant for what another has, after a whole market day or for what takes no job."""
    with served(folder, requests_per_minute=_UNLIMITED) as server:
        keys = [server.key(server.tenant()) for _ in range(2)]
        clients = [
            httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}, verify=False) for key in keys
        ]
        for client in clients:
            client.timeout = _PATIENCE_S
        with clients[0], clients[1]:
            return matrix(server, rich(server, clients[0], whole=whole), poor(server, clients[1]))


@cache
def _found() -> Found:
    with tempfile.TemporaryDirectory() as made:
        found = isolation(Path(made), whole=True)
    for line in [*found.wrong, *found.absent]:
        sys.stderr.write(line + "\n")
    return found


@row("service", name=f"{_NAME}: compared with what nobody has", unit="pairs of requests", bar=">= 80", slow=True,
     inputs=INPUTS)  # fmt: skip
def compared() -> int:
    return _found().compared


@row("service", name=f"{_NAME}: told apart, seen or changed", unit="requests", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def told_apart() -> int:
    return len(_found().differences) + len(_found().leaks) + len(_found().changed)


@row("service", name=f"{_NAME}: routes that are not asked", unit="routes", bar="== 0", slow=True, inputs=INPUTS)
def not_asked() -> int:
    return len(_found().missing) + len(_found().absent)
