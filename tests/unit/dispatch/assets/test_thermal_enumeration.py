"""Unit commitment against enumeration: every on/off pattern of one unit, each with its own small linear program.

The reference is written from the words of the fields, one step at a time, and knows nothing of the formulation.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.solve import solve
from tests.parks import given, grid, load, park, unit

STEPS = 6
PRICES = np.array([0.05, 0.2, 0.35, 0.1, 0.4, 0.15])


def allowed(on: tuple[int, ...], hours: Array, f: dict[str, Any]) -> bool:
    """Do runs and pauses last their minimum time? A run that reaches the end of the horizon may go on."""
    running, lasted = f["on_before_h"] > 0, f["on_before_h"] if f["on_before_h"] > 0 else f["off_before_h"]
    for state, length in zip(on, hours, strict=True):
        if bool(state) != running:
            if lasted < (f["min_up_h"] if running else f["min_down_h"]) - 1e-9:
                return False
            running, lasted = bool(state), 0.0
        lasted += length
    return True


def cheapest(on: tuple[int, ...], hours: Array, price: Array, f: dict[str, Any]) -> float:
    """Cost of a pattern: fuel, starts, and what is not generated bought at ``price``; infinite if it cannot run."""
    rows, limits = [], []
    bounds = [(f["min_kw"], f["max_kw"]) if state else (0.0, 0.0) for state in on]
    was, power = f["on_before_h"] > 0, f["power_before_kw"]
    starts = 0
    for t, state in enumerate(on):
        gap = hours[0] if t == 0 else (hours[t - 1] + hours[t]) / 2
        change = np.zeros(STEPS)
        change[t] = 1.0
        held = power if t == 0 else 0.0
        if t > 0:
            change[t - 1] = -1.0
        if state and was:
            rows += [change, -change]
            limits += [held + f["ramp_up_kw_per_h"] * gap, -held + f["ramp_down_kw_per_h"] * gap]
        elif state:
            starts += 1
            bounds[t] = (f["min_kw"], min(f["max_kw"], f["start_up_kw"]))
        elif was and t > 0:
            bounds[t - 1] = (bounds[t - 1][0], min(bounds[t - 1][1], f["shut_down_kw"]))
        elif was and power > f["shut_down_kw"] + 1e-9:
            return np.inf
        was = bool(state)
    cost = (f["cost_per_kwh"] - price) * hours
    ran = linprog(cost, A_ub=np.array(rows) if rows else None, b_ub=limits or None, bounds=bounds, method="highs")
    fixed = f["start_cost"] * starts + f["no_load_cost_per_h"] * float(hours @ np.array(on))
    return ran.fun + fixed if ran.status == 0 else np.inf


def enumerated(hours: Array, price: Array, fields: dict[str, Any]) -> float:
    patterns = (on for on in product((0, 1), repeat=STEPS) if allowed(on, hours, fields))
    return min(cheapest(on, hours, price, fields) for on in patterns)


def random_unit(random: np.random.Generator) -> dict[str, Any]:
    low = float(random.choice([0.0, 20.0, 35.0]))
    on = random.random() < 0.5
    stop = random.uniform(max(low, 25), 90)
    return {
        "min_kw": low,
        "max_kw": 80.0,
        "cost_per_kwh": random.uniform(0.1, 0.25),
        "no_load_cost_per_h": random.uniform(0, 2),
        "start_cost": random.uniform(0, 8),
        "ramp_up_kw_per_h": random.uniform(10, 80),
        "ramp_down_kw_per_h": random.uniform(10, 80),
        "start_up_kw": random.uniform(max(low, 25), 90),
        "shut_down_kw": stop,
        "min_up_h": float(random.choice([0.0, 1.0, 2.0, 2.5, 3.0])),
        "min_down_h": float(random.choice([0.0, 1.0, 2.0, 3.0])),
        "on_before_h": float(random.choice([0.5, 1.0, 2.0, 5.0])) if on else 0.0,
        "off_before_h": float(random.choice([0.5, 1.0, 2.0, 5.0])),
        "power_before_kw": random.uniform(low, 80.0) if on else 0.0,
    }


def horizon(random: np.random.Generator, equal: bool) -> Horizon:
    seconds = np.full(STEPS, 3600) if equal else random.choice([900, 1800, 3600, 7200], STEPS)
    edges = np.concatenate([[0], np.cumsum(seconds)])
    return Horizon(np.datetime64("2024-03-01T00:00", "s") + edges.astype("timedelta64[s]"), "UTC")


def park_of(fields: dict[str, Any], steps: Horizon, price: Array) -> tuple[Any, Inputs]:
    site = park(load(), grid(export_kw=1e3), unit(**fields))
    series = {
        ("load", "demand_kw"): np.full(STEPS, 50.0),
        ("pcc", "import_price_per_kwh"): price,
        ("pcc", "export_price_per_kwh"): price,
    }
    return site, given(site, steps, series)


@pytest.mark.parametrize("equal", [True, False], ids=["equal steps", "unequal steps"])
@pytest.mark.parametrize("seed", range(15))
def test_the_plan_costs_what_the_best_pattern_costs(seed: int, equal: bool) -> None:
    random = np.random.default_rng(seed)
    fields, steps = random_unit(random), horizon(random, equal)
    price = random.permutation(PRICES) * random.uniform(0.5, 1.5, STEPS)
    site, inputs = park_of(fields, steps, price)
    best = enumerated(steps.hours, price, fields) + float(50.0 * price @ steps.hours)
    schedule = solve(Problem(site, inputs, Mode("exact")))
    assert schedule.money[0] == pytest.approx(best, rel=2e-4, abs=1e-3)
    # Prices are given here as series, which the bill's audit does not read: the unit's own check is what counts.
    assert [v for v in audit(schedule).violations if v.asset == "unit"] == []
    convex = solve(Problem(site, inputs, Mode("convex"))).proof
    assert convex.bound <= schedule.proof.objective + 1e-6
    assert convex.objective >= schedule.proof.bound - 1e-6


def test_the_reference_itself_on_a_case_done_by_hand() -> None:
    fields = random_unit(np.random.default_rng(0)) | {
        "min_kw": 10.0,
        "cost_per_kwh": 0.1,
        "no_load_cost_per_h": 0.0,
        "start_cost": 1.0,
        "ramp_up_kw_per_h": 30.0,
        "ramp_down_kw_per_h": 40.0,
        "start_up_kw": 20.0,
        "shut_down_kw": 50.0,
        "min_up_h": 2.0,
        "min_down_h": 0.0,
        "on_before_h": 0.0,
        "power_before_kw": 0.0,
    }
    price = np.array([-1.0, -1.0, 0.3, 0.3, -1.0, -1.0])
    # Off while power is worth less than nothing; start at 20, rise to 50, stop: (.1 − .3) · (20 + 50) + 1 start.
    assert enumerated(np.ones(6), price, fields) == pytest.approx(-0.2 * 70 + 1)
