"""Sixty days of a park whose feeder cannot take all its PV: what the loop leaves, what it takes, what it costs.

A violation may be left only where no plan could mend it. That is judged from outside, by the convex relaxation of the
network: whatever the park injects between all its demand with a charging battery and all its PV with a discharging one,
is there a point within the limits? Where even the relaxation has none, nobody has.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cases import congested
from benchmarks.cases.congested import Proved
from benchmarks.rows import Measured, row

if TYPE_CHECKING:
    from grid_models.injections import Injections
    from grid_models.resources import Resources

INPUTS = ("benchmarks/cases/congested.py", "benchmarks/topics/grid/loop.py", "dispatch", "grid_models")
WHAT = f"congested SimBench feeder, {congested.DAYS} days"
TOLERANCE_PU = 1e-4
_MONEY = 1e-9


@cache
def steps_left() -> tuple[int, int]:
    """Steps with a violation left: those that the relaxation can mend, and those that it proves nobody can."""
    from grid_models.limits import Limits
    from grid_models.socp import Relaxation

    network = congested.network()
    judge = Relaxation(network, (congested.BUS,), Limits.of(network))
    mendable = proven = 0
    for made in congested.proved():
        steps = sorted({breach.step for breach in made.proof.breaches})
        for step in steps:
            least = judge.least_excess(_box(made, step), _neighbours(made, step))
            if least.proven_pu[0] > TOLERANCE_PU:
                proven += 1
            else:
                mendable += 1
    return mendable, proven


def _box(made: Proved, step: int) -> Resources:
    """All that the park could inject in a step, whatever its battery holds."""
    from grid_models.resources import Resources

    available = made.inputs.series["roof", "available_kw"][0, step]
    demand = made.inputs.series["works", "demand_kw"][0, step]
    low, high = -demand - congested.STORE_KW, available + congested.STORE_KW - demand
    none = np.zeros((1, 1))
    return Resources((congested.BUS,), np.array([[low]]), np.array([[high]]), none, none)


def _neighbours(made: Proved, step: int) -> Injections:
    from dispatch.network.injections import neighbours

    others = neighbours(congested.site(), congested.network(), made.inputs.horizon)
    assert others is not None
    return others.at_steps(np.array([step]))


@row("grid", name=f"{WHAT}: steps with violations the relaxation shows a way out of", unit="", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def left_but_mendable() -> Measured:
    """Beside it, as the reference, the steps that it proves nobody could mend."""
    mendable, proven = steps_left()
    return Measured(mendable, float(proven))


@row("grid", name=f"{WHAT}: violations left over those of plans that see no network", unit="", bar="< 1", slow=True,
     inputs=INPUTS)  # fmt: skip
def left() -> Measured:
    """Beside it, as the reference, how many there were before."""
    before = sum(made.proof.before for made in congested.proved())
    return Measured(sum(len(made.proof.breaches) for made in congested.proved()) / before, float(before))


@row("grid", name=f"{WHAT}: plans until one holds, mean of days with violations", unit="", bar="<= 5", slow=True,
     inputs=INPUTS)  # fmt: skip
def rounds() -> Measured:
    """Beside it the most."""
    made = [proved.proof.to_hold for proved in congested.proved() if proved.proof.before]
    return Measured(float(np.mean(made)), float(max(made)))


@row("grid", name=f"{WHAT}: what holding the network's limits adds to the cost", unit="%", bar="< 100", slow=True,
     inputs=INPUTS)  # fmt: skip
def added() -> Measured:
    """Of money and penalties but those for limits that cannot be held, over all days; beside it the money without."""
    before = sum(float(made.first.money[0]) for made in congested.proved())
    after = sum(float(made.last.money[0]) for made in congested.proved())
    return Measured(100 * (after - before) / max(abs(before), _MONEY), before)


@row("grid", name=f"{WHAT}: largest voltage difference between the engines", unit="p.u.", bar="<= 1e-6", slow=True,
     inputs=INPUTS)  # fmt: skip
def engines() -> float:
    return max(made.proof.engine_gap_pu for made in congested.proved())
