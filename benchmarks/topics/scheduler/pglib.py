"""Unit commitment on the published instances: convex mode with its certified gap, exact mode with two processes.

Every plan is audited. Runs are made one after the other, each at most once in a process, and all rows read the same
runs. What they find goes into the table of best-known bounds and plans, which `python -m benchmarks best-known` shows.
"""

from __future__ import annotations

from functools import cache
from statistics import median

from benchmarks.best_known.runs import Ran, run
from benchmarks.cases import pglib
from benchmarks.rows import Measured, row

CODE = (
    "dispatch",
    "benchmarks/best_known/runs.py",
    "benchmarks/cases/pglib.py",
    "benchmarks/topics/scheduler/pglib.py",
)
# The gap at which a plan is good enough and the seconds that compiling and solving may take together.
CONVEX = {"ca": (3e-4, 25.5), "ferc": (3e-4, 280.0), "rts_gmlc": (2e-3, 55.0)}
EXACT_S = 300.0
GAP = 1e-4
PUBLISHED = {"2020-02-09": 2_167_849.377}  # proven optimum, published with the instance


@cache
def convex(family: str) -> tuple[Ran, ...]:
    """All instances of a family in convex mode."""
    return tuple(
        run(path, "convex", gap=CONVEX[family][0], seconds=CONVEX[family][1]) for path in pglib.instances(family)
    )


@cache
def plain_for_the_same_time() -> tuple[Ran, ...]:
    """RTS-GMLC by the solver alone on the same form, each for as long as convex mode took."""
    times = [ran.seconds for ran in convex("rts_gmlc")]
    paths = pglib.instances("rts_gmlc")
    return tuple(run(path, "plain", gap=GAP, seconds=seconds) for path, seconds in zip(paths, times, strict=True))


@cache
def exact(commitment: str) -> tuple[Ran, ...]:
    """RTS-GMLC for 300 s each."""
    return tuple(run(path, commitment, gap=GAP, seconds=EXACT_S) for path in pglib.instances("rts_gmlc"))


@row("scheduler", name="pglib-uc CA, convex: median gap", unit="", bar="<= 1e-3", slow=True, inputs=CODE)
def ca_median() -> float:
    return median(ran.gap for ran in convex("ca"))


@row("scheduler", name="pglib-uc CA, convex: longest", unit="s", bar="<= 30", slow=True, inputs=CODE)
def ca_longest() -> float:
    return max(ran.seconds for ran in convex("ca"))


@row("scheduler", name="pglib-uc CA 2014-09-01_reserves_0, convex: gap", unit="", bar="<= 4e-4", slow=True, inputs=CODE)
def ca_first() -> Measured:
    first = next(ran for ran in convex("ca") if ran.name == "2014-09-01_reserves_0")
    return Measured(first.gap)


@row("scheduler", name="pglib-uc FERC, convex: largest gap", unit="", bar="<= 5e-4", slow=True, inputs=CODE)
def ferc_gap() -> float:
    return max(ran.gap for ran in convex("ferc"))


@row("scheduler", name="pglib-uc FERC, convex: longest", unit="s", bar="<= 300", slow=True, inputs=CODE)
def ferc_longest() -> float:
    return max(ran.seconds for ran in convex("ferc"))


@row("scheduler", name="pglib-uc RTS-GMLC, convex: largest gap", unit="", bar="<= 7e-3", slow=True, inputs=CODE)
def rts_gap() -> float:
    return max(ran.gap for ran in convex("rts_gmlc"))


@row("scheduler", name="pglib-uc RTS-GMLC, convex: longest", unit="s", bar="<= 60", slow=True, inputs=CODE)
def rts_longest() -> float:
    return max(ran.seconds for ran in convex("rts_gmlc"))


@row(
    "scheduler",
    name="pglib-uc RTS-GMLC, convex: worst gap over the plain solver's in the same time",
    unit="",
    bar="<= 1",
    slow=True,
    inputs=CODE,
)
def rts_against_plain() -> float:
    pairs = zip(convex("rts_gmlc"), plain_for_the_same_time(), strict=True)
    return max(ours.gap / theirs.gap for ours, theirs in pairs)


@row(
    "scheduler", name="pglib-uc RTS-GMLC, exact: median gap at 300 s", unit="", bar="<= 3.5e-3", slow=True, inputs=CODE
)
def rts_exact() -> float:
    return median(ran.gap for ran in exact("exact"))


@row(
    "scheduler",
    name="pglib-uc RTS-GMLC, exact: median gap over the plain solver's at 300 s",
    unit="",
    bar="< 1",
    slow=True,
    inputs=CODE,
)
def rts_exact_against_plain() -> Measured:
    ours, theirs = (median(ran.gap for ran in exact(commitment)) for commitment in ("exact", "plain"))
    return Measured(ours / theirs, theirs)


@row(
    "scheduler",
    name="pglib-uc: plans of all families that break the audit",
    unit="",
    bar="== 0",
    slow=True,
    inputs=CODE,
)
def audited() -> int:
    return sum(ran.violations > 0 for family in CONVEX for ran in convex(family))


@row(
    "scheduler",
    name="pglib-uc RTS-GMLC 2020-02-09: cheapest plan over the published optimum",
    unit="",
    bar=">= 0.9999999",
    slow=True,
    inputs=CODE,
)
def never_undercut() -> Measured:
    published = PUBLISHED["2020-02-09"]
    plans = [ran.objective for ran in (*convex("rts_gmlc"), *exact("exact")) if ran.name == "2020-02-09"]
    return Measured(min(plans) / published, published)
