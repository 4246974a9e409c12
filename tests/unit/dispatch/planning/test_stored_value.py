"""What a kWh in store is worth: prices by hand, passed back from what it becomes and on from what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.assets.haber_bosch import HaberBosch
from dispatch.config.park import load_site
from dispatch.planning.comparison import compare, outcome
from dispatch.planning.stored_value import by_bus, store_values, unvalued
from dispatch.problem import Problem
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets.hydrogen_parks import cell, sale
from tests.unit.dispatch.assets.hydrogen_parks import site as hydrogen_park

NH3, MEOH, H2 = 5.17, 5.53, 33.33


@pytest.fixture(scope="module")
def chifeng() -> tuple[Site, Inputs]:
    site = load_site("chifeng")
    return site, given(site, hours(24, zone="Asia/Shanghai"), {})


def test_a_tank_holds_what_its_product_is_sold_for(chifeng: tuple[Site, Inputs]) -> None:
    found = store_values(*chifeng)
    assert found["ammonia_tank"] == pytest.approx(3500 / 1000 / NH3, rel=1e-3)
    assert found["methanol_tank"] == pytest.approx(5000 / 1000 / MEOH, rel=1e-3)


def test_hydrogen_is_worth_what_the_use_that_earns_least_makes_of_it_less_its_electricity(
    chifeng: tuple[Site, Inputs],
) -> None:
    """Methanol earns more and is served first: a kWh more becomes ammonia."""
    found, (site, inputs) = by_bus(*chifeng), chifeng
    plant = next(a for a in site.assets if isinstance(a, HaberBosch))
    per_kwh = plant.per_input(inputs.horizon)
    value = found["nh3"] * float(per_kwh["ammonia"]) - found["mv"] * float(per_kwh["electricity"])
    assert found["h2_15bar"] == pytest.approx(value, rel=1e-6)
    assert found["h2_250bar"] == pytest.approx(found["h2_15bar"]), "a valve leads back"
    assert found["mv"] == pytest.approx(found["h2_15bar"] * 0.585, rel=0.05), "17.5 kg/MWh at the rating"
    assert store_values(site, inputs)["battery"] < found["mv"], "less what is lost on the way out"


def test_synthesis_earns_no_less_than_hydrogen_kept(chifeng: tuple[Site, Inputs]) -> None:
    """Else a plan would fill the tank and let the plant idle."""
    found, (site, inputs) = by_bus(*chifeng), chifeng
    plant = next(a for a in site.assets if isinstance(a, HaberBosch))
    flows = plant.per_input(inputs.horizon)
    earned = found["nh3"] * float(flows["ammonia"]) - found["mv"] * float(flows["electricity"])
    assert earned >= found["h2_15bar"] - 1e-9


def test_what_no_price_reaches_is_worth_nothing_and_a_process_at_a_loss_makes_nothing_worth_less() -> None:
    bare = hydrogen_park(cell(), sale(), load())
    assert by_bus(bare, given(bare, hours(4), {})) == pytest.approx({"h2": 0.0})
    paid = hydrogen_park(cell(), sale(price_per_t=2000), load())
    found = by_bus(paid, given(paid, hours(4), {}))
    assert found["h2"] == pytest.approx(2 / H2)
    assert found["main"] < found["h2"]
    none = park(load())
    assert by_bus(none, given(none, hours(4), {})) == {}


# --- With a grid: what a kWh costs to have again, by what is bought and what plant makes of it. -----------------------

BUSES = [{"name": "main"}, {"name": "gas", "carrier": "gas"}, {"name": "heat", "carrier": "heat"},
         {"name": "h2", "carrier": "hydrogen"}, {"name": "nh3", "carrier": "ammonia"}]  # fmt: skip
GAS = {"kind": "fuel_supply", "name": "gas", "bus": "gas", "price_per_kwh": 0.03}
BOILER = {"kind": "gas_boiler", "name": "boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 500}
BOILER |= {"efficiency": 0.75, "cost_per_kwh": 0.006}
HALL = load("hall", bus="heat")
CELL = cell(curve=[{"load": 1, "kwh_per_kg": 2 * H2}], min_load=0)
WORKS = {"kind": "haber_bosch", "name": "works", "hydrogen_bus": "h2", "bus": "main", "ammonia_bus": "nh3",
         "ammonia_kw": "1000 kg/h", "hydrogen_kg_per_t": 200, "synthesis_kwh_per_t": 600,
         "air_separation_kwh_per_t": 400}  # fmt: skip


def buffer(**fields: Any) -> dict[str, Any]:
    base = {"kind": "thermal_store", "name": "buffer", "bus": "heat", "energy_kwh": 400, "charge_kw": 400}
    return base | {"discharge_kw": 400, "charge_efficiency": 1.0, "discharge_efficiency": 1.0,
                   "loss_fraction_per_h": 0.0, "start_fill": 0.0, "end_fill_min": 1.0} | fields  # fmt: skip


def tank(**fields: Any) -> dict[str, Any]:
    return {"kind": "hydrogen_tank", "name": "tank", "bus": "h2", "energy_kwh": 1000, "charge_kw": 500,
            "discharge_kw": 500, "discharge_efficiency": 0.8} | fields  # fmt: skip


def connected(*assets: Mapping[str, Any], price: float = 0.3) -> tuple[Site, Inputs]:
    site = park(load(), grid(tariff=tariff(price)), *assets, buses=BUSES)
    return site, given(site, hours(4), {})


def test_heat_out_of_a_boiler_saves_gas_and_its_upkeep_and_no_electricity() -> None:
    """.03 of gas and .006 of upkeep for three quarters of a kWh of heat: .048, not the .3 of imports."""
    assert store_values(*connected(GAS, BOILER, HALL, buffer())) == pytest.approx({"buffer": 0.036 / 0.75})


def test_a_tank_filled_by_a_boiler_costs_its_gas_and_gains_nothing() -> None:
    """400 kWh at .048 are billed 19.2; what they are worth is what they cost."""
    site, inputs = connected(GAS, BOILER, HALL, buffer())
    inputs = replace(inputs, series=inputs.series | {(n, "demand_kw"): np.zeros((1, 4)) for n in ("load", "hall")})
    found = outcome("plan", "test", solve(Problem(site, inputs)), store_values(site, inputs))
    assert found.bill == pytest.approx(400 * 0.048)
    assert found.cost == pytest.approx(0, abs=1e-6)


def test_the_cheapest_way_counts() -> None:
    """Electric heat at .3/1.5 = .2 is dearer than gas; where gas costs .3 as well it is .306/.75 = .408."""
    rod = {"kind": "electric_boiler", "name": "rod", "bus": "main", "heat_bus": "heat", "electric_kw": 9}
    rod |= {"efficiency": 0.96}
    assert by_bus(*connected(GAS, BOILER, HALL, rod))["heat"] == pytest.approx(0.048)
    assert by_bus(*connected(GAS | {"price_per_kwh": 0.3}, BOILER, HALL, rod))["heat"] == pytest.approx(0.3 / 0.96)


def test_hydrogen_saves_what_an_electrolyser_draws_for_it() -> None:
    """Half a kWh out of one: .3/.5 = .6 on the bus, .8 of that in the tank."""
    filled = {"kind": "hydrogen_refuelling", "name": "trucks", "bus": "h2", "demand_kg_per_h": 1}
    assert store_values(*connected(CELL, tank(), filled)) == pytest.approx({"tank": 0.6 * 0.8})


def test_what_is_dearer_to_make_than_any_use_pays_is_worth_its_use() -> None:
    """A fuel cell makes some .15 of what takes .6 to make: nobody would fill the tank in order to empty it."""
    burner = {"kind": "fuel_cell", "name": "burner", "bus": "main", "hydrogen_bus": "h2", "electric_kw": 50}
    site, inputs = connected(CELL, tank(), burner)
    yields = float(inputs.series["burner", "electricity_kw_per_kw"].mean())
    assert store_values(site, inputs) == pytest.approx({"tank": 0.3 * yields * 0.8})


@pytest.mark.parametrize(("per_t", "hydrogen"), [(5000, 0.6), (2000, None)])
def test_an_ammonia_chain_is_worth_what_it_takes_or_what_it_is_sold_for(per_t: float, hydrogen: float | None) -> None:
    """A t takes 200 kg = 6666 kWh of hydrogen at .6 and 1000 kWh at .3: 4299.6, sold for more or for less than that.

    Sold for less, hydrogen is worth what is left of the price: (2000 − 300) / 6666.
    """
    site, inputs = connected(CELL, WORKS, tank(), sale(name="ship", bus="nh3", product="ammonia", price_per_t=per_t))
    found = by_bus(site, inputs)
    assert found["h2"] == pytest.approx(hydrogen or 1700 / 6666)
    assert found["nh3"] == pytest.approx((4299.6 if hydrogen else 2000) / (1000 * NH3), rel=1e-6)
    assert store_values(site, inputs) == pytest.approx({"tank": found["h2"] * 0.8})


def test_upkeep_of_a_process_lessens_what_goes_into_it() -> None:
    """.01 per kWh of hydrogen: (2000 − 300) / 6666 less that."""
    ship = sale(name="ship", bus="nh3", product="ammonia", price_per_t=2000)
    found = by_bus(*connected(CELL, WORKS | {"cost_per_kwh": 0.01}, ship))
    assert found["h2"] == pytest.approx(1700 / 6666 - 0.01)
    assert found["main"] == 0.3


def test_heat_of_cogeneration_is_fuel_less_the_electricity_that_it_saves() -> None:
    """η .4, as much heat as electricity: 2.5 kWh of gas at .2 less a kWh of electricity at .3 is .2 per kWh of heat."""
    engine = {"kind": "chp", "name": "engine", "bus": "main", "heat_bus": "heat", "fuel_bus": "gas", "max_kw": 90}
    engine |= {"efficiency": 0.4, "power_to_heat": 1.0, "power_loss": 0.0}
    gas = GAS | {"price_per_kwh": 0.2}
    assert by_bus(*connected(gas, engine, HALL))["heat"] == pytest.approx(0.2)
    free = by_bus(*connected(GAS | {"price_per_kwh": 0.1}, engine, HALL))
    assert free["heat"] == 0.0, "electricity alone pays for its fuel"
    both = by_bus(*connected(GAS | {"price_per_kwh": 0.1}, engine, BOILER, HALL))
    assert both["heat"] == pytest.approx(0.106 / 0.75), "it runs to its limit anyway: one more comes from the boiler"


def test_a_battery_of_an_island_saves_its_genset() -> None:
    """At its rating 20 a running hour and .15 a kWh, of 100 kW: .35."""
    diesel = unit(cost_per_kwh=0.15, no_load_cost_per_h=20.0)
    site = park(load(), diesel, battery(discharge_efficiency=0.9))
    assert store_values(site, given(site, hours(4), {})) == pytest.approx({"battery": 0.35 * 0.9})
    idle = park(load(), diesel, battery(discharge_efficiency=0.9), cell(), sale(), buses=BUSES)
    assert store_values(idle, given(idle, hours(4), {})) == pytest.approx({"battery": 0.35 * 0.9}), "its load is there"


def test_electricity_is_worth_the_imports_whatever_heat_it_could_make() -> None:
    rod = {"kind": "electric_boiler", "name": "rod", "bus": "main", "heat_bus": "heat", "electric_kw": 9}
    site = park(grid(tariff=tariff(0.3)), GAS, BOILER, HALL, rod, battery(discharge_efficiency=0.9), buses=BUSES)
    assert store_values(site, given(site, hours(4), {})) == pytest.approx({"battery": 0.3 * 0.9})


def test_an_ice_store_saves_what_its_own_chiller_draws() -> None:
    """Chilling makes 5 for 1; with a machine that only freezes, .7 of that."""
    ice = {"kind": "ice_store", "name": "ice", "bus": "cold", "electric_bus": "main", "energy_kwh": 100,
           "charge_kw": 50, "discharge_kw": 50, "energy_efficiency_ratio": 5}  # fmt: skip
    for chill_kw, ratio in ((50, 5.0), (0, 3.5)):
        site = park(load(), load("hall", bus="cold"), grid(tariff=tariff(0.3)), ice | {"chill_kw": chill_kw})
        assert store_values(site, given(site, hours(4), {})) == pytest.approx({"ice": 0.3 / ratio})


def test_what_comes_through_a_pipe_costs_what_is_lost_on_the_way() -> None:
    """(.03 + .006)/.75 = .048 at its near end, (.048 + .002)/.8 at its far end. Out of a pipe of one way
    comes .8 · .048 − .002, and nothing the other way."""
    pipe = {"kind": "pipe", "name": "main_pipe", "bus": "heat", "far_bus": "far", "capacity_kw": 500}
    pipe |= {"loss_fraction": 0.2, "cost_per_kwh": 0.002}
    site = park(load(), grid(), GAS, BOILER, load("village", bus="far"), pipe, buffer(bus="far"),
                buses=[*BUSES, {"name": "far", "carrier": "heat"}])  # fmt: skip
    assert store_values(site, given(site, hours(4), {})) == pytest.approx({"buffer": 0.05 / 0.8})
    for two_way, worth in ((False, 0.8 * 0.048 - 0.002), (True, 0.05 / 0.8)):
        turned = pipe | {"bus": "far", "far_bus": "heat", "two_way": two_way}
        site = park(load(), grid(), GAS, BOILER, load("village", bus="far"), turned, buffer(bus="far"),
                    buses=[*BUSES, {"name": "far", "carrier": "heat"}])  # fmt: skip
        assert store_values(site, given(site, hours(4), {})) == pytest.approx({"buffer": worth})


def test_the_battery_behind_a_converter_of_an_island_saves_the_genset_before_it() -> None:
    """.2 in front; behind it .9 of that, for there is nobody else to take it; a cable's losses are left out."""
    link = {"kind": "converter", "name": "link", "bus": "main", "dc_bus": "dc", "rated_kw": 90, "loss_per_kw": 0.1}
    buses = [{"name": "main"}, {"name": "dc", "current": "dc"}, {"name": "far"}]
    cable = {"kind": "cable", "name": "cable", "bus": "main", "far_bus": "far", "rating_kw": 90}
    site = park(load(), unit(cost_per_kwh=0.2), link, cable, battery(bus="dc"), load("hut", bus="far"), buses=buses)
    found = by_bus(site, given(site, hours(4), {}))
    assert found == pytest.approx({"main": 0.2, "dc": 0.2 * 0.9, "far": 0.2})


