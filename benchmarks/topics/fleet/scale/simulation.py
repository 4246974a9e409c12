"""A fleet's run as events: pieces on workers, answers through one network to one driver, deaths of workers.

Two sorts of run, as `parkwatt fleet plan` makes them. *Coordinated*: workers hold pieces of the fleet; each round sends
prices to all and waits for all answers, which the driver takes in one after the other as they arrive, before it solves
the master. *Apart*: chunks wait for a free worker, results go to files, the driver only hands out and counts. Times of
sites are drawn from the measured distributions, so that a round waits for its slowest worker as a real one does.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.topics.fleet.scale.costs import Costs, Spread
from dispatch.signals import Array

_NUMBER = 8.0
_SAMPLED = 200  # fleets below this go without a sample


@dataclass(frozen=True)
class Machine:
    """Where a fleet runs.

    Attributes:
        workers: cores that work for sites; the driver has one of its own.
        per_node: of them on each machine.
        network_bytes_s: of the driver's link; every other one is as fast.
        deaths_per_h: of each worker.
        start_s: until workers can work; None: as measured on one machine.
    """

    workers: int
    per_node: int = 16
    network_bytes_s: float = 1.25e9
    latency_s: float = 5e-4
    deaths_per_h: float = 0.0
    start_s: float | None = None

    @property
    def held_per_node(self) -> int:
        return min(self.per_node, self.workers)


@dataclass(frozen=True)
class Told:
    """What a simulated run took.

    Attributes:
        wall_s: from start to end.
        driver_s: in which the driver alone worked: making and sending the sites, the master, answers after the last.
        busy: share of the workers' time that was work.
        moved_bytes: through the driver's link.
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
    """Deaths of workers: one that dies begins its piece again after it has come back."""

    costs: Costs
    machine: Machine
    rng: np.random.Generator
    deaths: int = 0

    def spent(self, work_s: float, again_s: float) -> float:
        """Seconds until so much work is done, with every death on the way and what it takes to hold the same again."""
        rate = self.machine.deaths_per_h / 3600
        if rate <= 0:
            return work_s
        total = 0.0
        while (lives := self.rng.exponential(1 / rate)) < work_s:
            self.deaths += 1
            total += lives + self.costs.respawn_s + again_s
        return total + work_s

    def idle(self, free_s: Array, clock: float, again_s: float) -> Array:
        """(W,) until workers that waited since ``free_s`` are there again: one that died meanwhile comes back first."""
        rate = self.machine.deaths_per_h / 3600
        if rate <= 0:
            return np.zeros(self.machine.workers)
        died = self.rng.exponential(1 / rate, self.machine.workers) < clock - free_s
        self.deaths += int(died.sum())
        return np.where(died, self.costs.respawn_s + again_s, 0.0)


def coordinated(costs: Costs, sites: int, machine: Machine, *, commitment: bool = False, seed: int = 1) -> Told:
    """A fleet under shared limits, from the start of its workers to the last round.

    Args:
        commitment: at the end every site is solved once more, with whole numbers.
    """
    rng = np.random.default_rng(seed)
    parts = _parts(sites, max(1, min(costs.portion, math.ceil(sites / costs.portions))))
    groups = max(min(costs.groups, sites), len(parts))
    owner = np.arange(len(parts)) % machine.workers
    life = _Life(costs, machine, rng)
    begin = costs.start_s if machine.start_s is None else machine.start_s
    sent = costs.site_bytes * sites
    made_s = costs.compile_s + sites * costs.instantiate_s + sent * (costs.byte_s + 1 / machine.network_bytes_s)
    sampled = costs.sample_s / min(machine.workers, len(parts)) if sites >= _SAMPLED else 0.0
    clock, alone, worked = begin + made_s + sampled, made_s, costs.sample_s if sampled else 0.0
    answer = groups / len(parts) * (costs.rows + 2) * _NUMBER
    free = np.full(machine.workers, clock)
    held_again = 0.0  # a worker that comes back answers the earlier rounds once more
    for number in range(costs.rounds + commitment):
        is_last = commitment and number == costs.rounds
        spread = costs.commit_s if is_last else costs.first_s if number == 0 else costs.again_s
        times = _sums(spread, parts, rng)
        late_s = life.idle(free, clock, held_again)
        clock, late, work, free = _round(clock, times, owner, answer, life, (held_again, late_s))
        held_again += work / machine.workers
        master = costs.master_s(groups)
        clock, alone, worked = clock + master, alone + late + master, worked + work
    plans = costs.plan_bytes * sites  # all plans come to the driver at the end
    gather = plans * (costs.byte_s + 1 / machine.network_bytes_s)
    clock, alone = clock + gather, alone + gather
    held = costs.worker_bytes + (costs.site_bytes + costs.kept_bytes * costs.rounds) * sites / machine.workers
    moved = sent + answer * len(parts) * costs.rounds + plans
    at_driver = costs.driver_bytes + sent + costs.column_bytes * groups * costs.rounds + 2 * plans
    busy = worked / (clock * machine.workers)
    return Told(clock, alone, busy, moved, held * machine.held_per_node, at_driver, life.deaths)


