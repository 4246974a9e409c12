"""The small parks that ship: each plans its day and passes, and its operator finds what he would check by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dispatch.accounts.products import products
from dispatch.asset import Mode
from dispatch.audit import audit
from dispatch.fields.fluids import KWH_PER_KG
from dispatch.planning.comparison import follow
from dispatch.problem import Problem
from dispatch.replay.plant import decisions
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import recall
from dispatch.tables import told
from tests.unit.dispatch.parks import formulas
from tests.unit.dispatch.parks.small import known, planned_day, shipped

SMALL = (
    "aluminium_smelter",
    "ammonia_cofiring",
    "ammonia_works",
    "appliance_factory",
    "base_station",
    "dc_building",
    "electric_cracker",
    "petrochemical_steam",
    "plateau_industry",
    "port_swap",
    "public_building",
    "sodium_storage",
    "steelworks",
)
VALLEY, FLAT, PEAK = 0.2508, 0.66, 1.122
# Guangdong's energy price in August by hour, read off the tariff's page by hand: sharp at 11 and from 15 to 17 h.
PRICE = np.array([VALLEY] * 8 + [FLAT] * 2 + [PEAK] * 2 + [FLAT] * 2 + [PEAK] * 5 + [FLAT] * 5)
PRICE[[11, 15, 16]] += 0.2805


@cache
def day(name: str) -> Schedule:
    return planned_day(shipped(name))


def without(site: Site, *names: str) -> Site:
    return site.model_copy(update={"assets": tuple(a for a in site.assets if a.name not in names)})


def with_fields(site: Site, name: str, **fields: object) -> Site:
    assets = tuple(a.model_copy(update=fields) if a.name == name else a for a in site.assets)
    return site.model_copy(update={"assets": assets})


def hour_of(schedule: Schedule) -> Array:
    return np.array([start.hour for start in schedule.inputs.horizon.local_start])


def kwh(schedule: Schedule, asset: str, series: str) -> float:
    return float(schedule.asset(asset, series) @ schedule.inputs.horizon.hours)


@pytest.mark.parametrize("name", SMALL)
def test_each_passes_serves_all_and_says_what_it_stands_for(name: str) -> None:
    site, made = shipped(name), day(name)
    assert audit(made).violations == ()
    assert made.proof.gap < 1e-3
    assert made.penalty[0] < 1e-4 * (1 + abs(made.money[0])), "nothing shed, no wish broken"
    assert site.title
    assert len(site.notes) >= 2
    assert site.notes[0].startswith("Stands for ")
    assert "estimates" in site.notes[0]


def test_files_follow_their_formulas() -> None:
    for file, text in formulas.texts().items():
        assert (formulas.PARKS / file).read_text("utf-8") == text, file


def test_the_smelter_makes_its_metal_when_power_is_cheap() -> None:
    made, hours = day("aluminium_smelter"), hour_of(day("aluminium_smelter"))
    power, bath = made.asset("pot_line", "power_kw"), made.asset("pot_line", "bath_degc")
    assert made.asset("pot_line", "metal_kg").sum() == pytest.approx(power.sum() / 13.5)
    assert ((power < 1e-3) | ((power > 240e3 - 1) & (power < 315e3 + 1))).all(), "off, or within 20 % and 5 %"
    assert power[(hours >= 17) & (hours < 23)].mean() < 300e3 < power[hours < 7].mean()
    keep = np.exp(-1 / 60)
    settles = 25 + 935 * power / 300e3
    assert bath[1:] == pytest.approx(keep * bath[:-1] + (1 - keep) * settles[1:], abs=1e-3)
    assert bath[-1] > 960 - 1e-3


def test_ammonia_is_10_to_35_percent_of_the_fuel_and_makes_the_share_wished() -> None:
    made = day("ammonia_cofiring")
    share = made.asset("unit", "ammonia_kw") / made.asset("unit", "fuel_kw")
    assert share.min() > 0.1 - 1e-6
    assert share.max() < 0.35 + 1e-6
    assert share.max() > share.min() + 0.05, "it varies: the bounds alone do not say it"
    clean = 0.4 * kwh(made, "unit", "ammonia_kw") + kwh(made, "pv", "power_kw")
    supply = kwh(made, "unit", "load_kw") + kwh(made, "pv", "power_kw") + kwh(made, "pcc", "import_kw")
    assert clean / (supply - kwh(made, "pcc", "export_kw")) > 0.295


def ammonia_t_per_t(made: Schedule) -> float:
    """Coal's hydrogen, and each hour's imports at that hour's factor; all electricity goes into the ammonia here."""
    intensity = np.array(formulas.by_hour("ammonia_works.csv", "intensity_kg_per_kwh", 11))
    carbon = 0.611 * kwh(made, "coal_hydrogen", "bought_kw") + float(made.asset("pcc", "import_kw") @ intensity)
    return carbon / (kwh(made, "synthesis", "ammonia_kw") / KWH_PER_KG["ammonia"])


