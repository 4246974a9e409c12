"""Ourselves, by the same interface as everybody else."""

from __future__ import annotations

from benchmarks.cases import layer, multi_carrier
from benchmarks.cases.shared import Shared
from benchmarks.peers.interface import Answer, Watch, version_of
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.highs import Limits
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve as plan


def name() -> str:
    return "parkwatt"


def version() -> str:
    return version_of("parkwatt")


def can(case: Shared) -> bool:
    return isinstance(case.data, multi_carrier.Case | layer.Case)


def solve(case: Shared) -> Answer:
    """Times run from the read park to the schedule; the audit of both plans is not in them."""
    site, inputs = described(case.data)
    _, later = described(case.again)
    limits = Limits(gap=max(case.gap, 1e-9), nodes=1_000_000)
    watch = Watch()
    problem = Problem(site, inputs)
    build_s = watch.lap()
    schedule = plan(problem, limits)
    solve_s = watch.lap()
    problem.update(later)
    again = plan(problem, limits)
    again_s = watch.lap()
    return Answer(
        cost(schedule),
        build_s,
        solve_s,
        again_s,
        cost(again),
        keeps=True,
        solver=f"HiGHS {version_of('highspy')}, gap {limits.gap:g}",
        series=at_grid(schedule),
    )


def described(data: object) -> tuple[Site, Inputs]:
    if isinstance(data, layer.Case):
        return layer.site(data)
    if isinstance(data, multi_carrier.Case):
        return multi_carrier.site(data)
    raise TypeError(f"{type(data).__name__}: no park is made of this")


def cost(schedule: Schedule) -> float:
    """Money with penalties, after the audit."""
    found = audit(schedule)
    if not found.passed:
        raise RuntimeError(f"our plan fails its audit: {found.violations[0]}")
    return float(schedule.money[0] + schedule.penalty[0])


def at_grid(schedule: Schedule) -> dict[str, tuple[float, ...]]:
    """What the meter sees, where there is one connection."""
    connection = schedule.kinds.get("grid_connection")
    if connection is None:
        return {}
    return {name: tuple(connection.series[name][0].tolist()) for name in ("import_kw", "export_kw")}
