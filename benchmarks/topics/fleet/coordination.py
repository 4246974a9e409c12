"""Sites that share an import cap and a carbon budget: the rows of ``coordination_run.py``."""

from __future__ import annotations

import json
import sys
from functools import cache

from benchmarks.processes import run
from benchmarks.rows import Measured, row

INPUTS = (
    "dispatch/fleet",
    "dispatch/executor",
    "dispatch/solver/highs.py",
    "benchmarks/topics/fleet/sites.py",
    "benchmarks/topics/fleet/coordination_run.py",
)


# Not as a module: each worker process would import that again, and with it the whole topic.
_MAIN = "from benchmarks.topics.fleet.coordination_run import main; main()"


@cache
def two_hundred() -> dict[str, float]:
    """Both ways, one after the other, in one run."""
    return _in_own_process(200, "--whole")


@cache
def large(sites: int) -> dict[str, float]:
    """A coordination alone, in processes of its own so that the peak memory is its."""
    return _in_own_process(sites)


def _in_own_process(sites: int, *flags: str) -> dict[str, float]:
    ran = run(
        [sys.executable, "-c", _MAIN, str(sites), *flags],
        timeout=3600,
        extra={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    if ran.status:
        raise RuntimeError("\n".join(ran.output.splitlines()[-5:]))
    answer: dict[str, float] = json.loads(ran.output.splitlines()[-1])
    return answer


@row("fleet", name="200 sites, cap and budget: gap", unit="of the cost", bar="<= 0.0001", slow=True, inputs=INPUTS)
def gap_200() -> float:
    return two_hundred()["gap"]


@row(
    "fleet",
    name="200 sites, cap and budget: speed, in that of HiGHS's fastest method",
    unit="times",
    bar=">= 6",
    slow=True,
    inputs=INPUTS,
)
def speed_200() -> Measured:
    both = two_hundred()
    return Measured(both["whole_s"] / both["seconds"], reference=None)


@row(
    "fleet",
    name="200 sites, cap and budget: share of steps in which the cap binds",
    unit="of the steps",
    bar=">= 0.05",
    slow=True,
    inputs=INPUTS,
)
def binding_200() -> float:
    both = two_hundred()
    return both["binding"] if both["carbon_price"] > 0 and not both["breaches"] else 0.0


@row("fleet", name="10 000 sites, cap and budget: gap", unit="of the cost", bar="<= 0.0001", slow=True, inputs=INPUTS)
def gap_10_000() -> float:
    return large(10_000)["gap"]


@row("fleet", name="10 000 sites, cap and budget: seconds", unit="s", bar="<= 240", slow=True, inputs=INPUTS)
def seconds_10_000() -> float:
    return large(10_000)["with_matrices_s"]


@row(
    "fleet",
    name="10 000 sites, cap and budget: peak memory of all processes",
    unit="GB",
    bar="<= 6",
    slow=True,
    inputs=INPUTS,
)
def memory_10_000() -> float:
    return large(10_000)["peak_gb"]


@row(
    "fleet",
    name="cap and budget: seconds per site at 10 000 sites, in those at 1 000",
    unit="times",
    bar="<= 1.2",
    slow=True,
    inputs=INPUTS,
)
def flat() -> float:
    return large(10_000)["with_matrices_s"] / large(1_000)["with_matrices_s"] / 10
