"""What a kWh kept in a vehicle is worth does not grow with their number, and is not told of those that left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.explain.binding import Priced
from dispatch.explain.hour import deeds
from dispatch.problem import Problem
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.templates import hourly_tariff


def priced(count: int, **fields: Any) -> Priced:
    # There for two of three hours, 12 of 20 kWh that fit are wanted: part of the hour at 0.2, all of that at 0.1.
    car = {"arrival": "2024-03-01T00:00Z", "departure": "2024-03-01T02:00Z", "charge_kw": 10.0, "needed_kwh": 12.0}
    cars = {"kind": "ev_fleet", "name": "cars", "bus": "main", "charge_efficiency": 0.8, "sessions": [car] * count}
    site = park(load(), grid(tariff=hourly_tariff([0.1, 0.2, 0.4])), cars | fields)
    made = Problem(site, given(site, hours(3), {("load", "demand_kw"): 0.0}))
    return Priced(made, solve(made))


@pytest.mark.parametrize("aggregate", [False, True])
@pytest.mark.parametrize("count", [1, 5])
def test_a_kwh_kept_is_worth_what_it_saves_in_one_vehicle(count: int, aggregate: bool) -> None:
    point = priced(count, aggregate=aggregate)
    worth = point.content_worth("cars")
    assert worth is not None
    assert worth[1] == pytest.approx(0.2 / 0.8), "bought last in the second hour, with .8 of it kept"
    # In sum the first hour's band holds content at what its power brings: more could only be bought at 0.1.
    first = 0.1 / 0.8 if aggregate else 0.2 / 0.8
    assert worth[0] == pytest.approx(first)
    assert np.isnan(worth[2]), "they have left"
    (deed,) = deeds(point, np.array([2]), "cars")
    assert deed.kept_per_kwh is None
    (deed,) = deeds(point, np.array([0]), "cars")
    assert deed.kept_per_kwh == pytest.approx(first)


@pytest.mark.parametrize("count", [1, 5])
def test_a_limit_that_each_vehicle_has_says_of_how_many_one_more_is_told(count: int) -> None:
    found = {b.named.what: b for b in priced(count, aggregate=False).limits()}
    charge, leave = found["each vehicle's charge at its upper limit"], found["what each vehicle is to leave with"]
    # A kW more at .1 spares one at .2; a kWh less to leave with spares what is bought last, with .8 of it kept.
    assert charge.worth == {0: pytest.approx(count * 0.1)}
    assert leave.total == pytest.approx(count * 0.2 / 0.8)
    assert charge.unit == ("kW" if count == 1 else "kW in each of 5")
    assert leave.unit == ("kWh" if count == 1 else "kWh in each of 5")


def test_what_fits_into_a_vehicle_is_a_limit_with_a_price_too() -> None:
    """Bought at .1 and given back at .4, as much as the vehicle holds: a kWh more of room costs .125 and saves .4."""
    car = {"arrival": "2024-03-01T00:00Z", "departure": "2024-03-01T02:00Z", "arrival_kwh": 0.0, "departure_kwh": 0.0}
    car |= {"charge_kw": 10.0, "discharge_kw": 10.0, "capacity_kwh": 6.0}
    cars = {"kind": "ev_fleet", "name": "cars", "bus": "main", "aggregate": False, "sessions": [car, car]}
    cars |= {"charge_efficiency": 0.8, "discharge_efficiency": 1.0, "wear_cost_per_kwh": 0.0}
    site = park(load(), grid(tariff=hourly_tariff([0.1, 0.4])), cars)
    made = Problem(site, given(site, hours(2), {("load", "demand_kw"): 100.0}))
    found = {b.named.what: b for b in Priced(made, solve(made)).limits()}
    room = found["each vehicle's content at its upper limit"]
    assert room.worth == {0: pytest.approx(2 * (0.4 - 0.1 / 0.8))}
    assert room.unit == "kWh in each of 2"


def test_two_limits_on_one_quantity_are_told_of_it_alone() -> None:
    """A store's content is held at the end of a step and while it charges: rows, not stores."""
    site = park(load(), battery(energy_kwh=50, charge_kw=80, discharge_kw=80), grid(tariff=hourly_tariff([0.1, 0.4])))
    made = Problem(site, given(site, hours(2), {("load", "demand_kw"): 100.0}))
    found = {b.named.what: b for b in Priced(made, solve(made)).limits()}
    assert found["stored at its upper limit"].unit == "kWh"
