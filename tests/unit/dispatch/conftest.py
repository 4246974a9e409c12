"""One Ray for all tests that need one: its start takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dispatch.executor.ray_session import session


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[None]:
    """Executors of this process use it and leave it."""
    with session(2, None):
        yield
