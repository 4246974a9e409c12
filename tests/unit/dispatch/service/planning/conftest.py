"""A site for the tests of a module, and an end for the process that answers without a solver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dispatch.service.work import reserve
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api, Served, two_tenants


@pytest.fixture(scope="package", autouse=True)
def reserve_ends() -> Iterator[None]:
    yield
    reserve.close()


@pytest.fixture(scope="module")
def site(server: Served) -> Iterator[Api]:
    """A tenant with a small site; another without."""
    with two_tenants(server) as api:
        small.put(api.store, api.tenant)
        yield api