def test_the_carbon_of_ammonia_falls_from_4_5_to_below_0_8() -> None:
    site, green = shipped("ammonia_works"), day("ammonia_works")
    # Nothing but coal, on a line that carries the synthesis alone, at an even factor: the 4.5 that the works had.
    even = with_fields(site, "pcc", carbon_intensity_kg_per_kwh=0.5857)
    black = without(even, "pv", "wind", "electrolyser_1", "electrolyser_2")
    found = {made.product: made for made in products(black, planned_day(black))}["ammonia"]
    assert found.co2_kg_per_kg == pytest.approx(0.178 * 33.33 * 0.611 + 1.49 * 0.5857, rel=1e-4)
    assert found.co2_kg_per_kg == pytest.approx(4.5, abs=0.01)
    best = {made.product: made for made in products(site, green)}["ammonia"]
    assert best.co2_kg_per_kg == pytest.approx(ammonia_t_per_t(green), rel=1e-4)
    assert best.co2_kg_per_kg < 0.8


def test_the_carbon_of_ammonia_counts_each_hour_at_its_own_factor() -> None:
    calm = without(shipped("ammonia_works"), "wind")
    made = planned_day(calm)
    imported = made.asset("pcc", "import_kw")
    found = {made.product: made for made in products(calm, made)}["ammonia"].co2_kg_per_kg
    assert imported.min() < 0.9 * imported.max()
    assert found == pytest.approx(ammonia_t_per_t(made), rel=1e-4)


def test_the_schedule_is_the_cheapest_of_all_216_with_carbon_priced() -> None:
    made, table = day("appliance_factory"), formulas.schedules()
    assert len(table) == 216
    imported = made.asset("pcc", "import_kw")
    assert imported.min() > 0, "the grid is at the margin in every hour"
    assert imported.max() < 3900, "no schedule bears on the month's peak"
    intensity = np.array(formulas.by_hour("appliance_factory.csv", "intensity_kg_per_kwh", 10))

    def cheapest(carbon_price_per_t: float) -> str:
        per_kwh = PRICE + carbon_price_per_t / 1e3 * intensity
        return min(table, key=lambda name: float(np.dot(table[name][0], per_kwh)) + table[name][1])

    site = shipped("appliance_factory")
    lines = next(asset for asset in site.assets if asset.name == "lines")
    chosen = lines.schedule_of(made.asset("lines", "chosen")[0]).name  # type: ignore[attr-defined]
    assert chosen == cheapest(400)
    assert chosen != cheapest(0), "carbon decides"
    dear = site.model_copy(update={"objective": site.objective.model_copy(update={"carbon_price_per_t": 0})})
    other = planned_day(dear)
    assert lines.schedule_of(other.asset("lines", "chosen")[0]).name == cheapest(0)  # type: ignore[attr-defined]


