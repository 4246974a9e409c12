"""A year of quarter-hours on a SimBench grid with batteries, traced along its AC flows.

Flows are AC solutions of the grid's own profiles, with five batteries that charge and discharge by the clock, as far
as they are not full or empty, and so hold carbon from step to step. Buses that feed in are sources of a low intensity
each, the import from upstream one that varies by the hour. The second case turns the phase of one of two parallel
transformers, so that power circulates through both: a loop of flow in every step. Tracing is timed apart from the AC
solution, which stands beside it as the reference.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.memory import peak_mb, resident_mb
from benchmarks.processes import ROOT, run
from benchmarks.rows import Measured, row
from dispatch.carbon import Flows, Stores, TracedStores, tracing, tracing_with_stores
from dispatch.carbon.traced_files import TracedFile
from dispatch.signals import Array
from grid_models.injections import Injections
from grid_models.library import load
from grid_models.network import Network
from grid_models.tracing_flows import TracingFlows, tracing_flows

GRID, STEPS, STEP_H = "simbench:1-MV-semiurb--0-sw", 35_040, 0.25
CLOCK = pd.date_range("2016-01-01", periods=STEPS, freq="15min")
INPUTS = ("grid_models", "dispatch/carbon", "benchmarks/topics/carbon/year.py")
WHAT = f"35 040 steps of {GRID.removeprefix('simbench:')}"
BATTERIES, POWER_KW, CAPACITY_KWH, EFFICIENCY = 5, 800.0, 3200.0, 0.95
PHASE_RAD = np.radians(3.0)
PART = 1024
LOSSES = ("net", "gross")


def batteries() -> tuple[Array, Array]:
    """(R, T) charging and discharging by the clock: each begins an hour after the one before."""
    hour = CLOCK.hour.to_numpy() + CLOCK.minute.to_numpy() / 60
    late = np.arange(BATTERIES)[:, None]
    size = POWER_KW * (1 + 0.2 * late)
    wish_in = size * ((hour >= 9 + late) & (hour < 14 + late))
    wish_out = size * ((hour >= 18 + late / 2) | (hour < 2 + late / 2))
    charge, discharge, energy = np.zeros((BATTERIES, STEPS)), np.zeros((BATTERIES, STEPS)), np.zeros(BATTERIES)
    for t in range(STEPS):
        charge[:, t] = np.minimum(wish_in[:, t], (CAPACITY_KWH - energy) / (STEP_H * EFFICIENCY))
        discharge[:, t] = np.minimum(wish_out[:, t], energy * EFFICIENCY / STEP_H)
        energy = np.maximum(energy + STEP_H * (EFFICIENCY * charge[:, t] - discharge[:, t] / EFFICIENCY), 0.0)
    return charge, discharge


@dataclass(frozen=True, eq=False)
class Year:
    """A year, or a part of it: AC flows and what is traced along them."""

    made: TracingFlows
    flows: Flows
    power_kw: Array
    intensity: Array
    drawn_kw: Array
    stores: Stores
    solved_s: float

    @property
    def plain(self) -> tuple[Array, Array, Array]:
        """Sources, intensities and nodes where batteries are sources of a given intensity like any other."""
        discharge = np.asarray(self.stores.discharge_kw)
        node = np.concatenate([at_nodes(self), np.asarray(self.stores.at)])
        own = np.full_like(discharge, 0.3)
        return np.concatenate([self.power_kw, discharge]), np.concatenate([self.intensity, own]), node


@cache
def network(*, circulating: bool) -> Network:
    """The grid, or the same with 3 degrees between its two parallel transformers."""
    plain = load(GRID)
    if not circulating:
        return plain
    ends = list(zip(plain.ac.from_node, plain.ac.to_node, strict=True))
    twin = next(k for k, pair in enumerate(ends) if pair in ends[:k] or pair[::-1] in ends[:k])
    shift = plain.ac.shift_rad.copy()
    shift[twin] += PHASE_RAD
    return replace(plain, ac=replace(plain.ac, shift_rad=shift), reference=None)


@cache
def _batteries() -> tuple[Array, Array]:
    return batteries()


def part(grid: Network, steps: slice) -> Year:
    """Some steps, solved."""
    charge, discharge = _batteries()
    every = grid.background(CLOCK[steps])
    buses = tuple(grid.bus_names[k] for k in np.linspace(10, len(grid.bus_names) - 1, BATTERIES).astype(int))
    net = discharge[:, steps] - charge[:, steps]
    begin = time.perf_counter()
    made = tracing_flows(grid, {"others": every, "batteries": Injections(buses, net, np.zeros_like(net))})
    solved_s = time.perf_counter() - begin
    flows = Flows(len(made.node_name), made.from_node, made.to_node, made.from_kw, made.to_kw, made.shunt_kw)
    fed = np.maximum(made.injected_kw["others"], 0.0)
    bought, sold = np.maximum(made.upstream_kw, 0.0), np.maximum(-made.upstream_kw, 0.0)
    hour = CLOCK[steps].hour.to_numpy()
    of_bus = np.broadcast_to(0.02 + 0.03 * np.linspace(0, 1, flows.nodes)[:, None], fed.shape)
    of_grid = np.broadcast_to(0.53 + 0.15 * np.cos(2 * np.pi * (hour - 3) / 24), fed.shape)
    drawn = np.maximum(-made.injected_kw["others"], 0.0) + sold
    node = made.bus_node[grid.bus_index(buses)]
    stores = Stores(
        node,
        charge[:, steps],
        discharge[:, steps],
        charge_efficiency=EFFICIENCY,
        discharge_efficiency=EFFICIENCY,
        rule=["tank", "carry", "tank", "carry", "tank"],
    )
    power, intensity = np.concatenate([fed, bought]), np.concatenate([of_bus, of_grid])
    return Year(made, flows, power, intensity, drawn, stores, solved_s)


@cache
def year(*, circulating: bool = False) -> Year:
    """All steps."""
    return part(network(circulating=circulating), slice(0, STEPS))


def at_nodes(what: Year) -> np.ndarray:
    """(K,) nodes of the sources: what buses feed in, then the import."""
    return np.tile(np.arange(what.flows.nodes), 2)


@cache
def traced(losses: str, *, circulating: bool = False) -> tuple[TracedStores, float]:
    """The year with its stores, and the seconds of tracing alone."""
    what = year(circulating=circulating)
    begin = time.perf_counter()
    found = tracing_with_stores(
        what.flows,
        what.power_kw,
        what.intensity,
        STEP_H,
        what.stores,
        at=at_nodes(what),
        losses=losses,  # type: ignore[arg-type]
    )
    return found, time.perf_counter() - begin


def unaccounted(losses: str, *, circulating: bool = False) -> float:
    """What loads, losses and batteries do not account for of a year's carbon, summed regardless of sign.

    Net, loads are the powers that were given to the AC solution, and not what is left over at the nodes.
    """
    what, (found, _) = year(circulating=circulating), traced(losses, circulating=circulating)
    if losses == "gross":
        return found.residual
    nodes = np.arange(what.flows.nodes)
    loads = found.traced.taken(nodes, what.drawn_kw).sum(axis=0) * STEP_H
    more = np.diff(found.held.carbon_kg.sum(axis=0))
    left = found.sources_kg - loads - found.lost_kg - more
    return float(np.abs(left).sum() / found.sources_kg.sum())


@row("carbon", name=f"{WHAT} with batteries, net: carbon not accounted for", unit="share", bar="<= 1e-9", slow=True,
     inputs=INPUTS)  # fmt: skip
def residual_net() -> float:
    return unaccounted("net")


@row("carbon", name=f"{WHAT} with batteries, gross: carbon not accounted for", unit="share", bar="<= 1e-9", slow=True,
     inputs=INPUTS)  # fmt: skip
def residual_gross() -> float:
    return unaccounted("gross")


@row("carbon", name=f"{WHAT}: tracing; beside it the AC solution", unit="s", bar="<= 60", slow=True,
     inputs=INPUTS)  # fmt: skip
def seconds() -> Measured:
    """Batteries are sources of a given intensity."""
    what = year()
    power, intensity, node = what.plain
    begin = time.perf_counter()
    tracing(what.flows, power, intensity, at=node)
    return Measured(time.perf_counter() - begin, what.solved_s)


@row("carbon", name=f"{WHAT} with batteries: tracing, net; beside it the AC solution", unit="s", bar="<= 60",
     slow=True, inputs=INPUTS)  # fmt: skip
def seconds_with_stores() -> Measured:
    return Measured(traced("net")[1], year().solved_s)


@row("carbon", name=f"{WHAT} with batteries: tracing, gross; beside it the AC solution", unit="s", bar="<= 60",
     slow=True, inputs=INPUTS)  # fmt: skip
def seconds_gross() -> Measured:
    return Measured(traced("gross")[1], year().solved_s)


@row("carbon", name=f"{WHAT}, power in a loop: steps with one", unit="share", bar=">= 0.9", slow=True, inputs=INPUTS)
def steps_with_a_loop() -> float:
    """A set of nodes each of which sends power to each other, found by their strong components."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    flows, found = year(circulating=True).flows, 0
    every = range(0, STEPS, 24)
    for step in every:
        sender, taker, _, received = flows.directed(np.array([step]))
        carries = received[:, 0] > 0
        place = sender[carries, 0], taker[carries, 0]
        graph = csr_array((np.ones(carries.sum()), place), shape=(flows.nodes, flows.nodes))
        found += connected_components(graph, connection="strong")[0] < flows.nodes
    return found / len(every)


