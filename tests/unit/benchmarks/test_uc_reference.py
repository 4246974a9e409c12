"""The independent unit commitment against hand-made cases and against trying every on/off pattern."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from benchmarks.methods.uc_reference import cut, optimum
from benchmarks.topics.scheduler import small_cuts

Data = dict[str, Any]


def unit(low: float = 10.0, high: float = 50.0, price: float = 2.0, **fields: Any) -> Data:
    return {
        "must_run": 0,
        "power_output_minimum": low,
        "power_output_maximum": high,
        "ramp_up_limit": 1000.0,
        "ramp_down_limit": 1000.0,
        "ramp_startup_limit": 1000.0,
        "ramp_shutdown_limit": 1000.0,
        "time_up_minimum": 1,
        "time_down_minimum": 1,
        "power_output_t0": 0.0,
        "unit_on_t0": 0,
        "time_up_t0": 0,
        "time_down_t0": 10,
        "startup": [{"lag": 1, "cost": 0.0}],
        "piecewise_production": [{"mw": low, "cost": price * low}, {"mw": high, "cost": price * high}],
    } | fields


def case(
    demand: list[float], *units: Data, reserves: list[float] | None = None, sun: list[float] | None = None
) -> Data:
    renewable = {} if sun is None else {"sun": {"power_output_minimum": [0.0] * len(sun), "power_output_maximum": sun}}
    return {
        "time_periods": len(demand),
        "demand": demand,
        "reserves": reserves or [0.0] * len(demand),
        "thermal_generators": {f"g{i}": data for i, data in enumerate(units)},
        "renewable_generators": renewable,
    }


RUNNING = {"unit_on_t0": 1, "time_up_t0": 10, "time_down_t0": 0}


def test_the_cheaper_unit_serves_and_pieces_are_paid_in_order() -> None:
    dear = unit(price=5.0)
    cheap = unit(piecewise_production=[{"mw": 10, "cost": 30}, {"mw": 30, "cost": 70}, {"mw": 50, "cost": 150}])
    assert optimum(case([40.0], dear, cheap)) == pytest.approx(70 + 10 * 4)


def test_sun_is_free_and_may_be_left() -> None:
    assert optimum(case([30.0, 30.0], unit(must_run=1), sun=[25.0, 100.0])) == pytest.approx(2 * 10 * 2)


def test_reserve_comes_from_units_and_within_their_ramp() -> None:
    ready = case([30.0], unit(**RUNNING, power_output_t0=30.0, ramp_up_limit=5.0), reserves=[5.0])
    assert optimum(ready) == pytest.approx(60)
    ready["reserves"] = [5.1]
    with pytest.raises(RuntimeError, match="no optimum"):
        optimum(ready)


def test_a_start_is_paid_by_the_hours_off() -> None:
    tiers = [{"lag": 1, "cost": 7.0}, {"lag": 3, "cost": 40.0}]
    running = unit(**RUNNING, power_output_t0=20.0, startup=tiers)
    for pause, paid in ((2, 7.0), (3, 40.0)):
        hours = [20.0, *[0.0] * pause, 20.0]
        assert optimum(case(hours, running)) == pytest.approx(80 + paid), pause
    for before, paid in ((2, 7.0), (3, 40.0), (10, 40.0)):
        assert optimum(case([20.0], unit(startup=tiers, time_down_t0=before))) == pytest.approx(40 + paid), before


def test_a_restart_is_as_warm_as_the_pause_whatever_lies_before_the_horizon() -> None:
    tiers = [{"lag": 1, "cost": 7.0}, {"lag": 2, "cost": 20.0}, {"lag": 9, "cost": 40.0}]
    hours = [20.0, 0, 0, 20.0]
    assert optimum(case(hours, unit(startup=tiers, time_down_t0=50))) == pytest.approx(80 + 40 + 20)


def test_history_holds_minimum_times_and_the_way_down() -> None:
    spare = unit(low=0.0, price=1.0)
    bound = {**RUNNING, "time_up_t0": 2, "power_output_t0": 10.0}
    assert optimum(case([20.0] * 3, unit(**bound, time_up_minimum=4), spare)) == pytest.approx(2 * (20 + 10) + 20)
    away = {
        "time_down_minimum": 4,
        "time_down_t0": 2,
        "piecewise_production": [{"mw": 10, "cost": 1}, {"mw": 50, "cost": 5}],
    }
    assert optimum(case([20.0] * 3, unit(**away), spare)) == pytest.approx(20 + 20 + 2)
    high = unit(**RUNNING, power_output_t0=40.0, ramp_shutdown_limit=20.0, ramp_down_limit=15.0)
    assert optimum(case([30.0] * 2, high, spare)) == pytest.approx(25 * 2 + 5 + 10 * 2 + 20)
    assert optimum(case([30.0] * 3, high, spare)) == pytest.approx(25 * 2 + 5 + 10 * 2 + 20 + 30), "then it may stop"
    free = unit(**RUNNING, power_output_t0=40.0, ramp_shutdown_limit=20.0)
    assert optimum(case([30.0] * 2, free, spare)) == pytest.approx(10 * 2 + 20 + 30), "not at once from 40"


def test_a_cost_that_is_not_convex_is_refused() -> None:
    points = [{"mw": 10, "cost": 50}, {"mw": 30, "cost": 150}, {"mw": 50, "cost": 160}]
    with pytest.raises(ValueError, match="not convex"):
        optimum(case([20.0], unit(piecewise_production=points)))


# ---- every pattern


def random_unit(random: np.random.Generator) -> Data:
    low, width = random.integers(5, 20), random.integers(10, 40)
    high, on = low + width, int(random.integers(0, 2))
    middle = low + width / 2
    slopes = np.sort(random.uniform(1, 6, 2)).round(2)
    base = float(low * slopes[0] + random.integers(5, 20))
    up, down = random.integers(1, 4, 2).tolist()
    first, more = random.integers(5, 40, 2).tolist()
    return unit(
        float(low),
        float(high),
        must_run=int(random.random() < 0.15),
        ramp_up_limit=float(random.integers(5, 40)),
        ramp_down_limit=float(random.integers(5, 40)),
        ramp_startup_limit=float(random.integers(low, high + 10)),
        ramp_shutdown_limit=float(random.integers(low, high + 10)),
        time_up_minimum=up,
        time_down_minimum=down,
        unit_on_t0=on,
        power_output_t0=float(random.integers(low, high + 1)) if on else 0.0,
        time_up_t0=int(random.integers(1, 4)) if on else 0,
        time_down_t0=0 if on else int(random.integers(1, 6)),
        startup=[{"lag": down, "cost": float(first)}, {"lag": down + 2, "cost": float(first + more)}],
        piecewise_production=[
            {"mw": float(low), "cost": base},
            {"mw": middle, "cost": base + slopes[0] * width / 2},
            {"mw": float(high), "cost": base + (slopes[0] + slopes[1]) * width / 2},
        ],
    )


def start_cost(data: Data, pattern: tuple[int, ...]) -> float | None:
    """What the pattern's starts cost, walked hour by hour; None where it breaks a minimum time or must-run."""
    if data["must_run"] and not all(pattern):
        return None
    on, paid = bool(data["unit_on_t0"]), 0.0
    since = data["time_up_t0"] if on else data["time_down_t0"]
    for now in pattern:
        if now == on:
            since += 1
            continue
        if since < data["time_up_minimum" if on else "time_down_minimum"]:
            return None
        if now:
            paid += [tier["cost"] for tier in data["startup"] if tier["lag"] <= since][-1]
        on, since = bool(now), 1
    return paid


