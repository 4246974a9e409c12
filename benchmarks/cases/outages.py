"""Sites that are to survive an outage, and a simulation of one that knows nothing of how the plan was made.

The simulation starts from what a published plan says of stores and units, loses the grid, and then runs what is there
by the minute: the weather first, then units, then stores in the order of how long each would last at full power. It
reads no constraint, no account and no closed form of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cases import stores
from dispatch.asset import Inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits

STEPS, STEP_H = 48, 0.5
TICK_H = 1 / 60
KEPT_KWH, KEPT_KW = 20.0, 10.0
_SLACK_KWH = 1e-3
_SLACK_KW = 1e-3


@dataclass(frozen=True)
class Case:
    """A site, what it knows, how much of its load is critical, and for how long that must be served."""

    site: Site
    inputs: Inputs
    share: float
    weather_share: float
    survival_h: float
    reserve: bool


def case(seed: int, *, asked: bool = True, reserve: bool = True) -> Case:
    """A day in half-hours: two batteries, an engine that can be started, one that cannot, and a panel.

    Args:
        seed: same number, same bits.
        asked: must the site survive an outage.
        reserve: is there a black-start reserve in the larger battery.
    """
    random = np.random.default_rng(seed)
    clock = np.arange(STEPS) * STEP_H
    price = 0.15 + 0.1 * np.sin((np.arange(24) - 11) / 24 * 2 * np.pi) + 0.06 * random.random(24)
    demand = 200 + 120 * np.exp(-(((clock - 13) / 4) ** 2)) + 25 * random.random(STEPS)
    sun = 180 * np.maximum(np.sin((clock - 6) / 12 * np.pi), 0) * random.uniform(0.4, 1.0)
    share, weather, survival = float(random.uniform(0.3, 0.6)), 0.5, float(random.choice([2.0, 3.0, 4.0]))
    spread = random.uniform(0.7, 1.3, 4)
    big = stores.battery("big", energy_kwh=400 * spread[0], charge_kw=150 * spread[1], discharge_kw=150 * spread[1])
    quick = stores.battery("quick", energy_kwh=60 * spread[2], charge_kw=120, discharge_kw=120, start_fill=0.9)
    big |= {"charge_efficiency": 0.93, "discharge_efficiency": 0.93, "min_fill": 0.1, "start_fill": 0.95}
    quick |= {"charge_efficiency": 0.95, "discharge_efficiency": 0.95, "loss_fraction_per_h": 0.002}
    engine = {"kind": "thermal", "name": "engine", "bus": "main", "min_kw": 15, "max_kw": 40 * spread[3]}
    engine |= {"cost_per_kwh": 0.35, "start_cost": 4.0, "min_up_h": 2.0, "black_start_h": 0.5}
    slow = {"kind": "thermal", "name": "slow", "bus": "main", "min_kw": 10, "max_kw": 45, "cost_per_kwh": 0.22}
    slow |= {"ramp_up_kw_per_h": 20, "ramp_down_kw_per_h": 40, "start_up_kw": 20, "shut_down_kw": 25}
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 200}
    blackout: dict[str, Any] = {"kind": "outage", "name": "blackout", "survival_h": survival, "loads": ["load"]}
    blackout |= {"critical_share": share, "generation": ["roof"], "generation_share": weather}
    kept = {"black_start_kwh": KEPT_KWH, "black_start_kw": KEPT_KW} if reserve else {}
    blackout |= {"black_start_store": "big"} | kept
    site = stores.park(price.round(4), big, quick, engine, slow, roof, *([blackout] if asked else []))
    given = stores.inputs(site, stores.horizon(STEPS, STEP_H), load=demand.round(2), available_roof=sun.round(2))
    return Case(site, given, share, weather, survival, reserve)


def planned(found: Case) -> Schedule:
    """The plan, to a gap of a hundredth of a percent."""
    return solve(Problem(found.site, found.inputs), Limits(gap=1e-4))


def simulated_h(found: Case, schedule: Schedule, start: int, sky: float) -> float:
    """Hours that the critical load is served whole after the grid is lost with step ``start``.

    Args:
        found: the site.
        schedule: its plan; of it only the state at that moment is read.
        start: step with which the outage begins.
        sky: what the panel then gives, as a share of its forecast.
    """
    world = _World(found, schedule, start)
    end_h = min(found.survival_h, (STEPS - start) * STEP_H)
    for tick in range(round(end_h / TICK_H)):
        step = start + int(tick * TICK_H / STEP_H + 1e-9)
        if not world.serves(step, tick * TICK_H, sky):
            return tick * TICK_H
    return end_h


class _World:
    """Stores and units from one moment on; written from what the park's file says of them."""

    def __init__(self, found: Case, schedule: Schedule, start: int) -> None:
        assets: dict[str, Any] = {asset.name: asset for asset in found.site.assets}
        self.demand = found.inputs.series["load", "demand_kw"][0] * found.share
        self.sun = found.inputs.series["roof", "available_kw"][0]
        self.stores = [assets["big"], assets["quick"]]
        self.kept_kwh = np.array([KEPT_KWH, 0.0]) * found.reserve
        self.kept_kw = np.array([KEPT_KW, 0.0]) * found.reserve
        self.content = np.array([_before(schedule, s.name, "stored_kwh", start, s) for s in self.stores])
        self.engine, self.slow = assets["engine"], assets["slow"]
        self.engine_on = bool(_before(schedule, "engine", "on", start) > 0.5)
        self.slow_kw = _before(schedule, "slow", "power_kw", start)

    def serves(self, step: int, after_h: float, sky: float) -> bool:
        """One minute; False where something of the critical load stays dark."""
        need = self.demand[step] - sky * self.sun[step] - self.slow_kw
        if self.engine_on or after_h >= self.engine.black_start_h - 1e-9:
            need -= self.engine.max_kw
        loss = np.array([s.loss_fraction_per_h for s in self.stores])
        self.content = self.content * (1 - loss) ** TICK_H
        out = np.array([s.discharge_efficiency for s in self.stores])
        floor = np.array([s.min_fill * s.energy_kwh for s in self.stores]) + self.kept_kwh
        there = np.maximum(self.content - floor, 0) * out
        rated = np.array([s.discharge_kw for s in self.stores]) - self.kept_kw
        power = np.minimum(rated, (there + _SLACK_KWH) / TICK_H)
        for place in np.argsort(-there / rated):
            given = float(np.clip(need, 0, power[place]))
            self.content[place] -= given * TICK_H / out[place]
            need -= given
        return bool(need <= _SLACK_KW)


def _before(schedule: Schedule, name: str, series: str, start: int, store: Any = None) -> float:
    """A value at the end of the step before; at the very start what the park's file says."""
    if start == 0:
        return float(store.start_fill * store.energy_kwh) if store is not None else 0.0
    return float(schedule.asset(name, series)[start - 1])


def starts(seed: int, count: int) -> tuple[np.ndarray, Array]:
    """Random steps with which outages begin, and what the sky then gives: at least what was counted on."""
    random = np.random.default_rng(1000 + seed)
    return random.integers(1, STEPS, count), random.uniform(0.5, 1.2, count)
