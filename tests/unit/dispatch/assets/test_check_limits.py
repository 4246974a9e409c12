"""What a kind's check says of series written by hand: each limit with its step, its number and what it may be.

The numbers are worked out beside each case; steps are half an hour, so that hours and steps are told apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from tests.parks import given, grid, hours, load, park, tariff

_NO_BUS = ("gas_boiler",)
GAS = {"buses": [{"name": "main"}, {"name": "heat", "carrier": "heat"}, {"name": "gas", "carrier": "gas"}]}
Told = set[tuple[str, int, float, float]]


def told(
    asset: dict[str, Any], series: dict[str, list[float]], state: dict[str, float] | None = None, **known: Any
) -> Told:
    """What check says of one asset's series: what, step, value, limit."""
    steps = len(next(iter(series.values())))
    others = [other for other in (load(), grid()) if other["kind"] != asset["kind"]]
    fields, first = known.pop("fields", {}), known.pop("first", "2024-03-01T00:00")
    site = park(*others, {"name": "it"} | ({} if asset["kind"] in _NO_BUS else {"bus": "main"}) | asset, **fields)
    own = {("it", name): value for name, value in known.items()}
    inputs: Inputs = given(site, hours(steps, first, step_h=0.5), own, state={"it": state or {}})
    rows = site.rows(1)[asset["kind"]]
    values = {name: np.array([each], float) for name, each in series.items()}
    found = type(rows.members[0]).check(rows, inputs, values)
    return {(v.what, v.step, round(v.value, 6), round(v.limit, 6)) for v in found}


UNIT = {
    "kind": "thermal", "min_kw": 30, "max_kw": 80, "cost_per_kwh": 0.1,
    "ramp_up_kw_per_h": 20, "ramp_down_kw_per_h": 30, "start_up_kw": 40, "shut_down_kw": 45, "spinning_reserve": True,
}  # fmt: skip
RUNS = {"on_before_h": 5.0, "power_before_kw": 50.0}


def unit(on: list[float], power: list[float], up: float = 0.0, down: float = 0.0, **more: Any) -> Told:
    none = [0.0] * len(on)
    start = more.pop("start", [1.0 if now > before else 0.0 for before, now in zip([1.0, *on], on, strict=False)])
    series = {"on": on, "start": start, "power_kw": power}
    series |= {"reserve_up_kw": [up, *none[1:]], "reserve_down_kw": [down, *none[1:]]}
    return told(UNIT | more.pop("fields", {}), series, more.pop("state", RUNS), **more)


def test_a_unit_within_its_limits_is_let_pass() -> None:
    assert unit([1, 1, 0, 1], [60, 45, 0, 40], up=0.0) == set()
    assert unit([1, 1], [50, 60], up=10.0, down=15.0) == set()


@pytest.mark.parametrize(
    ("on", "power", "up", "down", "expected"),
    [
        # 50 before and 20 kW/h for half an hour: 60 at most, with what is held above it.
        ([1, 1], [61, 61], 0, 0, {("rises faster than it can", 0, 61, 60)}),
        ([1, 1], [55, 55], 7, 0, {("rises faster than it can", 0, 62, 60)}),
        # 30 kW/h down: 15 at most, with what is held below it; none of it counts while the unit stops.
        ([1, 1], [33, 33], 0, 0, {("falls faster than it can", 0, 17, 15)}),
        ([1, 1], [40, 40], 0, 8, {("falls faster than it can", 0, 18, 15)}),
        ([1, 0], [50, 0], 0, 0, {("falls faster than it can", 1, 50, 45), ("too high to stop next", 0, 50, 45)}),
        ([1, 0], [42, 0], 5, 0, {("too high to stop next", 0, 47, 45)}),
        ([1, 1], [35, 35], 0, 6, {("output below minimum", 0, 30, 29), ("falls faster than it can", 0, 21, 15)}),
        ([0, 1], [0, 41], 0, 0, {("rises faster than it can", 1, 41, 40), ("falls faster than it can", 0, 50, 45)}),
        ([1, 1], [50, 50], -1, 0, {("negative reserve", 0, 1, 0)}),
        ([1, 1], [50, 50], 0, -1, {("negative reserve", 0, 1, 0)}),
    ],
)
def test_ramps_and_reserve_of_a_unit(
    on: list[float], power: list[float], up: float, down: float, expected: Told
) -> None:
    assert unit(on, power, up, down) == expected


