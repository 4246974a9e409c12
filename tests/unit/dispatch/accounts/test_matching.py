"""Origins of electricity, step by step: scores done by hand, stores that mix, buses that nothing joins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.accounts.matching import Matched, _Store, matched
from dispatch.carbon.matching import cfe_score
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

ROOF = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 1000}
GREEN = {"name": "ppa", "price_per_kwh": 0.0}


def planned(site: Site, series: dict[tuple[str, str], Any], steps: int = 4, **state: Any) -> Schedule:
    return solve(Problem(site, given(site, hours(steps), series, state=state)))


def curve(*values: float) -> list[dict[str, Any]]:
    moments = [f"2024-03-01T{hour:02d}:00Z" for hour in range(len(values))]
    return [{"datetime": at, "value": value} for at, value in zip(moments, values, strict=True)]


def test_the_published_score(shared: Path) -> None:
    case = json.loads((shared / "golden" / "carbon.json").read_text())["T9_cfe"]
    given_up, clean = np.array(case["load"], float), np.array(case["contracted"], float)
    assert cfe_score(given_up, clean) == pytest.approx(case["hourly_contract_only"])
    assert cfe_score(given_up, clean, np.array(case["grid_cfe"])) == pytest.approx(case["CFE"])
    assert np.maximum(clean - given_up, 0).sum() == pytest.approx(case["excess"])


def test_a_score_is_weighted_by_the_load() -> None:
    # 10 of 10, 4 of 20 and a quarter of the other 16: (10 + 4 + 4) / 30.
    assert cfe_score(np.array([10.0, 20]), np.array([15.0, 4]), np.array([0.9, 0.25])) == pytest.approx(18 / 30)
    assert np.isnan(cfe_score(np.zeros(2), np.ones(2)))


def test_direct_contract_and_grid_are_told_apart() -> None:
    site = park(
        load(), ROOF, grid(clean_fraction=0.3, green_power=[GREEN | {"max_kw": curve(40, 40, 40, 80)}], export_kw=0)
    )
    # With the clean share wished for, all that is offered is taken.
    site = site.model_validate(site.model_dump() | {"wishes": [{"clean_share_min": 1.0}]})
    found = matched(site, planned(site, {("load", "demand_kw"): 60.0, ("roof", "available_kw"): [0.0, 10, 60, 0]}))
    assert found.use_kw == pytest.approx([60] * 4)
    assert found.direct_kw == pytest.approx([0, 10, 60, 0], abs=1e-6)
    assert found.contract_kw == pytest.approx([40, 40, 0, 60], abs=1e-6)
    assert found.grid_clean_kw == pytest.approx([6, 3, 0, 0], abs=1e-6)
    assert found.rest_kw == pytest.approx([14, 7, 0, 0], abs=1e-6)
    assert found.direct_share == pytest.approx(70 / 240)
    assert found.green_share == pytest.approx(210 / 240)
    assert found.cfe == pytest.approx(219 / 240)
    assert found.step_share == pytest.approx([40 / 60, 50 / 60, 1, 1])
    # By volume the year's claim counts 200 kWh of contract, taken or not: 270 of 240.
    assert found.by_volume == pytest.approx(1.0)


def test_the_grids_carbon_free_share_is_that_of_the_hour() -> None:
    """As the wish for carbon-free hours counts it: 60 kW at .5, .1, 0 and 1, not at the .3 of all imports."""
    connection = grid(clean_fraction=0.3, carbon_free_fraction=curve(0.5, 0.1, 0.0, 1.0))
    wish = {"carbon_free_min": 1.0, "over": "horizon"}
    site = park(load(), connection, wishes=[wish])
    schedule = planned(site, {("load", "demand_kw"): 60.0})
    found = matched(site, schedule)
    assert found.grid_clean_kw == pytest.approx([30, 6, 0, 60])
    assert found.rest_kw == pytest.approx([30, 54, 60, 0])
    assert found.cfe == pytest.approx(96 / 240)
    (short,) = schedule.wish_short_kwh.values()
    assert short.sum() == pytest.approx((1 - found.cfe) * 240)


def test_steps_count_by_their_lengths() -> None:
    """Half an hour with 10 of 40 kW contracted and a third of the rest clean, then 90 minutes with 60 of 80 direct."""
    edges = np.datetime64("2024-03-01T00:00", "s") + np.array([0, 1800, 7200]).astype("timedelta64[s]")
    none = np.zeros(2)
    found = Matched(
        Horizon(edges, "UTC"),
        direct_kw=np.array([0.0, 60.0]),
        contract_kw=np.array([10.0, 0.0]),
        grid_clean_kw=np.array([10.0, 5.0]),
        fuel_kw=none,
        rest_kw=np.array([20.0, 15.0]),
        stored_kw=none,
        offered_kw=np.array([10.0, 0.0]),
    )
    used_kwh = 0.5 * 40 + 1.5 * 80
    assert found.direct_share == pytest.approx(1.5 * 60 / used_kwh)
    assert found.cfe == pytest.approx((0.5 * 20 + 1.5 * 65) / used_kwh)
    assert found.by_volume == pytest.approx((0.5 * 10 + 1.5 * 60) / used_kwh)


def test_a_store_mixes_what_reaches_it_with_what_it_holds() -> None:
    """50 kW for half an hour at .9: 22.5 of the 62.5 kWh that are in it then."""
    direct, unknown = np.eye(6)[0], np.eye(6)[-1]
    store = _Store(0.9, np.array([-50.0, 30.0]), np.array([62.5, 47.5]))
    assert store.take(0, direct, 0.5) == 50
    assert store.shares == pytest.approx(0.36 * direct + 0.64 * unknown)
    assert store.given(1) == pytest.approx(30 * (0.36 * direct + 0.64 * unknown))
    assert store.take(1, direct, 0.5) == 0
    assert store.shares == pytest.approx(0.36 * direct + 0.64 * unknown)


def test_certificates_that_are_sold_prove_nothing() -> None:
    site = park(load(), grid(green_power=[GREEN | {"share_min": 1.0, "certificates_kept": 0.25}]))
    found = matched(site, planned(site, {("load", "demand_kw"): 10.0}))
    assert found.green_share == pytest.approx(0.25)
    assert found.by_volume == pytest.approx(0.25)


def test_a_plant_that_burns_fuel_is_not_direct() -> None:
    site = park(
        load(), unit(max_kw=30, cost_per_kwh=0.0), grid(), unit("biogas", max_kw=20, clean=True, cost_per_kwh=0)
    )
    found = matched(site, planned(site, {("load", "demand_kw"): 60.0}, 1))
    assert (found.direct_kw[0], found.fuel_kw[0], found.rest_kw[0]) == pytest.approx((20, 30, 10))


def test_export_takes_the_mix_of_its_step() -> None:
    site = park(
        load(),
        ROOF,
        unit(min_kw=30, max_kw=30, must_run=True, cost_per_kwh=0.0),
        grid(tariff=tariff(0.2, 0.1), export_kw=500),
    )
    found = matched(site, planned(site, {("load", "demand_kw"): 45.0, ("roof", "available_kw"): 60.0}, 1))
    assert (found.direct_kw[0], found.fuel_kw[0]) == pytest.approx((30, 15))


def test_a_store_gives_what_it_took_and_of_its_start_nothing_is_known() -> None:
    """50 kWh of unknown origin, then 40 kWh of sun arrive: 90 kWh, of which four ninths are direct."""
    store = battery(charge_efficiency=0.8, discharge_efficiency=1.0, start_fill=0.5, end_fill_min=0.45)
    site = park(load(), ROOF, store, grid())
    series = {("load", "demand_kw"): [0.0, 45], ("roof", "available_kw"): [50.0, 0]}
    found = matched(site, planned(site, series, 2))
    assert found.use_kw == pytest.approx([0, 45], abs=1e-5)
    assert found.direct_kw == pytest.approx([0, 20], abs=1e-5)
    assert found.stored_kw == pytest.approx([0, 25], abs=1e-5)
    assert np.isnan(found.step_share[0])


def test_what_nothing_joins_is_matched_apart() -> None:
    buses = [{"name": "main"}, {"name": "far"}]
    far = [load("other", bus="far"), grid(name="second", bus="far", tariff=tariff(0.1))]
    series = {("load", "demand_kw"): 10.0, ("other", "demand_kw"): 30.0, ("roof", "available_kw"): 50.0}
    apart = park(load(), ROOF, grid(), *far, buses=buses)
    assert matched(apart, planned(apart, series)).direct_share == pytest.approx(0.25)
    cable = {"kind": "cable", "name": "line", "bus": "main", "far_bus": "far", "rating_kw": 100}
    joined = park(load(), ROOF, grid(), *far, cable, buses=buses)
    assert matched(joined, planned(joined, series)).direct_share == pytest.approx(1.0)


def test_each_scenario_has_its_own() -> None:
    site = park(load(), ROOF, grid())
    roof = np.array([[0.0, 0], [10.0, 10]])
    inputs = given(site, hours(2), {("load", "demand_kw"): np.full((2, 2), 20.0), ("roof", "available_kw"): roof}, 2)
    schedule = rule_based(Problem(site, inputs))
    assert [matched(site, schedule, s).direct_share for s in (0, 1)] == pytest.approx([0.0, 0.5])


def test_a_site_that_uses_nothing_has_no_share() -> None:
    nothing = np.zeros(2)
    found = Matched(hours(2), *[nothing] * 7)
    assert np.isnan([found.direct_share, found.green_share, found.cfe, found.by_volume]).all()
