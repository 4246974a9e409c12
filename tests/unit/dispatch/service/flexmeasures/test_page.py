"""The page on FlexMeasures prints what it says."""

from __future__ import annotations

import pytest

from benchmarks.cases.doors.server import Served
from tests.pages import outputs_that_hold


def test_the_page_on_flexmeasures_prints_what_it_says(doors: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    key_id, secret = doors.key(doors.new_tenant())
    monkeypatch.setenv("PARKWATT_HOST", f"127.0.0.1:{doors.port}")
    monkeypatch.setenv("PARKWATT_KEY", f"pw_{key_id}_{secret}")
    assert outputs_that_hold("flexmeasures.md") == 1
