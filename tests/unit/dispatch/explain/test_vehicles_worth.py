"""What a kWh kept in a vehicle is worth does not grow with their number, and is not told of those that left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.explain.binding import Priced
from dispatch.explain.hour import deeds
from dispatch.problem import Problem
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park
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
