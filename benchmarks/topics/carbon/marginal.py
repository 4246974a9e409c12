"""Marginal emissions of a day of 96 steps and 20 buses with stores: how exact, and at what cost.

One is a park's own problem (cables, batteries, units on or off, photovoltaics, two prices a day), the other a meshed
grid on the array API. What is compared with are plain re-solves of the program with a little more and a little less
demand at a bus and step; what a rate costs is counted in cold solves of the same linear program, timed alternately.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from statistics import median
from typing import Any

import numpy as np

from benchmarks.rows import Measured, row
from dispatch.asset import Inputs
from dispatch.carbon import Dispatch, Marginal, marginal
from dispatch.carbon.marginal import settled
from dispatch.carbon.park import park_dispatch, park_marginal
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits, Matrices, load

STEPS, STEP_H, BUSES = 96, 0.25, 20
INPUTS = ("benchmarks/topics/carbon/marginal.py", "dispatch")
_SAMPLED, _MORE_KW, _REPEATS = 60, 0.02, 7


def _tariff() -> dict[str, Any]:
    prices = {
        "night": (0.16, ["00:00-07:00", "23:00-24:00"]),
        "day": (0.27, ["07:00-17:00"]),
        "evening": (0.4, ["17:00-23:00"]),
    }
    lines = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": hours}, "source": "made up"}
        for name, (price, hours) in prices.items()
    ]
    fed = {"name": "fed in", "basis": "energy", "direction": "export", "price_per_kwh": 0.05, "source": "made up"}
    return {"name": "three prices", "currency": "EUR", "components": [*lines, fed]}


def _assets() -> list[dict[str, Any]]:
    store = {"kind": "battery", "min_fill": 0.0, "max_fill": 1.0, "start_fill": 0.5}
    ratings = {1: 900, 2: 900, 3: 420, 4: 330, 5: 300, 6: 300}
    return [
        {"kind": "grid_connection", "name": "pcc", "bus": "b0", "import_kw": 620, "export_kw": 300, "tariff": _tariff(),
         "carbon_intensity_kg_per_kwh": 0.53},
        *({"kind": "cable", "name": f"cable_{i}", "bus": f"b{(i - 1) // 2}", "far_bus": f"b{i}",
           "rating_kw": ratings.get(i, 130)} for i in range(1, BUSES)),
        *({"kind": "load", "name": f"load_{i}", "bus": f"b{i}", "value_of_lost_load_per_kwh": 50 + i}
          for i in range(BUSES)),
        store | {"name": "large", "bus": "b5", "energy_kwh": 400, "charge_kw": 150, "discharge_kw": 150},
        store | {"name": "small", "bus": "b9", "energy_kwh": 100, "charge_kw": 40, "discharge_kw": 40},
        {"kind": "thermal", "name": "gas", "bus": "b2", "min_kw": 60, "max_kw": 400, "cost_per_kwh": 0.25,
         "co2_kg_per_kwh": 0.45, "start_cost": 5, "ramp_up_kw_per_h": 400},
        {"kind": "thermal", "name": "coal", "bus": "b1", "min_kw": 0, "max_kw": 500, "cost_per_kwh": 0.2,
         "co2_kg_per_kwh": 0.95, "ramp_up_kw_per_h": 200, "ramp_down_kw_per_h": 200},
        {"kind": "pv", "name": "roofs", "bus": "b6", "peak_kw": 400, "tilt_deg": 30, "azimuth_deg": 180},
    ]  # fmt: skip


def day_of_20_buses(step_h: float = STEP_H) -> tuple[Site, Inputs]:
    """A radial park and its day."""
    steps = round(24 / step_h)
    random, clock = np.random.default_rng(0), step_h * np.arange(steps)
    site = Site.model_validate({
        "name": "twenty", "time_zone": "UTC", "currency": "EUR",
        "buses": [{"name": f"b{i}"} for i in range(BUSES)], "assets": _assets(),
    })  # fmt: skip
    swing = 1 + 0.4 * np.sin((clock - 7) / 24 * 2 * np.pi)
    series: dict[tuple[str, str], Array] = {
        (f"load_{i}", "demand_kw"): (random.uniform(20, 70) * swing * random.uniform(0.9, 1.1, steps))[None]
        for i in range(BUSES)
    }
    series["roofs", "available_kw"] = (350 * np.maximum(0, np.sin((clock - 6) / 12 * np.pi)))[None]
    seconds = round(3600 * step_h) * np.arange(steps + 1)
    horizon = Horizon(np.datetime64("2024-03-01T00:00", "s") + seconds.astype("timedelta64[s]"), "UTC")
    return site, Inputs(horizon, 1, site.known_series(horizon) | series)


@cache
def _planned() -> Problem:
    problem = Problem(*day_of_20_buses())
    solve(problem, Limits())
    return problem


@cache
def _meshed() -> Dispatch:
    """Lines in a ring with chords, plants with ramps, the sun, and two stores."""
    r, clock = np.random.default_rng(3), STEP_H * np.arange(STEPS)
    ring = [(i, (i + 1) % BUSES, float(r.uniform(0.5, 2)), float(r.uniform(60, 160))) for i in range(BUSES)]
    chords = zip(r.integers(0, BUSES, 12), r.integers(2, BUSES - 2, 12), strict=True)
    lines = ring + [
        (int(a), int((a + b) % BUSES), float(r.uniform(0.5, 2)), float(r.uniform(40, 120))) for a, b in chords
    ]
    plants: list[Any] = [
        (int(r.integers(BUSES)), float(r.uniform(10, 90)), float(r.uniform(0, 1)), float(r.uniform(50, 250)), 0.0,
         float(r.uniform(60, 400))) for _ in range(14)
    ]  # fmt: skip
    sun = 100 * np.maximum(0, np.sin((clock - 6) / 12 * np.pi))
    plants += [(int(r.integers(BUSES)), 0.0, 0.0, sun) for _ in range(4)] + [(i, 1000.0, 2.0) for i in range(BUSES)]
    swing = 1 + 0.5 * np.sin(clock / 24 * 2 * np.pi)
    demand = {i: float(r.uniform(20, 80)) * swing * r.uniform(0.9, 1.1, STEPS) for i in range(BUSES)}
    store = {"charge_efficiency": 0.95, "discharge_efficiency": 0.95}
    stores = [
        store | {"bus": 3, "power": 50, "energy": 200, "start": 100},
        store | {"bus": 12, "power": 30, "energy": 60, "start": 30},
    ]
    return Dispatch.of_network(lines, plants, demand, storage=stores, hours=STEP_H)


def worst_difference(problem: Dispatch, found: Marginal) -> float:
    """Of left and right to re-solved programs, at buses and steps drawn by chance."""
    matrices, hours = settled(problem.matrices, problem.point), np.broadcast_to(problem.hours, problem.demand.shape)
    drawn = np.random.default_rng(1).choice(problem.demand.size, _SAMPLED, replace=False)
    worst = 0.0
    for place in drawn:
        row_, step_h = int(problem.demand.ravel()[place]), float(hours.ravel()[place])
        less, here, more = (_emitted(matrices, problem.emissions, row_, by) for by in (-_MORE_KW, 0.0, _MORE_KW))
        rates = (here - less) / _MORE_KW / step_h, (more - here) / _MORE_KW / step_h
        worst = max(worst, abs(rates[0] - found.left.ravel()[place]), abs(rates[1] - found.right.ravel()[place]))
    return worst


def _emitted(matrices: Matrices, carbon: Array, row_: int, more: float) -> float:
    low, high = matrices.row_lower.copy(), matrices.row_upper.copy()
    low[row_] += more
    high[row_] += more
    solver = load(replace(matrices, row_lower=low, row_upper=high), np.zeros(carbon.size, bool))
    for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        solver.setOptionValue(option, 1e-9)
    solver.run()
    return float(carbon @ np.array(solver.getSolution().col_value))


def cost_in_solves(problem: Dispatch, rates: Any) -> Measured:
    """Median time of ``rates`` over that of a cold solve of the same linear program, timed in turn; seconds beside."""
    matrices = settled(problem.matrices, problem.point)
    whole, once = [], []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        load(matrices, np.zeros(matrices.cost.size, bool)).run()
        middle = time.perf_counter()
        rates()
        once.append(middle - start)
        whole.append(time.perf_counter() - middle)
    return Measured(median(whole) / median(once))


@row("carbon", name="marginal rates of a park, 96 steps, 20 buses, 2 batteries: worst difference to re-solved demand",
     unit="kg/kWh", bar="<= 1e-6", slow=True, inputs=INPUTS)  # fmt: skip
def park_difference() -> float:
    problem = park_dispatch(_planned())
    return worst_difference(problem, marginal(problem))


@row("carbon", name="the same park, left and right of all buses and steps: time over one cold solve", unit="",
     bar="<= 3", slow=True, inputs=INPUTS)  # fmt: skip
def park_cost() -> Measured:
    problem = _planned()
    return cost_in_solves(park_dispatch(problem), lambda: park_marginal(problem))


@row("carbon", unit="t/MWh",
     name="marginal rates of a meshed grid, 96 steps, 20 buses, 2 stores: worst difference to re-solved demand",
     bar="<= 1e-6", slow=True, inputs=INPUTS)  # fmt: skip
def grid_difference() -> float:
    return worst_difference(_meshed(), marginal(_meshed()))


@row("carbon", name="the same grid: time over one cold solve", unit="", bar="<= 3", slow=True, inputs=INPUTS)
def grid_cost() -> Measured:
    return cost_in_solves(_meshed(), lambda: marginal(_meshed()))