def dispatch_cost(instance: Data, patterns: tuple[tuple[int, ...], ...]) -> float:
    """Cheapest output and reserve for fixed patterns; infinite where there is none."""
    units, steps = list(instance["thermal_generators"].values()), instance["time_periods"]
    count = len(units) * steps
    at = np.arange(count).reshape(len(units), steps)  # output, then reserve, then cost: three blocks
    above: list[tuple[dict[int, float], float]] = []
    for g, (data, on) in enumerate(zip(units, patterns, strict=True)):
        low, high, points = data["power_output_minimum"], data["power_output_maximum"], data["piecewise_production"]
        spare = data["power_output_t0"] - low if data["unit_on_t0"] else 0.0
        for t in range(steps):
            top = high if on[t] else 0.0
            if on[t] and not (on[t - 1] if t else data["unit_on_t0"]):
                top = min(top, data["ramp_startup_limit"])
            if on[t] and t + 1 < steps and not on[t + 1]:
                top = min(top, data["ramp_shutdown_limit"])
            p, r, c = at[g, t], at[g, t] + count, at[g, t] + 2 * count
            above += [({p: 1, r: 1}, top), ({p: -1}, -low if on[t] else 0.0)]
            last, floor = ({at[g, t - 1]: -1.0}, low * (on[t] - on[t - 1])) if t else ({}, low * on[t] + spare)
            above.append(({p: 1.0, r: 1.0} | last, data["ramp_up_limit"] + floor))
            above.append(({p: -1.0} | dict.fromkeys(last, 1.0), data["ramp_down_limit"] - floor))
            for one, two in itertools.pairwise(points):
                slope = (two["cost"] - one["cost"]) / (two["mw"] - one["mw"])
                above.append(({p: slope, c: -1}, slope * one["mw"] - one["cost"] if on[t] else 0.0))
        if data["unit_on_t0"] and not on[0] and data["power_output_t0"] > data["ramp_shutdown_limit"]:
            return np.inf
    for t in range(steps):
        above.append(({int(i): -1.0 for i in at[:, t] + count}, -instance["reserves"][t]))
    matrix, equal = np.zeros((len(above), 3 * count)), np.zeros((steps, 3 * count))
    for i, (terms, _) in enumerate(above):
        matrix[i, list(terms)] = list(terms.values())
    for t in range(steps):
        equal[t, at[:, t]] = 1
    price = np.r_[np.zeros(2 * count), np.ones(count)]
    found = linprog(price, matrix, [limit for _, limit in above], equal, instance["demand"])
    return float(found.fun) if found.status == 0 else np.inf


