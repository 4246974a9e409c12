"""Measures what the simulation draws from, on few sites: `python -m benchmarks.topics.fleet.scale.measuring`.

Work is timed by the processor's clock of this thread, so that a busy machine does not change it. The fleet is that of
the rows on fleets: PV, battery, genset and load, 96 quarter-hours, a shared import cap and a carbon budget.
"""

from __future__ import annotations

import argparse
import pickle
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import peak_mb
from benchmarks.topics.fleet.commitment import limits
from benchmarks.topics.fleet.scale.costs import Costs, Power, Spread, keep
from benchmarks.topics.fleet.scale.simulation import Machine
from benchmarks.topics.fleet.scale.simulation import coordinated as coordinated_run
from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.executor import Processes, Serial, Workplace
from dispatch.fleet.coordination import Coordinated, Settings, SimplexPricer, Structure, coordinate
from dispatch.fleet.coordination.portions import Answer, Portion, cut
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.independent import Chunk, plan_chunk
from dispatch.fleet.template import Template
from dispatch.signals import Array
from dispatch.solver.highs import Limits, run

STEPS = 96
GAP = 1e-4
LARGER = 1000  # sites that say how many rounds there are
_NO_SAMPLE = 10**9  # more than there are: all are asked from the first


@dataclass(frozen=True, eq=False)
class Fleet:
    """So many sites, ready to be coordinated."""

    structure: Structure
    coupling: Coupling


@cache
def template() -> Template:
    return Template(fleet_sites(1)[0], horizon())


@cache
def fleet(sites: int) -> Fleet:
    """The first so many of the invented sites, with limits that bind alike at every size."""
    made = template()
    at = np.concatenate([made.at[name] for name in made.quantities])
    return Fleet(Structure(made.stack(fleet_sites(sites)), at), limits(sites))


def coordinated(sites: int, place: Workplace | None = None, **settings: Any) -> Coordinated:
    made = fleet(sites)
    return coordinate([made.structure], made.coupling, Settings(gap=GAP, **settings), place=place or Serial())


@dataclass(frozen=True)
class Ran:
    """A coordinated run in this process, sites already made: its CPU, that of a sample beforehand, its rounds."""

    cpu_s: float
    sample_s: float
    rounds: int


def ran(sites: int) -> Ran:
    fleet(sites)
    begin, clock = time.process_time(), time.perf_counter()
    found = coordinated(sites)
    cpu, wall = time.process_time() - begin, time.perf_counter() - clock
    sampled = sites >= Settings().least_sampled * Settings().sample and len(found.rounds) > 1
    # What a sample took stands as the master's time of the round that it leads to.
    return Ran(cpu, found.rounds[1].master_s * cpu / wall if sampled else 0.0, len(found.rounds))


def seconds(what: Callable[[], Any]) -> float:
    begin = time.thread_time()
    what()
    return time.thread_time() - begin


def answers_s(sites: int) -> tuple[Array, Array]:
    """Of each site: its first answer, and later ones at prices as they come up.

    Sites asked together cost more than the sum of each alone (their points are laid together and summed by group): all
    are longer by what a whole run took beside it.
    """
    made = fleet(sites)
    found = coordinated(sites, sample=_NO_SAMPLE)
    prices = [found.price * factor for factor in (0.7, 1.15, 1.0)]
    pricer = SimplexPricer(made.structure.stack, made.structure.at)
    times = []
    for price in (np.zeros_like(prices[0]), *prices):
        extra = made.coupling.extra(price)
        times.append([seconds(partial(pricer.price, extra[n : n + 1], np.array([n]))) for n in range(sites)])
    first, again = np.array(times[0]), np.array(times[1:]).ravel()
    alone = sites * (first.mean() + (len(found.rounds) - 1) * again.mean())
    longer = max(1.0, found.seconds["sites_cpu"] / alone)
    return first * longer, again * longer


def commit_s(sites: int) -> Array:
    """One whole-number plan of each site at the prices of the relaxation."""
    made = fleet(sites)
    extra = made.coupling.extra(coordinated(sites).price)
    found = []
    for n in range(sites):
        own = made.structure.stack.matrices(n)
        own.cost[made.structure.at] += extra[n]
        found.append(seconds(partial(run, own, Limits(gap=1e-3))))
    return np.array(found)


def plan_s(sites: int) -> tuple[Array, float]:
    """Each site planned by itself, audited, made into rows; and the bytes of its results."""
    members = tuple(fleet_sites(sites))
    limits = Limits(gap=1e-3)
    plan_chunk(Chunk(horizon(), members[:1], members[:1], limits))
    found, size = [], 0.0
    for member in members:
        chunk = Chunk(horizon(), (member,), members[:1], limits)
        begin = time.thread_time()
        made = plan_chunk(chunk)
        found.append(time.thread_time() - begin)
        size += made.summary.nbytes + made.schedule.nbytes
    return np.array(found), size / sites


