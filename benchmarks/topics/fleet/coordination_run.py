"""Sites that share an import cap and a carbon budget: column generation against the whole as one linear program.

The fleet is that of ``sites.py``. The cap is .8 of the highest import the sites would have together on their own, the
budget half-way between the emissions they would have and the least they can have; both bind. The whole program is made
of the same matrices (rows of one entry are bounds in both) and given to each of HiGHS's methods with both cores, at the
tolerance that leaves the same gap; the fastest one counts. Times are wall time, with everything that either side does
after the sites' matrices are there: for the coordination also the start of its two processes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_diag, csc_array, csr_array, hstack, vstack

from benchmarks.memory import peak_mb
from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.executor import executor
from dispatch.fleet.coordination import Coordinated, Settings, SimplexPricer, Structure, coordinate
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.fleet.template import Template
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

GAP = 1e-4
_KEPT = 1e-5  # relative to the rows: what a point may pass them by
CORES = 2
CAP, SAVED = 0.8, 0.5
_ASKED, _DEAR_PER_KG = 500, 5.0  # sites that tell how far emissions can fall, and the price at which they say it


@dataclass(frozen=True, eq=False)
class Fleet:
    """Sites with what they share, and how long their matrices took [s]."""

    structure: Structure
    coupling: Coupling
    made_s: float


def fleet(sites: int) -> Fleet:
    """The fleet of so many sites."""
    members = fleet_sites(sites)
    start = time.perf_counter()
    template = Template(members[0], horizon())
    stack = template.stack(members)
    made_s = time.perf_counter() - start
    structure = Structure(stack, np.concatenate([template.at[name] for name in template.quantities]))
    return Fleet(structure, shared(structure), made_s)


def shared(structure: Structure) -> Coupling:
    """The cap in every step and the budget over the day."""
    sites, entries = len(structure.stack), structure.at.size
    pricer = SimplexPricer(structure.stack, structure.at)
    own = pricer.price(np.zeros((sites, entries)), np.arange(sites)).effect
    few = np.arange(min(sites, _ASKED))
    dear = np.zeros((few.size, entries))
    dear[:, -1] = _DEAR_PER_KG
    least = pricer.price(dear, few).effect[:, -1].sum() / own[few, -1].sum()
    total = own.sum(axis=0)
    upper = np.append(np.full(entries - 1, CAP * total[:-1].max()), total[-1] * (1 - SAVED * (1 - least)))
    names = (*(f"import cap, step {step}" for step in range(entries - 1)), "carbon budget")
    every = csr_array(np.ones((entries, sites)))
    return Coupling(names, np.arange(entries), every, np.full(entries, -np.inf), upper, Rest.none(entries), entries)


def coordinated(made: Fleet) -> tuple[Coordinated, float]:
    """Both cores; the answer and its wall time [s]."""
    start = time.perf_counter()
    answer = coordinate([made.structure], made.coupling, Settings(gap=GAP), place=executor("processes", CORES))
    return answer, time.perf_counter() - start


def one_program(made: Fleet) -> Matrices:
    """All sites and the shared rows, the sites' quantities as they stand in their columns."""
    stack, coupling = made.structure.stack, made.coupling
    sites = [stack.matrices(n) for n in range(len(stack))]
    entries, columns = made.structure.at.size, sites[0].cost.size
    picks = csr_array((np.ones(entries), (np.arange(entries), made.structure.at)), shape=(entries, columns))

    def all_of(name: str) -> Array:
        return np.concatenate([getattr(one, name) for one in sites])

    return Matrices(
        all_of("cost"),
        sum(one.offset for one in sites),
        csc_array(vstack([block_diag([one.rows for one in sites]), hstack([picks] * len(sites))])),
        np.append(all_of("row_lower"), coupling.lower),
        np.append(all_of("row_upper"), coupling.upper),
        all_of("col_lower"),
        all_of("col_upper"),
        np.zeros(columns * len(sites), bool),
    )


# By method, HiGHS's options: no crossover, and the tolerance that is the gap where a method has one.
METHODS: dict[str, dict[str, str | float]] = {
    "interior point": {"solver": "ipx", "run_crossover": "off", "ipm_optimality_tolerance": GAP},
    "HiPO": {"solver": "hipo", "run_crossover": "off", "ipm_optimality_tolerance": GAP},
    "dual simplex": {"solver": "simplex", "simplex_strategy": 1},
    "parallel simplex": {"solver": "simplex", "simplex_strategy": 2},
    "first order": {"solver": "pdlp", "pdlp_optimality_tolerance": GAP},
}


def by_highs(program: Matrices, limit_s: float) -> dict[str, float]:
    """By method, wall time to the gap [s]; a method is stopped once another was faster, and then is not listed."""
    times: dict[str, float] = {}
    for name, options in METHODS.items():
        solver = load(program)
        solver.setOptionValue("threads", CORES)
        solver.setOptionValue("parallel", "on")
        if any(solver.setOptionValue(*option).name != "kOk" for option in options.items()):
            continue  # not in this build
        solver.setOptionValue("time_limit", min([limit_s, *times.values()]))
        start = time.perf_counter()
        solver.run()
        taken = time.perf_counter() - start
        if solver.getModelStatus().name == "kOptimal" or _is_near(solver.getInfo()):
            times[name] = taken
        solver.resetGlobalScheduler(True)  # the next method's threads are its own
    return times


def _is_near(info: Any) -> bool:
    """A method that ends without a vertex may not call its point optimal; its own measures do."""
    return bool(info.primal_dual_objective_error <= GAP and info.max_relative_primal_infeasibility <= _KEPT)


def measured(sites: int, *, against: bool) -> dict[str, float]:
    """What the rows below are made of; also what the command prints."""
    made = fleet(sites)
    answer, seconds = coordinated(made)
    # The largest child stands for each of them: at least what all together have held at a time.
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    out = {
        "seconds": seconds,
        "with_matrices_s": seconds + made.made_s,
        "gap": answer.gap,
        "rounds": len(answer.rounds),
        "peak_gb": (peak_mb() + CORES * children_mb) / 1e3,
        "binding": float(np.isclose(answer.used[:-1], made.coupling.upper[:-1], rtol=1e-4).mean()),
        "carbon_price": float(answer.price[-1]),
        "sites_cpu_s": answer.seconds["sites_cpu"],
        "breaches": len(answer.breaches),
        "upper": answer.upper,
    }
    if against:
        times = by_highs(one_program(made), limit_s=600.0)
        out |= {f"{name}, s": taken for name, taken in times.items()}
        out["whole_s"] = min(times.values())
    return out


def main() -> None:
    """Print what one fleet takes: ``SITES [--whole]``."""
    sys.stdout.write(json.dumps(measured(int(sys.argv[1]), against="--whole" in sys.argv)) + "\n")
