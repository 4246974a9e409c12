"""The page about the service prints what it says, and its first program is short."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.topics.service.client_lines import lines
from tests.pages import outputs_that_hold
from tests.unit.dispatch.service.served import Api


def test_the_page_on_the_service_prints_what_it_says(
    worked: Api, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PARKWATT_URL", worked.served.url)
    monkeypatch.setenv("PARKWATT_KEY", worked.served.key(worked.tenant))
    assert outputs_that_hold("service.md") == 11


def test_the_example_is_counted_as_it_stands() -> None:
    assert 8 < lines() <= 15