def test_a_unit_between_its_limits() -> None:
    free = {"ramp_up_kw_per_h": None, "ramp_down_kw_per_h": None, "start_up_kw": None, "shut_down_kw": None}
    assert unit([1, 1], [75, 20], up=8, fields=free) == {
        ("output above maximum", 0, 83, 80), ("output below minimum", 1, 30, 20),
    }  # fmt: skip
    assert unit([0, 0], [1, 0], fields=free) == {("output above maximum", 0, 1, 0)}
    # Without limits of its own, a start and a stop may go up to the most it gives.
    assert unit([0, 1], [0, 80], fields=free, state={"off_before_h": 5.0}) == set()
    assert unit([1, 0], [80, 0], fields=free) == set()
    assert unit([1, 1], [50, 50], up=1, down=2, fields=free | {"spinning_reserve": False}) == {
        ("reserve without spinning reserve", 0, 3, 0)
    }
    # What is on but for the solver's tolerance is on, and who ran for a quarter of an hour ran.
    assert unit([0.9999, 1], [80, 80], fields=free, start=[0, 0]) == set()
    assert unit([1, 1], [50, 60], state={"on_before_h": 0.25, "power_before_kw": 50.0}) == set()


STORE = {
    "kind": "battery", "energy_kwh": 200, "charge_kw": 50, "discharge_kw": 40, "min_fill": 0.1, "max_fill": 0.9,
    "charge_efficiency": 0.9, "discharge_efficiency": 0.8, "loss_fraction_per_h": 0.0, "wear_cost_per_kwh": 0.0,
}  # fmt: skip


def store(charge: list[float], discharge: list[float], stored: list[float], start: float = 0.5, **more: Any) -> Told:
    outside = more.pop("outside", [0.0] * len(charge))
    series = {"charge_kw": charge, "discharge_kw": discharge, "stored_kwh": stored, "outside_band_kwh": outside}
    return told(STORE | more, series, {"start_fill": start})


@pytest.mark.parametrize("kind", ["battery", "thermal_store"])
def test_a_store_and_its_stock(kind: str) -> None:
    def of(*series: list[float], **more: Any) -> Told:
        bus = {"bus": "heat"} if kind == "thermal_store" else {}
        return store(*series, **({"kind": kind} | bus | more))

    # Half an hour at 40 kW puts in 18, half an hour at 32 takes out 20.
    assert of([40, 0], [0, 32], [118, 98]) == set()
    assert of([40, 0], [0, 32], [118.03, 98]) == {("content differs from its powers", 0, 0.03, 0.02)}
    assert of([40, 0], [0, 32], [117.97, 98]) == {("content differs from its powers", 0, 0.03, 0.02)}
    assert of([40, 0], [0, 32], [118.019, 98]) == set()
    assert of([52, 0], [0, 0], [123.4, 123.4]) == {("charge above rating", 0, 52, 50)}
    assert of([0, 0], [0, 42], [100, 73.75]) == {("discharge above rating", 1, 42, 40)}
    assert of([-2, 0], [0, 0], [99.1, 99.1]) == {("negative power", 0, 2, 0)}
    assert of([0, 0], [-2, 0], [101.25, 101.25]) == {("negative power", 0, 2, 0)}
    # 10 of 50 and 4 of 40: a tenth of its rating runs both ways.
    assert of([10, 0], [4, 0], [102, 102]) == {("charges and discharges at once", 0, 0.1, 0.001)}
    assert of([5, 0], [8, 0], [97.25, 97.25]) == {("charges and discharges at once", 0, 0.1, 0.001)}


