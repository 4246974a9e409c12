"""Operations that tests build from: units of a few arrays, and drawn ones with loops, conversions, links and stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dispatch.carbon.operation import Operation, Role, Side, Stock, StoreRule, Unit
from dispatch.carbon.tracing import Flows
from dispatch.signals import Array, Horizon
from tests.parks import hours

CARRIERS = ("electricity", "electricity", "heat", "hydrogen")


def unit(name: str, role: Role, emitted: Any = 0.0, **ports: tuple[str, Any]) -> Unit:
    """With ``port=(bus, power)``; single numbers hold in every step."""
    steps = max(np.size(power) for _, power in ports.values())
    sides = {p: Side(bus, np.broadcast_to(np.asarray(kw, float), (steps,))) for p, (bus, kw) in ports.items()}
    return Unit(name, "test", role, sides, np.broadcast_to(np.asarray(emitted, float), (steps,)))


def store(
    name: str, bus: str, into_kw: Any, content: Any, rule: StoreRule = "carry", retention: float = 1.0, **more: Any
) -> Unit:
    """A store with the power that it draws at its bus and what it then holds."""
    power = -np.asarray(into_kw, float)
    ones = np.ones(power.size)
    stock = Stock(np.asarray(content, float), retention * ones, 0 * ones, rule, **more)
    return Unit(name, "test", "store", {"port": Side(bus, power)}, 0 * ones, stock=stock)


def operation(
    units: list[Unit], carriers: Mapping[str, str] | None = None, horizon: Horizon | None = None
) -> Operation:
    steps = units[0].emitted_kg.size
    return Operation(horizon or hours(steps), carriers or {"main": "electricity"}, tuple(units))


@st.composite
def drawn(draw: st.DrawFn, steps: int = 4) -> Operation:
    """Buses in loops of conversions and links, stores of every rule, a network between two of them; it balances."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    buses = {f"b{k}": carrier for k, carrier in enumerate(CARRIERS)}
    names = tuple(buses)
    units = [_converter(random, f"c{k}", names, steps) for k in range(draw(st.integers(1, 5)))]
    units += [_store(random, f"s{k}", names, steps) for k in range(draw(st.integers(0, 4)))]
    units += [unit(f"l{k}", "sink", port=(names[k], -random.uniform(0, 50, steps))) for k in range(len(names))]
    flows = _flows(random, len(names), steps) if draw(st.booleans()) else None
    open_ended = Operation(hours(steps), buses, tuple(units), flows)
    for bus, left in open_ended.unbalanced_kw().items():
        brought = random.uniform(0, 1, steps) * np.maximum(-left, 0)
        units.append(unit(f"from {bus}", "source", brought, port=(bus, np.maximum(-left, 0))))
        units.append(unit(f"to {bus}", "sink", port=(bus, -np.maximum(left, 0))))
    return Operation(hours(steps), buses, tuple(units), flows)


def _converter(random: np.random.Generator, name: str, names: tuple[str, ...], steps: int) -> Unit:
    """Two inputs and one output or a link; at rest now and then, with emissions of its own."""
    source, other, target = random.choice(names, 3)
    runs = random.uniform(size=steps) > 0.3
    taken = random.uniform(1, 100, steps)
    given = taken * random.uniform(0.3, 0.95) * runs
    own = random.uniform(0, 5, steps)
    if random.uniform() < 0.4:
        return unit(name, "link", near=(source, -taken), far=(target, given))
    side = random.uniform(0, 10, steps)
    return unit(name, "conversion", own, main=(source, -taken), side=(other, -side), out=(target, given))


def _store(random: np.random.Generator, name: str, names: tuple[str, ...], steps: int) -> Unit:
    """Charges or discharges with losses, leaks, and may run empty."""
    rule: StoreRule = random.choice(["tank", "carry", "queue"])
    retention = 1.0 if rule == "queue" else random.uniform(0.8, 1.0)
    content, power = [random.uniform(0, 60)], []
    for _ in range(steps):
        kept = content[-1] * retention
        if random.uniform() < 0.5:
            stored = random.uniform(0, 50)
            power.append(-stored / (1.0 if rule == "queue" else 0.9))
            content.append(kept + stored)
        else:
            gone = kept * random.choice([0.0, 0.4, 1.0])
            power.append(gone * 0.85)
            content.append(kept - gone)
    return store(name, str(random.choice(names)), -np.array(power), content, rule, retention)


def _flows(random: np.random.Generator, nodes: int, steps: int) -> Flows:
    """A ring between all buses in which power goes either way, with losses; one branch is fed from both ends."""
    start, end = np.arange(nodes), (np.arange(nodes) + 1) % nodes
    sent = random.uniform(0, 80, (nodes, steps))
    forward = random.uniform(size=(nodes, steps)) < 0.5
    lost = -sent * random.uniform(0.9, 1.0, (nodes, 1))
    into: Array = np.where(forward, sent, lost)
    out: Array = np.where(forward, lost, sent)
    into[0, 0], out[0, 0] = 0.3, 0.1
    return Flows(nodes, start, end, into, out)
