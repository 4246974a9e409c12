"""One server with both doors open for the tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.cases.doors.server import Served, serving


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("doors")) as found:
        yield found