def test_the_band_of_a_store() -> None:
    # 85 % and 22.5 kWh more: 192.5 of 180 at most; 2.5 kWh of it are stated.
    above = store([50, 0], [0, 0], [192.5, 192.5], start=0.85)
    assert above == {
        ("content above its band", 0, 192.5, 180), ("content above its band", 1, 192.5, 180),
        ("further outside its band than stated", 0, 0.0625, 0), ("further outside its band than stated", 1, 0.0625, 0),
    }  # fmt: skip
    below = store([0, 0], [16, 0], [15, 15], start=0.125)
    assert below == {
        ("content below its band", 0, -15, -20), ("content below its band", 1, -15, -20),
        ("further outside its band than stated", 0, 0.025, 0), ("further outside its band than stated", 1, 0.025, 0),
    }  # fmt: skip


LOAD = {"kind": "load"}


def test_a_load() -> None:
    def of(served: float, shed: float, demand: float = 10.0) -> Told:
        return told(LOAD, {"served_kw": [served], "shed_kw": [shed]}, demand_kw=demand)

    assert of(6, 4) == set()
    assert of(6.5, 4) == {("served and shed differ from demand", 0, 0.5, 0)}
    assert of(5.5, 4) == {("served and shed differ from demand", 0, 0.5, 0)}
    assert of(-1, 11) == {("sheds more than its demand", 0, 11, 10)}
    assert of(11, -1) == {("negative shedding", 0, 1, 0)}
    assert of(-2, 0.5, demand=-1.5) == {("sheds more than its demand", 0, 0.5, 0)}


def test_a_generator() -> None:
    def of(power: float) -> Told:
        return told({"kind": "pv", "peak_kw": 90}, {"power_kw": [power]}, available_kw=40.0)

    assert of(40) == of(0) == set()
    assert of(41) == {("generates more than is available", 0, 41, 40)}
    assert of(-1) == {("negative generation", 0, 1, 0)}


def test_fuel() -> None:
    asset = {"kind": "fuel_supply", "bus": "gas", "price_per_kwh": 0.05, "max_kw": 60, "max_day_kwh": 50}

    def of(*flow: float, before: float = 0.0, first: str = "2024-03-01T00:00") -> Told:
        return told(asset, {"bought_kw": list(flow)}, {"day_to_date_kwh": before}, fields=GAS, first=first)

    assert of(40, 60) == set()
    assert of(61, 0) == {("buys more than its largest flow", 0, 61, 60)}
    assert of(-1, 0) == {("buys less than nothing", 0, 1, 0)}
    # 20 and 30 kWh, and 7 that were bought before on the same day.
    assert of(40, 60, before=7.0) == {("buys more than its limit of a day", 0, 57, 50)}
    assert of(0, 2, before=60.0) == {("buys more than its limit of a day", 0, 61, 60)}
    # Half an hour of the first day, and an hour of the next, on which nothing was bought before.
    assert of(20, 50, 50, before=40.0, first="2024-03-01T23:30") == set()
    assert of(22, 50, 50, before=40.0, first="2024-03-01T23:30") == {("buys more than its limit of a day", 0, 51, 50)}
    assert of(20, 50, 52, before=40.0, first="2024-03-01T23:30") == {("buys more than its limit of a day", 0, 51, 50)}


BOILER = {
    "kind": "gas_boiler", "fuel_bus": "gas", "heat_bus": "heat", "heat_kw": 90, "efficiency": 0.9,
    "min_load_fraction": 0.3, "min_up_h": 1.0, "min_down_h": 1.0, "ramp_fraction_per_h": 0.8, "start_cost": 1.0,
}  # fmt: skip
BURNS = {"on_before_h": 5.0, "input_before_kw": 60.0}


