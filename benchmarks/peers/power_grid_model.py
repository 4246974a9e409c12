"""power-grid-model's batch, the engine inside ours: what we add is the year around it, in chunks, to Parquet."""

from __future__ import annotations

from benchmarks.cases.flows import Flows
from benchmarks.cases.shared import Shared
from benchmarks.peers.interface import Answer, Watch, version_of

NOTE = "the engine inside ours, on one thread, results in memory; ours writes Parquet and uses two"


def name() -> str:
    return "power-grid-model"


def version() -> str:
    return version_of("power-grid-model")


def can(case: Shared) -> bool:
    return isinstance(case.data, Flows)


def solve(case: Shared) -> Answer:
    """The network is loaded before the clock starts; its batch states and solves in one call."""
    from grid_models.power_flow import solve_batch

    assert isinstance(case.data, Flows)
    network, injections = case.data.loaded()
    watch = Watch()
    flows = solve_batch(network, injections)
    solve_s = watch.lap()
    if not flows.converged.all():
        raise RuntimeError("a step has no solution")
    lowest = float(flows.vm_pu.min())
    solver = "its Newton-Raphson"
    return Answer(lowest, 0.0, solve_s, None, None, keeps=False, solver=solver, status="converged", note=NOTE)
