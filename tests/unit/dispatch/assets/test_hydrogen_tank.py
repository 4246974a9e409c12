"""Tanks of hydrogen, ammonia and methanol: kilograms at the edge, the lowest fill, and a shift done by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.assets.ammonia_tank import AmmoniaTank
from dispatch.assets.hydrogen_tank import HydrogenTank
from dispatch.assets.methanol_tank import MethanolTank
from dispatch.audit import audit
from dispatch.rules import rule_based
from dispatch.solve import solve
from tests.parks import load
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem, sale

LINEAR = {"kind": "pem_electrolyser", "min_load": 0.0, "standby_share": 0.0, "curve": [{"load": 1, "kwh_per_kg": 50}]}


def tank(**fields: Any) -> dict[str, Any]:
    base = {"kind": "hydrogen_tank", "name": "tank", "bus": "h2", "energy_kwh": "100 kg", "charge_kw": "50 kg/h"}
    return base | {"discharge_kw": "50 kg/h", "start_fill": 0.06} | fields


@pytest.mark.parametrize(
    ("cls", "mass", "kwh"),
    [
        (HydrogenTank, "500 kg", 500 * 33.33),
        (AmmoniaTank, "20 t", 20_000 * 5.17),
        (MethanolTank, "1.5 t", 1500 * 5.53),
        (HydrogenTank, "2 MWh", 2000),
        (HydrogenTank, 2000, 2000),
    ],
)
def test_content_and_flows_may_be_masses(cls: type[HydrogenTank], mass: Any, kwh: float) -> None:
    kind = cls.model_fields["kind"].default
    made = cls.model_validate(tank(kind=kind, energy_kwh=mass, charge_kw="48 t/d", discharge_kw="2 t/h", bus="x"))
    assert made.energy_kwh == pytest.approx(kwh)
    assert made.charge_kw == pytest.approx(made.discharge_kw)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"energy_kwh": "500 kg/h"}, "'500 kg/h' is a flow; write it like 500 kg"),
        ({"charge_kw": "500 kg"}, "'500 kg' is an amount; write it like 40 kg/h"),
        ({"energy_kwh": "500 lb"}, "does not fit 'energy_kwh'"),
    ],
)
def test_a_mass_of_another_sort_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HydrogenTank.model_validate(tank(**fields))


def test_hydrogen_is_made_while_power_is_cheap_and_the_vessel_keeps_its_six_percent() -> None:
    """94 kg fit on top of 6; of 140 kg asked for in the dear hour the valve lets 50 out, and 90 are made."""
    cars = load("cars", bus="h2")
    built = problem(
        priced([0.1, 0.1, 1.0]), cell(electric_kw=5000, **LINEAR), tank(), cars, steps=3, cars=[0, 0, 140 * LHV]
    )
    schedule = solve(built)
    assert schedule.asset("tank", "stored_kwh")[1:] / LHV == pytest.approx([56, 6], rel=1e-6)
    assert schedule.money == pytest.approx([50 * 50 * 0.1 + 90 * 50 * 1.0], rel=1e-6)
    assert audit(schedule).violations == ()


def test_a_full_tank_takes_nothing_and_an_empty_one_gives_nothing() -> None:
    full = problem(
        priced(0.1), cell(**LINEAR), tank(start_fill=1.0, end_fill_min=0.0), load("cars", bus="h2"), cars=0.0
    )
    assert solve(full).asset("tank", "charge_kw") == pytest.approx([0], abs=1e-6)
    empty = problem(priced(0.1, import_kw=1e-6), cell(**LINEAR), tank(), load("cars", bus="h2"), cars=10.0)
    for schedule in (solve(empty), rule_based(empty)):
        assert schedule.asset("tank", "discharge_kw") == pytest.approx([0], abs=1e-6)
        assert schedule.asset("cars", "shed_kw") == pytest.approx([10])
        assert audit(schedule).violations == ()


def test_nothing_is_lost_in_it() -> None:
    built = problem(
        priced([0.1, 1.0]), cell(electric_kw=5000, **LINEAR), tank(), sale(min_kg_per_day=0), load("cars", bus="h2"),
        steps=2, cars=[0, 30 * LHV],
    )  # fmt: skip
    schedule = solve(built)
    assert schedule.asset("tank", "charge_kw")[0] == pytest.approx(30 * LHV)
    assert schedule.asset("tank", "discharge_kw")[1] == pytest.approx(30 * LHV)


@pytest.mark.parametrize("product", ["ammonia", "methanol"])
def test_tanks_of_other_products_stand_on_their_own_bus(product: str) -> None:
    bus = {"ammonia": "nh3", "methanol": "meoh"}[product]
    store = tank(
        kind=f"{product}_tank", bus=bus, energy_kwh="10 t", charge_kw="5 t/h", discharge_kw="5 t/h", start_fill=0.5
    )
    deliver = sale(bus=bus, product=product, max_kg_per_h=1000, price_per_t=400, max_kg_per_day=72_000)
    schedule = solve(problem(priced(0.1), store | {"end_fill_min": 0.3}, deliver, steps=3))
    # 2 of the 5 t may go, at 1 t/h: 2 · 400.
    assert schedule.money == pytest.approx([-800], rel=1e-6)
    assert schedule.asset("tank", "stored_kwh")[-1] == pytest.approx(
        3000 * {"ammonia": 5.17, "methanol": 5.53}[product]
    )
    assert audit(schedule).violations == ()
