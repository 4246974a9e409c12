"""Shared cases beside programs of others, in one run: the same optimum first, and then how long it took.

``python -m benchmarks peers`` shows all of it. Here stand the statements that must hold: that both found the same, and
where both state one linear model, that keeping it is not slower than stating it anew. How many times as fast the one
or the other is from nothing depends on the size of the case, both ways: no bar could be justified beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import multi_carrier, shared
from benchmarks.peers.comparison import OURS, billed, compared
from benchmarks.rows import Measured, Value, row

INPUTS = (
    "benchmarks/cases",
    "benchmarks/peers",
    "benchmarks/topics/studies/peers.py",
    "dispatch",
    "grid_models",
    *(f"locks/{name}.txt" for name in ("bench", "emhass", "egret", "microgrid")),
)
ANEW = ("pypsa", "oemof")  # they state a model anew for other demand
TITLES = {
    "pypsa": "PyPSA",
    "oemof": "oemof-solph",
    "linopy": "linopy",
    "pyomo": "Pyomo",
    "emhass": "EMHASS",
    "egret": "Egret",
    "pandapower": "pandapower",
    "power_grid_model": "power-grid-model",
}
PAIRS = {
    shared.DAY: ("pypsa", "oemof", "linopy", "pyomo", "emhass"),
    shared.YEAR: ("pypsa", "oemof", "linopy", "pyomo"),
    shared.UNITS: ("pypsa", "pyomo", "egret"),
    **{make().name: ANEW for make in multi_carrier.CASES[:2]},
    shared.FLOWS: ("pandapower", "power_grid_model"),
}


def _difference(case: str, peer: str) -> Callable[[], Measured | Value]:
    @row(
        "studies",
        name=f"{case}: relative distance from {TITLES[peer]}'s objective",
        unit="",
        bar="<= 1e-6",
        slow=True,
        inputs=INPUTS,
    )
    def difference() -> Measured:
        """The larger of two, the second with other demand; the reference is the peer's objective."""
        found = compared(case)
        return Measured(found.difference(peer), found.answer(peer).objective)

    return difference


def _again(case: str, peer: str) -> Callable[[], Measured | Value]:
    @row(
        "studies",
        name=f"{case}: other demand, {TITLES[peer]} anew over our re-solve",
        unit="x",
        bar=">= 1",
        slow=True,
        inputs=INPUTS,
    )
    def again() -> float:
        return compared(case).times_ours(peer, lambda answer: answer.again_s)

    return again


DIFFERENCES = [_difference(case, peer) for case, peers in PAIRS.items() for peer in peers]
AGAIN = [
    _again(case, peer)
    for case, peers in PAIRS.items()
    for peer in peers
    if peer in ANEW and case not in (shared.UNITS, shared.FLOWS)
]


@row(
    "studies",
    name=f"{shared.DAY}: EMHASS's plan at our bill, relative distance from its own cost",
    unit="",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def emhass_billed() -> Measured:
    """What it counts as cost is what the meter is billed."""
    found = compared(shared.DAY)
    answer = found.answer("emhass")
    return Measured(abs(billed(found.case, answer) / answer.objective - 1), answer.objective)


@row(
    "studies",
    name=f"{shared.ROLLED}: our cost over python-microgrid's",
    unit="x",
    bar="<= 1.001",
    slow=True,
    inputs=INPUTS,
)
def microgrid_week() -> float:
    """Both look 25 hours ahead with what comes and pay one tariff."""
    found = compared(shared.ROLLED)
    return found.answer(OURS).objective / found.answer("python_microgrid").objective