def test_the_factory_heats_with_what_its_ovens_lose_first() -> None:
    made = day("appliance_factory")
    taken, unused = made.asset("ovens", "taken_kw"), made.asset("ovens", "unused_kw")
    assert taken + unused == pytest.approx(formulas.by_hour("appliance_factory.csv", "oven_heat_kw", 10))
    pumped = made.asset("heat_pump", "power_kw") > 1e-3
    assert kwh(made, "exchanger", "heat_kw") > kwh(made, "heat_pump", "heat_kw")
    assert made.asset("exchanger", "heat_kw") == pytest.approx(0.99 * taken, abs=1e-3)
    assert (made.asset("compressors", "heat_kw") <= 0.7 * made.asset("compressors", "power_kw") + 1e-3).all()
    assert pumped.any(), "waste heat is not enough in the night"


def test_cells_awake_carry_the_traffic_of_every_hour_and_no_grid_is_there() -> None:
    made = day("base_station")
    traffic = np.array(formulas.by_hour("base_station.csv", "cells", 20))
    awake = made.asset("cells", "awake")
    assert (awake >= traffic - 1e-6).all()
    assert awake == pytest.approx(np.maximum(np.ceil(traffic), 1)), "and no more of them than that"
    assert made.asset("cells", "power_kw") == pytest.approx(1.1 * awake + 0.2 * (6 - awake))
    assert kwh(made, "electrolyser", "hydrogen_kw") > 0
    assert made.asset("h2_tank", "stored_kwh")[-1] >= made.asset("h2_tank", "stored_kwh")[0] * 0.9


def test_the_converter_of_the_dc_building_loses_what_its_curve_says() -> None:
    made = day("dc_building")
    for way in ("to_dc", "to_ac"):
        power, loss = made.asset("grid_converter", f"{way}_kw"), made.asset("grid_converter", f"{way}_loss_kw")
        each = power / 2
        exact = np.where(power > 1e-3, 2 * (0.006 * each + 8e-5 * each**2), 0)
        assert (loss >= exact - 1e-3).all()
        assert loss == pytest.approx(exact, abs=2 * 8e-5 * 25**2 / 4 + 2 * 0.2 + 1e-3), (
            "a chord above a parabola, and standing"
        )
    assert (np.minimum(made.asset("grid_converter", "to_dc_kw"), made.asset("grid_converter", "to_ac_kw")) < 1e-3).all()
    inside = made.asset("rooms", "inside_degc")
    assert inside.min() > 20 - 0.01
    assert inside.max() < 26 + 0.01
    assert made.asset("staff_cars", "unserved_kwh").sum() == pytest.approx(0, abs=1e-3)


def test_every_hour_of_the_cracker_is_matched_and_its_bricks_do_it() -> None:
    made = day("electric_cracker")
    contract = np.array(formulas.by_hour("electric_cracker.csv", "wind_contract_kw", 12))
    imported = made.asset("pcc", "import_kw")
    assert (imported <= contract + 1e-3).all(), "each hour by itself"
    site = with_fields(shipped("electric_cracker"), "hot_bricks", charge_kw=1.0, discharge_kw=1.0)
    bare = without(site, "battery").model_copy(update={"wishes": ()})
    left = planned_day(with_fields(bare, "hot_bricks", end_penalty_per_kwh=0.0))
    assert (left.asset("pcc", "import_kw") - contract).max() > 1e3, "without its stores it draws grey power"


def test_sun_and_hydrogen_are_35_percent_of_the_zone_and_steam_only_falls() -> None:
    made = day("petrochemical_steam")
    clean = kwh(made, "pv", "power_kw") + kwh(made, "cracker_hydrogen", "taken_kw")
    whole = clean + kwh(made, "gas_supply", "bought_kw") + kwh(made, "pcc", "import_kw")
    assert clean / whole > 0.35
    falls = made.asset("letdown", "heat_kw")
    assert falls == pytest.approx(0.98 * made.asset("letdown", "steam_kw"), abs=1e-3)
    low = made.asset("low_pressure", "served_kw")
    assert falls + made.asset("electrode_boiler", "heat_kw") == pytest.approx(low, abs=1e-2)
    high = sum(made.asset(name, "heat_kw") for name in ("gas_chp", "gas_boiler", "hydrogen_boiler"))
    assert high - made.asset("letdown", "steam_kw") == pytest.approx(made.asset("high_pressure", "served_kw"), abs=1e-2)