def boiler(gas: list[float], heat: list[float], on: list[float], start: list[float], **more: Any) -> Told:
    series = {"fuel_kw": gas, "heat_kw": heat, "on": on, "start": start}
    return told(BOILER | more.pop("changed", {}), series, more.pop("state", BURNS), fields=GAS)


def test_a_boiler() -> None:
    # 90 kW of heat out of 100 kW of gas, at least 30; 40 kW more or less in half an hour.
    assert boiler([60, 100, 60], [54, 90, 54], [1, 1, 1], [0, 0, 0]) == set()
    assert boiler([60, 101], [54, 90.9], [1, 1], [0, 0]) == {
        ("runs although it is off", 1, 101, 100), ("above rating", 1, 90.9, 90),
        ("rises faster than it can", 1, 41, 40),
    }  # fmt: skip
    assert boiler([60, 19], [54, 17.1], [1, 1], [0, 0]) == {
        ("below its minimum load", 1, 30, 19),
        ("falls faster than it can", 1, 41, 40),
    }
    assert boiler([60, 60], [54, 55], [1, 1], [0, 0]) == {("a port is out of proportion to the input", 1, 1, 0)}
    assert boiler([60, 60], [54, 53], [1, 1], [0, 0]) == {("a port is out of proportion to the input", 1, 1, 0)}
    assert ("negative input", 1, 1, 0) in boiler([40, -1], [36, -0.9], [1, 0], [0, 0])
    assert boiler([60, 60], [54, 54], [1.0, 0.9], [0, 0]) >= {("on/off is not 0 or 1", 1, 0.1, 0)}
    assert boiler([60, 60], [54, 54], [1.0, 2.0], [0, 1]) >= {("more on than there are", 1, 2, 1)}


OFF = {"off_before_h": 5.0}


def pattern(on: list[float], start: list[float], state: dict[str, float], **changed: Any) -> set[tuple[str, int]]:
    """What is said of on and off alone."""
    free = {"min_load_fraction": 0.0, "ramp_fraction_per_h": None} | changed
    found = boiler([0.0] * len(on), [0.0] * len(on), on, start, state=state, changed=free)
    return {(what, step) for what, step, _, _ in found}


def test_on_and_off() -> None:
    # At least an hour on and an hour off: two steps.
    assert pattern([0, 1, 1, 0, 0, 1], [0, 1, 0, 0, 0, 1], OFF) == set()
    assert {what for what, _ in pattern([0, 1, 0, 0], [0, 1, 0, 0], OFF)} == {"minimum up time"}
    assert {what for what, _ in pattern([1, 0, 1, 1], [0, 0, 1, 0], BURNS)} == {"minimum down time"}
    assert {what for what, _ in pattern([0, 0], [0, 0], {"on_before_h": 0.5})} == {"minimum up time"}
    assert {what for what, _ in pattern([1, 1], [1, 0], {"off_before_h": 0.5})} == {"minimum down time"}
    assert pattern([0, 1, 1], [0, 0, 0], OFF) == {("start not counted", 1)}
    assert pattern([0, 1, 1], [0, 1, 0], OFF, must_run=True) == {("off although it must run", 0)}
    # A start that is counted and was none costs money and breaks nothing.
    assert pattern([1, 1, 1], [0, 1, 0], BURNS) == set()


CHP = {
    "kind": "chp", "fuel_bus": "gas", "heat_bus": "heat", "max_kw": 80, "min_load_fraction": 0.25, "efficiency": 0.4,
    "power_to_heat": 0.5, "power_loss": 0.2, "no_load_fuel_kw": 5.0, "ramp_fraction_per_h": 0.5, "start_cost": 1.0,
    "spinning_reserve": True,
}  # fmt: skip


