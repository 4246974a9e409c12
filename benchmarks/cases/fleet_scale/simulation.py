"""A fleet's run as events: parts on workers, answers through one network to one driver, deaths of workers.

Two sorts of run, as `parkwatt fleet plan` makes them. *Coordinated*: parts of the sites are held by workers, each round
sends prices to all and waits for all answers, the driver takes them in one after the other as they arrive and solves
the master. *Apart*: chunks wait for a free worker, results go to files, the driver only hands out and counts. Times of
sites are drawn from the measured distributions, so that a round waits for its slowest worker as a real one does.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.cases.fleet_scale.costs import Costs, Spread
from dispatch.signals import Array


@dataclass(frozen=True)
class Machine:
    """Where a fleet runs.

    Attributes:
        workers: cores that work for sites; the driver has one of its own.
        per_node: of them on each machine.
        network_bytes_s: into the driver's machine; every other link is as fast.
        deaths_per_h: of each worker.
    """

    workers: int
    per_node: int = 16
    network_bytes_s: float = 1.25e9
    latency_s: float = 5e-4
    deaths_per_h: float = 0.0
    start_s: float | None = None

    @property
    def nodes(self) -> int:
        return math.ceil(self.workers / self.per_node)


@dataclass(frozen=True)
class Told:
    """What a simulated run took.

    Attributes:
        wall_s: from start to end.
        driver_s: the driver alone, nobody else could work: the master and what it took in after the last answer.
        busy: share of the workers' time that was work.
        moved_bytes: over the network into the driver.
        node_bytes, driver_bytes: highest memory of a worker's machine and of the driver.
        deaths: workers that died.
    """

    wall_s: float
    driver_s: float
    busy: float
    moved_bytes: float
    node_bytes: float
    driver_bytes: float
    deaths: int


@dataclass
class _Life:
    """Deaths of workers: a worker that dies begins its part again after it has come back."""

    costs: Costs
    machine: Machine
    rng: np.random.Generator
    deaths: int = 0

    def spent(self, work_s: float, rebuild_s: float) -> float:
        """Seconds until so much work is done, with every death on the way."""
        rate = self.machine.deaths_per_h / 3600
        if rate <= 0:
            return work_s
        total = 0.0
        while (lives := self.rng.exponential(1 / rate)) < work_s:
            self.deaths += 1
            total += lives + self.costs.respawn_s + rebuild_s
        return total + work_s


def coordinated(costs: Costs, sites: int, machine: Machine, *, part: int | None = None, commitment: bool = False,
                seed: int = 1) -> Told:  # fmt: skip
    """A fleet under shared limits, from the start of its workers to the last round.

    Args:
        part: sites that are asked together; by default four parts a worker, fifty sites each at most.
        commitment: at the end every site is solved once more with whole numbers.
    """
    rng = np.random.default_rng(seed)
    size = part or max(1, min(50, math.ceil(sites / (4 * machine.workers))))
    parts = _parts(sites, size)
    owner = np.arange(len(parts)) % machine.workers
    life = _Life(costs, machine, rng)
    begin = costs.start_s if machine.start_s is None else machine.start_s
    ready = begin + costs.compile_s + np.bincount(owner, parts, machine.workers) * costs.instantiate_s
    clock, alone, worked, columns = float(ready.max()), 0.0, 0.0, 0.0
    blocks = min(costs.blocks, len(parts))
    for number in range(costs.rounds + commitment):
        last = commitment and number == costs.rounds
        spread = costs.commit_s if last else costs.first_s if number == 0 else costs.again_s
        times = _sums(spread, parts, rng)
        clock, late, work = _round(clock, times, parts, owner, costs, machine, life)
        columns += blocks
        master = costs.master_s(columns)
        clock, alone, worked = clock + master, alone + late + master, worked + work
    held = costs.worker_bytes + costs.site_bytes * sites / machine.workers
    moved = costs.answer_bytes * sites * costs.rounds
    at_driver = costs.driver_bytes + costs.column_bytes * columns + costs.answer_bytes * sites
    busy = worked / (clock * machine.workers)
    return Told(clock, alone, busy, moved, held * min(machine.per_node, machine.workers), at_driver, life.deaths)


def apart(costs: Costs, sites: int, machine: Machine, *, chunk: int = 50, seed: int = 1) -> Told:
    """Every site on its own: chunks on whichever worker is free, results to files."""
    rng = np.random.default_rng(seed)
    parts = _parts(sites, chunk)
    times = _sums(costs.plan_s, parts, rng) + parts * costs.instantiate_s
    life = _Life(costs, machine, rng)
    begin = costs.start_s if machine.start_s is None else machine.start_s
    free = [(begin + costs.compile_s, worker) for worker in range(machine.workers)]
    heapq.heapify(free)
    driver = end = 0.0
    for work in times:
        at, worker = heapq.heappop(free)
        driver = max(driver, at) + costs.call_s
        done = driver + machine.latency_s + life.spent(float(work), costs.compile_s)
        end = max(end, done)
        heapq.heappush(free, (done, worker))
    held = costs.worker_bytes + costs.site_bytes * chunk
    alone = len(parts) * costs.call_s
    per_node = min(machine.per_node, machine.workers)
    busy = float(times.sum()) / (end * machine.workers)
    return Told(end, alone, busy, len(parts) * 1e3, held * per_node, costs.driver_bytes, life.deaths)


def _parts(sites: int, size: int) -> Array:
    """Sites of each part."""
    parts = np.full(math.ceil(sites / size), float(size))
    parts[-1] = sites - size * (len(parts) - 1)
    return parts


def _sums(spread: Spread, parts: Array, rng: np.random.Generator) -> Array:
    """Work of each part: the sum of its sites' draws."""
    starts = np.concatenate([[0], np.cumsum(parts[:-1])]).astype(int)
    return np.asarray(np.add.reduceat(spread.draw(rng, int(parts.sum())), starts))


def _round(clock: float, times: Array, parts: Array, owner: np.ndarray, costs: Costs, machine: Machine, life: _Life
           ) -> tuple[float, float, float]:  # fmt: skip
    """One round: when it ends, how long the driver worked after the last worker was done, the work in it."""
    free = np.full(machine.workers, clock + machine.latency_s)
    rebuild = costs.instantiate_s * float(parts.sum()) / machine.workers
    arrivals: list[tuple[float, int]] = []
    for k, work in enumerate(times):
        free[owner[k]] += life.spent(float(work), rebuild)
        heapq.heappush(arrivals, (float(free[owner[k]]), k))
    link = driver = clock
    while arrivals:
        done, k = heapq.heappop(arrivals)
        size = costs.answer_bytes * parts[k]
        link = max(link, done) + size / machine.network_bytes_s
        driver = max(driver, link + machine.latency_s) + costs.call_s + costs.byte_s * size
    last = float(free.max())
    return driver, driver - last, float(times.sum())
