"""Whether what a plan leaves broken on the network could have been mended at all: a proof from outside the plan.

In a step of a violation linear programs over the whole problem, whole numbers relaxed, say the least and the most that
the park can inject at each network bus. The box of all of them is wider than what it can really do. Where even the
convex relaxation of the network (``grid_models.socp``) has no point in the box that holds the limits, no plan has one;
where an AC solution in the box does hold them, what is in the way are other steps of the plan, or its other limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.solver.highs import continuous

if TYPE_CHECKING:
    import cvxpy as cp

    from grid_models.injections import Injections
    from grid_models.limits import Breach, Limits
    from grid_models.network import Network
    from grid_models.resources import Resources

_MOST_STEPS = 3
_TOLERANCE_PU = 1e-4


def certified(
    problem: Problem, network: Network, limits: Limits, neighbours: Injections | None, breaches: Sequence[Breach]
) -> tuple[str, ...]:
    """What is proved of the worst steps with violations on the intact network, in words.

    Args:
        problem: with the data of the plan.
        breaches: violations left, worst first.
    """
    from grid_models.errors import GridError
    from grid_models.opf import least_excess

    elements = {*network.bus_names, *network.branch_names}
    steps = list(dict.fromkeys(b.step for b in breaches if b.element in elements))[:_MOST_STEPS]
    found = []
    for step in steps:
        box, when = _box(problem, step), problem.horizon.local_start[step].strftime("%H:%M on %Y-%m-%d")
        others = None if neighbours is None else neighbours.at_steps(np.array([step]))
        try:
            least = least_excess(network, box, others, limits)
        except GridError as error:
            return (f"no certificate: {error}",)
        found.append(f"{when}: {_said(box, float(least.proven_pu[0]), float(least.reached_pu[0]), least.p_kw[:, 0])}")
    return tuple(found)


def _said(box: Resources, proven_pu: float, reached_pu: float, power_kw: Array) -> str:
    within = ", ".join(
        f"{low:.4g} to {high:.4g} kW at {bus}"
        for bus, low, high in zip(box.bus, box.p_min_kw[:, 0], box.p_max_kw[:, 0], strict=True)
    )
    if proven_pu > _TOLERANCE_PU:
        left = "no solution at all" if np.isinf(proven_pu) else f"at least {proven_pu:.2g} p.u. over a limit"
        return f"proved that nothing the park can inject ({within}) holds the limits: {left}"
    if reached_pu <= _TOLERANCE_PU:
        point = ", ".join(f"{p:.4g} kW at {bus}" for bus, p in zip(box.bus, power_kw, strict=True))
        return f"the network would hold with {point}; other steps or limits of the park are in the way"
    return f"neither proved nor refuted that the park can hold the limits within {within}"


def _box(problem: Problem, step: int) -> Resources:
    """The least and the most that each network bus can get from the park in one step of the published path."""
    from grid_models.resources import Resources

    grid = problem.site.grid
    assert grid is not None
    nodes = tuple(dict.fromkeys(grid.bus_of.values()))
    low, high = np.zeros((2, len(nodes), 1)), np.zeros((2, len(nodes), 1))
    for kind, injected in enumerate((problem.network.active, problem.network.reactive)):
        for bus, variable in injected.items():
            at = nodes.index(grid.bus_of[bus])
            low[kind, at] += _extreme(problem, variable, step, -1.0)
            high[kind, at] += _extreme(problem, variable, step, 1.0)
    return Resources(nodes, low[0], np.maximum(low[0], high[0]), low[1], np.maximum(low[1], high[1]))


def _extreme(problem: Problem, variable: cp.Variable, step: int, direction: float) -> float:
    """The largest value in a direction, from the linear program of the whole problem."""
    matrices = problem.compiled.matrices()
    cost = np.zeros_like(matrices.cost)
    cost[problem.compiled.columns(variable)[0, step]] = -direction
    return -direction * continuous(replace(matrices, cost=cost, offset=0.0)).bound