def test_the_weak_line_of_the_plateau_is_never_overloaded_and_stays_green() -> None:
    made = day("plateau_industry")
    limit = np.where((hour_of(made) >= 17) & (hour_of(made) < 22), 25e3, 45e3)
    for way in ("import_kw", "export_kw"):
        assert (made.asset("line", way) <= limit + 1e-3).all()
    assert made.asset("line", "export_kw").max() > 25e3 + 1, "it is the limit that bears"
    own = kwh(made, "pv", "power_kw") + kwh(made, "wind", "power_kw")
    assert own / (own + kwh(made, "line", "import_kw")) > 0.8
    assert kwh(made, "brine_pumps", "power_kw") == pytest.approx(60e3, rel=1e-6)
    assert kwh(made, "hydrogen_sale", "delivered_kg_per_h") >= 3000 - 1e-3


def test_the_port_swaps_every_battery_asked_for_and_fills_every_truck() -> None:
    made = day("port_swap")
    wanted = formulas.by_hour("port_swap.csv", "swaps_per_h", 11)
    full, swaps = made.asset("swap", "full"), made.asset("swap", "swaps")
    assert swaps == pytest.approx(wanted, abs=1e-3)
    before = np.concatenate([[16.0], full[:-1]])
    assert full == pytest.approx(before + 0.92 * made.asset("swap", "charge_kw") / (0.8 * 282) - swaps, abs=1e-3)
    assert full.min() > 4 - 1e-3
    assert full[-1] > 16 - 1e-3
    asked = formulas.by_hour("port_swap.csv", "trucks_kg_per_h", 11)
    assert made.asset("trucks", "served_kg_per_h") == pytest.approx(asked, abs=1e-3)


def test_rooms_are_cooled_before_the_peak_as_a_battery_is_charged() -> None:
    made = day("public_building")
    hours, inside, cooling = hour_of(made), made.asset("cooling", "inside_degc"), made.asset("cooling", "cooling_kw")
    assert inside.min() > 22 - 0.01
    assert inside.max() < 26 + 0.01
    early, late = (inside[hours == hour][-1] for hour in (9, 18))
    assert late - early > 1, "the rooms warm up while power is dear"
    # What would hold them at 26 °C all day, in the hours of the peak: R = 5, .3 or 1.5 kW of gains, 300 zones, COP 3.5.
    air, gains = (np.array(formulas.by_hour("public_building.csv", c, 21)) for c in ("ambient_degc", "gains_kw"))
    held = ((air - 26) / 5 + gains)[hours]
    peak = (hours >= 14) & (hours < 19)
    assert cooling[peak].mean() < 0.9 * (300 / 3.5 * np.maximum(held, 0))[peak].mean()
    assert made.asset("cars", "unserved_kwh").sum() == pytest.approx(0, abs=1e-3)
    assert made.asset("cars", "charge_kw").max() < 160 + 1e-3


def test_sodium_cells_return_92_percent_and_earn_the_spread() -> None:
    made = day("sodium_storage")
    charged, given = kwh(made, "sodium", "charge_kw"), kwh(made, "sodium", "discharge_kw")
    stored = made.asset("sodium", "stored_kwh")
    assert stored[-1] - 4000 == pytest.approx(0.9605 * charged - given / 0.9605, abs=1)
    assert 0.9605**2 > 0.92
    assert charged > 40e3, "more than one cycle"
    assert (made.asset("sodium", "charge_kw")[np.isin(hour_of(made), [14, 15, 16, 17, 18])] < 1).all()
    alone = planned_day(without(shipped("sodium_storage"), "sodium"))
    # At the least one filling at night sold at the peak, each worn for .15.
    assert alone.money[0] - made.money[0] > 30e3 * (PEAK * 0.92 - VALLEY - 0.15 * 0.92) * 0.9


