"""Mass, electricity, carbon and cost of products, done by hand on small chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.accounts.products import Made, products
from dispatch.fields.capital import Capital
from dispatch.schedule import Schedule
from dispatch.solve import solve
from tests.parks import grid, load, tariff, unit
from tests.unit.dispatch.assets.hydrogen_parks import LHV, cell, priced, problem, sale
from tests.unit.dispatch.assets.templates import hourly_tariff
from tests.unit.dispatch.assets.test_haber_bosch import loop
from tests.unit.dispatch.assets.test_hydrogen_tank import LINEAR, tank

CELL = cell(**LINEAR, start_cost=20.0)  # 50 kWh/kg, 20 kg/h
GREY = [
    {"start": "2024-03-01T00:00Z", "end": "2024-03-01T01:00Z", "value": 0.2},
    {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z", "value": 0.6},
]


def made(*assets: dict[str, Any], **options: Any) -> tuple[Schedule, tuple[Made, ...]]:
    built = problem(*assets, **options)
    schedule = solve(built)
    return schedule, products(built.site, schedule)


def test_hydrogen_bears_its_share_of_the_hours_in_which_it_is_made() -> None:
    pcc = priced([0.1, 0.3], carbon_intensity_kg_per_kwh=GREY)
    _, (hydrogen,) = made(pcc, CELL, sale(min_kg_per_day=120), load("works"), steps=2, works=100.0)
    # 10 kg out of 500 kWh, all in the cheap hour beside 100 kWh of the works: .2 kg and .1 of money per kWh, one start.
    assert hydrogen.product == "hydrogen"
    assert hydrogen.kg == pytest.approx(10)
    assert hydrogen.electricity_kwh_per_kg == pytest.approx(50)
    assert hydrogen.co2_kg_per_kg == pytest.approx(50 * 0.2)
    assert hydrogen.running_cost_per_kg == pytest.approx(50 * 0.1 + 2)
    assert hydrogen.levelised_cost_per_kg is None
    assert (hydrogen.water_kg, hydrogen.oxygen_kg) == pytest.approx((89.36, 79.36))


def test_charges_by_the_month_and_plant_that_serves_all_are_shared_by_energy() -> None:
    """500 kWh of hydrogen in the cheap hour, 100 and 400 kWh of the works: half of the peak's price and of the line."""
    prices = hourly_tariff([0.1, 3.1])
    prices["components"] += tariff(demand=2.0)["components"][1:]
    line = {"cost": 8.76e6, "lifetime_years": 10, "interest": 0.0}  # 100 an hour
    pcc = grid(tariff=prices, capital=line)
    schedule, (hydrogen,) = made(
        pcc,
        CELL,
        sale(min_kg_per_day=120, shortfall_cost_per_t=1e6),
        load("works"),
        steps=2,
        works=np.array([100.0, 400.0]),
    )
    assert schedule.asset("pcc", "import_kw") == pytest.approx([600, 400])
    of_peak = 500 / 1000 * 600 * 2.0
    assert hydrogen.kg == pytest.approx(10)
    assert hydrogen.running_cost_per_kg == pytest.approx((500 * 0.1 + 20 + of_peak) / 10)
    of_line = 500 / 1000 * 2 * 100
    assert hydrogen.levelised_cost_per_kg == pytest.approx((500 * 0.1 + 20 + of_peak + of_line) / 10)


def test_fuel_burnt_on_site_is_shared_by_consumption_in_each_hour() -> None:
    """A unit makes 300 of 600 kWh, .9 kg per kWh of its own; import is free of carbon."""
    engine = unit(min_kw=300, max_kw=300, cost_per_kwh=0.05, co2_kg_per_kwh=0.9, must_run=True, on_before_h=5)
    pcc = priced(0.1, carbon_intensity_kg_per_kwh=0.0)
    _, (hydrogen,) = made(pcc, engine, CELL, sale(min_kg_per_day=240), load("works"), works=100.0)
    assert hydrogen.kg == pytest.approx(10)
    assert hydrogen.co2_kg_per_kg == pytest.approx(500 / 600 * 300 * 0.9 / 10)
    assert hydrogen.running_cost_per_kg == pytest.approx((500 / 600 * (300 * 0.1 + 300 * 0.05) + 20) / 10)


def test_what_is_exported_carries_its_share_and_lowers_nobodys_cost() -> None:
    """700 kWh of a unit: 100 for the works, 500 for 10 kg of hydrogen, 100 sold for 8."""
    engine = unit(min_kw=700, max_kw=700, cost_per_kwh=0.05, co2_kg_per_kwh=0.9, must_run=True, on_before_h=5)
    pcc = grid(tariff=tariff(0.3, feed_in=0.08), export_kw=500)
    _, (hydrogen,) = made(pcc, engine, CELL, sale(min_kg_per_day=240), load("works"), works=100.0)
    assert hydrogen.kg == pytest.approx(10)
    assert hydrogen.co2_kg_per_kg == pytest.approx(45)
    assert hydrogen.running_cost_per_kg == pytest.approx((500 * 0.05 + 20) / 10)