def driver_s(sites: int, groups: int) -> tuple[float, int]:
    """CPU of the driver for each round, and how many rounds there were; no sample beforehand."""
    begin = time.process_time()
    found = coordinated(sites, groups=groups, sample=_NO_SAMPLE)
    spent = time.process_time() - begin - found.seconds["sites_cpu"]
    return spent / len(found.rounds), len(found.rounds)


class Nothing:
    """Answers at once, with as much as a piece's answer has."""

    def __init__(self, portion: Portion) -> None:
        groups, rows = portion.groups, len(portion.coupling.names)
        self.answer = Answer(np.zeros(groups), np.zeros((groups, rows)), np.zeros(groups), 0.0)

    def ask(self, times: int) -> list[Answer]:
        return [self.answer] * times


def messages_s(portion: Portion) -> tuple[float, float]:
    """CPU of the driver for each message, and for each byte."""
    few, many = 200, 40
    with Processes(1).held(Nothing, [portion]) as held:
        held.call("ask", [1])
        begin = time.process_time()
        for _ in range(few):
            held.call("ask", [1])
        call = (time.process_time() - begin) / few
    big = Answer(np.zeros(1), np.random.default_rng(1).random((1000, 1000)), np.zeros(1), 0.0)
    begin = time.process_time()
    for _ in range(many):
        pickle.loads(pickle.dumps(big))  # our own bytes
    return call, (time.process_time() - begin) / many / 8e6


def start_s() -> float:
    """CPU of a worker until it has what a piece needs, and its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Processes(1).held(Nothing, [cut([fleet(4).structure], fleet(4).coupling, Settings())[0]]) as held:
        held.call("ask", [1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(sites: int) -> Costs:
    """All of it, on so many sites, the master on twice as many, rounds on LARGER; a few minutes of a core."""
    compile_s = seconds(template)
    members = fleet_sites(sites)
    template().stack(members[:5])
    instantiate_s = seconds(lambda: template().stack(members)) / sites
    made = fleet(sites)
    portion = cut([made.structure], made.coupling, Settings())[0]
    before = peak_mb() * 1e6
    first, again = answers_s(sites)
    larger = ran(LARGER)
    groups = [g for g in (25, 50, 100, 200, 400) if g <= 2 * sites]
    drivers = [driver_s(2 * sites, g)[0] for g in groups]
    call, byte = messages_s(portion)
    planned, file_bytes = plan_s(min(sites, 40))
    columns, quantities = made.structure.stack.integer.size, made.structure.at.size
    settings, worker_s = Settings(), start_s()
    return Costs(
        first_s=Spread.of(first), again_s=Spread.of(again), commit_s=Spread.of(commit_s(min(sites, 60))),
        plan_s=Spread.of(planned), instantiate_s=instantiate_s, compile_s=compile_s, call_s=call, byte_s=byte,
        sample_s=larger.sample_s, master_s=Power.fit(np.array(groups, float), np.array(drivers)),
        portion=settings.portion, portions=settings.portions, groups=settings.groups, rows=STEPS + 1,
        rounds=larger.rounds, site_bytes=len(pickle.dumps(portion)) / portion.sites.size,
        kept_bytes=8.0 * (columns + quantities + 2), plan_bytes=8.0 * (columns + quantities + 1),
        column_bytes=12.0 * (STEPS + 1), worker_bytes=before, driver_bytes=before, file_bytes=file_bytes,
        start_s=worker_s, respawn_s=worker_s,
        measured=f"{sites} and {2 * sites} sites, rounds of {LARGER}, Python {platform.python_version()}, one core",
    )  # fmt: skip


def off(costs: Costs, sites: int) -> tuple[float, float, int]:
    """Predicted and measured CPU of a coordinated run of sites that are already made, for as many rounds as it took."""
    found = ran(sites)
    alone = replace(costs, rounds=found.rounds, instantiate_s=0.0, compile_s=0.0, site_bytes=0.0, plan_bytes=0.0)
    told = coordinated_run(alone, sites, Machine(1, start_s=0.0, latency_s=0.0, network_bytes_s=np.inf))
    return told.wall_s, found.cpu_s, found.rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--out", type=Path, default=None, help="keep it there; the page draws from measured.json here")
    parser.add_argument("--against", type=int, nargs="*", default=[], help="run fleets of so many sites, too")
    asked = parser.parse_args()
    costs = measure(asked.sites)
    if asked.out is not None:
        keep(costs, asked.out)
    print(costs)  # noqa: T201 - a command
    for sites in asked.against:
        predicted, measured, rounds = off(costs, sites)
        print(f"{sites} sites: predicted {predicted:.1f} CPU s, measured {measured:.1f} in {rounds} rounds")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
