"""Whether the simulated run of a fleet says what a measured one takes, at sizes that it was not fitted on.

Costs are measured on 200 and 400 sites in this process; then fleets of 2 000 and of 10 000 sites are coordinated and
their CPU is set beside what the simulation foretold. Another row holds `measured.json`, from which the page on scale is
written, to what is measured now.
"""

from __future__ import annotations

from functools import cache

from benchmarks.rows import Measured, row
from benchmarks.topics.fleet.scale.costs import Costs, kept
from benchmarks.topics.fleet.scale.simulation import Machine, coordinated

INPUTS = ("benchmarks/topics/fleet/scale", "dispatch/fleet", "dispatch/solver/highs.py")
SITES = 200


@cache
def costs() -> Costs:
    from benchmarks.topics.fleet.scale.measuring import measure

    return measure(SITES)


def _error(sites: int) -> Measured:
    from benchmarks.topics.fleet.scale.measuring import off

    predicted, measured, _ = off(costs(), sites)
    return Measured(abs(predicted - measured) / measured, None)


@row("fleet", name="cost model of 200 and 400 sites: error of the CPU that it foretells for 2 000", unit="share",
     bar="<= 0.25", slow=True, inputs=INPUTS)  # fmt: skip
def error_2000() -> Measured:
    return _error(2_000)


@row("fleet", name="cost model of 200 and 400 sites: error of the CPU that it foretells for 10 000", unit="share",
     bar="<= 0.25", slow=True, inputs=INPUTS)  # fmt: skip
def error_10000() -> Measured:
    return _error(10_000)


@row("fleet", name="kept cost model: simulated core time of 10 000 sites over that of one measured now", unit="share",
     bar="<= 1.5", slow=True, inputs=INPUTS)  # fmt: skip
def kept_is_of_today() -> Measured:
    """Other machines are faster or slower: more than half as much again and the page should be made anew."""
    times = [coordinated(one, 10_000, Machine(2, start_s=0.0)).wall_s for one in (kept(), costs())]
    return Measured(max(times) / min(times), times[1])


@row("fleet", name="a million sites simulated on 1 024 cores: time", unit="s", bar="<= 60", inputs=INPUTS)
def simulating_s() -> float:
    """Of the simulation itself, so that it stays a thing to try out."""
    import time

    begin = time.thread_time()
    coordinated(kept(), 1_000_000, Machine(1024))
    return time.thread_time() - begin
