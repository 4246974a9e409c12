"""The tariffs that ship: read, whole, each price with its source, and a park plans with each of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import yaml

from dispatch.audit import audit
from dispatch.config.park import CONFIGS, shipped_names
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.solve import solve
from dispatch.tariff import Tariff
from tests.parks import battery, given, grid, hours, load, park

NAMES = shipped_names("tariffs")


def shipped(name: str) -> Tariff:
    return Tariff.model_validate(yaml.safe_load((CONFIGS / "tariffs" / f"{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_tariff_has_a_price_at_every_hour_of_a_year_and_names_its_sources(name: str) -> None:
    made = shipped(name)
    assert made.name == name
    imported, exported = made.prices(hours(8784, "2024-01-01T00:00", "Asia/Shanghai"))
    assert np.isfinite(imported).all()
    assert np.isfinite(exported).all()
    for component in made.components:
        assert re.search(r"20\d\d", component.source), f"{component.name} has no date in its source"


def test_guangdongs_ratios_hold() -> None:
    day = hours(24, "2024-03-04T16:00", "Asia/Shanghai")
    price, _ = shipped("guangdong_tou_two_part").prices(day)
    local = {start.hour: value for start, value in zip(day.local_start, price, strict=True)}
    assert local[10] / local[9] == pytest.approx(1.7)
    assert local[3] / local[9] == pytest.approx(0.38)
    summer, _ = shipped("guangdong_tou_two_part").prices(hours(24, "2024-07-31T16:00", "Asia/Shanghai"))
    assert summer[11] / summer[10] == pytest.approx(1.25), "sharp"


def test_shanxis_ratios_hold() -> None:
    price, _ = shipped("shanxi_tou_capacity").prices(hours(24, "2024-07-31T16:00", "Asia/Shanghai"))
    assert price[9] / price[14] == pytest.approx(1.6)
    assert price[3] / price[14] == pytest.approx(0.45)
    assert price[18] / price[9] == pytest.approx(1.2)


@pytest.mark.parametrize("name", NAMES)
def test_a_park_plans_with_it(name: str) -> None:
    made = shipped(name)
    pcc = grid(export_kw=100, contracted_kva=500, tariff=made.model_dump())
    site = park(load(), pcc, battery(), currency=made.currency, time_zone="Asia/Shanghai")
    steps = Horizon.local_day(np.datetime64("2024-07-10").astype(object), "Asia/Shanghai", 60)
    plan = solve(Problem(site, given(site, steps, {("load", "demand_kw"): 60.0 + 20 * (np.arange(24) % 3)})))
    assert audit(plan).violations == ()
