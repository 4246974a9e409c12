"""Days of a shipped park of which all that came is known; thirty drawn with varied weather, prices and stores."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Asset, Inputs
from dispatch.assets.grid_connection import GridConnection
from dispatch.audit import audit
from dispatch.config.park import CONFIGS, load_site
from dispatch.ladder.climb import climb
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solver.highs import Limits
from dispatch.sources import gather
from dispatch.tariff.components import Component

FIRST, LAST = date(2016, 1, 2), date(2016, 12, 29)
DAYS = 30


def known_day(name: str, day: date | None = None) -> tuple[Site, Inputs]:
    """The park, and what came on its embedded day or on another one of 2016, as a single scenario."""
    site = load_site(name)
    if site.embedded is None:
        raise ValueError(f"{name} has no embedded day")
    horizon = Horizon.local_day(
        day or date.fromisoformat(site.embedded.day), site.time_zone, site.planning.step_minutes, site.planning.days
    )
    return site, _known(site, horizon)


def _known(site: Site, horizon: Horizon) -> Inputs:
    from forecasting import embedded

    if not embedded.is_installed():
        raise CannotMeasure("the measured profiles of 2016 are not installed: pip install parkwatt[simbench]")
    came = gather(site, horizon, CONFIGS / "parks", with_network=False).actual
    return known_inputs(site, horizon, {a.name: need for a in site.assets for need in a.needs}, dict(came))


def drawn_day(name: str, number: int, scenarios: int | None = None) -> tuple[Site, Inputs]:
    """Day ``number`` of a seeded series: a day of 2016, its powers and prices scaled, stores anywhere in their band.

    In so many scenarios, or as many as the park plans over, the first without the spread of the others.
    """
    random = np.random.default_rng([2016, number])
    site = load_site(name)
    count = site.planning.scenarios + 1 if scenarios is None else scenarios
    longest = timedelta(days=site.planning.days - 1)  # a week that begins in December must end in it
    day = FIRST + timedelta(days=int(random.integers((LAST - longest - FIRST).days)))
    site = _priced(site, random)
    came = _known(site, Horizon.local_day(day, site.time_zone, site.planning.step_minutes, site.planning.days))
    most = {(asset.name, need.quantity): need.capacity_kw for asset in site.assets for need in asset.needs}
    series = {}
    for key, values in came.series.items():
        if key in most:
            series[key] = np.minimum(_spread(values, key[1], count, random), most[key])
        else:
            series[key] = np.tile(values * _agreed(key[1], random), (count, 1))
    return site, Inputs(came.horizon, count, series, _fills(site, random))


def _agreed(quantity: str, random: np.random.Generator) -> float:
    """By how much a product's price, agreed for longer than a day, is up or down."""
    return float(random.uniform(0.8, 1.2)) if quantity == "product_price_per_t" else 1.0


def _spread(values: Array, quantity: str, scenarios: int, random: np.random.Generator) -> Array:
    """(scenario, step) scaled as a whole, and by smooth noise of its own in every scenario but the first."""
    level, size = (random.uniform(0.6, 1.3), 0.25) if quantity == "available_kw" else (random.uniform(0.9, 1.08), 0.03)
    kernel = np.ones(12) / np.sqrt(12)
    noise = random.standard_normal((scenarios, values.shape[-1]))
    smooth = np.array([np.convolve(row, kernel, mode="same") for row in noise])
    smooth[0] = 0.0
    return np.asarray(values * level * np.exp(size * smooth))


def _priced(site: Site, random: np.random.Generator) -> Site:
    """Every energy price of every tariff between seven tenths and thirteen tenths of its own."""
    assets: list[Asset] = []
    for asset in site.assets:
        if isinstance(asset, GridConnection):
            components = tuple(_scaled(c, random.uniform(0.7, 1.3)) for c in asset.tariff.components)
            tariff = asset.tariff.model_copy(update={"components": components})
            assets.append(asset.model_copy(update={"tariff": tariff}))
        else:
            assets.append(asset)
    return site.model_copy(update={"assets": tuple(assets)})


def _scaled(component: Component, factor: float) -> Component:
    price = component.price_per_kwh
    if component.basis != "energy" or not isinstance(price, float | int):
        return component
    return component.model_copy(update={"price_per_kwh": price * factor})


def _fills(site: Site, random: np.random.Generator) -> dict[str, dict[str, float]]:
    stores: list[Any] = [a for a in site.assets if "start_fill" in type(a).model_fields]
    return {a.name: {"start_fill": float(random.uniform(a.min_fill, a.max_fill))} for a in stores}


@dataclass(frozen=True)
class Run:
    """A day from its inputs to an audited schedule; seconds are processor time, compiling included."""

    site: Site
    schedule: Schedule
    seconds: float
    gap: float
    passed: bool


@cache
def runs(name: str, count: int = DAYS, gap: float = 1e-3, scenarios: int | None = None) -> tuple[Run, ...]:
    """All drawn days of a park, once per process."""
    Problem(*drawn_day(name, 0, scenarios))  # importing the modelling layer is no part of planning
    found = []
    for number in range(count):
        site, inputs = drawn_day(name, number, scenarios)
        began = time.process_time()
        climbed = climb(Problem(site, inputs), Limits(gap=gap))
        passed = audit(climbed.schedule).passed
        seconds = time.process_time() - began
        proof = climbed.schedule.proof
        found.append(Run(site, climbed.schedule, seconds, proof.gap, passed))
    return tuple(found)
