"""Days of a shipped park of which all that came is known; thirty drawn with varied weather, prices and stores."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from benchmarks.rows import CannotMeasure
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.config import CONFIGS, load_site
from dispatch.highs import Limits
from dispatch.ladder import climb
from dispatch.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.sources import gather

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


def drawn_day(name: str, number: int) -> tuple[Site, Inputs]:
    """Day ``number`` of a seeded series: a day of 2016, its powers and prices scaled, stores anywhere in their band."""
    random = np.random.default_rng([2016, number])
    day = FIRST + timedelta(days=int(random.integers((LAST - FIRST).days)))
    site, inputs = known_day(name, day)
    series = {key: _varied(key[1], values, random) for key, values in inputs.series.items()}
    return site, replace(inputs, series=series, state=_fills(site, random))


def _varied(quantity: str, values: Array, random: np.random.Generator) -> Array:
    if quantity == "available_kw":
        return np.minimum(values * random.uniform(0.6, 1.3), max(float(values.max()), 1.0))
    if quantity == "demand_kw":
        return values * random.uniform(0.9, 1.08)
    if quantity.endswith("_price_per_kwh"):
        return values * random.uniform(0.8, 1.2) * np.exp(0.1 * random.standard_normal(values.shape))
    return values


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
def runs(name: str, count: int = DAYS, gap: float = 1e-3) -> tuple[Run, ...]:
    """All drawn days of a park, once per process."""
    Problem(*drawn_day(name, 0))  # importing the modelling layer is no part of planning
    found = []
    for number in range(count):
        site, inputs = drawn_day(name, number)
        began = time.process_time()
        climbed = climb(Problem(site, inputs), Limits(gap=gap))
        passed = audit(climbed.schedule).passed
        seconds = time.process_time() - began
        proof = climbed.schedule.proof
        found.append(Run(site, climbed.schedule, seconds, proof.gap, passed))
    return tuple(found)
