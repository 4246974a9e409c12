"""A real server on loopback for all tests of a run; each test has two tenants of its own on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from benchmarks.served import Served, served
from dispatch.service.store import Store

__all__ = ["Api", "Served", "client", "served", "two_tenants"]


@dataclass(frozen=True)
class Api:
    """Two tenants on a server.

    Attributes:
        client: sends with a key of the first tenant that may do everything; other: the same of the second tenant.
        anonymous: sends without a key.
    """

    served: Served
    tenant: str
    other_tenant: str
    client: httpx.Client
    other: httpx.Client
    anonymous: httpx.Client
    _opened: ExitStack = field(default_factory=ExitStack)

    @property
    def store(self) -> Store:
        return self.served.store

    @property
    def app(self) -> FastAPI:
        return self.served.app

    def allowed(self, *scopes: str, tenant: str | None = None) -> httpx.Client:
        """A client with a new key of these scopes; of the first tenant unless said."""
        return self._opened.enter_context(client(self.served, self.served.key(tenant or self.tenant, scopes)))


def client(server: Served, credential: str | None = None) -> httpx.Client:
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    # Plain HTTP: reading the system's certificates would take longer than a test.
    return httpx.Client(base_url=server.url, headers=headers, verify=False, timeout=20)


@contextmanager
def two_tenants(server: Served) -> Iterator[Api]:
    """New tenants of a server, with clients."""
    names = server.tenant(), server.tenant()
    with ExitStack() as opened:
        first, second = (opened.enter_context(client(server, server.key(name))) for name in names)
        anonymous = opened.enter_context(client(server))
        yield Api(server, *names, first, second, anonymous, opened)