def chp(power: float, heat: float, *, up: float = 0, down: float = 0, **more: Any) -> Told:
    full = power + 0.2 * heat + more.pop("beside", 0.0)
    fuel = full / 0.4 + 5.0 + more.pop("fuel", 0.0)
    series = {"power_kw": [power], "heat_kw": [heat], "load_kw": [full], "fuel_kw": [fuel], "on": [1.0], "start": [0.0]}
    series |= {"reserve_up_kw": [up], "reserve_down_kw": [down]}
    before = {"on_before_h": 5.0, "load_before_kw": more.pop("before", 50.0)}
    return told(CHP | more, series, before, fields=GAS)


def test_a_chp() -> None:
    assert chp(44, 30) == set()
    assert chp(44, 30, fuel=1) == chp(44, 30, fuel=-1) == {("fuel differs from its load", 0, 1, 0)}
    assert chp(44, 30, beside=1) == chp(46, 20, beside=-1) == {("electricity differs from load and heat", 0, 1, 0)}
    # 20 kW of electricity is behind 40 kW of heat, also once what is held below is given.
    assert chp(19, 40, before=27) == {("below the back-pressure line", 0, 20, 19)}
    assert chp(22, 40, down=3, before=27) == {("below the back-pressure line", 0, 20, 19)}
    assert chp(51, -5) == {("negative heat", 0, 5, 0)}
    assert chp(79, 10, before=80) == {("load above maximum", 0, 81, 80)}
    assert chp(75, 10, up=4, before=80) == {("load above maximum", 0, 81, 80)}
    assert chp(19, 0, before=25) == {("load below minimum", 0, 20, 19)}
    assert chp(24, 0, down=5, before=25) == {("load below minimum", 0, 20, 19)}
    # A fourth of 80 kW in half an hour, with what is held.
    assert chp(71, 0) == {("rises faster than it can", 0, 21, 20)}
    assert chp(66, 0, up=5) == {("rises faster than it can", 0, 21, 20)}
    assert chp(29, 0) == {("falls faster than it can", 0, 21, 20)}
    assert chp(34, 0, down=5) == {("falls faster than it can", 0, 21, 20)}
    assert chp(50, 0, up=-1) == chp(50, 0, down=-1) == {("negative reserve", 0, 1, 0)}
    assert chp(50, 0, up=1, down=2, spinning_reserve=False) == {("reserve without spinning reserve", 0, 3, 0)}


PCC = {"kind": "grid_connection", "import_kw": 100, "export_kw": 40, "tariff": tariff(0.2, demand=5.0)}


def test_a_connection() -> None:
    def of(imported: float, exported: float, peak: float = 90.0) -> Told:
        series = {"import_kw": [imported], "export_kw": [exported], "peak_kw": [peak]}
        return told(PCC, series)

    assert of(90, 0) == of(0, 40) == of(0.009, 0.009) == set()
    assert of(101, 0, peak=101) == {("import above its limit", 0, 101, 100)}
    assert of(0, 41) == {("export above its limit", 0, 41, 40)}
    assert of(0, -1) == {("negative exchange", 0, 1, 0)}
    assert of(-1, 0) >= {("negative exchange", 0, 1, 0)}
    assert of(20, 0.1) == of(0.1, 20) == {("imports and exports at once", 0, 0.1, 0)}
    assert of(91, 0) == {("billed peak below the highest import", 0, 91, 90)}


SHOP = {
    "kind": "curtailable", "share": 0.4, "price_per_kwh": 0.1, "max_h_per_day": 1.0, "notice_h": 0.0,
    "rebound_share": 0.5, "rebound_h": 1.0, "rebound_kw": 15.0, "owed_kwh": 0.0, "value_of_lost_load_per_kwh": 50.0,
}  # fmt: skip


def shop(cut: list[float], back: list[float], owed: list[float], **more: Any) -> Told:
    steps = len(cut)
    shed, demand = more.pop("shed", [0.0] * steps), 50.0
    served = [demand - c - s + b for c, s, b in zip(cut, shed, back, strict=True)]
    served[0] += more.pop("beside", 0.0)
    active = more.pop("active", [1.0 if c > 0 else 0.0 for c in cut])
    series = {"served_kw": served, "reduced_kw": cut, "rebound_kw": back, "owed_kwh": owed, "shed_kw": shed}
    return told(SHOP | more, series | {"curtailing": active}, demand_kw=demand)


