"""A tenant with a client, on a server beside which somebody does the jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dispatch.client import Client, Retry
from dispatch.service import work
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.runner import run_one
from dispatch.service.work import reserve
from tests.unit.dispatch.service.served import Api


@pytest.fixture(scope="package")
def kinds() -> Iterator[object]:
    yield work.find()
    reserve.close()


@pytest.fixture
def worked(api: Api, kinds: dict[str, work.Kind]) -> Iterator[Api]:
    """The API, with a worker."""
    ended = threading.Event()

    def work_on() -> None:
        while not ended.is_set():
            if run_one(api.store, kinds, Policy(poll_s=0.01)) is None:
                ended.wait(0.01)

    thread = threading.Thread(target=work_on)
    thread.start()
    yield api
    ended.set()
    thread.join()


@pytest.fixture
def parkwatt(worked: Api) -> Iterator[Client]:
    """A client with a key that may do everything."""
    with Client(worked.served.url, worked.served.key(worked.tenant), retry=Retry(first_s=0.01)) as client:
        yield client
