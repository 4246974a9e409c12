"""The two days of a small virtual power plant, lived once for all tests here; each finds them as they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import make_url

from benchmarks.topics.service.vpp_day import AFTER, Vpp
from dispatch.service.runner.runner import run_one
from tests.unit.dispatch.service.market.lived import KINDS, SITES, Lived
from tests.unit.dispatch.service.served import client, served


@pytest.fixture(scope="package")
def lived_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with served(tmp_path_factory.mktemp("vpp")) as found:
        tenant, other = found.tenant(), found.tenant()

        def done() -> None:
            while run_one(found.store, KINDS) is not None:
                continue

        with client(found, found.key(tenant)) as own, client(found, found.key(other)) as stranger:
            vpp = Vpp(own, found.store, done, SITES)
            vpp.register()
            vpp.measure()
            vpp.forecast()
            plan, flexible = vpp.plan(), vpp.flexibility()
            bid = vpp.bid()
            award = vpp.award(bid)
            setpoints = vpp.setpoints()
            vpp.deliver(setpoints)
            settlement = vpp.settle()
            yield Lived(found, tenant, vpp, stranger, plan, flexible, bid, award, setpoints, settlement)


@pytest.fixture
def lived(lived_once: Lived) -> Iterator[Lived]:
    """After the settlement; what the test makes of it, and its clock, end with it."""
    lived_once.at(AFTER)
    database = make_url(lived_once.served.store.url).database
    assert database is not None
    with closing(sqlite3.connect(database)) as now, closing(sqlite3.connect(":memory:")) as before:
        now.backup(before)
        yield replace(lived_once, vpp=replace(lived_once.vpp, ids=dict(lived_once.vpp.ids)))
        before.backup(now)
