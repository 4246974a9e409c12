"""Small fleets on one bus, drawn by seed, for tests of searches."""

from __future__ import annotations

import numpy as np

from dispatch.asset import Mode
from dispatch.problem import Problem
from tests.parks import given, hours, load, park, unit

STEPS = 12


def fleet(seed: int, units: int = 6, reserve: bool = True) -> Problem:
    """Units of three sizes with ramps, minimum times and start tiers, a load with a peak, and reserve."""
    r = np.random.default_rng(seed)
    plants = [_plant(r, f"unit_{k}") for k in range(units)]
    total = sum(float(plant["max_kw"]) for plant in plants)  # type: ignore[arg-type]
    shape = 0.55 + 0.25 * np.sin(np.arange(STEPS) * 2 * np.pi / STEPS) + 0.03 * r.random(STEPS)
    asked = {"kind": "reserve", "name": "reserve", "required_kw": 0.04 * total, "penalty_per_kwh": 1e3}
    site = park(load(), *plants, *([asked] if reserve else []))
    return Problem(site, given(site, hours(STEPS), {("load", "demand_kw"): total * shape}), Mode("convex"))


def _plant(r: np.random.Generator, name: str) -> dict[str, object]:
    high = float(r.choice([50, 120, 300]) * r.uniform(0.8, 1.2))
    low = high * float(r.uniform(0.3, 0.6))
    cost = float(r.uniform(0.02, 0.12))
    middle = (low + high) / 2
    curve = [
        {"power_kw": low, "cost_per_h": 1.3 * cost * low},
        {"power_kw": middle, "cost_per_h": 1.3 * cost * low + cost * (middle - low)},
        {"power_kw": high, "cost_per_h": 1.3 * cost * low + cost * (middle - low) + 1.2 * cost * (high - middle)},
    ]
    tiers = [{"below_off_h": 4, "cost": 0.2 * high * cost}, {"cost": 0.6 * high * cost}]
    return unit(
        name,
        min_kw=low,
        max_kw=high,
        cost_per_kwh=None,
        cost_curve=curve,
        start_tiers=tiers,
        min_up_h=int(r.integers(1, 5)),
        min_down_h=int(r.integers(1, 4)),
        ramp_up_kw_per_h=0.4 * high,
        ramp_down_kw_per_h=0.5 * high,
        start_up_kw=low * 1.1,
        shut_down_kw=low * 1.2,
        on_before_h=int(r.integers(0, 2)) * 5,
        off_before_h=3,
        power_before_kw=low * 1.1,
    )
