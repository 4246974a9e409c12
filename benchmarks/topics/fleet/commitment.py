"""Fleets whose sites have a genset that is on or off, under a shared cap on import and a shared carbon budget.

The cap is four fifths of what the fleet would import at its busiest, the budget half-way between what the fleet would
emit and what it emits where a kilogram costs 1, both with whole numbers relaxed. Times are those of a process of its
own, from the sites to their plans: template, matrices, two worker processes, prices, commitments. The whole as one
program is solved by the same HiGHS, from its matrices on, stopped at the same gap or by the clock.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import cache

import numpy as np
from scipy.sparse import block_diag, coo_array, csc_array, csr_array, vstack

from benchmarks.memory import peak_mb
from benchmarks.processes import run as run_process
from benchmarks.rows import Measured, row
from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.errors import SolveError
from dispatch.executor import executor
from dispatch.fleet.coordination.portions import Structure
from dispatch.fleet.coordination.pricing import SimplexPricer
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.fleet.integer.plan import commit_fleet
from dispatch.fleet.template import Template
from dispatch.signals import Array
from dispatch.solver.highs import Limits, Matrices, run

INPUTS = ("dispatch/fleet", "dispatch/solver/highs.py", "benchmarks/topics/fleet/commitment.py")
STEPS, WORKERS, BATCH = 96, 2, 500
CAP, BUDGET = 0.8, 0.5
PATIENCE_S = 1200.0  # for the whole as one program


def structure(n: int) -> Structure:
    members = fleet_sites(n)
    template = Template(members[0], horizon())
    at = np.concatenate([template.at[name] for name in ("net_import_kw", "co2_kg")])
    return Structure(template.stack(members), at)


@cache
def limits(n: int) -> Coupling:
    """The shared rows of n sites: import in every step, carbon of the day."""
    one, upper = structure(n), np.zeros(STEPS + 1)
    free, least = np.zeros(STEPS + 1), 0.0
    for first in range(0, n, BATCH):
        stack = one.stack.part(slice(first, first + BATCH))
        pricer, everyone = SimplexPricer(stack, one.at), np.arange(len(stack))
        priced = np.zeros((len(stack), STEPS + 1))
        free += pricer.price(priced, everyone).effect.sum(axis=0)
        priced[:, STEPS] = 1.0
        least += float(pricer.price(priced, everyone).effect[:, STEPS].sum())
    upper[:STEPS], upper[STEPS] = CAP * free[:STEPS].max(), BUDGET * free[STEPS] + (1 - BUDGET) * least
    names = (*(f"import cap, step {t}" for t in range(STEPS)), "carbon budget")
    share, none = csr_array(np.ones((STEPS + 1, n))), np.full(STEPS + 1, -np.inf)
    return Coupling(names, np.arange(STEPS + 1), share, none, upper, Rest.none(STEPS + 1), STEPS + 1)


def together(one: Structure, coupling: Coupling) -> Matrices:
    """All sites and what they share as one program."""
    sites = [one.stack.matrices(n) for n in range(len(one.stack))]
    size, count = one.stack.integer.size, len(coupling.names)
    columns = (one.at[coupling.entry][None, :] + size * np.arange(len(sites))[:, None]).ravel()
    rows = np.tile(np.arange(count), len(sites))
    shared = coo_array((np.ones(rows.size), (rows, columns)), shape=(count, size * len(sites)))

    def every(name: str) -> Array:
        return np.concatenate([getattr(site, name) for site in sites])

    return Matrices(
        every("cost"), sum(site.offset for site in sites),
        csc_array(vstack([block_diag([site.rows for site in sites], format="csr"), shared.tocsr()])),
        np.concatenate([every("row_lower"), coupling.lower]), np.concatenate([every("row_upper"), coupling.upper]),
        every("col_lower"), every("col_upper"), every("integer"),
    )  # fmt: skip


def planned(n: int, gap: float) -> dict[str, float]:
    """Seconds, gap, excess over the shared rows and peak memory of one run in this process and its workers."""
    coupling = limits(n)
    begin = time.perf_counter()
    one = structure(n)
    with executor("processes", WORKERS) as place:
        found = commit_fleet([one], coupling, Settings(gap=gap), place=place)
    seconds = time.perf_counter() - begin
    whole = found.x[0][:, one.stack.integer]
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    return {
        "seconds": seconds,
        "gap": found.gap,
        "excess": float(np.abs(coupling.residual(found.x[0][:, one.at])).max()),
        "torn": float(np.abs(whole - np.round(whole)).max()),
        # Every worker at the size of the largest: no less than what they had at any one time.
        "memory_gb": (peak_mb() + WORKERS * children_mb) / 1e3,
        "cpu_s": found.seconds["sites_cpu"],
    }


def written(found: dict[str, float]) -> None:
    """The last line of what a process says."""
    sys.stdout.write(json.dumps(found) + "\n")


@cache
def apart(n: int, gap: float) -> dict[str, float]:
    """The same in a process of its own.

    Raises:
        RuntimeError: it failed, or its plan is none.
    """
    task = f"from {__name__} import planned, written; written(planned({n}, {gap}))"
    ran = run_process([sys.executable, "-c", task], timeout=3600)
    if ran.status:
        raise RuntimeError(ran.output[-2000:])
    found: dict[str, float] = json.loads(ran.output.splitlines()[-1])
    if found["excess"] > 1e-4 or found["torn"] > 1e-6:
        raise RuntimeError(f"{n} sites: no plan: {found}")
    return found


@cache
def whole_s(n: int, gap: float) -> tuple[float, float]:
    """Seconds and gap of the whole as one program."""
    matrices = together(structure(n), limits(n))
    begin = time.perf_counter()
    try:
        answer = run(matrices, Limits(gap=gap, nodes=10**7, seconds=PATIENCE_S), polish=False)
    except SolveError:
        return time.perf_counter() - begin, np.inf
    return time.perf_counter() - begin, answer.gap


@row("fleet", name="commitment of 200 sites, import cap and carbon budget: certified gap", unit="share",
     bar="<= 1e-3", slow=True, inputs=INPUTS)  # fmt: skip
def gap_200() -> float:
    return apart(200, 1e-3)["gap"]


@row("fleet", name="commitment of 200 sites: how many times as fast as the whole as one program, at a gap of 1e-3",
     unit="times", bar=">= 3", slow=True, inputs=INPUTS)  # fmt: skip
def speed_200() -> float:
    """No more than the clock allows where the whole is not done by then."""
    return whole_s(200, 1e-3)[0] / apart(200, 1e-3)["seconds"]


@row("fleet", name="commitment of 1 000 sites, gap of 5e-4; beside it CPU time of the sites", unit="s",
     bar="<= 60", slow=True, inputs=INPUTS)  # fmt: skip
def seconds_1000() -> Measured:
    found = apart(1000, 5e-4)
    return Measured(found["seconds"], found["cpu_s"])


@row("fleet", name="commitment of 1 000 sites: certified gap", unit="share", bar="<= 5e-4", slow=True, inputs=INPUTS)
def gap_1000() -> float:
    return apart(1000, 5e-4)["gap"]


@row("fleet", name="commitment of 10 000 sites, gap of 1e-3; beside it CPU time of the sites", unit="s",
     bar="<= 900", slow=True, inputs=INPUTS)  # fmt: skip
def seconds_10000() -> Measured:
    found = apart(10_000, 1e-3)
    return Measured(found["seconds"], found["cpu_s"])


@row("fleet", name="commitment of 10 000 sites: certified gap", unit="share", bar="<= 1e-3", slow=True, inputs=INPUTS)
def gap_10000() -> float:
    return apart(10_000, 1e-3)["gap"]


@row("fleet", name="commitment of 10 000 sites: peak memory", unit="GB", bar="<= 6", slow=True, inputs=INPUTS)
def memory_10000() -> float:
    return apart(10_000, 1e-3)["memory_gb"]
