"""Sites of a fleet one by one: bands, plans, prices, and what a call brings back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.assets.thermal import Thermal
from dispatch.errors import DataError
from dispatch.fleet.flexing import disaggregated, flexibility_of, unpriced
from dispatch.fleet.flexing.sites import evening
from dispatch.fleet.template import Template
from dispatch.flexibility import Priced
from dispatch.signals import Horizon
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, member

KNOWN = [(one.site, one.inputs(HORIZON)) for one in (member(0), member(1), member(4, battery=False))]


def test_what_is_called_comes_back_where_it_costs_least() -> None:
    found = flexibility_of(KNOWN, blocks=3)
    step = evening(HORIZON)
    assert HORIZON.local_start[step].hour == 18
    change = found.answer_kw * HORIZON.hours
    offers = [one.offers for one in found.sites]
    assert offers[2] is not None
    assert not offers[2].up_kw.any()  # a load alone offers nothing: shedding is none
    wide = sum(one.up_kw[0, step] for one in offers if one is not None)
    assert wide > 1
    assert change[step] == pytest.approx(-wide * HORIZON.hours[step])
    assert found.rows.names == ("site_000", "site_001", "site_004")
    assert found.offers is not None
    assert found.offers.most_kw("up")[step] == pytest.approx(
        sum(o.most_kw("up")[step] for o in offers if o is not None)
    )
    assert found.currency == "EUR"


def test_sites_of_one_structure_are_as_if_each_were_alone() -> None:
    together = flexibility_of(KNOWN[:2], blocks=2)
    alone = flexibility_of(KNOWN[1:2], blocks=2).sites[0]
    assert np.allclose(together.sites[1].plan_kw, alone.plan_kw, atol=1e-6)
    assert together.sites[1].offers is not None
    assert alone.offers is not None
    assert np.allclose(together.sites[1].offers.most_kw("down"), alone.offers.most_kw("down"), atol=1e-5)


def test_a_profile_is_split_at_the_sites_own_prices_or_evenly() -> None:
    plan = flexibility_of(KNOWN, blocks=0).plan_kw
    for cheapest in (False, True):
        made = disaggregated(KNOWN, plan, cheapest=cheapest)
        assert made.feasible
        assert np.allclose(made.net_kw.sum(axis=0), plan, atol=1e-4)
        assert made.how == ("problems" if cheapest else "devices")
    beyond = disaggregated(KNOWN, plan + 500)
    assert not beyond.feasible
    assert "the profile asks for" in beyond.reasons[0]


def test_there_is_a_fleet_and_its_steps_are_the_same() -> None:
    with pytest.raises(DataError, match="the fleet has no site"):
        flexibility_of([])
    site, inputs = KNOWN[1]
    later = Horizon(HORIZON.edges + np.timedelta64(3600, "s"), HORIZON.time_zone)
    other: Inputs = replace(inputs, horizon=later)
    with pytest.raises(DataError, match="is planned over other steps than 'site_000'"):
        flexibility_of([KNOWN[0], (site, other)], blocks=0)


def test_short_horizons_show_their_middle() -> None:
    edges = np.datetime64("2024-06-03T00:00:00", "s") + np.arange(5) * np.timedelta64(3600, "s")
    assert evening(Horizon(edges, "UTC")) == 2


def test_a_stack_of_sites_is_priced_as_its_problems_are() -> None:
    sites = [member(0), member(1)]
    template = Template(sites[0], HORIZON, ("net_import_kw",))
    stack = template.stack(sites)
    for number, one in enumerate(flexibility_of(KNOWN[:2], blocks=0).sites):
        priced = Priced(stack.matrices(number), template.at["net_import_kw"], HORIZON.hours)
        assert np.allclose(priced.plan_kw.sum(), one.plan_kw.sum(), atol=1e-4)
        assert priced.answer(3, -1.0).net_kw[3] == pytest.approx(priced.plan_kw[3] - 1)


def test_a_standby_unit_is_named_with_what_no_block_prices() -> None:
    """A genset of 30 kW that never pays: its site's load could be 30 kW less, and no block says so."""
    one = member(4, battery=False)
    genset = Thermal(name="genset", bus=one.site.buses[0].name, min_kw=10, max_kw=30, cost_per_kwh=9, start_cost=20)
    site = one.site.model_copy(update={"assets": (*one.site.assets, genset)})
    found = flexibility_of([KNOWN[1], (site, one.inputs(HORIZON))], blocks=1)
    offers = found.sites[1].offers
    assert offers is not None
    assert not offers.up_kw.any()
    # Its load is served all the same: what a site can do is no shedding, whatever a bid might pay for it.
    assert found.sites[1].envelope.least_kw[0] == pytest.approx(one.series["hall", "demand_kw"][0] - 30, abs=1e-4)
    (note,) = unpriced(found)
    assert "go up by at most: 'site_004' 30 kW. What that costs is not priced" in note
    assert unpriced(flexibility_of(KNOWN, blocks=1)) == ()
