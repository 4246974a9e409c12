"""Sites of several carriers beside oemof-solph and PyPSA: one case in three languages has one optimum.

The peers come with the extra ``bench`` (``make bench TOPIC=assets`` installs it).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from benchmarks.cases import multi_carrier
from benchmarks.cases.multi_carrier import Case
from benchmarks.peers.interface import find
from benchmarks.rows import Measured, Value, row
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.solve import solve
from dispatch.solver.highs import Limits

INPUTS = ("benchmarks/cases", "benchmarks/peers", "benchmarks/topics/assets/peers.py", "dispatch", "locks/bench.txt")
PEERS = {"oemof-solph": "oemof", "PyPSA": "pypsa"}


@cache
def theirs(peer: str, case: Callable[[], Case]) -> float:
    """The optimum as a peer finds it."""
    return float(find(PEERS[peer]).optimum(case()))


@cache
def ours(case: Callable[[], Case]) -> float:
    """Our optimum: what it costs, with nothing missed, after the audit."""
    site, inputs = multi_carrier.site(case())
    schedule = solve(Problem(site, inputs), Limits(gap=1e-9))
    found = audit(schedule)
    if not found.passed or schedule.penalty[0] > 1e-6:
        raise RuntimeError(f"{case.__name__}: {found.violations[:1]}, penalty {schedule.penalty[0]:g}")
    return float(schedule.money[0])


def _row(peer: str, case: Callable[[], Case]) -> Callable[[], Measured | Value]:
    @row(
        "assets",
        name=f"{case().name}: relative distance from {peer}'s optimum",
        unit="",
        bar="<= 1e-6",
        slow=True,
        inputs=INPUTS,
    )
    def distance() -> Measured:
        """The reference is the peer's cost of the two days."""
        reached = theirs(peer, case)
        return Measured(abs(ours(case) - reached) / abs(reached), reached)

    return distance


ROWS = [_row(peer, case) for case in multi_carrier.CASES for peer in PEERS]
