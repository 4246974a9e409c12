"""What owners behind one connection pay, by hand and on drawn cases."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.errors import DataError
from dispatch.fleet.members import Member
from dispatch.fleet.shared.gathered import Templates
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.owners import CostShares, by_prices, by_shapley, game, owner
from dispatch.fleet.shared.plan import SharedPlan, plan_shared
from tests.unit.dispatch.fleet.shared.sites import connection, hours, member, read, tariff

STEPS = 3


@cache
def templates(inside: bool) -> Templates:
    """Compiled once for all drawn cases; sites alone have a tariff of their own and so another structure."""
    del inside
    return Templates(hours(STEPS), ("net_import_kw",))


def park(**fields: Any) -> dict[str, Any]:
    joint = connection("joint", tariff=tariff(0.3, sold=0.1, demand=1.0), import_kw=fields.pop("import_kw", 1000))
    return {"kind": "park", "name": "pcc", "owner": "owner", "connection": joint} | fields


def shared_out(fleet: list[Member], **fields: Any) -> tuple[SharedPlan, CostShares, CostShares]:
    things = read(fleet, park(**fields))
    (pcc,) = things
    assert isinstance(pcc, Park)
    plan = plan_shared(fleet, things, hours(STEPS), templates=templates(True))
    assert plan.passed
    worth = game(fleet, things, pcc, hours(STEPS), plan=plan, templates=templates(True))
    return plan, by_prices(plan, pcc, worth), by_shapley(plan, pcc, worth)


def own(name: str, demand_kw: list[float], sun_kw: list[float], **fields: Any) -> Member:
    grid = connection(tariff=tariff(0.3, sold=0.1, demand=1.0))
    return member(name, demand_kw, pv_kw=sun_kw, grid=grid, labels={"owner": name}, **fields)


def test_sun_of_one_serves_the_other() -> None:
    """a has 30 kW of sun in one hour and no load, b 30 kW of load: alone −3 and 9 + 30 of demand, together nothing."""
    fleet = [own("a", [0, 0, 0], [30, 0, 0]), own("b", [30, 0, 0], [0, 0, 0])]
    plan, prices, values = shared_out(fleet)
    assert plan.solution.objective == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(values.alone, [-3, 39], atol=1e-6)
    # Together they save 36: a half each by Shapley.
    np.testing.assert_allclose(values.total, [-3 - 18, 39 - 18], atol=1e-6)
    assert prices.total.sum() == pytest.approx(0.0, abs=1e-9)
    assert (prices.saved > -1e-9).all()
    assert "nobody is worse off than alone" in values.words()
    assert any("in the core" in line for line in values.words())


def test_a_scarce_connection_has_a_rent_that_is_handed_back() -> None:
    """100 kW for 120 of load: the price is the load's worth, 2 a kWh, and its rent goes back by the stated rule."""
    fleet = [own(n, [kw, 0, 0], [0, 0, 0], worth=2.0) for n, kw in (("a", 80.0), ("b", 40.0))]
    plan, prices, _ = shared_out(fleet, import_kw=100)
    assert plan.meters["pcc"].price_per_kwh[0] == pytest.approx(2.0)
    assert prices.surplus == pytest.approx(100 * 2 - 100 * 0.3 - 100)
    total = prices.transfer.sum()
    assert total == pytest.approx(130)
    alike = shared_out(fleet, import_kw=100, surplus="equal")[1]
    shares = {"a": 1, "b": 0}
    mine = shared_out(fleet, import_kw=100, surplus="own", surplus_shares=shares)[1]
    for one in (alike, mine):
        assert one.transfer.sum() == pytest.approx(130)
    assert mine.transfer[0] < alike.transfer[0]
    assert "by the shares of the park's file" in " ".join(mine.words())
    with pytest.raises(DataError, match="a number for each of a, b"):
        shared_out(fleet, surplus="own", surplus_shares={"c": 1})


def test_whoever_would_leave_is_named() -> None:
    """b pays for a joint demand charge that it would not have alone: the share says so."""
    free = connection(tariff=tariff(0.1))
    fleet = [own("a", [80, 0, 0], [0, 0, 0]), member("b", [10, 10, 10], grid=free, labels={"owner": "b"})]
    _, prices, _ = shared_out(fleet)
    assert prices.saved[1] < 0
    assert prices.leaving[0] == ("b",)
    assert prices.leaving[1] == pytest.approx(-prices.saved[1])
    words = prices.words()
    assert "worse off than alone: b" in words
    assert any("by leaving together: outside the core" in line for line in words)
    assert prices.table()["owner"] == ["a", "b"]


def test_an_owner_may_have_several_sites_and_must_be_known() -> None:
    fleet = [own("a", [5, 5, 5], [0, 9, 0]), own("b", [5, 5, 5], [0, 0, 0]), own("c", [1, 2, 3], [0, 0, 0])]
    fleet = [Member(m.site, m.series, labels={"owner": "x" if m.name in "ab" else "y"}) for m in fleet]
    _, prices, values = shared_out(fleet)
    assert prices.owners == ("x", "y")
    assert values.total.sum() == pytest.approx(prices.total.sum(), abs=1e-6)
    (pcc,) = read(fleet, park())
    assert isinstance(pcc, Park)
    with pytest.raises(DataError, match="no label 'owner'"):
        owner(pcc, Member(fleet[0].site, {}))


POWERS = st.lists(st.floats(0, 100), min_size=STEPS, max_size=STEPS)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(POWERS, POWERS), min_size=2, max_size=3),
    st.floats(20, 400),
    st.sampled_from(["energy", "equal"]),
)
def test_shares_pay_the_whole_bill(drawn: list[tuple[list[float], list[float]]], most_kw: float, rule: str) -> None:
    """Budget balance of both rules on drawn loads, suns and connections, scarce ones among them."""
    fleet = [own(f"o{i}", demand, sun, worth=2.0) for i, (demand, sun) in enumerate(drawn)]
    plan, prices, values = shared_out(fleet, import_kw=most_kw, surplus=rule)
    size = max(1.0, abs(plan.solution.objective))
    for one in (prices, values):
        assert one.total.sum() == pytest.approx(plan.solution.objective, abs=1e-9 * size)
        assert one.transfer.sum() == pytest.approx(plan.meters["pcc"].objective, abs=1e-9 * size)