def test_a_load_that_may_be_curtailed() -> None:
    # 20 kW less for half an hour are 10 kWh, half of which come back: 10 kW in the step after.
    assert shop([20, 0], [0, 10], [5, 0]) == set()
    assert shop([21, 0], [0, 10.5], [5.25, 0]) >= {("curtails more than its share", 0, 21, 20)}
    assert shop([20, 0], [0, 10], [5, 0], active=[0, 0]) == {("curtails more than its share", 0, 20, 0)}
    assert shop([20, 0], [0, 10], [5, 0], notice_h=0.5) == {("curtails without notice", 0, 20, 0)}
    assert shop([20, 0], [0, 10], [5.5, 0]) == {("owed differs from its flows", 0, 0.5, 0)}
    assert shop([20, 0], [0, 10], [4.5, 0]) == {("owed differs from its flows", 0, 0.5, 0)}
    assert shop([20, 0], [0, 10], [5, 0], beside=1) == {("served differs from demand", 0, 1, 0)}
    assert shop([20, 0], [0, 10], [5, 0], beside=-1) == {("served differs from demand", 0, 1, 0)}
    assert shop([20, 0], [0, 16], [5, -3]) == {
        ("draws more again than it may", 1, 16, 15), ("draws again what is not owed", 1, 3, 0),
    }  # fmt: skip
    assert shop([20, 0], [0, 10], [5, 0], active=[0.9, 0]) == {
        ("curtails for part of a step", 0, 0.1, 0), ("curtails more than its share", 0, 20, 18),
    }  # fmt: skip
    assert shop([0, 0], [0, 0], [0, 0], shed=[-1, 0]) == {("negative power", 0, 1, 0)}
    assert shop([20, 0], [0, 10], [5, 0], shed=[31, 0]) == {("sheds more than is left", 0, 31, 30)}
    assert ("curtails for too many hours", 2, 1.5, 1) in shop([10, 10, 10, 0], [0, 5, 5, 5], [2.5, 2.5, 2.5, 0])
    # What is owed from the first step is to be back an hour after.
    late = shop([20, 0, 0, 0], [0, 0, 0, 10], [5, 5, 5, 0])
    assert {what for what, *_ in late} == {"owes for too long"}


BATCH = {
    "kind": "deferrable", "energy_kwh": 20.0, "max_kw": 30.0, "min_kw": 5.0, "window": {"daily": "00:30-02:00"},
    "skip_penalty_per_kwh": 5.0,
}  # fmt: skip


def test_energy_that_is_wanted_within_a_window() -> None:
    def of(*free: float, beside: float = 0.0) -> Told:
        power = [free[0] + beside, *free[1:]]
        return told(BATCH, {"starts": [0.0] * len(free), "free_kw": list(free), "power_kw": power})

    assert of(0, 10, 20, 10) == set()
    assert ("draws outside its window", 0, 1, 0) in of(1, 10, 20, 9)
    assert ("draws more than it can", 2, 31, 30) in of(0, 5, 31, 5)
    assert ("draws less than it must", 1, 1, 0) in of(0, 4, 20, 10)
    assert any(what == "draws more than is wanted" for what, *_ in of(0, 10, 21, 10))
    assert of(0, 10, 20, 10, beside=1) == of(0, 10, 20, 10, beside=-1) == {("power differs from its runs", 0, 1, 0)}


RUNS_OF = {
    "kind": "deferrable", "profile_kw": [20.0, 30.0], "profile_step_h": 0.5, "runs": 2, "skip_penalty_per_kwh": 5.0,
    "window": {"daily": "00:30-03:00"},
}  # fmt: skip


