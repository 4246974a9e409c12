from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.carbon import ladder, ladder_price, matching
from dispatch.errors import AlignmentError, DataError


def test_each_interval_costs_its_own_price() -> None:
    # 100 a t, 10 t an interval, a quarter dearer each: 10·100, then 10·125, then 5·150.
    cost = ladder([-4.0, 0.0, 10.0, 20.0, 25.0], 100.0, 10.0, 0.25)
    np.testing.assert_allclose(cost, [-400.0, 0.0, 1000.0, 2250.0, 3000.0])


def test_after_the_last_step_the_price_stays() -> None:
    assert ladder(40.0, 100.0, 10.0, 0.25, steps=1) == pytest.approx(1000 + 30 * 125)


def test_no_growth_is_a_plain_price() -> None:
    np.testing.assert_allclose(ladder([7.0, 123.0], 60.0, 10.0, 0.0), [420.0, 7380.0])


def test_a_ladder_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="interval 0"):
        ladder(1.0, 60.0, 0.0, 0.1)


def test_published_matching(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text())["T9_cfe"]
    found = matching(case["load"], case["contracted"], case["ef"], grid_cfe=case["grid_cfe"])
    assert found.hourly_share == pytest.approx(case["hourly_contract_only"])
    assert found.annual_share == pytest.approx(case["annual_volumetric"])
    assert found.cfe == pytest.approx(case["CFE"])
    assert found.location == pytest.approx(case["location_t"])
    assert found.market_hourly == pytest.approx(case["market_hourly_t"])
    assert found.market_annual == pytest.approx(case["market_annual_t"])
    assert found.excess.sum() == pytest.approx(case["excess"])


def test_the_annual_factor_is_weighted_by_load() -> None:
    found = matching([30.0, 10.0], [20.0, 0.0], [0.2, 1.0])
    assert found.market_annual == pytest.approx(20 * (30 * 0.2 + 10 * 1.0) / 40)
    assert found.market_hourly == pytest.approx(10 * 0.2 + 10 * 1.0)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AlignmentError, match=r"\(1,\)"):
        matching([1.0, 2.0], [1.0], 0.5)
    with pytest.raises(AlignmentError, match="one number or 2"):
        matching([1.0, 2.0], [1.0, 1.0], [0.5, 0.5, 0.5])
    with pytest.raises(DataError, match="shares from 0 to 1"):
        matching([1.0], [1.0], 0.5, grid_cfe=2.0)
    with pytest.raises(DataError, match="0 or more"):
        matching([-1.0], [1.0], 0.5)


def test_the_price_of_the_next_t_is_the_slope_of_the_ladder() -> None:
    at = np.array([-4.0, 5.0, 12.0, 25.0, 99.0])
    for steps in (None, 2):
        slope = (ladder(at + 1e-6, 100.0, 10.0, 0.25, steps) - ladder(at, 100.0, 10.0, 0.25, steps)) / 1e-6
        np.testing.assert_allclose(ladder_price(at, 100.0, 10.0, 0.25, steps), slope, rtol=1e-6)


@pytest.mark.parametrize(("excess", "price", "steps"), [(np.nan, 60.0, None), (1.0, -1.0, None), (1.0, 60.0, -1)])
def test_other_ladders_that_are_none(excess: float, price: float, steps: int | None) -> None:
    with pytest.raises(DataError, match="ladder"):
        ladder(excess, price, 10.0, 0.1, steps)


@given(st.integers(0, 10**6))
def test_contracts_and_meters_balance_and_nothing_is_used_twice(seed: int) -> None:
    r = np.random.default_rng(seed)
    load, contracts = r.uniform(0, 10, (3, 6)) * (r.random((3, 6)) < 0.8), r.uniform(0, 10, (2, 6))
    found = matching(load, contracts, r.uniform(0, 1, 6))
    np.testing.assert_allclose(found.used.sum(axis=1) + found.unused, contracts, atol=1e-12)
    np.testing.assert_allclose(found.used.sum(axis=0), found.matched, atol=1e-9)
    assert (found.unused >= -1e-12).all()
    whole = matching(load.sum(axis=0), contracts.sum(axis=0), 0.5)
    np.testing.assert_allclose(found.matched.sum(axis=0), whole.matched, atol=1e-9)
    assert found.hourly_share == pytest.approx(whole.hourly_share)
    assert sum(meter.market_hourly for meter in found.meters) == pytest.approx(found.market_hourly)
    assert sum(meter.location for meter in found.meters) == pytest.approx(found.location)


def test_the_first_contract_is_used_first() -> None:
    found = matching([5.0, 5.0], [[3.0, 9.0], [4.0, 4.0]], 1.0)
    np.testing.assert_allclose(found.used, [[3.0, 5.0], [2.0, 0.0]])
    np.testing.assert_allclose(found.unused, [[0.0, 4.0], [2.0, 4.0]])
    assert found.excess.tolist() == [2.0, 8.0]


def test_without_a_factor_there_is_no_carbon() -> None:
    found = matching([5.0], [3.0])
    assert np.isnan(found.location)
    assert np.isnan(found.market_hourly)
    assert found.hourly_share == pytest.approx(0.6)
    with pytest.raises(DataError, match="finite"):
        matching([5.0], [3.0], np.nan)
    assert np.isnan(matching([[0.0], [0.0]], [3.0], 0.5).cfe)


def test_an_edge_that_division_misses_has_the_next_price() -> None:
    found = ladder_price([0.3, 0.6, 0.7], 100.0, 0.1, 0.25)
    np.testing.assert_allclose(found, [175.0, 250.0, 275.0])


def test_a_million_intervals_are_one_line() -> None:
    cost = ladder(np.full(1000, 1e8), 100.0, 1.0, 0.25)
    np.testing.assert_allclose(cost, 100 * (1e8 + 0.25 * 1e8 * (1e8 - 1) / 2))


@pytest.mark.parametrize(
    ("price", "interval", "steps"), [(np.inf, 10, None), (100, np.inf, None), ([1, 2], 10, None), (1, 1, 1.5)]
)
def test_a_ladder_of_no_plain_numbers_is_refused(price: Any, interval: Any, steps: Any) -> None:
    with pytest.raises(DataError, match="ladder"):
        ladder([5.0, 25.0], price, interval, 0.25, steps)
    with pytest.raises(DataError, match="excess: ten"):
        ladder("ten", 100.0, 10.0, 0.25)


@pytest.mark.parametrize("load", [["a", "b"], {"mill": [1, 2]}, [[1, 2], [3]]])
def test_loads_that_are_no_numbers_are_refused(load: Any) -> None:
    with pytest.raises(DataError, match="load: "):
        matching(load, [1, 2], 0.5)