def test_the_works_burn_or_flare_all_gas_and_fill_400_trucks() -> None:
    made = day("steelworks")
    for name, column in (("blast_furnaces", "blast_furnace_gas_kw"), ("coke_ovens", "coke_oven_gas_kw")):
        comes = formulas.by_hour("steelworks.csv", column, 10)
        assert made.asset(name, "taken_kw") + made.asset(name, "unused_kw") == pytest.approx(comes, abs=1e-2)
    burnt = made.asset("gas_power_station", "fuel_kw") + made.asset("hot_stoves", "served_kw")
    assert burnt == pytest.approx(made.asset("blast_furnaces", "taken_kw"), abs=1e-2)
    asked = formulas.by_hour("steelworks.csv", "trucks_kg_per_h", 10)
    assert made.asset("trucks", "served_kg_per_h") == pytest.approx(asked, abs=1e-3)
    assert sum(asked) / 400 == pytest.approx(13.5, abs=0.1)
    full, pumps = made.asset("vanadium", "stored_kwh"), made.asset("vanadium", "running") > 0.5
    moves = made.asset("vanadium", "charge_kw") + made.asset("vanadium", "discharge_kw") > 1
    assert (pumps | ~moves).all(), "pumps run whenever power flows"
    assert full.max() - full.min() > 20e3


@pytest.mark.parametrize("name", ["aluminium_smelter", "port_swap", "public_building"])
def test_a_plan_that_comes_true_is_executed_as_planned(name: str) -> None:
    """Loads that wait, sleep, choose or are interrupted do what the plan says and not what they would do without it."""
    site, made = shipped(name), day(name)
    problem = Problem(site, known(site), Mode("exact"))
    done, ruled = follow(problem, made), rule_based(problem)
    assert audit(done).violations == ()
    planned = made.money[0] + made.penalty[0]
    saved = ruled.money[0] + ruled.penalty[0] - planned
    assert saved > 0
    assert done.money[0] + done.penalty[0] - planned < 0.1 * saved


def test_a_chosen_schedule_is_taken_back_into_its_problem() -> None:
    site, made = shipped("appliance_factory"), day("appliance_factory")
    problem = Problem(site, known(site), Mode("exact"))
    recall(problem, made)
    assert np.isfinite(problem.point()).all()
    assert problem.variable("schedule_choice", "choice").value.sum() == pytest.approx(1)
    number = made.asset("lines", "chosen")[0]
    assert np.argmax(problem.variable("schedule_choice", "choice").value[:, 0]) == round(number) - 1
    assert follow(problem, made).asset("lines", "chosen") == pytest.approx(made.asset("lines", "chosen"))
    assert decisions(problem, made)["schedule_choice"]["chosen"][0] == pytest.approx(made.asset("lines", "chosen"))


def test_the_report_says_what_is_flared_burnt_asleep_and_chosen() -> None:
    works = day("steelworks")
    used, flared = kwh(works, "blast_furnaces", "taken_kw"), kwh(works, "blast_furnaces", "unused_kw")
    gas = f"{used:,.0f} kWh taken, {flared:,.0f} kWh flared ({flared / (used + flared):.1%})"
    assert f"blast_furnaces: {gas}" in told(works)
    unit = day("ammonia_cofiring")
    share = unit.asset("unit", "ammonia_kw") / unit.asset("unit", "fuel_kw")
    mean = kwh(unit, "unit", "ammonia_kw") / kwh(unit, "unit", "fuel_kw")
    assert told(unit) == [f"unit: ammonia is {mean:.1%} of the fuel, from {share.min():.1%} to {share.max():.1%}"]
    station = day("base_station")
    saved = 24 * 6 * 1.1 - kwh(station, "cells", "power_kw")
    most = station.asset("cells", "awake").max()
    assert told(station) == [f"cells: 1 to {most:.0f} of 6 awake; sleep saves {saved:,.1f} kWh"]
    assert any("schedule 'press00_coat04_join00' on 10 Aug" in text for text in told(day("appliance_factory")))