def apart(costs: Costs, sites: int, machine: Machine, *, chunk: int = 25, seed: int = 1) -> Told:
    """Every site on its own: chunks on whichever worker is free, results to files."""
    rng = np.random.default_rng(seed)
    parts = _parts(sites, chunk)
    times = _sums(costs.plan_s, parts, rng)
    life = _Life(costs, machine, rng)
    begin = costs.start_s if machine.start_s is None else machine.start_s
    free = [(begin + costs.compile_s, worker) for worker in range(machine.workers)]
    heapq.heapify(free)
    sent = costs.site_bytes * chunk
    driver = end = 0.0
    for work in times:
        at, worker = heapq.heappop(free)
        driver = max(driver, at) + costs.call_s + sent * costs.byte_s
        done = driver + machine.latency_s + life.spent(float(work), costs.compile_s)
        end = max(end, done)
        heapq.heappush(free, (done, worker))
    held = costs.worker_bytes + costs.site_bytes * chunk
    busy = float(times.sum()) / (end * machine.workers)
    alone = len(parts) * (costs.call_s + sent * costs.byte_s)
    at_driver = costs.driver_bytes + costs.site_bytes * sites
    moved = costs.site_bytes * sites
    return Told(end, alone, busy, moved, held * machine.held_per_node, at_driver, life.deaths)


def _parts(sites: int, size: int) -> Array:
    """Sites of each piece."""
    parts = np.full(math.ceil(sites / size), float(size))
    parts[-1] = sites - size * (len(parts) - 1)
    return parts


def _sums(spread: Spread, parts: Array, rng: np.random.Generator) -> Array:
    """Work of each piece: the sum of its sites' draws."""
    starts = np.concatenate([[0], np.cumsum(parts[:-1])]).astype(int)
    return np.asarray(np.add.reduceat(spread.draw(rng, int(parts.sum())), starts))


def _round(
    clock: float, times: Array, owner: np.ndarray, answer: float, life: _Life, again: tuple[float, Array]
) -> tuple[float, float, float, Array]:
    """One round: when it ends, how long the driver worked after the last worker, the work, when workers were done.

    Args:
        answer: bytes of each.
        again: seconds until a worker that dies holds the same again; (W,) until each can begin.
    """
    machine, costs = life.machine, life.costs
    free = clock + machine.latency_s + again[1]
    arrivals: list[float] = []
    for k, work in enumerate(times):
        free[owner[k]] += life.spent(float(work), again[0])
        heapq.heappush(arrivals, float(free[owner[k]]))
    link = driver = clock
    while arrivals:
        link = max(link, heapq.heappop(arrivals)) + answer / machine.network_bytes_s
        driver = max(driver, link + machine.latency_s) + costs.call_s + costs.byte_s * answer
    return driver, driver - float(free.max()), float(times.sum()), free