def by_trying(instance: Data) -> float:
    best, steps = np.inf, instance["time_periods"]
    allowed = [
        [(p, paid) for p in itertools.product((0, 1), repeat=steps) if (paid := start_cost(data, p)) is not None]
        for data in instance["thermal_generators"].values()
    ]
    for chosen in itertools.product(*allowed):
        paid = sum(cost for _, cost in chosen)
        if paid < best:
            best = min(best, paid + dispatch_cost(instance, tuple(pattern for pattern, _ in chosen)))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_two_units_over_five_hours_cost_what_the_best_of_all_patterns_costs(seed: int) -> None:
    random = np.random.default_rng(seed)
    units = [random_unit(random), random_unit(random)]
    top = sum(data["power_output_maximum"] for data in units)
    demand = (top * random.uniform(0.1, 0.8, 5)).round(1).tolist()
    instance = cut(case(demand, *units, reserves=[0.05 * d for d in demand]), units=2, hours=5)
    expected = by_trying(instance)
    assert np.isfinite(expected)
    assert optimum(instance) == pytest.approx(expected, rel=1e-6)


def test_what_cannot_be_served_has_no_optimum_by_trying_either() -> None:
    instance = case([20.0, 45.0], unit(**RUNNING, power_output_t0=20.0, ramp_up_limit=20.0))
    assert by_trying(instance) == np.inf
    with pytest.raises(RuntimeError, match="no optimum"):
        optimum(instance)


# ---- cuts


def many() -> Data:
    random = np.random.default_rng(3)
    units = [random_unit(random) for _ in range(12)]
    demand = [150.0, 170, 200, 220, 240, 260, 200, 160]
    return case(demand, *units, reserves=[0.05 * d for d in demand], sun=[0.0, 5, 20, 40, 30, 10, 0, 0])


def test_a_cut_is_the_same_for_one_seed_and_leaves_the_whole_alone() -> None:
    whole = many()
    first, again, other = (cut(whole, units=4, hours=6, seed=s) for s in (1, 1, 2))
    assert first == again
    assert list(first["thermal_generators"]) != list(other["thermal_generators"])
    assert whole == many()


def test_a_cut_is_small_in_proportion_and_can_be_solved() -> None:
    small = cut(many(), units=4, hours=6, seed=1)
    assert len(small["thermal_generators"]) == 4
    lengths = {len(small["demand"]), len(small["reserves"]), small["time_periods"]}
    lengths |= {len(values) for data in small["renewable_generators"].values() for values in data.values()}
    assert lengths == {6}
    assert all(
        small["thermal_generators"][name] == many()["thermal_generators"][name] for name in small["thermal_generators"]
    )
    assert optimum(small) > 0


def test_a_cut_of_everything_that_can_be_solved_is_the_instance() -> None:
    easy = case([30.0, 40.0], unit(), unit(price=3.0), reserves=[2.0, 2.0])
    assert cut(easy, units=5, hours=9) == easy


@pytest.mark.parametrize("family", ["ca/2014-09-01_reserves_3", "ferc/2015-01-01_hw", "rts_gmlc/2020-01-27"])
def test_a_cut_of_a_published_instance_can_be_solved(shared: Path, family: str) -> None:
    path = shared / "data" / "pglib_uc" / f"{family}.json.gz"
    whole = json.loads(gzip.decompress(path.read_bytes()))
    small = cut(whole, units=5, hours=8)
    assert optimum(small) > 0


# ---- parkwatt


@pytest.mark.parametrize("seed", range(5))
def test_parkwatt_reaches_the_independent_optimum(seed: int) -> None:
    assert small_cuts.difference(cut(many(), units=4, hours=8, seed=seed)) < 1e-7


def test_parkwatt_reaches_the_independent_optimum_of_a_published_instance(shared: Path) -> None:
    whole = json.loads(gzip.decompress((shared / "data/pglib_uc/rts_gmlc/2020-02-09.json.gz").read_bytes()))
    assert small_cuts.difference(cut(whole, units=5, hours=12, seed=4)) < 1e-7


def test_a_plan_that_costs_more_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_cuts, "optimum", lambda small: optimum(small) * 0.999)
    assert small_cuts.difference(cut(many(), units=4, hours=8, seed=1)) > 1e-4
