"""Sites' plans without flows that exclude each other, at the same effects on what is shared.

Coordination mixes plans, and relaxes switches: a store may come to charge and discharge in one step. What a site does
to others is then held as it is, and the site is planned again around it with these switches whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.fleet.shared.gathered import Gathered, Group
from dispatch.fleet.shared.whole import Solution
from dispatch.signals import Array
from dispatch.solve import both_flows
from dispatch.solver.highs import Limits, Matrices, run

_MOST_ROUNDS = 40
_ROOM = 1e-6  # of an effect: what rounding may take


def without_both(fleet: Gathered, solution: Solution, limits: Limits | None = None) -> tuple[Solution, bool]:
    """The plan with each site's exclusive flows apart where that can be; what it costs more is counted.

    Returns:
        The plan, and whether that could be at all sites.
    """
    points, added, failed = list(solution.points), 0.0, 0
    for n, group, k in fleet.sites():
        both = _both(fleet, group, k, points[n])
        if not both.size:
            continue
        matrices = _held(group, group.stack.matrices(k), points[n])
        try:
            made = _apart(fleet, group, k, matrices, both, limits or Limits())
        except SolveError:
            failed += 1
            continue
        added += float(matrices.cost @ (made - points[n]))
        points[n] = made
    return replace(solution, points=tuple(points), objective=solution.objective + added), not failed


def used_together(fleet: Gathered, solution: Solution) -> tuple[np.ndarray, ...]:
    """By group, (column,) the switches of plant that at some site uses both of two exclusive flows, in all steps.

    Where such a step is forbidden, the next would take its place.
    """
    found = [np.zeros(group.stack.integer.size, bool) for group in fleet.groups]
    place = {id(group): g for g, group in enumerate(fleet.groups)}
    for n, group, k in fleet.sites():
        both = _both(fleet, group, k, solution.points[n])
        problem = group.template.problem
        for pair in (pair for part in problem.parts.values() for pair in part.exclusive) if both.size else ():
            own = problem.compiled.columns(pair.switch)
            found[place[id(group)]][own[np.isin(own, both).any(axis=1)]] = True
    return tuple(found)


def _both(fleet: Gathered, group: Group, k: int, point: Array) -> np.ndarray:
    problem, member = group.template.problem, group.members[k]
    problem.update(member.inputs(fleet.scope.horizon), site=member.site)
    problem.take(point)
    return both_flows(problem)


def _held(group: Group, matrices: Matrices, point: Array) -> Matrices:
    """The site with its quantities as they are."""
    lower, upper, at = matrices.col_lower.copy(), matrices.col_upper.copy(), group.entries
    room = _ROOM * np.maximum(1.0, np.abs(point[at]))
    lower[at], upper[at] = np.maximum(lower[at], point[at] - room), np.minimum(upper[at], point[at] + room)
    return replace(matrices, col_lower=lower, col_upper=upper)


def _apart(fleet: Gathered, group: Group, k: int, matrices: Matrices, both: np.ndarray, limits: Limits) -> Array:
    """Raises SolveError where the site cannot."""
    branched = both
    for _ in range(_MOST_ROUNDS):
        answer = run(matrices, limits, also_integer=branched)
        both = np.setdiff1d(_both(fleet, group, k, answer.x), branched)
        if not both.size:
            return answer.x
        branched = np.union1d(branched, both)
    raise SolveError("exclusive flows still overlap")
