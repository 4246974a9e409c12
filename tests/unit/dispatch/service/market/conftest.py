"""The two days of a small virtual power plant, lived once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.topics.service.vpp_day import Vpp
from dispatch.service.runner.runner import run_one
from tests.unit.dispatch.service.market.lived import KINDS, SITES, Lived
from tests.unit.dispatch.service.served import client, served


@pytest.fixture(scope="package")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
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
