"""One Ray for all tests that need one: its start takes longer than most of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dispatch.executor.ray_session import session


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[None]:
    """Executors of this process use it and leave it."""
    opened = ExitStack()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, which name what will change in Ray
        opened.enter_context(session(2, None))
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.close()