def test_ammonia_that_is_burnt_with_coal_saves_coal() -> None:
    """Whatever it would cost to make, and no ammonia can be had as coal."""
    fired = {"kind": "co_firing", "name": "fired", "bus": "main", "fuel_bus": "gas", "ammonia_bus": "nh3", "max_kw": 90}
    found = by_bus(*connected(GAS, fired, CELL, WORKS))
    assert found["nh3"] == pytest.approx(0.03)
    assert found["gas"] == pytest.approx(0.03)
    cheap = {"kind": "fuel_supply", "name": "ship", "bus": "nh3", "price_per_kwh": 0.01}
    assert by_bus(*connected(GAS, fired, cheap))["gas"] == pytest.approx(0.03)


def test_a_store_that_no_price_reaches_is_named_and_not_valued() -> None:
    site = park(load(), {"kind": "pv", "name": "pv", "bus": "main", "peak_kw": 100}, battery())
    inputs = given(site, hours(4), {("load", "demand_kw"): 10.0, ("pv", "available_kw"): 20.0})
    assert store_values(site, inputs) == {}
    assert unvalued(site, inputs) == {"battery": "main"}
    rows = compare(site, solve(Problem(site, inputs)), None)
    assert all("content of battery not valued: no price reaches main" in row.basis for row in rows)
    assert all(row.cost == row.bill for row in rows)