def test_what_a_battery_takes_is_borne_by_who_draws_power_then() -> None:
    store = {"kind": "battery", "name": "it", "bus": "main", "energy_kwh": 200, "charge_kw": 100, "discharge_kw": 100}
    store |= {"charge_efficiency": 1, "discharge_efficiency": 1, "min_fill": 0, "max_fill": 1, "start_fill": 0}
    pcc = priced([0.1, 0.5], carbon_intensity_kg_per_kwh=0.4)
    schedule, (hydrogen,) = made(
        pcc,
        store,
        CELL,
        sale(max_kg_per_h=10, min_kg_per_day=240, shortfall_cost_per_t=1e6),
        load("works"),
        steps=2,
        works=100.0,
    )
    assert schedule.co2_kg == pytest.approx([(700 + 500) * 0.4])
    # 500 of 600 kWh used in each hour, of 700 and of 500 kWh imported: five sixths of all carbon, none of it lost.
    assert hydrogen.co2_kg_per_kg * hydrogen.kg == pytest.approx(5 / 6 * schedule.co2_kg[0])


def test_ammonia_bears_its_hydrogen_and_all_that_plant_cost() -> None:
    day = 24 / 8760
    paid = {"cost": 1e6, "lifetime_years": 20, "interest": 0.0}  # 50 000 a year
    assets = [
        priced(0.1, import_kw=1e5, carbon_intensity_kg_per_kwh=0.5),
        cell(electric_kw=1e4, **LINEAR, capital=paid),
        loop(capital={"cost": 5e5, "lifetime_years": 10, "interest": 0.0}),
        tank(capital={"cost": 2e5, "lifetime_years": 20, "interest": 0.0}, end_penalty_per_kwh=1e3),
        sale(name="ship", bus="nh3", product="ammonia", max_kg_per_h=1000, min_kg_per_day=12_000),
    ]
    _, (hydrogen, ammonia) = made(*assets, steps=24)
    assert ammonia.product == "ammonia"
    assert (hydrogen.kg, ammonia.kg) == pytest.approx((12 * 178, 12_000))
    assert ammonia.electricity_kwh_per_kg == pytest.approx(0.178 * 50 + 1.49)
    assert ammonia.co2_kg_per_kg == pytest.approx(0.5 * 10.39)
    assert ammonia.running_cost_per_kg == pytest.approx(0.1 * 10.39)
    assert hydrogen.levelised_cost_per_kg == pytest.approx(5 + 60_000 * day / (12 * 178))
    assert ammonia.levelised_cost_per_kg == pytest.approx(1.039 + (60_000 + 50_000) * day / 12_000)
    assert ammonia.water_kg == 0


def test_a_compressor_belongs_to_the_hydrogen_and_wind_is_shared_by_energy() -> None:
    lift = {"kind": "hydrogen_compressor", "name": "lift", "low_bus": "h2", "high_bus": "h2_high", "bus": "main"}
    lift |= {"hydrogen_kw": 1000}
    built = problem(
        priced(0.1), CELL, lift, sale(bus="h2_high", min_kg_per_day=240), load("works"), works=(500 + 5 * LHV / 10) / 2
    )
    (hydrogen,) = products(built.site, solve(built))
    assert hydrogen.electricity_kwh_per_kg == pytest.approx(50 + 0.05 * LHV)


def test_methanol_bears_its_carbon_dioxide() -> None:
    synthesis = {"kind": "methanol_synthesis", "name": "loop", "bus": "main", "hydrogen_bus": "h2", "co2_bus": "co2"}
    synthesis |= {"methanol_bus": "meoh", "methanol_kw": 553}
    air = {"kind": "co2_supply", "name": "air", "bus": "co2", "max_kg_per_h": 500, "price_per_t": 100}
    air |= {"co2_kg_per_kg": 0.5}
    ship = load("ship", bus="meoh")
    user = load("user", bus="co2")
    _, (_, methanol) = made(
        priced(0.1), cell(electric_kw=9000, **LINEAR), synthesis, air, ship, user, ship=553.0, user=100.0
    )
    mwh = 0.553
    power = (1138 / 33.33 * 50 + 271) * mwh
    assert methanol.kg == pytest.approx(100)
    assert methanol.co2_kg_per_kg == pytest.approx(0.5 * 248 * mwh / 100)
    assert methanol.running_cost_per_kg == pytest.approx((0.1 * power + 24.8 * mwh) / 100)


def test_a_plan_that_makes_nothing_has_no_products() -> None:
    assert made(priced(0.1), CELL, sale(), load("works"), works=10.0)[1] == ()


@pytest.mark.parametrize(("interest", "yearly"), [(0.0, 50.0), (0.05, 80.2426)])
def test_an_annuity_repays_the_plant(interest: float, yearly: float) -> None:
    capital = Capital(cost=1000, lifetime_years=20, interest=interest)
    assert capital.annuity() == pytest.approx(yearly, rel=1e-5)
    paid = sum(yearly / (1 + interest) ** year for year in range(1, 21))
    assert paid == pytest.approx(1000, rel=1e-5)
    assert np.isfinite(capital.annuity())


def test_capital_without_a_lifetime_is_refused() -> None:
    with pytest.raises(ValidationError, match="lifetime_years"):
        Capital.model_validate({"cost": 1000})