@row("carbon", name=f"{WHAT} with batteries, power in a loop: tracing; beside it the AC solution", unit="s",
     bar="<= 60", slow=True, inputs=INPUTS)  # fmt: skip
def seconds_in_loops() -> Measured:
    return Measured(traced("net", circulating=True)[1], year(circulating=True).solved_s)


@row("carbon", name=f"{WHAT} with batteries, power in a loop: carbon not accounted for", unit="share", bar="<= 1e-9",
     slow=True, inputs=INPUTS)  # fmt: skip
def residual_in_loops() -> float:
    return max(unaccounted(losses, circulating=True) for losses in LOSSES)


@row("carbon", name=f"{WHAT} with batteries: intensities against dense elimination step by step, 960 steps",
     unit="kg/kWh", bar="<= 1e-9", slow=True, inputs=INPUTS)  # fmt: skip
def against_dense() -> float:
    return max(_dense_gap(circulating) for circulating in (False, True))


def _dense_gap(circulating: bool) -> float:
    """The definition with full matrices, batteries one step after the other as their rules say."""
    what, found = year(circulating=circulating), traced("net", circulating=circulating)[0]
    stores, node = what.stores, at_nodes(what)
    charge, discharge = np.asarray(stores.charge_kw), np.asarray(stores.discharge_kw)
    home = np.asarray(stores.at, dtype=np.intp)
    tank = np.asarray(stores.rule) == "tank"
    energy, carbon, gap = np.zeros(BATTERIES), np.zeros(BATTERIES), 0.0
    for t in range(960):
        held = np.divide(carbon, energy, out=np.zeros(BATTERIES), where=energy > 1e-9)
        gives = held / np.where(tank, 1.0, EFFICIENCY)
        brought, injected = np.zeros(what.flows.nodes), np.zeros(what.flows.nodes)
        np.add.at(injected, node, what.power_kw[:, t])
        np.add.at(brought, node, what.power_kw[:, t] * what.intensity[:, t])
        np.add.at(injected, home, discharge[:, t])
        np.add.at(brought, home, discharge[:, t] * gives)
        matrix = np.zeros((what.flows.nodes,) * 2)
        for start, end, a, b in zip(
            what.flows.start, what.flows.end, what.flows.start_in[:, t], what.flows.end_in[:, t], strict=True
        ):
            source, sink, received = (start, end, -b) if a >= b else (end, start, -a)
            if received > 0:
                matrix[sink, source] -= received
                injected[sink] += received
        alive = injected > 1e-12 * injected.max()
        matrix += np.diag(np.where(alive, injected, 1.0))
        own = np.where(alive, np.linalg.solve(matrix, brought), np.nan)
        known = found.traced.intensity[:, t]
        gap = max(gap, float(np.nanmax(np.abs(own - known))))
        taken = np.where(charge[:, t] > 0, own[home], 0.0) * charge[:, t] * STEP_H
        carbon += taken * np.where(tank, EFFICIENCY, 1.0) - held * discharge[:, t] * STEP_H / EFFICIENCY
        energy += STEP_H * (EFFICIENCY * charge[:, t] - discharge[:, t] / EFFICIENCY)
    return gap


