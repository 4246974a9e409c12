"""Slopes of a meter's carbon against small moves of a whole operation that keep its balances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon.carriers import traced
from dispatch.carbon.operation import Operation
from dispatch.carbon.slopes import Efficiency, Slopes
from dispatch.carbon.units import Side, Stock, Unit
from dispatch.signals import Array
from tests.parks import hours

STEPS, MOST = 6, 0.4
WINDOWS = np.vstack([np.ones(STEPS), np.arange(STEPS) >= 3]).astype(float)
Moves = dict[tuple[str, str], Array]


def unit(name: str, role: Any, ports: dict[str, tuple[str, Array]], emitted: Array | float = 0.0) -> Unit:
    sides = {port: Side(bus, power) for port, (bus, power) in ports.items()}
    return Unit(name, "test", role, sides, np.broadcast_to(np.asarray(emitted, float), STEPS).copy())


def park(random: np.random.Generator, rule: str) -> tuple[Operation, Efficiency]:
    """Two sources and a battery on one bus, a load and a pump there; heat from the pump and a boiler for a meter."""
    gain, loss, retention = 0.9, 0.85, 0.98
    charge = np.where(np.arange(STEPS) % 2 == 0, random.uniform(5, 10, STEPS), 0.0)
    discharge = np.where(np.arange(STEPS) % 2 == 1, random.uniform(2, 4, STEPS), 0.0)
    energy = np.empty(STEPS + 1)
    energy[0] = 3.0
    for t in range(STEPS):
        energy[t + 1] = retention * energy[t] + gain * charge[t] - discharge[t] / loss
    load, pump, boiler = (random.uniform(3, 8, STEPS) for _ in range(3))
    wind = random.uniform(0.5, 1, STEPS)
    bought = load + pump + charge - discharge - wind
    heat = 3 * pump
    stock = Stock(energy, np.full(STEPS, retention), np.zeros(STEPS), rule)  # type: ignore[arg-type]
    store = replace(unit("store", "store", {"el": ("el", discharge - charge)}), stock=stock)
    units = (
        unit("grid", "source", {"el": ("el", bought)}, bought * random.uniform(0.3, 0.9, STEPS)),
        unit("wind", "source", {"el": ("el", wind)}, wind * 0.02),
        store,
        unit("load", "sink", {"el": ("el", -load)}),
        unit("pump", "conversion", {"el": ("el", -pump), "heat": ("heat", heat)}),
        unit("boiler", "source", {"heat": ("heat", boiler)}, boiler * 0.3),
        unit("need", "sink", {"heat": ("heat", -(heat + boiler))}),
    )
    return Operation(hours(STEPS), {"el": "electricity", "heat": "heat"}, units), Efficiency(gain, 1 / loss)


def moved(operation: Operation, dx: Moves, emitted: dict[str, Array], energy: Array) -> Operation:
    units = []
    for one in operation.units:
        ports = {
            port: replace(side, power_kw=side.power_kw + dx.get((one.name, port), 0.0))
            for port, side in one.ports.items()
        }
        stock = one.stock and replace(one.stock, energy_kwh=one.stock.energy_kwh + energy)
        units.append(replace(one, ports=ports, emitted_kg=one.emitted_kg + emitted.get(one.name, 0.0), stock=stock))
    return replace(operation, units=tuple(units))


def direction(random: np.random.Generator, operation: Operation, efficiency: Efficiency) -> tuple[Moves, Any, Array]:
    """More or less of everything, balanced by the grid and, for heat, by the boiler."""
    by_name = {one.name: one for one in operation.units}
    store = by_name["store"].ports["el"].power_kw
    d_store, d_wind, d_pump = random.normal(0, 1, (3, STEPS))
    d_load, d_need = random.normal(0, 1, (2, STEPS))
    d_grid = d_load + d_pump - d_store - d_wind
    d_boiler = d_need - 3 * d_pump
    dx = {
        ("grid", "el"): d_grid, ("wind", "el"): d_wind, ("store", "el"): d_store, ("load", "el"): -d_load,
        ("pump", "el"): -d_pump, ("pump", "heat"): 3 * d_pump, ("boiler", "heat"): d_boiler, ("need", "heat"): -d_need,
    }  # fmt: skip
    emitted = {"grid": 0.7 * d_grid, "wind": 0.02 * d_wind, "boiler": 0.3 * d_boiler}
    energy = np.zeros(STEPS + 1)
    for t in range(STEPS):
        per_kw = efficiency.leaves if store[t] > 0 else efficiency.enters
        energy[t + 1] = 0.98 * energy[t] - per_kw * d_store[t]
    return dx, emitted, energy


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from(["tank", "carry"]), st.sampled_from(["need", "load"]))
def test_slopes_foretell_what_tracing_says_of_a_small_move(seed: int, rule: str, meter: str) -> None:
    random = np.random.default_rng(seed)
    operation, efficiency = park(random, rule)
    dx, emitted, energy = direction(random, operation, efficiency)
    slopes, expected = Slopes(operation, meter, WINDOWS, MOST), np.zeros(len(WINDOWS))
    for one in operation.units:
        ways = slopes.of(
            one, efficiency if one.stock else None, [p for p, s in one.ports.items() if s.power_kw.max() > 0]
        )
        for port, side in one.ports.items():
            slope = np.where(side.power_kw > 0, ways.gives[port], -ways.takes[port])
            expected += slope @ dx[one.name, port]
        expected += ways.emitted @ np.broadcast_to(emitted.get(one.name, 0.0), STEPS)
        if ways.held is not None:
            expected += ways.held @ energy[:-1]

    # Contents at the start are held: so the account is told what they have, as slopes take it.
    base = traced(operation).stores["store"].carbon_kg[0] / 3.0

    def held(share: float) -> Array:
        parts = {key: share * value for key, value in dx.items()}
        there = moved(operation, parts, {k: share * v for k, v in emitted.items()}, share * energy)
        kwh, kg = traced(there, start_kg_per_kwh=base).of(meter)
        return np.asarray(WINDOWS @ (kg - MOST * kwh))

    a_little = 1e-5
    real = (held(a_little) - held(-a_little)) / (2 * a_little)
    np.testing.assert_allclose(expected, real, rtol=1e-3, atol=1e-3 * np.abs(real).max() + 1e-6)


def test_what_stands_idle_is_worth_what_it_would_be_and_not_nothing() -> None:
    """In step 0 nothing runs; what would be bought there would go into the battery and from there to the load."""
    power = np.array([0.0, 0.0, 0.0, 5.0, 0.0, 0.0])
    energy = np.array([10.0, 10.0, 10.0, 10.0, 5.0, 5.0, 5.0])
    stock = Stock(energy, np.ones(STEPS), np.zeros(STEPS))
    store = replace(unit("store", "store", {"el": ("el", power)}), stock=stock)
    bought = np.array([0.0, 0.0, 0.0, 0.0, 2.0, 0.0])
    units = (
        unit("grid", "source", {"el": ("el", bought)}, bought * 0.6),
        store,
        unit("load", "sink", {"el": ("el", -power - bought)}),
    )
    operation = Operation(hours(STEPS), {"el": "electricity"}, units)
    ways = Slopes(operation, "load", np.ones((1, STEPS)), 0.0).of(units[0], None, ["el"])
    assert ways.emitted[0, 4] == pytest.approx(1.0)
    assert ways.emitted[0, 0] == pytest.approx(0.5, abs=1e-6)  # half of the content is given to the load
    assert ways.emitted[0, 5] == 0


def test_what_is_under_way_is_worth_what_it_is_where_it_comes_out() -> None:
    """A pipe that takes an hour: the last three hours of the load are those of the source one hour before."""
    entered, left = np.array([5.0, 5, 5, 5, 5, 0]), np.array([0.0, 5, 5, 5, 5, 5])
    energy = np.append(0.0, np.cumsum(entered - left))
    stock = Stock(energy, np.ones(STEPS), np.zeros(STEPS), "queue")
    pipe = replace(unit("pipe", "store", {"in": ("near", -entered), "out": ("far", left)}), stock=stock)
    source = unit("source", "source", {"heat": ("near", entered)}, entered * np.linspace(0.1, 0.6, STEPS))
    units = (source, pipe, unit("need", "sink", {"heat": ("far", -left)}))
    operation = Operation(hours(STEPS), {"near": "heat", "far": "heat"}, units)
    slopes = Slopes(operation, "need", WINDOWS, 0.0)
    ways = slopes.of(source, None, ["heat"])
    np.testing.assert_allclose(ways.emitted, [[1, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0]], atol=1e-6)
    np.testing.assert_array_equal(slopes.of(pipe, None, ["out"]).gives["out"], 0.0)


def test_a_loop_that_nothing_leaves_is_worth_nothing() -> None:
    """Two links that carry power back and forth, beside a source and its load."""
    there = np.full(STEPS, 2.0)
    units = (
        unit("forth", "link", {"near": ("a", -there), "far": ("b", there)}),
        unit("back", "link", {"near": ("b", -there), "far": ("a", there)}),
        unit("source", "source", {"el": ("c", there)}, there * 0.5),
        unit("load", "sink", {"el": ("c", -there)}),
    )
    operation = Operation(hours(STEPS), dict.fromkeys("abc", "electricity"), units)
    slopes = Slopes(operation, "load", WINDOWS, 0.0)
    np.testing.assert_allclose(slopes.of(units[2], None, ["el"]).emitted, WINDOWS, atol=1e-6)
    np.testing.assert_allclose(slopes.of(units[0], None, ["far"]).emitted, 0.0, atol=1e-6)
