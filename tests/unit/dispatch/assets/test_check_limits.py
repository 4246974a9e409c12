"""What a kind's check says of series written by hand: each limit with its step, its number and what it may be.

The numbers are worked out beside each case; steps are half an hour, so that hours and steps are told apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from tests.parks import given, grid, hours, load, park

Told = set[tuple[str, int, float, float]]


def told(
    asset: dict[str, Any], series: dict[str, list[float]], state: dict[str, float] | None = None, **known: Any
) -> Told:
    """What check says of one asset's series: what, step, value, limit."""
    steps = len(next(iter(series.values())))
    others = [other for other in (load(), grid()) if other["kind"] != asset["kind"]]
    site = park(*others, {"name": "it", "bus": "main"} | asset)
    own = {("it", name): value for name, value in known.items()}
    inputs: Inputs = given(site, hours(steps, step_h=0.5), own, state={"it": state or {}})
    rows = site.rows(1)[asset["kind"]]
    found = type(rows.members[0]).check(rows, inputs, {name: np.array([values]) for name, values in series.items()})
    return {(v.what, v.step, round(v.value, 6), round(v.limit, 6)) for v in found}


UNIT = {
    "kind": "thermal", "min_kw": 30, "max_kw": 80, "cost_per_kwh": 0.1, "ramp_up_kw_per_h": 20, "ramp_down_kw_per_h": 30,
    "start_up_kw": 40, "shut_down_kw": 45, "spinning_reserve": True,
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
    # 0.99996 is on.
    assert unit([0.99996, 1], [80, 80], fields=free, start=[0, 0]) == set()


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
