"""A synthetic fleet for unit commitment, of the size and spread of published ones: 610 units, 48 hours."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Inputs
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solver.highs import load

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Fleet:
    """One entry per unit in every (unit,) array; demand and reserve are (step,), one hour each."""

    maximum_kw: Array
    minimum_kw: Array
    ramp_kw_per_h: Array
    start_ramp_kw: Array
    minimum_up_h: Array
    minimum_down_h: Array
    cost_per_kwh: Array
    no_load_cost_per_h: Array
    start_cost: Array
    on_before: Array  # 1 when running before the first step
    hours_in_state: Array  # how long it has been in that state
    demand_kw: Array
    reserve_kw: Array


def fleet(units: int = 610, steps: int = 48, seed: int = 0) -> Fleet:
    """Three classes by size: base (cheap, slow), middle, peak (dear, fast). Same arguments, same bits."""
    random = np.random.default_rng(seed)
    kind = random.choice(3, size=units, p=[0.25, 0.45, 0.30])

    def spread(low: tuple[float, float, float], high: tuple[float, float, float]) -> Array:
        return random.uniform(np.asarray(low)[kind], np.asarray(high)[kind])

    maximum = spread((400e3, 100e3, 10e3), (1000e3, 400e3, 100e3)).round(-2)
    minimum = (maximum * spread((0.4, 0.3, 0.2), (0.6, 0.5, 0.4))).round(-2)
    minimum_h = spread((8, 4, 1), (24, 8, 2)).round()
    cost = spread((0.018, 0.03, 0.06), (0.03, 0.05, 0.15))
    hour = np.arange(steps)
    shape = 0.58 + 0.12 * np.sin((hour - 9) * 2 * np.pi / 24) + 0.05 * np.sin((hour - 6) * 4 * np.pi / 24)
    demand = maximum.sum() * shape
    on = (np.argsort(np.argsort(cost)) < 0.6 * units).astype(float)
    return Fleet(
        maximum_kw=maximum,
        minimum_kw=minimum,
        ramp_kw_per_h=maximum * spread((0.2, 0.4, 0.8), (0.4, 0.8, 1.0)),
        start_ramp_kw=np.maximum(minimum, 0.5 * maximum),
        minimum_up_h=minimum_h,
        minimum_down_h=minimum_h,
        cost_per_kwh=cost,
        no_load_cost_per_h=minimum * cost * 0.3,
        start_cost=maximum * spread((0.03, 0.02, 0.005), (0.06, 0.04, 0.01)),
        on_before=on,
        hours_in_state=minimum_h,
        demand_kw=demand,
        reserve_kw=0.03 * demand,
    )


def site(case: Fleet) -> tuple[Site, Inputs]:
    """The fleet on one bus with its demand; reserve waits for the kind to offer it. Only what is asked is timed."""
    units = [
        {
            "kind": "thermal",
            "name": f"unit_{i}",
            "bus": "bus",
            "min_kw": case.minimum_kw[i],
            "max_kw": case.maximum_kw[i],
            "cost_per_kwh": case.cost_per_kwh[i],
            "no_load_cost_per_h": case.no_load_cost_per_h[i],
            "start_cost": case.start_cost[i],
            "ramp_up_kw_per_h": case.ramp_kw_per_h[i],
            "ramp_down_kw_per_h": case.ramp_kw_per_h[i],
            "start_up_kw": case.start_ramp_kw[i],
            "shut_down_kw": case.start_ramp_kw[i],
            "min_up_h": case.minimum_up_h[i],
            "min_down_h": case.minimum_down_h[i],
            "on_before_h": case.hours_in_state[i] * case.on_before[i],
            "off_before_h": case.hours_in_state[i] * (1 - case.on_before[i]),
            "power_before_kw": case.minimum_kw[i] * case.on_before[i],
        }
        for i in range(len(case.maximum_kw))
    ]
    park = {"name": "fleet", "time_zone": "UTC", "currency": "USD", "buses": [{"name": "bus"}]}
    described = Site.model_validate(park | {"assets": [*units, {"kind": "load", "name": "demand", "bus": "bus"}]})
    edges = np.arange(0, (case.demand_kw.size + 1) * 3600, 3600).astype("datetime64[s]")
    return described, Inputs(Horizon(edges, "UTC"), 1, {("demand", "demand_kw"): case.demand_kw[None, :]})


def compile_seconds(case: Fleet) -> float:
    """From the described site to the solver's matrices: model building, compilation and first matrices."""
    described, inputs = site(case)
    Problem(*site(fleet(units=2, steps=3)))  # importing the modelling layer is no part of compiling
    began = time.perf_counter()
    Problem(described, inputs).compiled.matrices()
    return time.perf_counter() - began


def resolve_overhead_seconds(case: Fleet) -> float:
    """From new demand to a model in HiGHS, the problem compiled before; the search itself is left out."""
    described, inputs = site(case)
    problem = Problem(described, inputs)
    changed = Inputs(inputs.horizon, 1, {("demand", "demand_kw"): case.demand_kw[None, :] * 1.02})
    began = time.perf_counter()
    problem.update(changed)
    load(problem.compiled.matrices())
    return time.perf_counter() - began
