"""The process that answers without a solver ends with the tests that asked it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dispatch.service.work import reserve


@pytest.fixture(scope="package", autouse=True)
def reserve_ends() -> Iterator[None]:
    yield
    reserve.close()
