"""Kinds of job that do what tests want."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dispatch.service import work
from dispatch.service.work import Kind
from tests.unit.dispatch.service.kinds import echo


@pytest.fixture(scope="session")
def kinds() -> Mapping[str, Kind]:
    return {"echo": work.of(echo)}