def streamed(grid: Network, path: Path, steps: int) -> Iterator[float]:
    """Solve, trace and write part after part; the share not accounted for in each."""
    before = None
    one = part(grid, slice(0, 1)).made
    nodes, branches = one.node_name, [f"{k} {name}" for k, name in enumerate(one.branch_name)]
    with TracedFile(path, nodes, branches, [f"battery {k}" for k in range(BATTERIES)]) as file:
        for first in range(0, steps, PART):
            steps_of = slice(first, min(first + PART, steps))
            what = part(grid, steps_of)
            stores = what.stores if before is None else what.stores.after(before)
            before = tracing_with_stores(what.flows, what.power_kw, what.intensity, STEP_H, stores, at=at_nodes(what))
            file.write(CLOCK[steps_of].to_numpy(), before)
            yield before.residual


def tracing_mb(pickled: str) -> float:
    """What a streamed year takes at its peak, over what the process had before; in a new process."""
    grid = pickle.loads(Path(pickled).read_bytes())
    _batteries()
    before_mb = resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        worst = max(streamed(grid, Path(folder) / "traced.parquet", STEPS))
    if worst > 1e-9:
        raise RuntimeError(f"a part accounts for all but {worst:.3g} of its carbon")
    return peak_mb() - before_mb


@row("carbon", name=f"{WHAT} with batteries, solved, traced and written in parts: peak memory", unit="MB",
     bar="<= 150", slow=True, inputs=INPUTS)  # fmt: skip
def memory() -> float:
    resident_mb()  # says so at once where it cannot be measured
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.pickle"
        file.write_bytes(pickle.dumps(network(circulating=False).without_reference()))
        code = f"from benchmarks.topics.carbon.year import tracing_mb; print(tracing_mb({str(file)!r}))"
        ran = run([sys.executable, "-c", code], cwd=ROOT, extra={"PYTHONPATH": str(ROOT)})
    if ran.status:
        raise RuntimeError(ran.output[-300:])
    return float(ran.output.split()[-1])