def test_runs_of_a_profile() -> None:
    def of(starts: list[float], power: list[float], **changed: Any) -> Told:
        return told(RUNS_OF | changed, {"starts": starts, "free_kw": [0.0] * len(starts), "power_kw": power})

    assert of([0, 1, 0, 1, 0, 0], [0, 20, 30, 20, 30, 0]) == set()
    assert of([0, 1, 1, 0, 0, 0], [0, 20, 50, 30, 0, 0]) == {("two runs at once", 2, 2, 1)}
    assert any(what == "a run outside its window" for what, *_ in of([1, 0, 0, 0, 0, 0], [20, 30, 0, 0, 0, 0]))
    assert of([1, 0, 1, 0, 1, 0], [20, 30, 20, 30, 20, 30], window=None) == {("more runs than wanted", 4, 1, 0)}
    assert ("a start is not 0 or 1", 1, 0.5, 0) in of([0, 0.5, 0, 0, 0, 0], [0, 20, 30, 0, 0, 0])
    assert of([0, 1, 0, 0, 0, 0], [0, 21, 30, 0, 0, 0]) == {("power differs from its runs", 1, 1, 0)}
    assert of([0, 1, 0, 0, 0, 0], [0, 19, 30, 0, 0, 0]) == {("power differs from its runs", 1, 1, 0)}


CAR = {"name": "one", "arrival": "2024-03-01T00:00Z", "departure": "2024-03-01T02:00Z", "charge_kw": 20.0}
CARS = {
    "kind": "ev_fleet", "charge_efficiency": 0.9, "discharge_efficiency": 0.8, "chargers_kw": 15.0,
    "sessions": [CAR | {"discharge_kw": 20.0, "arrival_kwh": 20.0, "departure_kwh": 20.0, "capacity_kwh": 40.0}],
}  # fmt: skip


def test_vehicles() -> None:
    def of(charge: list[float], discharge: list[float], added: list[float], unserved: float = 0.0) -> Told:
        series = {"charge_kw": charge, "discharge_kw": discharge, "added_kwh": added}
        return told(CARS, series | {"unserved_kwh": [0.0, 0.0, 0.0, unserved]})

    # 10 kW for half an hour put in 4.5, 7.2 kW take out 4.5.
    assert of([10, 0, 0, 0], [0, 7.2, 0, 0], [4.5, -4.5, 0, 0]) == set()
    assert of([10, 0, 0, 0], [0, 7.2, 0, 0], [4.6, -4.5, 0, 0]) == {
        ("content added differs from its powers", 0, 0.1, 0)
    }
    assert of([10, 0, 0, 0], [0, 7.2, 0, 0], [4.4, -4.5, 0, 0]) == {
        ("content added differs from its powers", 0, 0.1, 0)
    }
    assert of([16, 0, 0, 0], [0, 0, 0, 0], [7.2] * 4) >= {("more than its chargers take", 0, 16, 15)}
    assert of([0, 0, 10, 10], [16, 0, 0, 0], [-10, -10, -5.5, -1]) >= {("more than its chargers take", 0, 16, 15)}
    assert of([-1, 0, 0, 0], [0, 0, 0, 0], [-0.45] * 4) >= {("negative power or energy", 0, 1, 0)}
    assert of([0, 0, 0, 0], [-1, 0, 0, 0], [0.625] * 4) >= {("negative power or energy", 0, 1, 0)}
    lacking = ([0.0] * 4, [8.0, 0, 0, 0], [-5.0, 0, 0, 0])  # it leaves with 5 kWh less than it wants
    assert of(*lacking, unserved=5.0) == set()
    assert {what for what, *_ in of(*lacking)} == {"no sharing among its vehicles gives this power"}
    # The car has come, and has no room for more than 20 kWh.
    assert {what for what, *_ in of([15, 15, 15, 5], [0.0] * 4, [6.75, 6.75, 6.75, 2.25])} == {
        "no sharing among its vehicles gives this power"
    }
