"""The page on OpenADR prints what it says."""

from __future__ import annotations

import pytest

from benchmarks.cases.doors.openadr import LOGIC, PARK, VEN
from benchmarks.cases.doors.server import Served
from dispatch.service.store import sites
from tests.pages import outputs_that_hold


def test_the_page_on_openadr_prints_what_it_says(doors: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = doors.new_tenant()
    with doors.store.write(tenant, "page") as tx:
        sites.put(tx, "works", sites.prepare(PARK, "works"))
    monkeypatch.setenv("PARKWATT_URL", doors.url)
    monkeypatch.setenv("PARKWATT_LOGIC", ":".join(doors.key(tenant, LOGIC)))
    monkeypatch.setenv("PARKWATT_VEN", ":".join(doors.key(tenant, VEN)))
    assert outputs_that_hold("openadr.md") == 1
