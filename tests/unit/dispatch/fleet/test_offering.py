"""What a fleet offers, from its tables to curves."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.fleet.flexing import envelope_table, flexibility_of, offers_table
from dispatch.fleet.offering import offered, sides_of
from dispatch.markets.catalogue import product
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, member

SPRING = date(2026, 3, 30)
DAY = HORIZON.local_start[0].date()


def test_tables_give_back_what_they_were_made_of() -> None:
    members = [member(0), member(4, battery=False), member(1)]
    found = flexibility_of([(one.site, one.inputs(HORIZON)) for one in members], blocks=2)
    made = offered(envelope_table(found), offers_table(found), HORIZON.time_zone)
    assert made.names == tuple(one.name for one in members)
    assert np.array_equal(made.steps.edges, HORIZON.edges)
    assert made.plan_kw is not None
    assert np.allclose(made.plan_kw, [one.plan_kw for one in found.sites])
    for block, one in zip(made.blocks, found.sites, strict=True):
        assert one.offers is not None
        for way in ("up", "down"):
            assert np.allclose(block.most_kw(way), one.offers.most_kw(way))
            half = 0.5 * block.most_kw(way)
            assert np.allclose(block.cost(way, half), one.offers.cost(way, half))
    narrowed = made.kept_up(HORIZON)
    assert all((n.up_kw <= b.up_kw + 1e-9).all() for n, b in zip(narrowed, made.blocks, strict=True))


def test_sides_and_prices_fit_the_product() -> None:
    energy, response = (
        product("sdac_day_ahead", date(2026, 3, 30)),
        product("hainan_demand_response", date(2026, 3, 30)),
    )
    assert sides_of(energy, "both") == ("up", "down")
    assert sides_of(product("fcr", SPRING), "down") == ("up",)
    with pytest.raises(DataError, match="side 'down': hainan_demand_response accepts up"):
        sides_of(response, "down")
    found = flexibility_of([(member(0).site, member(0).inputs(HORIZON))], blocks=1)
    made = offered(envelope_table(found), offers_table(found), HORIZON.time_zone)
    with pytest.raises(DataError, match="does not pay for capacity"):
        made.curves(response, DAY, ("up",), 1.0)
