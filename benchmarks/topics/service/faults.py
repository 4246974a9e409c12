"""Injected faults of the solver, thousands: a plan that passes the checker comes each time, and in time."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.crash.climbs import Climbed, left_behind, run
from benchmarks.crash.plans import Planned, plans
from benchmarks.manifests import FOLDER, ROOT, digest
from benchmarks.rows import CannotMeasure, row

CLIMBS = 10_000
INPUTS = ("benchmarks/crash", "dispatch/audit.py", "dispatch/ladder", "dispatch/search", "dispatch/solve.py",
          "dispatch/solver")  # fmt: skip
PLANS = 1000
SERVED = (*INPUTS, "dispatch/service", "dispatch/plan.py")
JOBS = f"{PLANS} schedules over the API, the solver of each with injected faults"
WHAT = f"{CLIMBS:,} climbs of the ladder with injected faults of the solver".replace(",", " ")


def folder() -> Path:
    """Where the climbs of the code as it is now are kept: a run that was cut off goes on there."""
    return FOLDER / f"faults-{digest(ROOT / name for name in INPUTS)}"


@cache
def faults() -> list[Climbed]:
    if not Path("/proc/self/statm").exists():
        raise CannotMeasure("memory is limited by what /proc says, which is not there")
    climbs = run(folder(), CLIMBS)
    without = [one.number for one in climbs if not one.faults]
    if without:
        raise RuntimeError(f"climbs {without[:5]} met no fault: nothing was injected")
    sys.stderr.write(table(climbs))
    return climbs


def table(climbs: list[Climbed]) -> str:
    """Which rung answered, by sort of fault; how late at most."""
    rungs: dict[str, Counter[str]] = defaultdict(Counter)
    late: dict[str, list[float]] = defaultdict(list)
    for one in climbs:
        rungs[one.family][one.rung or "none"] += 1
        late[one.family].append(one.late_s)
    lines = []
    for family, counts in sorted(rungs.items()):
        told = ", ".join(f"{rung} {count}" for rung, count in counts.most_common())
        lines.append(f"{family}: {told}; {max(late[family]):.2f} s beyond the deadline at most\n")
    wrong = [f"climb {one.number} ({one.park}, {one.family}): {one.wrong}\n" for one in climbs if one.wrong]
    return "".join(lines + wrong[:20])


@row("service", name=f"{WHAT}: plans that pass the audit", unit="plans", bar=f">= {CLIMBS}", slow=True,
     inputs=INPUTS)  # fmt: skip
def plans_that_pass() -> int:
    return sum(not one.wrong and bool(one.rung) for one in faults())


@row("service", name=f"{WHAT}: faults met", unit="faults", bar=f">= {CLIMBS}", slow=True, inputs=INPUTS)
def faults_met() -> int:
    return sum(one.faults for one in faults())


@row("service", name=f"{WHAT}: beyond the deadline, 99th percentile", unit="s", bar="<= 2", slow=True, inputs=INPUTS)
def beyond_deadline_s() -> float:
    return float(np.percentile([one.late_s for one in faults()], 99))


@row("service", name=f"{WHAT}: beyond the deadline, worst", unit="s", bar="<= 2", slow=True, inputs=INPUTS)
def beyond_deadline_worst_s() -> float:
    return max(one.late_s for one in faults())


@row("service", name=f"{WHAT}: processes left behind", unit="processes", bar="== 0", slow=True, inputs=INPUTS)
def processes_left() -> int:
    faults()
    return len(left_behind(folder()))


@cache
def planned() -> list[Planned]:
    if not Path("/proc/self/statm").exists():
        raise CannotMeasure("memory is limited by what /proc says, which is not there")
    with tempfile.TemporaryDirectory(prefix="parkwatt-plans-") as made:
        found = plans(Path(made), PLANS)
    rungs = Counter((one.family, one.rung) for one in found)
    for (family, rung), count in sorted(rungs.items()):
        sys.stderr.write(f"{family}: {rung} {count}\n")
    for one in found:
        if one.wrong:
            sys.stderr.write(f"{one.family}: {one.wrong}\n")
    return found


@row("service", name=f"{JOBS}: plans that pass the audit", unit="plans", bar=f">= {PLANS}", slow=True,
     inputs=SERVED)  # fmt: skip
def jobs_that_pass() -> int:
    return sum(not one.wrong for one in planned())


@row("service", name=f"{JOBS}: that met a fault", unit="plans", bar=f">= {0.95 * PLANS:g}", slow=True, inputs=SERVED)
def jobs_that_met_one() -> int:
    return sum(one.faults > 0 for one in planned())


@row("service", name=f"{JOBS}: beyond the deadline, 99th percentile", unit="s", bar="<= 2", slow=True, inputs=SERVED)
def jobs_beyond_deadline_s() -> float:
    return float(np.percentile([one.late_s for one in planned()], 99))
